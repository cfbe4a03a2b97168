#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace chatcore::rocks {

/// CRC-32C, as RocksDB's log files carry it.
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0) noexcept;

/// Walks the records of a RocksDB log file (write-ahead log or manifest) that lies in blocks of 32 KiB.
/// Needs no more of the format than that: header, length, type and checksum.
class WalPages {
 public:
  static constexpr std::size_t kBlock = 32 * 1024;

  static constexpr std::size_t kHead = 64;

  /// Takes the first bytes of each intact record in order; `fault`: what stood before it was not intact.
  using Visit = std::function<void(std::string_view head, bool fault)>;

  explicit WalPages(Visit visit) : visit_(std::move(visit)) {}

  /// The next block of the file, which is whole unless it is the last one.
  void block(std::string_view bytes);

  static constexpr std::uint64_t kIntact = UINT64_MAX;
  /// Offset of the first record that is not what was written; `kIntact`: none.
  [[nodiscard]] std::uint64_t first_fault() const { return firstFault_; }
  /// Whether something after the last intact beginning is not what was written.
  [[nodiscard]] bool fault() const { return fault_; }

 private:
  void fault_at(std::uint64_t offset);

  Visit visit_;
  std::uint64_t offset_ = 0;
  bool inside_ = false;  ///< a record has begun and not ended
  std::string head_;
  bool fault_ = false;  ///< since the last intact record
  std::uint64_t firstFault_ = kIntact;
};

}  // namespace chatcore::rocks
