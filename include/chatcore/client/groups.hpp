#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "chatcore/model/conversation.hpp"
#include "chatcore/model/ids.hpp"

/// Groups: what is asked for, and what became of them.
namespace chatcore::client {

struct NewGroup {
  ConversationId conversationId;  ///< empty: the server chooses
  std::string name;
  std::vector<UserId> members;
  std::uint32_t expiresInSeconds = 0;  ///< of messages that do not say it themselves; 0: never
  GroupSettings settings = {};         ///< `permissions.send = admins`: a broadcast channel
};

/// What is set changes, the rest stays.
struct GroupChange {
  std::optional<std::string> name = {};
  std::optional<std::uint32_t> expiresInSeconds = {};
  std::optional<GroupPermissions> permissions = {};
  std::optional<HistoryVisibility> history = {};
  std::optional<std::uint32_t> slowModeSeconds = {};
};

/// A conversation was made or changed, or its members did: by somebody else, or by this user.
struct ConversationChange {
  enum class Kind : std::uint8_t {
    created,
    updated,
    added,             ///< `users`, by `by`
    removed,           ///< `users`; to whoever is removed it is the conversation's last event
    left,              ///< `by`, who alone is in `users`; `newOwner` where the owner left
    role_changed,      ///< of `users`, to `role`; Role::owner: `by` handed the group over and is an admin now
    deleted,           ///< for everybody and for good: the conversation's last event
    message_pinned,    ///< `pinned`, by `by`
    message_unpinned,  ///< likewise; a message that is deleted or expires is unpinned without this
  };
  Kind kind = Kind::updated;
  ConversationId conversationId;
  MessageId messageId = 0;
  Epoch epoch = 1;
  Seq seq = 0;
  ClientMsgId clientMsgId;
  Timestamp timestamp = 0;
  UserId by;
  std::vector<UserId> users;      ///< concerned; `created`: the members, but for large groups (below 256)
  Role role = Role::member;       ///< `role_changed`
  UserId newOwner;                ///< `left`; empty: the owner is who it was
  std::uint64_t memberCount = 0;  ///< `created`
  PinnedMessage pinned;           ///< seq 0: it was not pinned before, and is not now
  GroupChange now;                ///< `created` and `updated`: what is set, as it is from here on
};

/// At most 500 a page, by user id.
struct MembersQuery {
  ConversationId conversationId;
  std::string cursor;       ///< of the page before; empty: from the beginning
  std::size_t limit = 200;  ///< 1 to 500
};

struct GroupMember {
  UserId userId;
  Role role = Role::member;
  Seq joinSeq = 1;  ///< the first number that this member may see
};

struct MembersPage {
  ConversationId conversationId;
  std::vector<GroupMember> members;
  std::string cursor;  ///< for the next page
  bool more = false;
};

}  // namespace chatcore::client
