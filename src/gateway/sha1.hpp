#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace chatcore::gateway {

/// SHA-1 (FIPS 180-4), because RFC 6455 wants it in the handshake and libsodium rightly has none. It proves
/// there that the peer speaks WebSocket, and protects nothing: never use it where an attacker matters.
[[nodiscard]] std::array<std::uint8_t, 20> sha1(std::string_view message) noexcept;

}  // namespace chatcore::gateway
