#include "engine/rate_limits.hpp"

#include <doctest/doctest.h>

#include <string>

#include "chatcore/testing/manual_clock.hpp"
#include "core/remote_network.hpp"

using namespace chatcore;
using namespace chatcore::engine;

namespace {

constexpr std::uint64_t kKey = 7;

int taken(RateTable& table, const Rate& rate, std::int64_t at, int tries, std::uint64_t key = kKey) {
  int count = 0;
  for (int i = 0; i < tries; ++i) count += table.take(key, rate, 1, at) == 0 ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("a bucket begins full, refills by time, and never holds more than its burst") {
  struct Row {
    std::int64_t at;
    int tries, taken;
  };
  RateTable table(100);
  for (const Row& row : {Row{1'000, 200, 100}, Row{1'000, 10, 0}, Row{1'100, 10, 5}, Row{1'119, 10, 0},
                         Row{1'121, 10, 1}, Row{900'000, 500, 100}}) {
    CAPTURE(row.at);
    CHECK_EQ(taken(table, {50, 100}, row.at, row.tries), row.taken);
  }
}

TEST_CASE("where no burst is named it is two seconds' worth") {
  RateTable table(100);
  CHECK_EQ(taken(table, {5, 0}, 0, 100), 10);
}

TEST_CASE("asking often and in vain does not keep a bucket from filling") {
  RateTable table(100);
  CHECK_EQ(taken(table, {1, 2}, 0, 5), 2);
  int count = 0;
  for (std::int64_t at = 1; at <= 10'001; ++at) count += taken(table, {1, 2}, at, 1);
  CHECK_EQ(count, 10);
}

TEST_CASE("who comes after the time that was told finds a token, and who comes earlier none") {
  for (const Rate& rate : {Rate{1, 1}, Rate{3, 7}, Rate{50, 100}, Rate{999, 1'000}, Rate{1'000'000, 5}}) {
    CAPTURE(rate.perSecond);
    RateTable table(100);
    const std::int64_t now = 123'456;
    std::int64_t wait = 0;
    while (wait == 0) wait = table.take(kKey, rate, 1, now);
    CHECK_GT(wait, 0);
    CHECK_LE(wait, 1'000);
    CHECK_EQ(table.take(kKey, rate, 1, now + wait), 0);
    if (wait < 2) continue;
    RateTable early(100);
    while (early.take(kKey, rate, 1, now) == 0) continue;
    CHECK_GT(early.take(kKey, rate, 1, now + wait - 1), 0);
  }
}

TEST_CASE("a dear command passes with one token left, and the debt is waited for") {
  RateTable table(100);
  CHECK_EQ(table.take(kKey, {10, 20}, 50, 0), 0);
  CHECK_EQ(table.take(kKey, {10, 20}, 1, 0), 3'100);
  CHECK_EQ(table.take(kKey, {10, 20}, 1, 3'100), 0);
}

TEST_CASE("keys have buckets of their own") {
  RateTable table(100);
  CHECK_EQ(taken(table, {1, 2}, 0, 5, 1), 2);
  CHECK_EQ(taken(table, {1, 2}, 0, 5, 2), 2);
}

TEST_CASE("full buckets are forgotten, others never, and a table is no larger than it may be") {
  RateTable table(3);
  const Rate rate{1, 2};
  CHECK_EQ(taken(table, rate, 0, 5, 1), 2);
  CHECK_EQ(taken(table, rate, 0, 1, 2), 1);
  CHECK_EQ(taken(table, rate, 0, 1, 3), 1);
  CHECK_EQ(table.size(), 3);
  CHECK_EQ(taken(table, rate, 0, 9, 4), 9);  // no room: not counted
  CHECK_EQ(table.size(), 3);
  CHECK_EQ(taken(table, rate, 1'000, 9, 4), 2);  // 2 and 3 are full again
  CHECK_EQ(table.size(), 2);
  CHECK_EQ(taken(table, rate, 1'000, 9, 1), 1);
  table.sweep(4'000);
  CHECK_EQ(table.size(), 0);
}

TEST_CASE("a search for room is not repeated at once") {
  RateTable table(1);
  const Rate rate{1, 1};
  CHECK_EQ(taken(table, rate, 0, 1, 1), 1);
  CHECK_EQ(taken(table, rate, 990, 1, 2), 1);
  CHECK_EQ(taken(table, rate, 1'001, 5, 2), 5);  // 1 is full by now, but nobody looked
  CHECK_EQ(taken(table, rate, 1'091, 5, 2), 1);
}

TEST_CASE("a session that keeps sending while it is told to wait runs out of patience, others do not") {
  testing::ManualClock clock;
  const auto now = [&] { return clock.steady().count(); };
  SUBCASE("it floods") {
    Patience patience;
    int refusals = 0;
    while (!patience.refused(now(), 100, 20)) ++refusals;
    CHECK_EQ(refusals, 21);
  }
  SUBCASE("it waits as it is told") {
    Patience patience;
    for (int i = 0; i < 10'000; ++i) {
      REQUIRE_FALSE(patience.refused(now(), 100, 20));
      clock.advance(std::chrono::milliseconds(100));
    }
  }
  SUBCASE("it is a little over its limit") {
    Patience patience;
    for (int i = 0; i < 10'000; ++i) {
      patience.taken();
      REQUIRE_FALSE(patience.refused(now(), 100, 20));
    }
  }
  SUBCASE("it is far over its limit") {
    Patience patience;
    bool closed = false;
    for (int i = 0; i < 30 && !closed; ++i) {
      patience.taken();
      closed = patience.refused(now(), 100, 20);
      closed = closed || patience.refused(now(), 100, 20);
    }
    CHECK(closed);
  }
}

TEST_CASE("device, user and address each have a say, and each kind of command its own buckets") {
  RateLimitOptions options = RateLimitOptions::off();
  options.events = {{1, 2}, {1, 3}, {1, 4}};
  options.typing = {{1, 1}, {}, {}};
  RateLimits limits(options);
  const auto take = [&](const char* user, const char* device, std::uint64_t address,
                        CommandKind kind = CommandKind::events) {
    return limits.take({user, device, address}, kind, 1, 0) == 0;
  };
  CHECK(take("alice", "phone", 1));
  CHECK(take("alice", "phone", 1));
  CHECK_FALSE(take("alice", "phone", 1));  // the device's two
  CHECK(take("alice", "tablet", 1));
  CHECK_FALSE(take("alice", "watch", 1));  // the user's three
  CHECK(take("bob", "phone", 1));
  CHECK_FALSE(take("carol", "phone", 1));  // the address's four
  CHECK(take("carol", "tablet", 2));
  CHECK(take("alice", "phone", 1, CommandKind::typing));
  CHECK_FALSE(take("alice", "phone", 1, CommandKind::typing));
  for (int i = 0; i < 100; ++i) CHECK(take("alice", "phone", 1, CommandKind::queries));
}

TEST_CASE("one sender's names cannot be taken for another's") {
  RateLimitOptions options = RateLimitOptions::off();
  options.events.device = {1, 1};
  RateLimits limits(options);
  CHECK_EQ(limits.take({"ab", "c", 0}, CommandKind::events, 1, 0), 0);
  CHECK_EQ(limits.take({"a", "bc", 0}, CommandKind::events, 1, 0), 0);
}

TEST_CASE("where nothing is limited there are no limits to ask") {
  CHECK(RateLimits::create(RateLimitOptions::off()) == nullptr);
  CHECK(RateLimits::create({}) != nullptr);
}

TEST_CASE("what was not used lately takes no memory") {
  RateLimits limits({});
  for (int i = 0; i < 1'000; ++i)
    (void)limits.take({"user" + std::to_string(i), "phone", 0}, CommandKind::events, 1, 0);
  CHECK_EQ(limits.tracked(), 2'000);
  for (std::size_t stripe = 0; stripe < RateLimits::kStripes; ++stripe) limits.sweep(stripe, 1'000);
  CHECK_EQ(limits.tracked(), 0);
}

TEST_CASE("an IPv6 address counts by its network, a mapped IPv4 address as the one it is") {
  struct Row {
    const char *address, *network;
  };
  for (const Row& row :
       {Row{"192.0.2.7", "192.0.2.7"}, Row{"::ffff:192.0.2.7", "192.0.2.7"},
        Row{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"}, Row{"2001:db8:1:2::9", "2001:db8:1:2::/64"},
        Row{"::1", "::/64"}, Row{"", ""}, Row{"somewhere", "somewhere"}}) {
    CAPTURE(row.address);
    CHECK_EQ(remote_network(row.address), row.network);
  }
}
