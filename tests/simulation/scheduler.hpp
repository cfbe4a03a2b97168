#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <queue>
#include <vector>

#include "chatcore/testing/manual_clock.hpp"
#include "chatcore/unique_function.hpp"
#include "choices.hpp"
#include "trace.hpp"

namespace chatcore::simulation {

using Millis = std::chrono::milliseconds;

/// Decides what happens next. What must keep an order stands in one lane; of the lanes whose first item may
/// come now, the seed picks one. Time moves only when nothing may come now.
class Scheduler {
 public:
  using Lane = std::uint32_t;

  Scheduler(testing::ManualClock& clock, Trace& trace, Choices choices)
      : clock_(clock), trace_(trace), choices_(choices) {}

  [[nodiscard]] Lane open();
  /// Drops what waits there, and the lane.
  void close(Lane lane);
  void clear(Lane lane);
  /// What waits anywhere: the end of a run.
  void drop_all();
  /// Not before `delay` has passed, nor before what stands in the lane already.
  void post(Lane lane, Millis delay, Task task);
  /// In a lane of its own.
  void at(Millis due, Task task);

  /// Runs one item that is due by `limit`. False: there is none, and it is `limit` now.
  bool step(Millis limit);

  [[nodiscard]] Millis now() const { return clock_.steady(); }
  [[nodiscard]] std::uint64_t steps() const noexcept { return steps_; }

 private:
  struct Item {
    Millis due;
    Task task;
  };
  enum class Place : std::uint8_t { vacant, idle, waiting, ready };
  struct Slot {
    std::deque<Item> items;
    Place place = Place::vacant;
    bool once = false;
    std::uint64_t stamp = 0;  ///< of its newest entry in `waiting_`
  };
  struct Waiting {
    Millis due;
    std::uint64_t stamp;
    Lane lane;
    friend bool operator>(const Waiting& a, const Waiting& b) {
      return a.due != b.due ? a.due > b.due : a.stamp > b.stamp;
    }
  };

  void place(Lane lane);
  void promote();

  testing::ManualClock& clock_;
  Trace& trace_;
  Choices choices_;
  std::deque<Slot> lanes_;
  std::vector<Lane> vacant_;
  std::vector<Lane> ready_;
  std::priority_queue<Waiting, std::vector<Waiting>, std::greater<>> waiting_;
  std::uint64_t stamps_ = 0;
  std::uint64_t steps_ = 0;
};

}  // namespace chatcore::simulation
