#pragma once

#include <cstdint>
#include <string>

#include "chatcore/result.hpp"

namespace chatcore::server {

/// `address:port`, or `[address]:port` for IPv6; numeric addresses only, so that no name service is asked.
struct ListenAddress {
  std::string address;
  std::uint16_t port = 0;
  bool ipv6 = false;
};

[[nodiscard]] Result<ListenAddress> parse_listen_address(const std::string& text);
[[nodiscard]] bool is_loopback(const ListenAddress& address);

/// A listening, non-blocking socket. With `shared`, several of one process share the port (SO_REUSEPORT) and
/// the kernel spreads connections over them.
[[nodiscard]] Result<int> open_listener(const ListenAddress& address, bool shared);
[[nodiscard]] Result<std::uint16_t> port_of(int listener);

}  // namespace chatcore::server
