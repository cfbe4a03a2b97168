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
  Timestamp leave(TestClient& bob, std::uint64_t left) {
    const Timestamp at = clock.now();
    REQUIRE(eventually([&] { return server->stats().connections == left + 1; }));
    bob.disconnect();
    REQUIRE(eventually([&] { return server->stats().connections == left; }));
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
        const Timestamp before = server.leave(bob, 2);
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
        const Timestamp after = server.leave(again, 2);
        CHECK_GT(after, before);
        each([&](TestClient& watcher, bool seesOnline, bool sees) {
          if (seesOnline) check_shows(watcher.expect_type("presence.update"), false, sees ? after : 0);
          CHECK_FALSE(watcher.has_seen("presence.update"));
        });
      }
}

}  // namespace chatcore::faulttest
