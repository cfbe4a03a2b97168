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
    if (!added) known->second = at;
    order_.emplace_back(at, UserId(user));
  }

  /// How many milliseconds this user has still to wait; 0: none.
  [[nodiscard]] std::int64_t wait(std::string_view user, Timestamp now, std::uint32_t seconds) const {
    const auto known = last_.find(user);
    // A clock that was set back would make members wait until it has caught up.
    if (known == last_.end() || now < known->second) return 0;
    return std::max<std::int64_t>(known->second + std::int64_t{1'000} * seconds - now, 0);
  }

  void clear() {
    last_.clear();
    order_.clear();
  }
  [[nodiscard]] std::size_t size() const noexcept { return order_.size(); }

 private:
  void prune(Timestamp now, std::uint32_t seconds) {
    const auto over = [&](Timestamp at) { return at > now || at + std::int64_t{1'000} * seconds <= now; };
    while (!order_.empty() && over(order_.front().first)) {
      const auto known = last_.find(order_.front().second);
      if (known != last_.end() && known->second == order_.front().first) last_.erase(known);
      order_.pop_front();
    }
  }

  StringMap<Timestamp> last_;
  std::deque<std::pair<Timestamp, UserId>> order_;
};

}  // namespace chatcore::engine
