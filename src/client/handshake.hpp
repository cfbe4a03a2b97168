#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "chatcore/client/client.hpp"
#include "chatcore/result.hpp"

/// The client's half of the WebSocket upgrade, as text in and text out.
namespace chatcore::client {

struct Url {
  std::string host;  ///< without brackets
  std::string port;
  std::string authority;  ///< what the Host header says
  std::string target;     ///< path and query
};

/// `ws://host[:port][/path][?query]`, IPv6 in brackets. `unsupported` for `wss`.
Result<Url> parse_url(std::string_view url);

/// 16 random bytes in base64.
std::string make_handshake_key(Random& random);

/// The whole request. Without a token the user and the device go into the query, as development
/// authentication wants them; with one, the device does.
std::string upgrade_request(const Url& url, std::string_view key, std::string_view token,
                            std::string_view user, std::string_view device);

/// How an upgrade ended, as State::disconnected takes it.
struct Refusal {
  std::uint16_t code = 0;  ///< 0: accepted
  std::string reason;
};
/// `head`: the response up to and including its empty line.
Refusal check_upgrade_response(std::string_view head, std::string_view key);

}  // namespace chatcore::client
