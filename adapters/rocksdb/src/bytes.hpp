#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

/// The smallest parts of the stored format: little-endian fixed numbers, LEB128 varints, counted strings.
namespace chatcore::rocks {

static_assert(std::endian::native == std::endian::little, "the stored format is little-endian");

inline void put_fixed64(std::string& out, std::uint64_t value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
/// Big-endian, for keys: byte order is number order.
inline void put_ordered64(std::string& out, std::uint64_t value) {
  put_fixed64(out, __builtin_bswap64(value));
}
inline void set_ordered64(char* at, std::uint64_t value) {
  value = __builtin_bswap64(value);
  std::memcpy(at, &value, sizeof value);
}
inline std::uint64_t get_ordered64(const char* from) {
  std::uint64_t value = 0;
  std::memcpy(&value, from, sizeof value);
  return __builtin_bswap64(value);
}
inline void put_varint(std::string& out, std::uint64_t value) {
  char buffer[10];
  std::size_t size = 0;
  while (value >= 0x80) {
    buffer[size++] = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  buffer[size++] = static_cast<char>(value);
  out.append(buffer, size);
}
inline void put_string(std::string& out, std::string_view text) {
  put_varint(out, text.size());
  out.append(text);
}

/// Takes values off the front of a buffer. After a failure every value is empty and `ok` is false.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] bool ok() const { return ok_; }
  /// ok, and nothing is left over.
  [[nodiscard]] bool done() const { return ok_ && bytes_.empty(); }

  std::string_view take(std::size_t size) {
    if (size > bytes_.size()) return fail(), std::string_view();
    const std::string_view front = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return front;
  }
  std::uint8_t byte() {
    if (bytes_.empty()) return fail(), 0;
    const auto first = static_cast<std::uint8_t>(bytes_.front());
    bytes_.remove_prefix(1);
    return first;
  }
  std::uint32_t fixed32() { return fixed<std::uint32_t>(); }
  std::uint64_t fixed64() { return fixed<std::uint64_t>(); }
  /// In its only spelling: nothing padded, nothing beyond 64 bits.
  std::uint64_t varint() {
    std::uint64_t value = byte();
    if (value < 0x80) return value;
    value &= 0x7f;
    for (unsigned shift = 7; shift < 64; shift += 7) {
      const std::uint64_t next = byte();
      if (next == 0 || (shift == 63 && next > 1)) break;
      value |= (next & 0x7f) << shift;
      if (next < 0x80) return value;
    }
    return fail(), 0;
  }
  std::uint32_t varint32() {
    const std::uint64_t value = varint();
    if (value > UINT32_MAX) return fail(), 0;
    return static_cast<std::uint32_t>(value);
  }
  std::string_view string() { return take(varint()); }
  std::string_view rest() { return take(bytes_.size()); }

 private:
  template <class Number>
  Number fixed() {
    Number value = 0;
    const std::string_view raw = take(sizeof value);
    if (ok_) std::memcpy(&value, raw.data(), sizeof value);
    return value;
  }
  void fail() {
    ok_ = false;
    bytes_ = {};
  }

  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace chatcore::rocks
