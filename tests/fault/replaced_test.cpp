#include <doctest/doctest.h>

#include <mutex>

#include "held_authenticator.hpp"
#include "test_server.hpp"

namespace chatcore::faulttest {

namespace {

/// Stores a device when it is told to.
class HeldRegistration final : public OneFaultDirectory {
 public:
  using OneFaultDirectory::OneFaultDirectory;

  void put_device(Device device, Executor& executor, Completion<Status> done) override {
    {
      std::lock_guard lock(mutex_);
      ++asked_;
      if (holding_) {
        held_.push_back({std::move(device), &executor, std::move(done)});
        return;
      }
    }
    OneFaultDirectory::put_device(std::move(device), executor, std::move(done));
  }
  void release() {
    std::vector<Held> held;
    {
      std::lock_guard lock(mutex_);
      holding_ = false;
      held.swap(held_);
    }
    for (Held& one : held)
      OneFaultDirectory::put_device(std::move(one.device), *one.executor, std::move(one.done));
  }
  [[nodiscard]] std::size_t asked() {
    std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  struct Held {
    Device device;
    Executor* executor;
    Completion<Status> done;
  };

  std::mutex mutex_;
  bool holding_ = true;
  std::size_t asked_ = 0;
  std::vector<Held> held_;
};

}  // namespace

TEST_CASE("a connection that replaces one which was just being registered is welcomed all the same") {
  TestServer server(1);
  HeldRegistration directory(server.directory, server.plan, PortCall::append);
  server.ports.directory = &directory;
  server.start();
  TestClient older = server.open("alice", "phone");
  REQUIRE(TestServer::eventually([&] { return directory.asked() == 1; }));
  TestClient newer = server.open("alice", "phone");
  TestClient tablet = server.open("alice", "tablet");
  CHECK_EQ(older.expect_close(), 4502);
  directory.release();
  CHECK_EQ(newer.expect_type("welcome")["deviceId"], "phone");
  CHECK_EQ(tablet.expect_type("welcome")["deviceId"], "tablet");
  server.stop();
}

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
