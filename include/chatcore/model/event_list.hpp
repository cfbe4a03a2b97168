#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "chatcore/model/event.hpp"

namespace chatcore {

/// Events with their texts in a few large pieces of memory: a page of them costs a handful of allocations,
/// whatever it holds. Its views live as long as it does, also after it was moved.
class CHATCORE_API EventList {
 public:
  EventList() = default;
  EventList(EventList&&) noexcept = default;
  EventList& operator=(EventList&&) noexcept = default;

  void reserve(std::size_t events) { views_.reserve(events); }
  /// Copies the texts. Amortized O(bytes).
  void push_back(const EventView& event);
  /// Turns the order of everything from position `first` on.
  void reverse_from(std::size_t first);
  /// Keeps the first `count`.
  void truncate(std::size_t count);

  [[nodiscard]] std::size_t size() const noexcept { return views_.size(); }
  [[nodiscard]] bool empty() const noexcept { return views_.empty(); }
  [[nodiscard]] const EventView& operator[](std::size_t i) const { return views_[i]; }
  [[nodiscard]] const EventView& front() const { return views_.front(); }
  [[nodiscard]] const EventView& back() const { return views_.back(); }
  [[nodiscard]] auto begin() const noexcept { return views_.begin(); }
  [[nodiscard]] auto end() const noexcept { return views_.end(); }

 private:
  char* room_for(std::size_t bytes);

  std::vector<EventView> views_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* free_ = nullptr;
  std::size_t left_ = 0;
  std::size_t nextBlock_ = 1024;
};

}  // namespace chatcore
