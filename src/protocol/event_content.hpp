#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "chatcore/model/conversation.hpp"
#include "chatcore/model/ids.hpp"

/// What `Event::content` holds for events that are not messages: members without the outer braces.
namespace chatcore::protocol {

enum class MemberOp : std::uint8_t { added, removed, left, role };

/// `role`: what the users now are; for `MemberOp::role` and, if wanted, `added`.
[[nodiscard]] std::string member_event_content(MemberOp op, std::span<const UserId> userIds,
                                               std::string_view by, std::optional<Role> role = {});

/// A group's first event. `members` are counted always and listed up to kLargeGroupSize.
[[nodiscard]] std::string conversation_event_content(ConversationKind kind, std::string_view name,
                                                     std::span<const UserId> members,
                                                     std::string_view createdBy,
                                                     std::uint32_t expiresInSeconds = 0);

/// A later change of a group's description.
[[nodiscard]] std::string conversation_update_content(const std::optional<std::string>& name,
                                                      std::optional<std::uint32_t> expiresInSeconds,
                                                      std::string_view by);

[[nodiscard]] std::string reaction_event_content(std::string_view emoji, bool add);

}  // namespace chatcore::protocol
