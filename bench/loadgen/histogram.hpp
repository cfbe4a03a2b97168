#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace chatcore::bench {

/// Nanoseconds in buckets that grow with the value: 32 to each power of two, so a percentile is at most 3 %
/// too high. Fixed memory, O(1) to record.
class Histogram {
 public:
  void record(std::int64_t nanoseconds) noexcept {
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(nanoseconds, 0));
    ++counts_[bucket_of(value)];
    ++total_;
    max_ = std::max(max_, value);
  }

  /// The upper edge of the bucket that holds the given share (0..1) of the values; 0 when there are none.
  [[nodiscard]] std::uint64_t percentile(double share) const noexcept {
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(total_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (counts_[i] != 0 && seen >= wanted) return std::min(upper_edge(i), max_);
    }
    return max_;
  }

  [[nodiscard]] std::uint64_t max() const noexcept { return max_; }
  [[nodiscard]] std::uint64_t total() const noexcept { return total_; }
  void clear() noexcept { *this = {}; }

 private:
  static constexpr unsigned kBits = 5;
  static constexpr std::uint64_t kPerPower = 1U << kBits;

  static std::size_t bucket_of(std::uint64_t value) noexcept {
    if (value < kPerPower) return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kBits;
    return (std::uint64_t{shift} + 1) * kPerPower + ((value >> shift) - kPerPower);
  }
  static std::uint64_t upper_edge(std::size_t bucket) noexcept {
    if (bucket < kPerPower) return bucket;
    const auto shift = bucket / kPerPower - 1;
    return ((bucket % kPerPower + kPerPower + 1) << shift) - 1;
  }

  std::array<std::uint64_t, (64 - kBits + 1) * kPerPower> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace chatcore::bench
