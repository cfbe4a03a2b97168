#include <doctest/doctest.h>

#include "test_server.hpp"

namespace chatcore::faulttest {

namespace {

/// Believes names, and lets them in for a minute.
class ShortLivedAuthenticator final : public Authenticator {
 public:
  explicit ShortLivedAuthenticator(const Clock& clock) : clock_(clock) {}
  void authenticate(std::vector<Credentials> batch, Executor& executor,
                    Completion<std::vector<Result<Identity>>> done) override {
    std::vector<Result<Identity>> answers;
    for (const Credentials& shown : batch)
      answers.emplace_back(Identity{shown.claimedUser, shown.claimedDevice, clock_.now() + 60'000});
    complete(executor, std::move(done), std::move(answers));
  }

 private:
  const Clock& clock_;
};

Json watch(TestClient& watcher, const std::string& user) {
  const Json state = watcher.ask({{"type", "presence.subscribe"}, {"users", {user}}});
  REQUIRE_EQ(state["users"].size(), 1);
  return state["users"][0];
}

/// So that nobody's silence ends a connection before what the case is about.
void be_patient(TestServer& server) {
  server.options.gateway.idleTimeout = 1h;
  server.options.gateway.heartbeat = 1h;
}

}  // namespace

TEST_CASE("a server takes no lease from one with a higher term") {
  TestServer server(1);
  be_patient(server);
  server.ports.term = 3;
  const DeviceLease successor{"alice", "phone", "its successor", 9, 1, 0, 4};
  const auto held = server.executor.wait<std::vector<Result<AcquireResult>>>(
      [&](Executor& on, auto done) { server.presence.acquire({successor}, 1min, on, std::move(done)); });
  REQUIRE(held.at(0));
  server.start();
  TestClient alice = server.connect("alice");
  const auto found = server.executor.wait<std::vector<Result<std::vector<DeviceLease>>>>(
      [&](Executor& on, auto done) { server.presence.find({"alice"}, on, std::move(done)); });
  REQUIRE_EQ(found.at(0)->size(), 1);
  CHECK_EQ(found.at(0)->front().serverId, "its successor");
}

TEST_CASE("a user is offline for the others only after the debounce, with when they were last there") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards);
    be_patient(server);
    server.start();
    TestClient alice = server.connect("alice");
    TestClient bob = server.connect("bob");
    CHECK_EQ(watch(alice, "bob")["status"], "online");
    const Timestamp left = server.clock.now();
    bob.disconnect();
    REQUIRE(server.leaves("bob"));
    server.clock.advance(server.options.engine.presenceDebounce - 1s);
    CHECK_FALSE(alice.has_seen("presence.update"));
    server.clock.advance(2s);
    const Json update = alice.expect_type("presence.update");
    CHECK_EQ(update["userId"], "bob");
    CHECK_EQ(update["status"], "offline");
    CHECK_EQ(update["lastSeen"], left);
    const Json state = alice.ask({{"type", "presence.get"}, {"users", {"bob"}}})["users"][0];
    CHECK_EQ(state["status"], "offline");
    CHECK_EQ(state["lastSeen"], left);
    TestClient back = server.connect("bob");
    CHECK_EQ(alice.expect_type("presence.update")["status"], "online");
  }
}

TEST_CASE("who comes back within the debounce was never away") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards);
    be_patient(server);
    server.start();
    TestClient alice = server.connect("alice");
    TestClient bob = server.connect("bob");
    watch(alice, "bob");
    bob.disconnect();
    REQUIRE(server.leaves("bob"));
    server.clock.advance(server.options.engine.presenceDebounce / 2);
    TestClient back = server.connect("bob");
    server.clock.advance(server.options.engine.presenceDebounce * 2);
    // A message through the same shards comes behind what there would be to tell.
    CHECK_EQ(back.ask(message_to("alice", "m1"))["type"], "message.sent");
    alice.expect_type("message.new");
    CHECK_FALSE(alice.has_seen("presence.update"));
    CHECK_EQ(alice.ask({{"type", "presence.get"}, {"users", {"bob"}}})["users"][0]["status"], "online");
  }
}

TEST_CASE("who comes and goes for a minute costs each of many watchers two updates at most") {
  TestServer server(2);
  be_patient(server);
  server.start();
  constexpr std::uint64_t kWatchers = 100;
  std::vector<TestClient> watchers;
  for (std::uint64_t i = 0; i < kWatchers; ++i)
    watchers.push_back(server.connect("watcher" + std::to_string(i)));
  for (TestClient& watcher : watchers) watch(watcher, "bob");
  for (int second = 0; second < 60; second += 2) {
    TestClient bob = server.connect("bob");
    REQUIRE(TestServer::eventually([&] { return server.leases_of("bob") == 1; }));
    server.clock.advance(1s);
    bob.disconnect();
    REQUIRE(TestServer::eventually([&] { return server.leases_of("bob") == 0; }));
    server.clock.advance(1s);
  }
  server.clock.advance(server.options.engine.presenceDebounce);
  for (TestClient& watcher : watchers) {
    std::vector<std::string> told;
    told.push_back(watcher.expect_type("presence.update")["status"]);
    told.push_back(watcher.expect_type("presence.update")["status"]);
    CHECK_EQ(told, std::vector<std::string>{"online", "offline"});
    CHECK_FALSE(watcher.has_seen("presence.update"));
  }
}

