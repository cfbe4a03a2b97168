#include <doctest/doctest.h>

#include "held_authenticator.hpp"
#include "test_server.hpp"

namespace chatcore::faulttest {

TEST_CASE("a device's newer connection stays, though the older one is admitted after it") {
  for (std::uint32_t shards : {1U, 2U, 4U}) {
    CAPTURE(shards);
    TestServer server(shards);
    HeldAuthenticator authenticator;
    server.ports.authenticator = &authenticator;
    server.start();
    authenticator.hold(true);
    TestClient older = server.open("alice", "phone");
    REQUIRE(TestServer::eventually([&] { return authenticator.asked() == 1; }));
    authenticator.hold(false);
    TestClient newer = server.connect("alice", "phone");
    authenticator.release();
    CHECK_EQ(older.expect_close(), 4502);
    CHECK_EQ(newer.ask({{"type", "presence.ping"}})["type"], "presence.pong");
    TestClient newest = server.connect("alice", "phone");
    CHECK_EQ(newer.expect_close(), 4502);
    CHECK_EQ(newest.ask({{"type", "presence.ping"}})["type"], "presence.pong");
    server.stop();
  }
}

}  // namespace chatcore::faulttest
