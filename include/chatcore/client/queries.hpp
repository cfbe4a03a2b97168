#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "chatcore/client/events.hpp"
#include "chatcore/client/groups.hpp"

/// What can be asked about conversations, page by page. A limit out of its range is `bad_request`.
namespace chatcore::client {

struct HistoryQuery {
  ConversationId conversationId;
  std::optional<Seq> before;  ///< exclusive; neither: from the newest
  std::optional<Seq> after;   ///< exclusive
  std::size_t limit = 50;     ///< 1 to 500, of numbers in the log: changes count, so messages may be fewer
  bool raw = false;  ///< the events as they came, changes among them, in place of messages as they are now
};

struct HistoryPage {
  ConversationId conversationId;
  Seq fromSeq = 0;
  Seq toSeq = 0;
  // Each oldest first.
  std::vector<Message> messages;
  std::vector<MessageChange> changes;  ///< of a raw page only
  std::vector<ConversationChange> conversationChanges;
  std::vector<std::string> events;  ///< what this client does not know, as live JSON
  bool more = false;
};

/// How far the members have come.
struct ReceiptsQuery {
  ConversationId conversationId;
  Seq seq = 0;              ///< only those who have had this delivered; 0: everybody
  std::string cursor;       ///< of the page before; empty: from the beginning
  std::size_t limit = 200;  ///< 1 to 500
};

struct MemberReceipt {
  UserId userId;
  Seq deliveredSeq = 0;
  std::optional<Seq> readSeq;  ///< nothing: this user or the other one hides read receipts
};

struct ReceiptsPage {
  ConversationId conversationId;
  std::vector<MemberReceipt> members;
  std::string cursor;  ///< for the next page
  bool more = false;
};

/// This user's conversations, most recently active first.
struct ConversationsQuery {
  std::string cursor;      ///< of the page before; empty: from the beginning
  std::size_t limit = 50;  ///< 1 to 500
};

struct ConversationEntry {
  ConversationId conversationId;
  ConversationKind kind = ConversationKind::direct;
  std::string name;  ///< groups
  UserId peer;       ///< direct conversations
  Role role = Role::member;
  Epoch epoch = 1;
  Seq headSeq = 0;
  Seq readSeq = 0;
  std::uint64_t unread = 0;
  std::optional<Message> lastMessage;  ///< as it is now
  Preferences preferences;
  std::uint32_t expiresInSeconds = 0;  ///< of messages that do not say it themselves; 0: never
  GroupSettings settings;              ///< groups
  std::vector<PinnedMessage> pinned;   ///< for everybody, in the order in which it was done
};

struct ConversationsPage {
  std::vector<ConversationEntry> conversations;
  std::string cursor;  ///< for the next page
  bool more = false;
};

}  // namespace chatcore::client
