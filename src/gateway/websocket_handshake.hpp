#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "gateway/http_head.hpp"

namespace chatcore::gateway {

inline constexpr std::string_view kJsonSubprotocol = "chatcore.v1.json";

/// The value of `Sec-WebSocket-Accept`: base64 of a SHA-1.
using AcceptKey = std::array<char, 28>;

struct UpgradeAccepted {
  AcceptKey acceptKey;
  std::string_view subprotocol;  ///< to be named in the answer; empty when the client offered none
};

struct UpgradeRefused {
  int status = 400;         ///< 400, 405 or 426
  std::string_view reason;  ///< static storage
};

using UpgradeDecision = std::variant<UpgradeAccepted, UpgradeRefused>;

/// Whether this request becomes a WebSocket (RFC 6455, 4.2.1). Does not look at the path or at credentials.
[[nodiscard]] UpgradeDecision decide_upgrade(const HttpRequest& request);

/// What a server answers to `Sec-WebSocket-Key: key`; a client compares.
[[nodiscard]] AcceptKey websocket_accept_key(std::string_view key) noexcept;

/// Appends the whole 101 response.
void append_upgrade_response(std::string& out, const UpgradeAccepted& accepted);

/// Appends a whole response with `text` and a newline as its plain body, after which the connection closes.
/// Adds what the status demands: `Allow` to 405, `Sec-WebSocket-Version: 13` and `Upgrade` to 426, and
/// `Retry-After` where `retryAfterSeconds` is not 0.
void append_error_response(std::string& out, int status, std::string_view text,
                           std::uint32_t retryAfterSeconds = 0);

}  // namespace chatcore::gateway