TEST_CASE("a second device keeps the user online") {
  TestServer server(2);
  be_patient(server);
  server.start();
  TestClient alice = server.connect("alice");
  TestClient phone = server.connect("bob", "phone");
  TestClient tablet = server.connect("bob", "tablet");
  watch(alice, "bob");
  phone.disconnect();
  REQUIRE(server.leaves("bob", 1));
  server.clock.advance(server.options.engine.presenceDebounce * 2);
  tablet.ask(message_to("alice", "m1"));
  alice.expect_type("message.new");
  CHECK_FALSE(alice.has_seen("presence.update"));
}

TEST_CASE("a connection ends with its token") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards);
    ShortLivedAuthenticator authenticator(server.clock);
    be_patient(server);
    server.ports.authenticator = &authenticator;
    server.start();
    TestClient alice = server.connect("alice");
    server.clock.advance(59s);
    alice.settle();
    server.clock.advance(2s);
    CHECK_EQ(alice.expect_close(), 4501);
    CHECK_EQ(alice.close_reason(), "token_expired");
    server.stop();
  }
}

TEST_CASE("the same device connected again replaces its older connection") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards);
    server.start();
    TestClient watcher = server.connect("alice");
    TestClient first = server.connect("bob");
    watch(watcher, "bob");
    TestClient second = server.connect("bob");
    CHECK_EQ(first.expect_close(), 4502);
    CHECK_EQ(first.close_reason(), "replaced");
    CHECK_EQ(watcher.ask(message_to("bob", "m1"))["type"], "message.sent");
    second.expect_type("message.new");
    CHECK_FALSE(watcher.has_seen("presence.update"));
    CHECK_EQ(server.leases_of("bob"), 1);
  }
}

TEST_CASE("a connection that is silent for too long is closed, one that speaks is not") {
  TestServer server(2);
  server.start();
  TestClient silent = server.connect("alice");
  TestClient lively = server.connect("bob");
  for (int step = 0; step < 5; ++step) {
    server.clock.advance(server.options.gateway.idleTimeout / 4);
    lively.settle();
  }
  CHECK_EQ(silent.expect_close(), 4002);
  CHECK_EQ(silent.close_reason(), "heartbeat_timeout");
  lively.settle();
  CHECK_FALSE(lively.closed());
}

TEST_CASE("who is unsubscribed from takes no other subscription along that is being answered") {
  TestServer server(1, PortCall::blocks);
  be_patient(server);
  server.plan.fail(1, Fault::delayed);
  server.start();
  TestClient alice = server.connect("alice");
  alice.send({{"type", "presence.subscribe"}, {"users", {"bob"}}, {"id", 1}});
  CHECK_EQ(alice.ask({{"type", "presence.unsubscribe"}, {"users", {"carol"}}})["type"], "ok");
  server.plan.release();
  CHECK_EQ(alice.expect_answer(1)["users"][0]["status"], "offline");
  TestClient bob = server.connect("bob");
  CHECK_EQ(alice.expect_type("presence.update")["status"], "online");
}

TEST_CASE("a session watches no more users than it may, over all its subscriptions") {
  TestServer server(2);
  be_patient(server);
  server.options.engine.maxWatchedUsers = 3;
  server.start();
  TestClient alice = server.connect("alice");
  TestClient bob = server.connect("bob");
  const auto subscribe = [&](const std::vector<std::string>& users) {
    return alice.ask({{"type", "presence.subscribe"}, {"users", users}});
  };
  CHECK_EQ(subscribe({"bob", "carol"})["type"], "presence.state");
  CHECK_EQ(subscribe({"dave", "erin"})["code"], "too_large");
  CHECK_EQ(subscribe({"carol", "dave"})["type"], "presence.state");
  CHECK_EQ(subscribe({"erin"})["code"], "too_large");
  CHECK_EQ(alice.ask({{"type", "presence.unsubscribe"}, {"users", {"carol"}}})["type"], "ok");
  CHECK_EQ(subscribe({"erin"})["type"], "presence.state");
  // A refused one has watched nobody, and ended nothing.
  TestClient tablet = server.connect("alice", "tablet");
  CHECK_EQ(watch(tablet, "bob")["status"], "online");
  bob.disconnect();
  REQUIRE(TestServer::eventually([&] { return server.leases_of("bob") == 0; }));
  server.clock.advance(server.options.engine.presenceDebounce + 1s);
  CHECK_EQ(alice.expect_type("presence.update")["userId"], "bob");
}

}  // namespace chatcore::faulttest
