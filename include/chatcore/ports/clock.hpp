#pragma once

#include <chrono>
#include <cstdint>
#include <span>

#include "chatcore/model/ids.hpp"

namespace chatcore {

/// All time comes from here. Thread-safe.
class CHATCORE_API Clock {
 public:
  using Duration = std::chrono::milliseconds;
  virtual ~Clock();
  /// Unix milliseconds; may jump. For timestamps that people and other servers see.
  [[nodiscard]] virtual Timestamp now() const = 0;
  /// Milliseconds since some start; never runs back. For deadlines.
  [[nodiscard]] virtual Duration steady() const = 0;
};

/// All randomness comes from here. Thread-safe.
class CHATCORE_API Random {
 public:
  virtual ~Random();
  virtual void fill(std::span<std::byte> bytes) = 0;
  /// Uniform in [0, bound); bound > 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound);
};

/// The system's clock and libsodium's generator; both live as long as the process.
[[nodiscard]] CHATCORE_API Clock& system_clock();
[[nodiscard]] CHATCORE_API Random& system_random();

}  // namespace chatcore
