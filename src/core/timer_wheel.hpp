#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

namespace chatcore {

/// Timers by the thousand: O(1) to add, a vector per tick, no cancelling (the owner of a payload checks, when
/// its time comes, whether it still matters). Deadlines beyond one turn of the wheel go round again.
/// Never early; late by at most one tick. Without a timer it holds no memory. Single-threaded.
template <class Payload>
class TimerWheel {
 public:
  using Millis = std::chrono::milliseconds;

  explicit TimerWheel(Millis now, Millis tick = Millis(100), std::size_t slots = 1024)
      : tick_(tick), current_(tick_of(now)), slotCount_(slots) {}

  void add(Millis deadline, Payload payload) {
    std::int64_t due = deadline.count() / tick_.count() + 1;
    if (due <= current_) due = current_ + 1;
    if (slots_.empty()) slots_.resize(slotCount_);
    put(slots_[static_cast<std::size_t>(due) % slots_.size()], {due, std::move(payload)});
    ++size_;
  }

  /// Hands every payload that is due to `fire(Payload)`, which may add timers.
  template <class Fire>
  void advance(Millis now, Fire&& fire) {
    const std::int64_t target = tick_of(now);
    if (size_ == 0) {
      current_ = std::max(current_, target);
      return;
    }
    // After a long jump one turn of the wheel visits every entry.
    if (target - current_ > static_cast<std::int64_t>(slots_.size()))
      current_ = target - static_cast<std::int64_t>(slots_.size());
    while (current_ < target) {
      ++current_;
      auto& slot = slots_[static_cast<std::size_t>(current_) % slots_.size()];
      if (slot.empty()) continue;
      due_.swap(slot);
      for (auto& entry : due_) {
        if (entry.due <= target) {
          --size_;
          fire(std::move(entry.payload));
        } else {
          auto& later = slots_[static_cast<std::size_t>(entry.due) % slots_.size()];
          put(later, std::move(entry));
        }
      }
      due_.clear();
      std::vector<Entry> used = std::exchange(due_, {});
      if (spare_.size() < kSpares) spare_.push_back(std::move(used));
    }
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  struct Entry {
    std::int64_t due;
    Payload payload;
  };
  static constexpr std::size_t kSpares = 16;

  /// Memory goes to the slots that are in use, and what a busy time needed goes back: kept by each slot, a
  /// busy second would cost a whole turn's worth.
  void put(std::vector<Entry>& slot, Entry entry) {
    if (slot.capacity() == 0 && !spare_.empty()) {
      slot = std::move(spare_.back());
      spare_.pop_back();
    }
    slot.push_back(std::move(entry));
  }
  [[nodiscard]] std::int64_t tick_of(Millis at) const noexcept { return at.count() / tick_.count(); }

  Millis tick_;
  std::int64_t current_;
  std::size_t slotCount_;
  std::vector<std::vector<Entry>> slots_;  ///< empty until the first timer
  std::vector<Entry> due_;
  std::vector<std::vector<Entry>> spare_;  ///< empty ones with memory
  std::size_t size_ = 0;
};

}  // namespace chatcore
