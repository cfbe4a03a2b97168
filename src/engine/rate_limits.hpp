#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>

#include "chatcore/engine/options.hpp"

namespace chatcore::engine {

enum class CommandKind : std::uint8_t { events, receipts, typing, queries, presence, malformed };

/// Token buckets by key. A bucket is one number, the time at which it is full again; one that is full by now
/// is the same as none, so forgetting it loses nothing. Not thread-safe.
class RateTable {
 public:
  explicit RateTable(std::size_t maxKeys) : maxKeys_(maxKeys) {}

  /// Takes `cost` tokens if there is one at least: a dear command may leave a debt, and none is too dear.
  /// Returns 0, or after how many milliseconds there is a token again.
  [[nodiscard]] std::int64_t take(std::uint64_t key, const Rate& rate, std::uint32_t cost,
                                  std::int64_t nowMillis);
  /// Forgets the full ones.
  void sweep(std::int64_t nowMillis);
  [[nodiscard]] std::size_t size() const noexcept { return fullAt_.size(); }

 private:
  [[nodiscard]] bool has_room(std::int64_t nowMillis);

  std::size_t maxKeys_;
  std::int64_t sweptAt_ = INT64_MIN;
  absl::flat_hash_map<std::uint64_t, std::int64_t> fullAt_;  // microseconds
};

/// How a session takes being told to wait.
class Patience {
 public:
  void taken() noexcept {
    if (ignored_ > 0) --ignored_;
  }
  /// True: it has been told often enough.
  [[nodiscard]] bool refused(std::int64_t nowMillis, std::int64_t retryAfterMillis,
                             std::uint32_t maxIgnored) noexcept;

 private:
  std::int64_t retryAt_ = 0;
  std::uint32_t ignored_ = 0;
};

/// The whole process's buckets. Thread-safe: one stripe is locked for each bucket that is asked, for as long
/// as a look-up takes.
class RateLimits {
 public:
  static constexpr std::size_t kStripes = 64;

  /// Null where nothing is limited.
  [[nodiscard]] static std::unique_ptr<RateLimits> create(const RateLimitOptions& options);
  explicit RateLimits(const RateLimitOptions& options);

  struct Sender {
    std::string_view user;
    std::string_view device;
    std::uint64_t address = 0;  ///< address_key
  };
  /// 0: taken; otherwise after how many milliseconds to come again. What was taken from a device's bucket
  /// before the user's turned out to be empty stays taken.
  [[nodiscard]] std::int64_t take(const Sender& sender, CommandKind kind, std::uint32_t cost,
                                  std::int64_t nowMillis);
  [[nodiscard]] static std::uint64_t address_key(std::string_view remoteAddress);

  void sweep(std::size_t stripe, std::int64_t nowMillis);
  [[nodiscard]] std::size_t tracked() const;
  [[nodiscard]] std::uint32_t max_ignored() const noexcept { return options_.maxIgnored; }

 private:
  struct alignas(64) Stripe {
    mutable std::mutex mutex;
    RateTable table{0};
  };
  [[nodiscard]] const CommandRates& rates(CommandKind kind) const noexcept;
  [[nodiscard]] std::int64_t take_one(std::uint64_t key, const Rate& rate, std::uint32_t cost,
                                      std::int64_t nowMillis);

  RateLimitOptions options_;
  std::array<Stripe, kStripes> stripes_;
};

}  // namespace chatcore::engine
