#pragma once

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

}  // namespace chatcore::engine
