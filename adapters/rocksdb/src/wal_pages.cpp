#include "wal_pages.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace chatcore::rocks {

namespace {

constexpr std::size_t kHeader = 7;  // checksum(4), length(2), type(1)
enum Type : std::uint8_t { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78U : 0U);
    tables[0][i] = crc;
  }
  for (std::size_t t = 1; t < 8; ++t) {
    for (std::size_t i = 0; i < 256; ++i)
      tables[t][i] = (tables[t - 1][i] >> 8) ^ tables[0][tables[t - 1][i] & 0xff];
  }
  return tables;
}
constexpr Tables kTables = make_tables();

std::uint32_t stored_checksum(std::uint32_t raw) {
  // RocksDB masks it, so that a checksum over bytes that hold a checksum is no trivial one.
  const std::uint32_t rotated = raw - 0xa282ead8U;
  return (rotated >> 17) | (rotated << 15);
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) noexcept {
  std::uint32_t crc = ~before;
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, at, sizeof eight);
    eight ^= crc;
    crc = 0;
    for (std::size_t i = 0; i < 8; ++i) crc ^= kTables[7 - i][(eight >> (8 * i)) & 0xff];
  }
  for (; left > 0; ++at, --left) crc = (crc >> 8) ^ kTables[0][(crc ^ static_cast<std::uint8_t>(*at)) & 0xff];
  return ~crc;
}

void WalPages::fault_at(std::uint64_t offset) {
  fault_ = true;
  inside_ = false;
  if (firstFault_ == kIntact) firstFault_ = offset;
}

void WalPages::block(std::string_view bytes) {
  std::size_t at = 0;
  while (bytes.size() - at >= kHeader) {
    std::uint32_t masked = 0;
    std::uint16_t length = 0;
    std::memcpy(&masked, bytes.data() + at, sizeof masked);
    std::memcpy(&length, bytes.data() + at + 4, sizeof length);
    const auto type = static_cast<std::uint8_t>(bytes[at + 6]);
    const bool begins = type == kFull || type == kFirst;
    const bool intact = type >= kFull && type <= kLast && length <= bytes.size() - at - kHeader &&
                        crc32c(bytes.substr(at + 6, std::size_t{1} + length)) == stored_checksum(masked);
    if (!intact) {
      fault_at(offset_ + at);
      break;  // Nothing says where the next one begins but the next block.
    }
    if (begins == inside_) fault_at(offset_ + at);
    const std::string_view payload = bytes.substr(at + kHeader, length);
    at += kHeader + length;
    if (!begins && !inside_) continue;  // the rest of what has lost its beginning
    inside_ = type == kFirst || type == kMiddle;
    if (begins) head_.clear();
    head_.append(payload.substr(0, kHead - std::min(kHead, head_.size())));
    if (inside_) continue;
    visit_(head_, fault_);
    fault_ = false;
  }
  offset_ += bytes.size();
  // The last block: nothing may be left over, and nothing open.
  if (bytes.size() < kBlock && (at < bytes.size() || inside_)) fault_at(offset_ - (bytes.size() - at));
}

}  // namespace chatcore::rocks
