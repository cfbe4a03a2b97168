#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "fleet.hpp"

namespace chatcore::bench {

/// `count` user names that no earlier run against the same server had.
[[nodiscard]] std::vector<std::string> fresh_users(const std::string& kind, std::size_t count);

/// Creates a group with these members, in as many commands as the protocol's limit asks for, and returns its
/// id. The members should not be connected yet: each command is an event to everybody who is.
/// What arrives meanwhile is shown to `onText`.
[[nodiscard]] std::string create_group(Fleet& fleet, LinkIndex creator, std::span<const std::string> members,
                                       const TextHandler& onText = {});

/// Sends the command, a JSON object without its closing brace, completed with an id and a clientMsgId, and
/// returns the text of its answer. Throws when that is an error or does not come.
std::string request(Fleet& fleet, LinkIndex link, std::string command, const TextHandler& onText = {});

}  // namespace chatcore::bench
