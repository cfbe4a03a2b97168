#include <doctest/doctest.h>

#include <string>

#include "test_server.hpp"

namespace chatcore::faulttest {

namespace {

constexpr Audience kAudiences[] = {Audience::everyone, Audience::contacts, Audience::nobody};

bool shown_to(Audience audience, bool contact) {
  return audience == Audience::everyone || (audience == Audience::contacts && contact);
}

/// A server where carol is one of bob's contacts and dave is none, and bob lets those see him.
struct PrivateServer : TestServer {
  PrivateServer(std::uint32_t shards, Audience online, Audience lastSeen) : TestServer(shards) {
    options.gateway.idleTimeout = 1h;
    options.gateway.heartbeat = 1h;
    User bob;
    bob.userId = "bob";
    bob.onlineAudience = online;
    bob.lastSeenAudience = lastSeen;
    const auto put = executor.wait<chatcore::Status>([&](Executor& here, Completion<chatcore::Status> done) {
      directory.put_user(bob, here, std::move(done));
    });
    const auto added =
        executor.wait<chatcore::Status>([&](Executor& here, Completion<chatcore::Status> done) {
          directory.set_contact("bob", "carol", true, here, std::move(done));
        });
    REQUIRE(put);
    REQUIRE(added);
    start();
  }

