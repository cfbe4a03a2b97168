#include "core/timer_wheel.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <vector>

#include "live_allocations.hpp"

using chatcore::TimerWheel;
using Millis = std::chrono::milliseconds;

namespace {

/// When, in steps of `step`, a timer of that deadline fires.
std::int64_t fires_at(Millis start, Millis deadline, Millis step, std::size_t slots) {
  TimerWheel<int> wheel(start, Millis(100), slots);
  wheel.add(deadline, 1);
  for (Millis now = start;; now += step) {
    bool fired = false;
    wheel.advance(now, [&](int) { fired = true; });
    if (fired) return now.count();
    REQUIRE(now < deadline + Millis(10'000));
  }
}

}  // namespace

TEST_CASE("a timer is never early and at most one tick late, also beyond one turn of the wheel") {
  for (const std::int64_t start : {0, 1, 99, 100, 12'345}) {
    for (std::int64_t wait = 0; wait < 3'000; wait += 7) {
      const std::int64_t deadline = start + wait;
      const std::int64_t at = fires_at(Millis(start), Millis(deadline), Millis(1), 8);
      CAPTURE(start);
      CAPTURE(wait);
      CHECK(at >= deadline);
      CHECK(at <= deadline + 100);
    }
  }
}

TEST_CASE("after a long jump everything due fires once, and nothing else") {
  for (const std::int64_t jump : {700, 800, 801, 900, 5'000, 1'000'000}) {
    CAPTURE(jump);
    TimerWheel<std::int64_t> wheel(Millis(0), Millis(100), 8);
    for (std::int64_t deadline = 0; deadline < 6'000; deadline += 50) wheel.add(Millis(deadline), deadline);
    const std::size_t total = wheel.size();
    std::size_t fired = 0;
    wheel.advance(Millis(jump), [&](std::int64_t deadline) {
      ++fired;
      CHECK(deadline <= jump);
    });
    std::size_t due = 0;
    for (std::int64_t deadline = 0; deadline < 6'000; deadline += 50) due += deadline + 100 <= jump ? 1 : 0;
    CHECK(fired >= due);
    CHECK(wheel.size() == total - fired);
    wheel.advance(Millis(jump), [&](std::int64_t) { FAIL("fired twice"); });
    wheel.advance(Millis(jump + 6'100), [&](std::int64_t) { ++fired; });
    CHECK(fired == total);
  }
}

TEST_CASE("a deadline in the past fires at the next tick") {
  TimerWheel<int> wheel(Millis(5'000));
  wheel.add(Millis(0), 1);
  int fired = 0;
  wheel.advance(Millis(5'099), [&](int) { ++fired; });
  CHECK(fired == 0);
  wheel.advance(Millis(5'100), [&](int) { ++fired; });
  CHECK(fired == 1);
}

TEST_CASE("timers may be added while timers fire") {
  TimerWheel<int> wheel(Millis(0), Millis(100), 4);
  wheel.add(Millis(50), 0);
  std::vector<std::pair<int, std::int64_t>> fired;
  for (std::int64_t now = 0; now <= 3'000; now += 100) {
    wheel.advance(Millis(now), [&](int round) {
      fired.emplace_back(round, now);
      // The same slot again, one turn later, and one in the past.
      if (round < 3) wheel.add(Millis(now + 350), round + 1);
      if (round == 1) wheel.add(Millis(0), 100);
    });
  }
  CHECK(fired ==
        std::vector<std::pair<int, std::int64_t>>{{0, 100}, {1, 500}, {100, 600}, {2, 900}, {3, 1'300}});
  CHECK(wheel.size() == 0);
}

TEST_CASE("a wheel carries payloads that can only be moved") {
  TimerWheel<std::unique_ptr<int>> wheel(Millis(0), Millis(100), 2);
  for (int i = 0; i < 10; ++i) wheel.add(Millis(i * 100), std::make_unique<int>(i));
  int sum = 0;
  for (int now = 0; now <= 1'000; now += 100)
    wheel.advance(Millis(now), [&](std::unique_ptr<int> value) { sum += *value; });
  CHECK(sum == 45);
}

TEST_CASE("a steady load takes its memory once, not once for every slot of the wheel") {
  struct Big {
    char bytes[1'000] = {};
  };
  const long before = live_allocations();
  TimerWheel<Big> wheel(Millis(0));
  std::int64_t now = 0;
  const auto run = [&](int ticks) {
    for (int i = 0; i < ticks; ++i, now += 100) {
      for (int n = 0; n < 10; ++n) wheel.add(Millis(now + 1'000), {});
      wheel.advance(Millis(now), [](const Big&) {});
    }
    return live_allocations() - before;
  };
  const long warm = run(30);
  CHECK(run(3'000) <= warm + 2);
  CHECK(warm < 40);
}

TEST_CASE("what a busy time needed is given back when it is over") {
  const long before = live_allocations();
  TimerWheel<int> wheel(Millis(0));
  for (int slot = 0; slot < 900; ++slot)
    for (int n = 0; n < 100; ++n) wheel.add(Millis(slot * 100), n);
  CHECK(live_allocations() - before > 900);
  wheel.advance(Millis(100'000), [](int) {});
  CHECK(wheel.size() == 0);
  CHECK(live_allocations() - before < 24);
}
