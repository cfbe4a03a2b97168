#include <doctest/doctest.h>

#include <mutex>
#include <set>
#include <string>

#include "test_server.hpp"

namespace chatcore::faulttest {

namespace {

constexpr std::uint16_t kOverloaded = 4004;
constexpr std::uint16_t kReplaced = 4502;
constexpr std::uint16_t kDeviceRemoved = 4503;
constexpr std::uint16_t kTooManyDevices = 4505;

class RemovalHooks final : public Hooks {
 public:
  void on_device_removed(const UserId&, const DeviceId& device) override {
    std::lock_guard lock(mutex_);
    removed_.insert(device);
  }
  std::multiset<DeviceId> removed() {
    std::lock_guard lock(mutex_);
    return removed_;
  }

 private:
  std::mutex mutex_;
  std::multiset<DeviceId> removed_;
};

/// Believes that a token is its user's name.
class TokenAuthenticator final : public Authenticator {
 public:
  void authenticate(std::vector<Credentials> batch, Executor& executor,
                    Completion<std::vector<Result<Identity>>> done) override {
    std::vector<Result<Identity>> answers;
    for (const Credentials& shown : batch)
      answers.emplace_back(Identity{shown.token, shown.claimedDevice, 0});
    complete(executor, std::move(done), std::move(answers));
  }
};

void be_patient(TestServer& server) {
  server.options.gateway.idleTimeout = 24h * 365;
  server.options.gateway.heartbeat = 24h * 365;
}

/// Their names, in order, with a blank behind each.
std::string listed(TestClient& device) {
  std::string names;
  const Json page = device.ask({{"type", "devices.list"}});
  for (const Json& entry : page["devices"]) names += entry["deviceId"].get<std::string>() + ' ';
  return names;
}

void wait_for_connections(TestServer& server, std::uint64_t count) {
  REQUIRE(TestServer::eventually([&] { return server.server->stats().connections == count; }));
}

/// It has neither been let in nor sent away after a while.
bool is_kept_waiting(TestClient& device) {
  CHECK_THROWS(device.expect_type("welcome", 200ms));
  return !device.closed();
}

/// As the directory has it, of one of alice's.
Timestamp last_active(TestServer& server, const DeviceId& device) {
  using Answer = std::vector<Result<std::vector<Device>>>;
  const auto answer = server.executor.wait<Answer>([&](Executor& here, Completion<Answer> done) {
    server.directory.devices({"alice"}, here, std::move(done));
  });
  for (const Device& known : *answer.at(0))
    if (known.deviceId == device) return known.lastActive;
  return 0;
}

/// Ends a connection and waits until the server has seen that so many are left.
void leave(TestServer& server, TestClient& device, std::uint64_t left) {
  wait_for_connections(server, left + 1);
  device.disconnect();
  wait_for_connections(server, left);
}

}  // namespace

TEST_CASE(
    "a device that comes back while it makes room for another one waits until the directory has answered") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards, PortCall::remove_device);
    be_patient(server);
    server.options.engine.maxDevicesPerUser = 2;
    server.plan.fail(1, Fault::delayed);
    server.start();
    TestClient d1 = server.connect("alice", "d1");
    server.clock.advance(2h);
    TestClient d2 = server.connect("alice", "d2");
    leave(server, d1, 1);
    TestClient d3 = server.connect("alice", "d3");
    CHECK_EQ(d2.expect_type("device.removed")["deviceId"], "d1");
    // For whom there was to be room goes again.
    leave(server, d3, 1);
    TestClient back = server.open("alice", "d1");
    CHECK(is_kept_waiting(back));
    server.plan.release();
    CHECK_EQ(back.expect_close(), kOverloaded);
    TestClient again = server.connect("alice", "d1");
    CHECK_EQ(listed(again), "d1 d2 ");
    CHECK_EQ(d2.expect_type("device.removed")["deviceId"], "d3");
  }
}

