#pragma once

#include <algorithm>

#include "chatcore/ports/clock.hpp"
#include "client/types.hpp"

namespace chatcore::client {

/// Full jitter: uniform in [0, min(cap, base * 2^n)], so that clients which lost the same server do not
/// come back together.
class Backoff {
 public:
  Backoff(Millis base, Millis cap) : base_(base), cap_(cap) {}

  Millis next(Random& random) {
    const Millis ceiling = std::min(cap_, base_ * (std::int64_t{1} << std::min(attempts_, 20U)));
    ++attempts_;
    return Millis(static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(ceiling.count()) + 1)));
  }
  void reset() { attempts_ = 0; }
  unsigned attempts() const { return attempts_; }

 private:
  Millis base_;
  Millis cap_;
  unsigned attempts_ = 0;
};

}  // namespace chatcore::client
