#include <doctest/doctest.h>

#include "test_server.hpp"

namespace chatcore::faulttest {

namespace {

void be_patient(TestServer& server) {
  server.options.gateway.idleTimeout = 1h;
  server.options.gateway.heartbeat = 1h;
}

Json say(const std::string& status, const std::string& text = {}) {
  Json command{{"type", "presence.set"}, {"status", status}};
  if (!text.empty()) command["text"] = text;
  return command;
}

Json watch(TestClient& watcher, const std::string& user) {
  return watcher.ask({{"type", "presence.subscribe"}, {"users", {user}}})["users"][0];
}

int updates_in(TestClient& watcher) {
  int count = 0;
  for (const Json& frame : watcher.settle()) count += frame["type"] == "presence.update" ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("a status is told to watchers and shown to who asks, and goes with the last device") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards);
    be_patient(server);
    server.start();
    TestClient alice = server.connect("alice");
    TestClient bob = server.connect("bob");
    CHECK_FALSE(watch(alice, "bob").contains("text"));
    CHECK_EQ(bob.ask(say("dnd", "in a \"meeting\""))["type"], "ok");
    const Json update = alice.expect_type("presence.update");
    CHECK_EQ(
        update,
        Json{
            {"type", "presence.update"}, {"userId", "bob"}, {"status", "dnd"}, {"text", "in a \"meeting\""}});
    TestClient carol = server.connect("carol");
    CHECK_EQ(watch(carol, "bob"), Json{{"userId", "bob"}, {"status", "dnd"}, {"text", "in a \"meeting\""}});
    bob.disconnect();
    REQUIRE(server.leaves("bob"));
    server.clock.advance(server.options.engine.presenceDebounce + 1s);
    const Json gone = alice.expect_type("presence.update");
    CHECK_EQ(gone["status"], "offline");
    CHECK_FALSE(gone.contains("text"));
    TestClient back = server.connect("bob");
    CHECK_EQ(alice.expect_type("presence.update"),
             Json{{"type", "presence.update"}, {"userId", "bob"}, {"status", "online"}});
  }
}

TEST_CASE("a user who changes the status all the time costs each watcher two updates in a minute") {
  TestServer server(2);
  be_patient(server);
  server.options.engine.rateLimits = RateLimitOptions::off();
  server.start();
  std::vector<TestClient> watchers;
  for (const char* name : {"alice", "carol", "dave"}) watchers.push_back(server.connect(name));
  TestClient bob = server.connect("bob");
  for (TestClient& watcher : watchers) watch(watcher, "bob");
  int said = 0;
  const auto say_a_lot = [&] {
    for (int i = 0; i < 58; ++i, ++said) {
      bob.ask(say(said % 2 == 0 ? "away" : "dnd", std::to_string(said)));
      server.clock.advance(500ms);
    }
  };
  say_a_lot();
  for (TestClient& watcher : watchers) CHECK_EQ(updates_in(watcher), 1);
  server.clock.advance(1s + 500ms);
  for (TestClient& watcher : watchers) CHECK_EQ(watcher.expect_type("presence.update")["text"], "57");
  say_a_lot();
  for (TestClient& watcher : watchers) CHECK_EQ(updates_in(watcher), 0);
  server.clock.advance(server.options.engine.statusInterval);
  for (TestClient& watcher : watchers) CHECK_EQ(watcher.expect_type("presence.update")["text"], "115");
  server.clock.advance(10 * server.options.engine.statusInterval);
  for (TestClient& watcher : watchers) CHECK_EQ(updates_in(watcher), 0);
}

TEST_CASE("a status is hidden from who may not see the user online") {
  TestServer server(1);
  server.start();
  TestClient alice = server.connect("alice");
  TestClient bob = server.connect("bob");
  bob.ask({{"type", "settings.update"}, {"online", "nobody"}});
  CHECK_EQ(watch(alice, "bob")["status"], "offline");
  bob.ask(say("away", "lunch"));
  CHECK_FALSE(alice.has_seen("presence.update"));
  CHECK_FALSE(watch(alice, "bob").contains("text"));
}

TEST_CASE("a status that is too long, or none at all, is refused") {
  TestServer server(1);
  server.start();
  TestClient bob = server.connect("bob");
  CHECK_EQ(bob.ask(say("away", std::string(140, 'x')))["type"], "ok");
  CHECK_EQ(bob.ask(say("away", std::string(141, 'x')))["code"], "bad_request");
  CHECK_EQ(bob.ask(say("offline"))["code"], "bad_request");
  CHECK_EQ(bob.ask({{"type", "presence.set"}})["code"], "bad_request");
}

TEST_CASE("a status that is said again is not told again") {
  TestServer server(1);
  be_patient(server);
  server.start();
  TestClient alice = server.connect("alice");
  TestClient bob = server.connect("bob");
  watch(alice, "bob");
  for (int i = 0; i < 3; ++i) CHECK_EQ(bob.ask(say("dnd", "busy"))["type"], "ok");
  CHECK_EQ(updates_in(alice), 1);
  server.clock.advance(server.options.engine.statusInterval + 1s);
  CHECK_EQ(bob.ask(say("dnd", "busy"))["type"], "ok");
  // What is told at once shows that nothing was held back.
  CHECK_EQ(bob.ask(say("away"))["type"], "ok");
  CHECK_EQ(updates_in(alice), 1);
}

}  // namespace chatcore::faulttest
