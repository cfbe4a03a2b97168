#include <doctest/doctest.h>

#include "test_server.hpp"

namespace chatcore::faulttest {

TEST_CASE("a system alert reaches every connected device, on every shard") {
  for (const std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards);
    server.start();
    TestClient devices[] = {server.connect("alice"), server.connect("bob"), server.connect("carol")};
    REQUIRE(server.server->system_alert(R"({"text":"maintenance at noon"})"));
    for (TestClient& device : devices)
      CHECK_EQ(device.expect_type("system.alert")["data"]["text"], "maintenance at noon");
  }
}

TEST_CASE("an alert that is no JSON object is refused") {
  TestServer server(1);
  server.start();
  for (const char* wrong : {"", "hi", "[1]", "{\"a\":1,\"a\":2}", "{\"a\":}", "{} {}"}) {
    CAPTURE(wrong);
    const Status refused = server.server->system_alert(wrong);
    REQUIRE_FALSE(refused);
    CHECK_EQ(refused.error().code, ErrorCode::invalid_argument);
  }
  CHECK_FALSE(server.server->system_alert("{\"a\":\"" + std::string(20'000, 'x') + "\"}"));
}

}  // namespace chatcore::faulttest
