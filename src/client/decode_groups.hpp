#pragma once

#include <optional>
#include <string_view>

#include "chatcore/client/groups.hpp"
#include "client/decode.hpp"

/// What the server says of conversations and their members.
namespace chatcore::client {

/// A live event of that type. Nothing for what a later server may do to conversations and this client does
/// not know.
std::optional<ConversationChange> decode_conversation_change(std::string_view type, const Json& data);
GroupSettings decode_group_settings(const Json& entry);
/// `pinnedMessage`, or one of `pinnedMessages`.
PinnedMessage decode_pinned(const Json& entry);
Role decode_role(const Json& entry);

}  // namespace chatcore::client
