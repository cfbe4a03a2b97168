#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <mutex>
#include <string_view>

namespace chatcore::gateway {

/// Counts the open connections of the process, and those of each remote address if they are limited.
/// Thread-safe: every shard's transport asks it.
class ConnectionCaps {
 public:
  enum class Verdict : std::uint8_t { admitted, process_full, address_full };
  using Address = std::uint64_t;

  /// `perAddress` 0: no limit.
  ConnectionCaps(std::uint32_t total, std::uint32_t perAddress) : total_(total), perAddress_(perAddress) {}

  /// Addresses of one network have one name; 0 where they are not counted.
  [[nodiscard]] Address name(std::string_view remoteAddress) const;
  [[nodiscard]] Verdict admit(Address address);
  /// Once for each `admit` that said `admitted`.
  void release(Address address);

  [[nodiscard]] std::uint32_t open() const;
  [[nodiscard]] std::size_t addresses() const;

 private:
  const std::uint32_t total_;
  const std::uint32_t perAddress_;
  mutable std::mutex mutex_;
  std::uint32_t open_ = 0;
  absl::flat_hash_map<Address, std::uint32_t> byAddress_;
};

}  // namespace chatcore::gateway
