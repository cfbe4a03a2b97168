#pragma once

#include <cstdint>
#include <string_view>

#include "chatcore/version.hpp"

namespace chatcore {

/// Counters and gauges, reported by each shard about once a second as sums since the last report, so that
/// no hot path calls through here. Names are stable: see src/server/README.md. Any thread.
class CHATCORE_API Metrics {
 public:
  virtual ~Metrics();
  virtual void add(std::string_view counter, std::uint64_t increment) = 0;
  virtual void set(std::string_view gauge, std::uint32_t shard, std::int64_t value) = 0;
};

/// Discards everything.
[[nodiscard]] CHATCORE_API Metrics& null_metrics();

}  // namespace chatcore
