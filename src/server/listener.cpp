#include "server/listener.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace chatcore::server {

namespace {

constexpr int kBacklog = 4096;

Error io_error(const std::string& what) {
  return {ErrorCode::io_error, what + ": " + std::strerror(errno), {}};
}

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

SocketAddress to_socket_address(const ListenAddress& address) {
  SocketAddress result;
  if (address.ipv6) {
    auto& out = reinterpret_cast<sockaddr_in6&>(result.storage);
    out.sin6_family = AF_INET6;
    out.sin6_port = htons(address.port);
    inet_pton(AF_INET6, address.address.c_str(), &out.sin6_addr);
    result.size = sizeof out;
  } else {
    auto& out = reinterpret_cast<sockaddr_in&>(result.storage);
    out.sin_family = AF_INET;
    out.sin_port = htons(address.port);
    inet_pton(AF_INET, address.address.c_str(), &out.sin_addr);
    result.size = sizeof out;
  }
  return result;
}

Result<int> open_listener(const ListenAddress& address, bool shared) {
  const std::string name = address.address + ":" + std::to_string(address.port);
  const int fd = ::socket(address.ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return io_error("cannot make a socket");
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (shared) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  const SocketAddress socketAddress = to_socket_address(address);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&socketAddress.storage), socketAddress.size) != 0 ||
      ::listen(fd, kBacklog) != 0) {
    const Error failed = io_error("cannot listen on " + name);
    ::close(fd);
    return failed;
  }
  return fd;
}

/// Without SO_REUSEPORT: with it, a second server would silently take half of the connections.
Status check_free(const ListenAddress& address) {
  const Result<int> probe = open_listener(address, false);
  if (!probe) return probe.error();
  ::close(*probe);
  return {};
}

std::uint16_t port_of(int listener) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  const int failed = getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  assert(failed == 0);
  (void)failed;
  return address.ss_family == AF_INET6 ? ntohs(reinterpret_cast<sockaddr_in6&>(address).sin6_port)
                                       : ntohs(reinterpret_cast<sockaddr_in&>(address).sin_port);
}

}  // namespace

Result<ListenAddress> parse_listen_address(const std::string& text) {
  const Error bad{ErrorCode::invalid_argument,
                  "listen address '" + text + "' is not ADDRESS:PORT (a numeric address; IPv6 in brackets)",
                  {}};
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return bad;
  ListenAddress result;
  result.address = text.substr(0, colon);
  if (result.address.size() > 2 && result.address.front() == '[' && result.address.back() == ']') {
    result.address = result.address.substr(1, result.address.size() - 2);
    result.ipv6 = true;
  }
  if (result.address == "localhost") result.address = "127.0.0.1";
  unsigned char ignored[sizeof(in6_addr)];
  if (inet_pton(result.ipv6 ? AF_INET6 : AF_INET, result.address.c_str(), ignored) != 1) return bad;
  const char* end = text.data() + text.size();
  const auto [last, failed] = std::from_chars(text.data() + colon + 1, end, result.port);
  if (failed != std::errc{} || last != end) return bad;
  return result;
}

bool is_loopback(const ListenAddress& address) {
  if (address.ipv6) return address.address == "::1";
  return address.address.starts_with("127.");
}

Result<std::vector<int>> open_listeners(ListenAddress& address, std::size_t count, bool joining) {
  if (address.port != 0 && !joining)
    if (Status free = check_free(address); !free) return free.error();
  std::vector<int> listeners;
  while (listeners.size() < count) {
    Result<int> listener = open_listener(address, true);
    if (!listener) {
      for (const int opened : listeners) ::close(opened);
      return listener.error();
    }
    listeners.push_back(*listener);
    // The first of them has taken the port: nobody else gets it before the others share it.
    if (address.port == 0) address.port = port_of(*listener);
  }
  return listeners;
}

}  // namespace chatcore::server
