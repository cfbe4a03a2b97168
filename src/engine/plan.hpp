#pragma once

#include <string>
#include <string_view>
#include <tuple>

#include "chatcore/engine/options.hpp"
#include "chatcore/ports/log_store.hpp"
#include "chatcore/result.hpp"
#include "engine/conversation.hpp"

namespace chatcore::engine {

/// What a command does to its conversation, decided but not yet done.
struct Plan {
  Event event;  ///< but for the ids and times that `stamp` gives, and a message's content, which is moved in
  AppendEffects effects;
  bool changesMembers = false;
};

[[nodiscard]] inline bool is_admin(Role role) noexcept { return role != Role::member; }

/// Who comes first when a group looks for an owner: admins before members, and of these who has been a member
/// longest: with the fewest messages before the join, then the lowest joinSeq, then the lowest id.
[[nodiscard]] inline bool inherits_before(const UserId& a, const MemberRecord& one, const UserId& b,
                                          const MemberRecord& other) {
  return std::tuple(!is_admin(one.role), one.joinOrdinal, one.joinSeq, std::string_view(a)) <
         std::tuple(!is_admin(other.role), other.joinOrdinal, other.joinSeq, std::string_view(b));
}

/// Authorization and meaning of a command in the state that the log will have when its turn comes. Pure.
/// Direct conversations: whether a side blocks the other must be known.
[[nodiscard]] Result<Plan> make_plan(const Conversation& conversation, const EventCommand& command,
                                     const EngineOptions& options, Timestamp now);

/// Gives the planned event its place: the next seq, an id, a time, its ordinal; and moves the conversation on
/// to the state after it.
void stamp(Conversation& conversation, Plan& plan, Timestamp now);

}  // namespace chatcore::engine