TEST_CASE("a device that waits for a directory that does not answer is told to come again") {
  TestServer server(2, PortCall::remove_device);
  be_patient(server);
  server.options.engine.maxDevicesPerUser = 1;
  server.plan.fail(1, Fault::delayed);
  server.start();
  TestClient d1 = server.connect("alice", "d1");
  leave(server, d1, 0);
  TestClient d2 = server.connect("alice", "d2");
  REQUIRE(TestServer::eventually([&] { return server.plan.calls() == 1; }));
  for (int attempt = 0; attempt < 2; ++attempt) {
    TestClient back = server.open("alice", "d1");
    CHECK(is_kept_waiting(back));
    server.clock.advance(server.options.gateway.handshakeTimeout + 1s);
    CHECK_EQ(back.expect_close(), kOverloaded);
  }
  CHECK_EQ(listed(d2), "d1 d2 ");
  server.plan.release();
  CHECK(TestServer::eventually([&] { return listed(d2) == "d2 "; }));
}

TEST_CASE("a device that connects while it is removed is closed like the connection that it had") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards, PortCall::remove_device);
    be_patient(server);
    server.plan.fail(1, Fault::delayed);
    server.start();
    TestClient phone = server.connect("alice", "phone");
    TestClient tablet = server.connect("alice", "tablet");
    server.clock.advance(2h);
    phone.send({{"type", "devices.remove"}, {"id", 1}, {"deviceId", "tablet"}});
    REQUIRE(TestServer::eventually([&] { return server.plan.calls() == 1; }));
    CHECK_EQ(listed(tablet), "phone tablet ");
    TestClient again = server.open("alice", "tablet");
    CHECK_EQ(tablet.expect_close(), kReplaced);
    CHECK(is_kept_waiting(again));
    server.plan.release();
    CHECK_EQ(again.expect_close(), kDeviceRemoved);
    CHECK_EQ(phone.expect_answer(1)["type"], "ok");
    CHECK_EQ(listed(phone), "phone ");
  }
}

TEST_CASE("a device that removes itself is answered, and closed") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards);
    server.start();
    TestClient phone = server.connect("alice", "phone");
    TestClient tablet = server.connect("alice", "tablet");
    CHECK_EQ(tablet.ask({{"type", "devices.remove"}, {"deviceId", "tablet"}})["type"], "ok");
    CHECK_EQ(tablet.expect_close(), kDeviceRemoved);
    CHECK_EQ(phone.expect_type("device.removed")["deviceId"], "tablet");
    CHECK_EQ(listed(phone), "phone ");
  }
}

TEST_CASE("what the directory says of a device that it may not have removed holds for its next connection") {
  for (const Fault fault : {Fault::unknown_but_written, Fault::refused}) {
    CAPTURE(fault);
    TestServer server(2, PortCall::remove_device);
    be_patient(server);
    server.options.engine.maxDevicesPerUser = 2;
    server.plan.fail(1, fault);
    server.start();
    TestClient d1 = server.connect("alice", "d1");
    server.clock.advance(2h);
    TestClient d2 = server.connect("alice", "d2");
    leave(server, d1, 1);
    TestClient d3 = server.connect("alice", "d3");
    const bool known = fault == Fault::refused;
    CHECK_EQ(listed(d3), known ? "d1 d2 d3 " : "d2 d3 ");
    TestClient back = server.connect("alice", "d1");
    CHECK_EQ(listed(back), known ? "d1 d2 d3 " : "d1 d3 ");
  }
}

TEST_CASE("a new device makes room for itself: the longest inactive one is removed and closed") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards);
    RemovalHooks hooks;
    be_patient(server);
    server.ports.hooks = &hooks;
    server.options.engine.maxDevicesPerUser = 3;
    server.start();
    TestClient d1 = server.connect("alice", "d1");
    server.clock.advance(2h);
    TestClient d2 = server.connect("alice", "d2");
    server.clock.advance(2h);
    TestClient d3 = server.connect("alice", "d3");
    leave(server, d2, 2);
    TestClient d4 = server.connect("alice", "d4");
    CHECK_EQ(d3.expect_type("device.removed")["deviceId"], "d2");
    CHECK_EQ(listed(d3), "d1 d3 d4 ");
    TestClient d5 = server.connect("alice", "d5");
    CHECK_EQ(d1.expect_close(), kDeviceRemoved);
    CHECK_EQ(listed(d5), "d3 d4 d5 ");
    CHECK_EQ(hooks.removed(), std::multiset<DeviceId>{"d1", "d2"});
    server.stop();
  }
}

