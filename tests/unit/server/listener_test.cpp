#include "server/listener.hpp"

#include <doctest/doctest.h>

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
