#pragma once

#include <atomic>

#include "chatcore/ports/clock.hpp"

namespace chatcore::testing {

/// Time that moves only when a test says so. Thread-safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp now = 1'700'000'000'000) : wall_(now) {}
  Timestamp now() const override { return wall_.load(); }
  Duration steady() const override { return Duration(steady_.load()); }
  void advance(Duration by) {
    steady_ += by.count();
    wall_ += by.count();
  }
  /// Moves the wall clock only, as an operator or NTP might.
  void jump_wall(Duration by) { wall_ += by.count(); }

 private:
  std::atomic<Timestamp> wall_;
  std::atomic<std::int64_t> steady_{1'000'000};
};

}  // namespace chatcore::testing