  /// Ends bob's connection; when nobody holds him to be there any more, says when he was last.
  Timestamp leave(TestClient& bob) {
    const Timestamp at = clock.now();
    bob.disconnect();
    // The connection's end is known to bob's home when its lease is back.
    REQUIRE(eventually([&] { return leases_of("bob") == 0; }));
    clock.advance(options.engine.presenceDebounce + 1s);
    using Answer = std::vector<Result<Timestamp>>;
    REQUIRE(eventually([&] {
      const auto answer = executor.wait<Answer>([&](Executor& here, Completion<Answer> done) {
        directory.last_seen({"bob"}, here, std::move(done));
      });
      return *answer.at(0) == at;
    }));
    return at;
  }
};

Json asked(TestClient& watcher, const char* type) {
  return watcher.ask({{"type", type}, {"users", {"bob"}}})["users"][0];
}

void check_shows(const Json& state, bool online, Timestamp lastSeen) {
  CHECK_EQ(state["status"], online ? "online" : "offline");
  CHECK_EQ(state.value("lastSeen", Timestamp{0}), lastSeen);
}

}  // namespace

TEST_CASE("online and last seen are shown to whom each of them is for, however they are looked at") {
  for (const std::uint32_t shards : {1U, 2U})
    for (const Audience online : kAudiences)
      for (const Audience lastSeen : kAudiences) {
        CAPTURE(shards);
        CAPTURE(static_cast<int>(online));
        CAPTURE(static_cast<int>(lastSeen));
        PrivateServer server(shards, online, lastSeen);
        TestClient carol = server.connect("carol");
        TestClient dave = server.connect("dave");
        TestClient bob = server.connect("bob");
        const Timestamp before = server.leave(bob);
        const auto each = [&](const auto& check) {
          for (const bool contact : {true, false}) {
            CAPTURE(contact);
            check(contact ? carol : dave, shown_to(online, contact), shown_to(lastSeen, contact));
          }
        };
        each([&](TestClient& watcher, bool, bool sees) {
          check_shows(asked(watcher, "presence.get"), false, sees ? before : 0);
          check_shows(asked(watcher, "presence.subscribe"), false, sees ? before : 0);
        });
        TestClient again = server.connect("bob");
        each([&](TestClient& watcher, bool seesOnline, bool sees) {
          if (seesOnline) check_shows(watcher.expect_type("presence.update"), true, 0);
          CHECK_FALSE(watcher.has_seen("presence.update"));
          check_shows(asked(watcher, "presence.get"), seesOnline, !seesOnline && sees ? before : 0);
        });
        const Timestamp after = server.leave(again);
        CHECK_GT(after, before);
        each([&](TestClient& watcher, bool seesOnline, bool sees) {
          if (seesOnline) check_shows(watcher.expect_type("presence.update"), false, sees ? after : 0);
          CHECK_FALSE(watcher.has_seen("presence.update"));
        });
      }
}

TEST_CASE(
    "a change of the settings holds for whoever watches already, and gives nobody back who is blocked") {
  for (const std::uint32_t shards : {1U, 2U})
    for (const Audience online : kAudiences)
      for (const Audience lastSeen : kAudiences) {
        CAPTURE(shards);
        CAPTURE(static_cast<int>(online));
        CAPTURE(static_cast<int>(lastSeen));
        PrivateServer server(shards, Audience::everyone, Audience::everyone);
        server.block("bob", "erin");
        TestClient carol = server.connect("carol");
        TestClient dave = server.connect("dave");
        TestClient erin = server.connect("erin");
        TestClient tablet = server.connect("bob", "tablet");
        TestClient bob = server.connect("bob");
        for (TestClient* watcher : {&carol, &dave, &tablet})
          check_shows(asked(*watcher, "presence.subscribe"), true, 0);
        check_shows(asked(erin, "presence.subscribe"), false, 0);
        constexpr const char* kNames[] = {"everyone", "contacts", "nobody"};
        CHECK_EQ(bob.ask({{"type", "settings.update"},
                          {"online", kNames[static_cast<int>(online)]},
                          {"lastSeen", kNames[static_cast<int>(lastSeen)]}})["type"],
                 "ok");
        CHECK_FALSE(tablet.has_seen("presence.update"));
        tablet.disconnect();
        REQUIRE(TestServer::eventually([&] { return server.leases_of("bob") == 1; }));
        for (const bool contact : {true, false}) {
          CAPTURE(contact);
          if (shown_to(online, contact)) continue;
          check_shows((contact ? carol : dave).expect_type("presence.update"), false, 0);
        }
        const Timestamp after = server.leave(bob);
        for (const bool contact : {true, false}) {
          CAPTURE(contact);
          TestClient& watcher = contact ? carol : dave;
          if (shown_to(online, contact))
            check_shows(watcher.expect_type("presence.update"), false,
                        shown_to(lastSeen, contact) ? after : 0);
          CHECK_FALSE(watcher.has_seen("presence.update"));
        }
        CHECK_FALSE(erin.has_seen("presence.update"));
      }
}

TEST_CASE("a user of whom it cannot be found out who is blocked is not shown online") {
  TestServer server(1, PortCall::blocks);
  server.start();
  TestClient carol = server.connect("carol");
  TestClient bob = server.connect("bob");
  server.plan.fail_from(server.plan.calls() + 1, Fault::refused);
  check_shows(asked(carol, "presence.get"), false, 0);
  server.plan.heal();
  check_shows(asked(carol, "presence.get"), true, 0);
}

TEST_CASE("a block that comes while it is found out who may be seen holds for the answer") {
  TestServer server(1, PortCall::blocks);
  server.start();
  TestClient carol = server.connect("carol");
  TestClient bob = server.connect("bob");
  server.plan.fail(server.plan.calls() + 1, Fault::delayed);
  carol.send({{"type", "presence.subscribe"}, {"id", 1}, {"users", {"bob"}}});
  carol.ask({{"type", "presence.ping"}});
  CHECK_EQ(bob.ask({{"type", "blocks.add"}, {"users", {"carol"}}})["type"], "ok");
  server.plan.release();
  check_shows(carol.expect_answer(1)["users"][0], false, 0);
  CHECK_FALSE(carol.has_seen("presence.update"));
}

TEST_CASE("who watches a user of whom nothing could be found out is told once it can") {
  for (const PortCall call : {PortCall::blocks, PortCall::users}) {
    TestServer server(1, call);
    server.start();
    TestClient carol = server.connect("carol");
    TestClient bob = server.connect("bob");
    server.plan.fail_from(server.plan.calls() + 1, Fault::refused);
    check_shows(asked(carol, "presence.subscribe"), false, 0);
    server.clock.advance(2s);
    CHECK_FALSE(carol.has_seen("presence.update"));
    server.plan.heal();
    server.clock.advance(2s);
    check_shows(carol.expect_type("presence.update"), true, 0);
  }
}

TEST_CASE("who is unblocked while nothing can be found out is shown to that user once it can") {
  TestServer server(1, PortCall::users);
  server.start();
  TestClient carol = server.connect("carol");
  TestClient bob = server.connect("bob");
  check_shows(asked(carol, "presence.subscribe"), true, 0);
  REQUIRE_EQ(bob.ask({{"type", "blocks.add"}, {"users", {"carol"}}})["type"], "ok");
  check_shows(carol.expect_type("presence.update"), false, 0);
  server.plan.fail_from(server.plan.calls() + 1, Fault::refused);
  REQUIRE_EQ(bob.ask({{"type", "blocks.remove"}, {"users", {"carol"}}})["type"], "ok");
  CHECK_FALSE(carol.has_seen("presence.update"));
  server.plan.heal();
  server.clock.advance(2s);
  check_shows(carol.expect_type("presence.update"), true, 0);
}

}  // namespace chatcore::faulttest
