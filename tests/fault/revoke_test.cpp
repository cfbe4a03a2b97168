#include <doctest/doctest.h>

#include "held_authenticator.hpp"
#include "test_server.hpp"

namespace chatcore::faulttest {

namespace {

constexpr std::uint16_t kOverloaded = 4004;
constexpr std::uint16_t kDeviceRemoved = 4503;

TestClient without_device(TestServer& server, const std::string& user) {
  return {server.server->port(), "/v1/ws?user=" + user};
}

}  // namespace

TEST_CASE("revoking a device closes its connection and no other") {
  for (std::uint32_t shards : {1U, 2U, 4U}) {
    CAPTURE(shards);
    TestServer server(shards);
    server.start();
    TestClient phone = server.connect("alice", "phone");
    TestClient tablet = server.connect("alice", "tablet");
    TestClient bob = server.connect("bob", "phone");
    server.server->revoke_device("alice", "phone");
    CHECK_EQ(phone.expect_close(), kDeviceRemoved);
    CHECK_EQ(phone.close_reason(), "device_removed");
    CHECK_EQ(tablet.ask(message_to("bob", "m1"))["type"], "message.sent");
    CHECK_EQ(bob.expect_type("message.new")["data"]["clientMsgId"], "m1");
  }
}

TEST_CASE("revoking a user closes all of the user's connections, wherever they are") {
  for (std::uint32_t shards : {1U, 2U, 4U}) {
    CAPTURE(shards);
    TestServer server(shards);
    server.options.engine.maxDevicesPerUser = 12;
    server.start();
    std::vector<TestClient> devices;
    for (int i = 0; i < 12; ++i) devices.push_back(server.connect("alice", "d" + std::to_string(i)));
    TestClient bob = server.connect("bob");
    server.server->revoke_user("alice");
    for (TestClient& device : devices) CHECK_EQ(device.expect_close(), kDeviceRemoved);
    CHECK_EQ(bob.ask({{"type", "presence.ping"}})["type"], "presence.pong");
    // The Authenticator still believes in alice, so the name may come again.
    TestClient again = server.connect("alice", "d0");
    CHECK_EQ(again.ask({{"type", "presence.ping"}})["type"], "presence.pong");
  }
}

TEST_CASE("revoking nobody who is here, or a device without a name, closes nothing") {
  TestServer server(2);
  server.start();
  TestClient alice = server.connect("alice");
  server.server->revoke_user("bob");
  server.server->revoke_user("");
  server.server->revoke_device("alice", "tablet");
  server.server->revoke_device("alice", "");
  alice.settle();
  CHECK_FALSE(alice.closed());
}

TEST_CASE("what was accepted from a device before it was revoked stays and is delivered") {
  TestServer server(1);
  server.plan.fail(1, Fault::delayed);
  server.start();
  TestClient alice = server.connect("alice");
  TestClient bob = server.connect("bob");
  alice.send(message_to("bob", "m1", 1));
  REQUIRE(TestServer::eventually([&] { return server.plan.calls() == 1; }));
  server.server->revoke_user("alice");
  CHECK_EQ(alice.expect_close(), kDeviceRemoved);
  server.plan.release();
  CHECK_EQ(bob.expect_type("message.new")["data"]["clientMsgId"], "m1");
}

TEST_CASE(
    "who is revoked while the credentials are being checked does not get in; who asks later is let in") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards);
    HeldAuthenticator authenticator;
    server.ports.authenticator = &authenticator;
    server.start();
    authenticator.hold(true);
    TestClient phone = server.open("alice", "phone");
    TestClient tablet = server.open("alice", "tablet");
    TestClient bob = server.open("bob", "phone");
    TestClient carol = server.open("carol", "phone");
    REQUIRE(TestServer::eventually([&] { return authenticator.asked() == 4; }));
    server.server->revoke_device("alice", "phone");
    server.server->revoke_user("bob");
    TestClient dave = server.open("dave");
    REQUIRE(TestServer::eventually([&] { return authenticator.asked() == 5; }));
    authenticator.hold(false);
    authenticator.release();
    CHECK_EQ(phone.expect_close(), kDeviceRemoved);
    CHECK_EQ(bob.expect_close(), kDeviceRemoved);
    tablet.expect_type("welcome");
    carol.expect_type("welcome");
    dave.expect_type("welcome");
    server.connect("alice", "phone");
    server.connect("bob", "phone");
    server.stop();
  }
}

TEST_CASE("a known user whose device is not named yet is revoked as well, and checked again for a device") {
  TestServer server(1);
  HeldAuthenticator authenticator;
  server.ports.authenticator = &authenticator;
  server.start();
  TestClient alice = without_device(server, "alice");
  TestClient bob = without_device(server, "bob");
  TestClient carol = without_device(server, "carol");
  TestClient dave = without_device(server, "dave");
  REQUIRE(TestServer::eventually([&] { return authenticator.asked() == 4; }));
  TestClient(server.connect("zoe")).settle();  // its answer came behind theirs
  server.server->revoke_user("alice");
  server.server->revoke_device("bob", "phone");
  CHECK_EQ(alice.expect_close(), kDeviceRemoved);
  CHECK_EQ(bob.expect_close(), kOverloaded);
  for (TestClient* other : {&carol, &dave}) {
    other->send({{"type", "hello"}, {"deviceId", "phone"}, {"protocol", 1}});
    other->expect_type("welcome");
  }
  server.stop();
}

}  // namespace chatcore::faulttest
