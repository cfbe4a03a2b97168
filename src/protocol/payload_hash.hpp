#pragma once

#include <cstdint>

#include "protocol/commands.hpp"

/// What a command means, as 64 bits: tells a retry from a reuse of its clientMsgId. The same in every process
/// and version (it is stored for weeks): SipHash-2-4 under a fixed key over the command's type and fields in
/// a fixed order, each with its length, integers little-endian. Not a defence against the sender itself, who
/// can only confuse its own retries. `id` and `clientMsgId` are not part of it.
namespace chatcore::protocol {

[[nodiscard]] std::uint64_t payload_hash(const MessageSend& command);
[[nodiscard]] std::uint64_t payload_hash(const MessageEdit& command);
[[nodiscard]] std::uint64_t payload_hash(const MessageDelete& command);
[[nodiscard]] std::uint64_t payload_hash(const MessageReact& command);
[[nodiscard]] std::uint64_t payload_hash(const MessagePin& command);
[[nodiscard]] std::uint64_t payload_hash(const ConversationCreate& command);
[[nodiscard]] std::uint64_t payload_hash(const ConversationUpdate& command);
[[nodiscard]] std::uint64_t payload_hash(const ConversationAddMembers& command);
[[nodiscard]] std::uint64_t payload_hash(const ConversationRemoveMembers& command);
[[nodiscard]] std::uint64_t payload_hash(const ConversationSetRole& command);
[[nodiscard]] std::uint64_t payload_hash(const ConversationLeave& command);
[[nodiscard]] std::uint64_t payload_hash(const ConversationDelete& command);

}  // namespace chatcore::protocol
