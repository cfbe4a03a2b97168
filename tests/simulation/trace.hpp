#pragma once

#include <cstdint>
#include <cstdio>
#include <string_view>

#include "chatcore/testing/manual_clock.hpp"

namespace chatcore::simulation {

/// What happened, as a hash always and as lines where somebody reads them. Two runs of a seed must come to
/// the same hash.
class Trace {
 public:
  Trace(const testing::ManualClock& clock, std::FILE* out) : clock_(clock), out_(out) {}

  [[nodiscard]] bool printed() const noexcept { return out_ != nullptr; }
  [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }

  void mix(std::uint64_t value) noexcept { hash_ = (hash_ ^ value) * 0x100000001b3U; }
  void mix(std::string_view text) noexcept {
    for (const char c : text) mix(static_cast<unsigned char>(c));
  }

  /// `who what`, after the time. Both count for the hash.
  void line(std::string_view who, std::string_view what) {
    mix(who);
    mix(what);
    note(who, what);
  }
  /// For what may differ between two runs without meaning anything, such as the order of a set.
  void note(std::string_view who, std::string_view what) {
    if (out_ == nullptr) return;
    const double seconds = static_cast<double>(clock_.steady().count() - 1'000'000) / 1000;
    std::fprintf(out_, "%9.3f  %-16.*s %.*s\n", seconds, static_cast<int>(who.size()), who.data(),
                 static_cast<int>(what.size()), what.data());
  }

 private:
  const testing::ManualClock& clock_;
  std::FILE* out_;
  std::uint64_t hash_ = 0xcbf29ce484222325U;
};

}  // namespace chatcore::simulation
