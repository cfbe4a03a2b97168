#include "server/listener.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <set>
#include <vector>

using namespace chatcore;

TEST_CASE("a listen address is a numeric address and a port") {
  struct Row {
    const char* text;
    bool good;
    bool loopback;
  };
  const Row rows[] = {{"127.0.0.1:8080", true, true},
                      {"127.3.2.1:0", true, true},
                      {"localhost:80", true, true},
                      {"0.0.0.0:80", true, false},
                      {"[::1]:80", true, true},
                      {"[::]:80", true, false},
                      {"10.0.0.1:65535", true, false},
                      {"10.0.0.1:65536", false, false},
                      {"::1:80", false, false},
                      {"127.0.0.1", false, false},
                      {"127.0.0.1:", false, false},
                      {"127.0.0.1:80x", false, false},
                      {"example.org:80", false, false},
                      {":80", false, false},
                      {"", false, false}};
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto parsed = server::parse_listen_address(row.text);
    REQUIRE(parsed.has_value() == row.good);
    if (row.good) CHECK(server::is_loopback(*parsed) == row.loopback);
    if (!row.good) CHECK(parsed.error().code == ErrorCode::invalid_argument);
  }
}

namespace {

/// Listeners that are closed with it.
struct Listening {
  explicit Listening(std::size_t count, std::uint16_t port = 0, bool joining = false) {
    address = *server::parse_listen_address("127.0.0.1:" + std::to_string(port));
    auto opened = server::open_listeners(address, count, joining);
    if (opened)
      listeners = *opened;
    else
      error = opened.error();
  }
  Listening(Listening&& other) noexcept : address(other.address), error(other.error) {
    listeners.swap(other.listeners);
  }
  ~Listening() {
    for (const int listener : listeners) ::close(listener);
  }

  server::ListenAddress address;
  std::vector<int> listeners;
  Error error{};
};

}  // namespace

// The kernel does not hand out a port that is shared already.
TEST_CASE("who listens on any port gets one of its own") {
  constexpr std::size_t kServers = 400;
  std::set<std::uint16_t> ports;
  std::vector<Listening> held;
  for (std::size_t i = 0; i < kServers; ++i) {
    held.emplace_back(2);
    CHECK_EQ(held.back().error.message, "");
    CHECK_EQ(held.back().listeners.size(), 2);
    ports.insert(held.back().address.port);
  }
  CHECK_EQ(ports.size(), kServers);
}

TEST_CASE("a port that somebody listens on is refused but to who joins it") {
  const Listening first(2);
  const Listening second(2, first.address.port);
  CHECK(second.error.code == ErrorCode::io_error);
  CHECK(second.listeners.empty());
  const Listening joining(2, first.address.port, true);
  CHECK_EQ(joining.listeners.size(), 2);
}