TEST_CASE("where one too many is refused the others stay, and nobody was online for it") {
  TestServer server(2);
  be_patient(server);
  server.options.engine.maxDevicesPerUser = 1;
  server.options.engine.deviceOverflow = DeviceOverflow::refuse;
  server.start();
  TestClient watcher = server.connect("bob");
  TestClient phone = server.connect("alice", "phone");
  watcher.ask({{"type", "presence.subscribe"}, {"users", {"alice"}}});
  leave(server, phone, 1);
  server.clock.advance(server.options.engine.presenceDebounce + 1s);
  CHECK_EQ(watcher.expect_type("presence.update")["status"], "offline");
  TestClient tablet = server.open("alice", "tablet");
  CHECK_EQ(tablet.expect_close(), kTooManyDevices);
  CHECK_EQ(tablet.close_reason(), "too_many_devices");
  CHECK_FALSE(watcher.has_seen("presence.update"));
  TestClient again = server.connect("alice", "phone");
  CHECK_EQ(watcher.expect_type("presence.update")["status"], "online");
}

TEST_CASE("with the primary device its companions are removed") {
  TestServer server(2);
  RemovalHooks hooks;
  be_patient(server);
  server.ports.hooks = &hooks;
  server.options.engine.deviceRoles = DeviceRoles::primary_and_companions;
  server.start();
  TestClient phone = server.connect("alice", "phone");
  server.clock.advance(1s);
  TestClient laptop = server.connect("alice", "laptop");
  server.clock.advance(1s);
  TestClient tablet = server.connect("alice", "tablet");
  const Json page = tablet.ask({{"type", "devices.list"}});
  REQUIRE_EQ(page["devices"].size(), 3);
  for (const Json& entry : page["devices"]) CHECK_EQ(entry.contains("primary"), entry["deviceId"] == "phone");
  CHECK_EQ(laptop.ask({{"type", "devices.remove"}, {"deviceId", "tablet"}})["type"], "ok");
  CHECK_EQ(tablet.expect_close(), kDeviceRemoved);
  CHECK_EQ(laptop.ask({{"type", "devices.remove"}, {"deviceId", "phone"}})["type"], "ok");
  CHECK_EQ(phone.expect_close(), kDeviceRemoved);
  CHECK_EQ(laptop.expect_close(), kDeviceRemoved);
  CHECK_EQ(hooks.removed(), std::multiset<DeviceId>{"laptop", "phone", "tablet"});
  server.stop();
}

TEST_CASE("a device that was not used for a month is removed when the devices are looked at") {
  TestServer server(2);
  RemovalHooks hooks;
  be_patient(server);
  server.ports.hooks = &hooks;
  server.start();
  TestClient old = server.connect("alice", "old");
  TestClient phone = server.connect("alice", "phone");
  leave(server, old, 1);
  server.clock.advance(29 * 24h);
  CHECK_EQ(listed(phone), "old phone ");
  server.clock.advance(2 * 24h);
  CHECK_EQ(listed(phone), "phone ");
  CHECK_EQ(phone.expect_type("device.removed")["deviceId"], "old");
  CHECK_EQ(hooks.removed(), std::multiset<DeviceId>{"old"});
  // The phone was connected all the while.
  leave(server, phone, 0);
  TestClient tablet = server.connect("alice", "tablet");
  CHECK_EQ(listed(tablet), "phone tablet ");
  server.stop();
}

TEST_CASE("a device that comes back after a month is a new login") {
  TestServer server(1);
  RemovalHooks hooks;
  be_patient(server);
  server.ports.hooks = &hooks;
  server.start();
  TestClient phone = server.connect("alice", "phone");
  TestClient old = server.connect("alice", "old");
  CHECK_EQ(phone.expect_type("device.added")["deviceId"], "old");
  leave(server, old, 1);
  TestClient soon = server.connect("alice", "old");
  CHECK_FALSE(phone.has_seen("device.added"));
  leave(server, soon, 1);
  server.clock.advance(31 * 24h);
  TestClient back = server.connect("alice", "old");
  const Json added = phone.expect_type("device.added");
  CHECK_EQ(added["deviceId"], "old");
  CHECK_EQ(added["timestamp"], server.clock.now());
  CHECK_FALSE(back.has_seen("device.added"));
  CHECK_EQ(hooks.removed(), std::multiset<DeviceId>{"old"});
  server.stop();
}

