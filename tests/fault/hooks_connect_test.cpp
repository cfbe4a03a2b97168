#include <doctest/doctest.h>

#include "later_hooks.hpp"

namespace chatcore::faulttest {

namespace {

constexpr std::uint16_t kInternal = 4003;
constexpr std::uint16_t kOverloaded = 4004;
constexpr std::uint16_t kUnauthorized = 4500;
constexpr std::uint16_t kDeviceRemoved = 4503;
constexpr auto kDeadline = 5'100ms;

struct GateServer : LaterServer {
  explicit GateServer(std::uint32_t shards = 1) : LaterServer(shards) { hooks.connectsLater = true; }
};

}  // namespace

TEST_CASE("a connection that the host decides on later is welcomed when it says so, and no sooner") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    GateServer server(shards);
    server.start();
    TestClient alice = server.open("alice");
    alice.send({{"type", "presence.ping"}, {"id", 1}});
    REQUIRE(server.hooks.was_asked(1));
    CHECK_EQ(server.leases_of("alice"), 0);
    server.hooks.answer(accepted());
    alice.expect_type("welcome");
    CHECK_EQ(alice.expect_answer(1)["type"], "presence.pong");
  }
}

TEST_CASE("a connection that the host refuses later is closed for good, or comes back where that may help") {
  for (const bool temporary : {false, true}) {
    CAPTURE(temporary);
    GateServer server;
    server.start();
    TestClient alice = server.open("alice");
    REQUIRE(server.hooks.was_asked(1));
    Hooks::Decision decision = rejected();
    if (temporary) decision.error.code = ErrorCode::rate_limited;
    server.hooks.answer(decision);
    CHECK_EQ(alice.expect_type("error")["message"], "not here");
    CHECK_EQ(alice.expect_close(), temporary ? kOverloaded : kUnauthorized);
  }
}

TEST_CASE("a connection about which the host does not answer in time comes back, or is let in") {
  for (const HookFailure failure : {HookFailure::closed, HookFailure::open}) {
    const bool open = failure == HookFailure::open;
    CAPTURE(open);
    GateServer server;
    server.options.engine.hooks.connectFailure = failure;
    server.start();
    TestClient alice = server.open("alice");
    REQUIRE(server.hooks.was_asked(1));
    server.clock.advance(kDeadline);
    if (open) {
      alice.expect_type("welcome");
    } else {
      CHECK_EQ(alice.expect_type("error")["code"], "unavailable");
      CHECK_EQ(alice.expect_close(), kOverloaded);
      CHECK_NE(alice.close_reason().find("retryAfterMs="), std::string::npos);
    }
    server.hooks.answer(rejected());  // too late
    TestClient bob = server.open("bob");
    REQUIRE(server.hooks.was_asked(2));
    server.hooks.answer(accepted(), 1);
    bob.expect_type("welcome");
    if (open) CHECK_EQ(alice.ask({{"type", "presence.ping"}})["type"], "presence.pong");
  }
}

TEST_CASE("a connection about which the hook throws comes back") {
  GateServer server;
  server.hooks.mode = LaterHooks::Mode::throws;
  server.start();
  TestClient alice = server.open("alice");
  CHECK_EQ(alice.expect_close(), kInternal);
  CHECK_NE(alice.close_reason().find("retryAfterMs="), std::string::npos);
}

TEST_CASE("connections beyond what the host may owe come back") {
  GateServer server;
  server.options.engine.hooks.maxQuestions = 1;
  server.start();
  TestClient alice = server.open("alice");
  REQUIRE(server.hooks.was_asked(1));
  TestClient bob = server.open("bob");
  CHECK_EQ(bob.expect_close(), kOverloaded);
  server.hooks.answer(accepted());
  alice.expect_type("welcome");
}

TEST_CASE("who is revoked while the host is asked is not let in, whatever it answers") {
  GateServer server;
  server.start();
  TestClient phone = server.open("alice", "phone");
  TestClient tablet = server.open("alice", "tablet");
  TestClient bob = server.open("bob", "phone");
  REQUIRE(server.hooks.was_asked(3));
  server.server->revoke_device("alice", "phone");
  CHECK_EQ(phone.expect_close(), kDeviceRemoved);
  for (std::size_t round = 0; round < server.hooks.rounds(); ++round) server.hooks.answer(accepted(), round);
  tablet.expect_type("welcome");
  bob.expect_type("welcome");
  CHECK_EQ(server.leases_of("alice"), 1);
}

TEST_CASE("a connection that ends while the host is asked leaves nothing behind") {
  GateServer server;
  server.start();
  {
    TestClient alice = server.open("alice");
    REQUIRE(server.hooks.was_asked(1));
  }
  REQUIRE(TestServer::eventually([&] { return server.server->stats().connections == 0; }));
  TestClient bob = server.open("bob");  // in the place of the one that went
  REQUIRE(server.hooks.was_asked(2));
  server.hooks.answer(accepted(), 0);
  server.hooks.connectsLater = false;
  TestClient carol = server.connect("carol");
  CHECK_EQ(server.leases_of("bob"), 0);
  server.hooks.answer(accepted(), 1);
  bob.expect_type("welcome");
  CHECK_EQ(server.leases_of("alice"), 0);
}

}  // namespace chatcore::faulttest
