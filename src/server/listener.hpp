#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

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

/// Listening, non-blocking sockets that share one port (SO_REUSEPORT), over which the kernel spreads
/// connections. Port 0 is one that nobody has, and `address` is told which. Any other is refused where
/// somebody listens on it already, unless that is meant: `joining`.
[[nodiscard]] Result<std::vector<int>> open_listeners(ListenAddress& address, std::size_t count,
                                                      bool joining);

}  // namespace chatcore::server
