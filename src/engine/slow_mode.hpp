#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <string_view>
#include <utility>

#include "chatcore/model/ids.hpp"
#include "core/string_map.hpp"

namespace chatcore::engine {

/// When the members of a group in slow mode sent last; at most one entry for each who did so within the time
/// that slow mode lets pass. Forgotten with the conversation's place in memory.
class SlowMode {
 public:
  void sent(std::string_view user, Timestamp at, std::uint32_t seconds) {
    prune(at, seconds);
    const auto [known, added] = last_.try_emplace(user, at);
    if (!added) known->second = std::max(known->second, at);
    order_.emplace_back(at, UserId(user));
  }

  /// How many milliseconds this user has still to wait; 0: none.
  [[nodiscard]] std::int64_t wait(std::string_view user, Timestamp now, std::uint32_t seconds) const {
    const auto known = last_.find(user);
    if (known == last_.end()) return 0;
    const std::int64_t whole = std::int64_t{1'000} * seconds;
    return std::clamp<std::int64_t>(known->second + whole - now, 0, whole);
  }

  void clear() {
    last_.clear();
    order_.clear();
  }
  [[nodiscard]] std::size_t size() const noexcept { return order_.size(); }

 private:
  void prune(Timestamp now, std::uint32_t seconds) {
    while (!order_.empty() && order_.front().first + std::int64_t{1'000} * seconds <= now) {
      const auto known = last_.find(order_.front().second);
      if (known != last_.end() && known->second == order_.front().first) last_.erase(known);
      order_.pop_front();
    }
  }

  StringMap<Timestamp> last_;
  std::deque<std::pair<Timestamp, UserId>> order_;
};

}  // namespace chatcore::engine
