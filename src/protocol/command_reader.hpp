#pragma once

#include "chatcore/result.hpp"
#include "protocol/commands.hpp"
#include "protocol/decode.hpp"
#include "protocol/envelope.hpp"

namespace chatcore::protocol {

/// What a well-formed envelope asks for, or why it cannot be done. Views point into the envelope.
[[nodiscard]] Result<Command> read_command(const Envelope& envelope, const Limits& limits);

}  // namespace chatcore::protocol
