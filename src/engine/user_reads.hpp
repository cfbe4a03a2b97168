#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "chatcore/unique_function.hpp"
#include "engine/context.hpp"
#include "engine/sync_token.hpp"

/// What is read of everything that a user has, in several calls of the store.
namespace chatcore::engine {

/// Every conversation of `request`'s user, up to `Options::maxConversationsPerUser`.
using AllConversations = UniqueFunction<void(Result<std::vector<UserConversation>>)>;
void read_all_conversations(const Context& context, UserConversationsRequest request, AllConversations use);

/// A position to continue from, and the large groups, of which a token says itself what is known.
struct TimelineStart {
  TimelineMark mark;
  std::vector<TimelineEntry> large;
};
/// Before anything is read of what the position is to cover.
void start_timeline(const Context& context, const UserId& user,
                    UniqueFunction<void(Result<TimelineStart>)> use);

/// Unread messages of a user in one conversation, without those that are deleted; nothing where it could not
/// be found out. What cannot be counted is not told rightly until the next sync, so a failed read is tried
/// again.
void count_in_store(const Context& context, const ConversationId& id, const UserId& user,
                    UniqueFunction<void(std::optional<std::uint64_t>)> use, int tries = 3);

}  // namespace chatcore::engine
