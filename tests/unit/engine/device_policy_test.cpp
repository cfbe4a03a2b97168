#include "engine/device_policy.hpp"

#include <doctest/doctest.h>

#include <algorithm>

namespace chatcore::engine {

namespace {

constexpr Timestamp kDay = 24LL * 3600 * 1000;
constexpr Timestamp kNow = 1'000 * kDay;

Device device(const DeviceId& id, Timestamp daysAgo, Timestamp registeredDaysAgo = 500) {
  return {"alice", id, "ios", "", kNow - daysAgo * kDay, kNow - registeredDaysAgo * kDay};
}

EngineOptions limited(std::uint32_t most, DeviceRoles roles = DeviceRoles::all_equal,
                      DeviceOverflow overflow = DeviceOverflow::evict_oldest_companion) {
  EngineOptions options;
  options.maxDevicesPerUser = most;
  options.deviceRoles = roles;
  options.deviceOverflow = overflow;
  return options;
}

using Names = std::vector<DeviceId>;
Names sorted(Names names) {
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

TEST_CASE("a device that is known comes back, and one more is new") {
  const std::vector<Device> known{device("a", 1), device("b", 2)};
  const Registration back = register_device(known, {}, "a", kNow, limited(3));
  CHECK_FALSE(back.isNew);
  CHECK(back.removed.empty());
  const Registration first = register_device(known, {"a"}, "c", kNow, limited(3));
  CHECK(first.isNew);
  CHECK_FALSE(first.returns);
  CHECK_FALSE(first.refused);
  CHECK(first.removed.empty());
}

TEST_CASE("one too many takes the place of the longest inactive that is not connected") {
  const std::vector<Device> known{device("a", 9), device("b", 5), device("c", 7)};
  CHECK(register_device(known, {"a"}, "d", kNow, limited(3)).removed == Names{"c"});
  CHECK(register_device(known, {}, "d", kNow, limited(3)).removed == Names{"a"});
  CHECK(register_device(known, {"a", "b", "c"}, "d", kNow, limited(3)).removed == Names{"a"});
  CHECK(sorted(register_device(known, {}, "d", kNow, limited(1)).removed) == Names{"a", "b", "c"});
  CHECK(register_device(known, {}, "a", kNow, limited(1)).removed.empty());
}

TEST_CASE("who is connected counts, registered or not") {
  const Registration registration = register_device({}, {"x", "y"}, "z", kNow, limited(2));
  CHECK(registration.removed == Names{"x"});
}

TEST_CASE("one too many is refused where that is the policy, a known one is not") {
  const std::vector<Device> known{device("a", 9), device("b", 5)};
  const auto options = limited(2, DeviceRoles::all_equal, DeviceOverflow::refuse);
  const Registration registration = register_device(known, {}, "c", kNow, options);
  CHECK(registration.refused);
  CHECK(registration.removed.empty());
  CHECK_FALSE(register_device(known, {}, "b", kNow, options).refused);
}

TEST_CASE("the primary device is the one registered first, and makes room for nobody") {
  const std::vector<Device> known{device("a", 1, 10), device("b", 20, 40), device("c", 5, 30)};
  const auto options = limited(3, DeviceRoles::primary_and_companions);
  REQUIRE(primary_of(known, options) != nullptr);
  CHECK(primary_of(known, options)->deviceId == "b");
  CHECK(primary_of(known, limited(3)) == nullptr);
  CHECK(register_device(known, {}, "d", kNow, options).removed == Names{"c"});
  const auto alone = limited(1, DeviceRoles::primary_and_companions);
  CHECK(register_device({device("b", 20, 40)}, {}, "d", kNow, alone).refused);
}

TEST_CASE("devices that were not used for too long go when another one comes") {
  const std::vector<Device> known{device("a", 31), device("b", 29), device("c", 400)};
  CHECK(register_device(known, {}, "d", kNow, limited(10)).removed == Names{"a", "c"});
  CHECK(register_device(known, {"c"}, "d", kNow, limited(10)).removed == Names{"a"});
  CHECK(inactive_devices(known, {}, kNow, limited(10)) == Names{"a", "c"});
  CHECK(inactive_devices({device("f", 30)}, {}, kNow, limited(10)).empty());
  // Not known when: nobody has said that it was too long ago.
  CHECK(inactive_devices({Device{"alice", "e", "ios", "token", 0, 0}}, {}, kNow, limited(10)).empty());
  EngineOptions never = limited(10);
  never.deviceInactivityDays = 0;
  CHECK(inactive_devices(known, {}, kNow, never).empty());
}

TEST_CASE("a device that comes back after too long is a new one") {
  const Registration registration =
      register_device({device("a", 31), device("b", 1)}, {}, "a", kNow, limited(10));
  CHECK(registration.isNew);
  CHECK(registration.returns);
  CHECK(registration.removed.empty());
  // That it is connected by now says nothing of the time before.
  CHECK(register_device({device("a", 31)}, {"a"}, "a", kNow, limited(10)).returns);
}

TEST_CASE("with the primary device its companions go") {
  const std::vector<Device> known{device("a", 31, 90), device("b", 1, 80), device("c", 2, 70)};
  const auto options = limited(10, DeviceRoles::primary_and_companions);
  CHECK(sorted(inactive_devices(known, {"b"}, kNow, options)) == Names{"a", "b", "c"});
  const Registration registration = register_device(known, {"c"}, "b", kNow, options);
  CHECK(registration.returns);
  CHECK(sorted(registration.removed) == Names{"a", "c"});
}

}  // namespace chatcore::engine
