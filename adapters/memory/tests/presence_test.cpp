#include "chatcore/memory/presence.hpp"

#include <doctest/doctest.h>

#include "chatcore/testing/manual_clock.hpp"
#include "chatcore/testing/presence_conformance.hpp"
#include "chatcore/testing/test_executor.hpp"

using namespace chatcore;
using namespace std::chrono_literals;

namespace {

class Fixture final : public testing::PresenceFixture {
 public:
  Presence& presence() override { return presence_; }
  void advance(std::chrono::milliseconds by) override {
    clock_.advance(by);
    presence_.expire_due();
  }

 private:
  testing::ManualClock clock_;
  MemoryPresence presence_{clock_};
};

/// As `Fixture`, but expiry is found by the calls themselves.
class UnsweptFixture final : public testing::PresenceFixture {
 public:
  Presence& presence() override { return presence_; }
  void advance(std::chrono::milliseconds by) override { clock_.advance(by); }

 private:
  testing::ManualClock clock_;
  MemoryPresence presence_{clock_};
};

struct Desk {
  explicit Desk(MemoryPresenceOptions options = {}) : presence(clock, options) {}
  testing::ManualClock clock;
  MemoryPresence presence;
  testing::TestExecutor executor;

  Result<AcquireResult> acquire(const std::string& user, const std::string& device = "phone",
                                LeaseEpoch epoch = 0) {
    return executor.wait<std::vector<Result<AcquireResult>>>([&](Executor& on, auto done) {
      presence.acquire({DeviceLease{user, device, "s", 1, ++session, epoch}}, 60s, on, std::move(done));
    })[0];
  }
  std::size_t live(const std::string& user) {
    return executor
        .wait<std::vector<Result<std::vector<DeviceLease>>>>(
            [&](Executor& on, auto done) { presence.find({user}, on, std::move(done)); })[0]
        ->size();
  }
  std::uint64_t session = 0;
};

}  // namespace

TEST_CASE("memory presence keeps the promises of the port") {
  for (const auto& each : testing::presence_conformance([] { return std::make_unique<Fixture>(); })) {
    CAPTURE(each.name);
    CHECK_NOTHROW(each.run());
  }
}

TEST_CASE("memory presence shows and renews nothing that is due, even before a sweep") {
  for (const auto& each : testing::presence_conformance([] { return std::make_unique<UnsweptFixture>(); })) {
    if (each.name == "expiries are told at least once, and only expiries") continue;  // nobody asks there
    CAPTURE(each.name);
    CHECK_NOTHROW(each.run());
  }
}

TEST_CASE("a presence sweep is bounded and says when more is due") {
  Desk desk;
  for (int i = 0; i < 25; ++i) REQUIRE(desk.acquire("user" + std::to_string(i)));
  desk.clock.advance(61s);
  CHECK(desk.presence.expire_due(10));
  CHECK(desk.presence.size() == 15);
  CHECK(desk.presence.expire_due(10));
  CHECK_FALSE(desk.presence.expire_due(10));
  CHECK(desk.presence.size() == 0);
}

TEST_CASE("an expiry that nobody watched is told to the next watcher") {
  Desk desk;
  REQUIRE(desk.acquire("alice"));
  desk.clock.advance(61s);
  desk.presence.expire_due();
  std::vector<DeviceLease> told;
  const auto watch = [&] {
    desk.presence.watch_expiries(desk.executor,
                                 [&](std::vector<DeviceLease> ended) { told = std::move(ended); });
  };
  watch();
  desk.presence.stop();  // before its executor ran
  desk.executor.drain();
  CHECK(told.empty());
  watch();
  desk.executor.drain();
  REQUIRE(told.size() == 1);
  CHECK(told[0].userId == "alice");
}

TEST_CASE("leases and expiries that nobody heard are bounded together") {
  Desk desk({.maxLeases = 2, .maxDevicesPerUser = 64});
  CHECK(desk.acquire("a"));
  CHECK(desk.acquire("b"));
  CHECK(desk.acquire("c").error().code == ErrorCode::overloaded);
  CHECK(desk.acquire("a"));  // a lease that is held already needs no room
  desk.clock.advance(61s);
  CHECK(desk.acquire("c").error().code == ErrorCode::overloaded);
  desk.presence.expire_due();
  CHECK(desk.acquire("c").error().code == ErrorCode::overloaded);
  desk.presence.watch_expiries(desk.executor, [](std::vector<DeviceLease>) {});
  desk.executor.drain();
  CHECK(desk.acquire("c"));
}

TEST_CASE("one user's devices are bounded") {
  Desk desk({.maxLeases = 100, .maxDevicesPerUser = 2});
  CHECK(desk.acquire("a", "1"));
  CHECK(desk.acquire("a", "2"));
  CHECK(desk.acquire("a", "3").error().code == ErrorCode::overloaded);
  CHECK(desk.acquire("b", "3"));
  CHECK(desk.live("a") == 2);
}

TEST_CASE("an epoch without a successor is refused") {
  Desk desk;
  CHECK(desk.acquire("a", "phone", UINT64_MAX).error().code == ErrorCode::invalid_argument);
  CHECK(desk.live("a") == 0);
  CHECK(desk.acquire("a", "phone", UINT64_MAX - 1)->epoch == UINT64_MAX);
  CHECK(desk.acquire("a").error().code == ErrorCode::invalid_argument);
}

TEST_CASE("a jump of the wall clock ends no lease") {
  Desk desk;
  REQUIRE(desk.acquire("a"));
  desk.clock.jump_wall(1h);
  desk.presence.expire_due();
  CHECK(desk.live("a") == 1);
}
