#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "chatcore/model/conversation.hpp"
#include "chatcore/model/ids.hpp"
#include "protocol/group_settings.hpp"

/// What `Event::content` holds for events that are not messages: members without the outer braces.
namespace chatcore::protocol {

enum class MemberOp : std::uint8_t { added, removed, left, role, deleted };

/// `role`: what the users now are; for `MemberOp::role` and, if wanted, `added`. `newOwner`: who has
/// inherited the group from who left; empty: left out. Nobody is named by `MemberOp::deleted`: it is
/// everybody.
[[nodiscard]] std::string member_event_content(MemberOp op, std::span<const UserId> userIds,
                                               std::string_view by, std::optional<Role> role = {},
                                               std::string_view newOwner = {});

/// A group's first event. `members` are counted always and listed up to kLargeGroupSize.
[[nodiscard]] std::string conversation_event_content(ConversationKind kind, std::string_view name,
                                                     std::span<const UserId> members,
                                                     std::string_view createdBy,
                                                     std::uint32_t expiresInSeconds = 0,
                                                     const GroupSettings& settings = {});

/// A later change of a group's description; `now`: the settings after it.
[[nodiscard]] std::string conversation_update_content(const std::optional<std::string>& name,
                                                      std::optional<std::uint32_t> expiresInSeconds,
                                                      std::string_view by, const SettingsChange& change = {},
                                                      const GroupSettings& now = {});

/// A message pinned or not any more; `seq` 0: left out.
[[nodiscard]] std::string pin_event_content(bool add, MessageId messageId, Seq seq, std::string_view by);

[[nodiscard]] std::string reaction_event_content(std::string_view emoji, bool add);

}  // namespace chatcore::protocol
