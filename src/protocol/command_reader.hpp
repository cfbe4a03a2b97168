#pragma once

#include <string_view>

#include "chatcore/result.hpp"
#include "protocol/commands.hpp"
#include "protocol/decode.hpp"
#include "protocol/envelope.hpp"

namespace chatcore::protocol {

/// What a well-formed envelope asks for, or why it cannot be done. Views point into the envelope.
/// `clientMsgId`: the envelope's, already found valid; empty if it has none or a bad one.
[[nodiscard]] Result<Command> read_command(const Envelope& envelope, const Limits& limits,
                                           std::string_view clientMsgId);

}  // namespace chatcore::protocol