TEST_CASE("a removed device does not come back into the list by leaving") {
  TestServer server(2);
  be_patient(server);
  server.start();
  TestClient phone = server.connect("alice", "phone");
  TestClient tablet = server.connect("alice", "tablet");
  server.clock.advance(5h);
  CHECK_EQ(phone.ask({{"type", "devices.remove"}, {"deviceId", "tablet"}})["type"], "ok");
  CHECK_EQ(tablet.expect_close(), kDeviceRemoved);
  wait_for_connections(server, 1);
  CHECK_EQ(listed(phone), "phone ");
}

TEST_CASE("no more than 64 of a user's devices are taken out at a time") {
  TestServer server(1, PortCall::remove_device);
  be_patient(server);
  server.plan.fail_from(1, Fault::delayed);
  server.start();
  TestClient phone = server.connect("alice", "phone");
  std::vector<Json> removals;
  for (int i = 1; i <= 65; ++i)
    removals.push_back({{"type", "devices.remove"}, {"id", i}, {"deviceId", "d" + std::to_string(i)}});
  phone.send_all(removals);
  const Json refused = phone.expect_answer(65);
  CHECK_EQ(refused["code"], "overloaded");
  CHECK_EQ(refused["temporary"], true);
  server.plan.heal();
  server.plan.release();
  for (int i = 1; i <= 64; ++i) CHECK_EQ(phone.expect_answer(static_cast<std::uint64_t>(i))["type"], "ok");
  CHECK_EQ(phone.ask({{"type", "devices.remove"}, {"deviceId", "d65"}})["type"], "ok");
}

TEST_CASE("a device that comes back after a month has nothing left to go on from") {
  TestServer server(1);
  be_patient(server);
  server.start();
  TestClient phone = server.connect("alice", "phone");
  TestClient old = server.connect("alice", "old");
  std::string token = old.ask({{"type", "sync"}, {"watermarks", Json::object()}})["token"];
  token = old.ask({{"type", "sync"}, {"since", token}})["token"];
  CHECK_EQ(old.ask({{"type", "sync"}, {"resume", true}})["type"], "sync.page");
  old.disconnect();
  REQUIRE(TestServer::eventually([&] { return server.leases_of("alice") == 1; }));
  server.clock.advance(31 * 24h);
  TestClient back = server.connect("alice", "old");
  CHECK_EQ(back.ask({{"type", "sync"}, {"resume", true}})["type"], "sync.reset");
}

TEST_CASE("when a device was last there is kept when it comes and goes, and daily while it stays") {
  TestServer server(1);
  be_patient(server);
  server.start();
  TestClient phone = server.connect("alice", "phone");
  const Timestamp first = server.clock.now();
  REQUIRE_EQ(last_active(server, "phone"), first);
  server.clock.advance(23h);
  phone.settle();
  CHECK_EQ(last_active(server, "phone"), first);
  server.clock.advance(2h);
  CHECK(TestServer::eventually([&] { return last_active(server, "phone") > first; }));
  const Timestamp daily = last_active(server, "phone");
  leave(server, phone, 0);
  server.clock.advance(3h);
  TestClient back = server.connect("alice", "phone");
  CHECK_GT(last_active(server, "phone"), daily);
  CHECK_EQ(last_active(server, "phone"), server.clock.now());
  server.clock.advance(2h);
  const Timestamp gone = server.clock.now();
  back.disconnect();
  CHECK(TestServer::eventually([&] { return last_active(server, "phone") == gone; }));
}

TEST_CASE("the platform that a known device says it is on now is the one that is listed") {
  TokenAuthenticator authenticator;
  TestServer server(1);
  be_patient(server);
  server.ports.authenticator = &authenticator;
  server.start();
  for (const char* platform : {"ios", "web"}) {
    TestClient phone(server.server->port(), "/v1/ws");
    phone.send({{"type", "hello"}, {"token", "alice"}, {"deviceId", "phone"}, {"platform", platform}});
    phone.expect_type("welcome");
    CHECK_EQ(phone.ask({{"type", "devices.list"}})["devices"][0]["platform"], platform);
    leave(server, phone, 0);
  }
  server.stop();
}

}  // namespace chatcore::faulttest
