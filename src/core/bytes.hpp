#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace chatcore {

/// LEB128: seven bits a byte, lowest first; at most ten bytes.
inline void put_number(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

/// Eight bytes, lowest first.
inline void put_fixed(std::string& out, std::uint64_t value) {
  for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(value >> shift));
}

/// Its size, then its bytes.
inline void put_text(std::string& out, std::string_view text) {
  put_number(out, text.size());
  out.append(text);
}

/// Reads what the functions above wrote, and never beyond the end. After something that is not there, or not
/// right, everything else is 0 or empty, and `ok` false.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}
  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] bool done() const noexcept { return ok_ && bytes_.empty(); }
  [[nodiscard]] bool more() const noexcept { return ok_ && !bytes_.empty(); }
  [[nodiscard]] std::size_t left() const noexcept { return ok_ ? bytes_.size() : 0; }
  void fail() noexcept { ok_ = false; }

  std::uint8_t byte() {
    if (bytes_.empty()) ok_ = false;
    if (!ok_) return 0;
    const auto first = static_cast<std::uint8_t>(bytes_.front());
    bytes_.remove_prefix(1);
    return first;
  }
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const std::uint64_t next = byte();
      value |= (next & 0x7f) << shift;
      if (next < 0x80) return value;
    }
    ok_ = false;
    return 0;
  }
  std::uint64_t fixed() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 8) value |= std::uint64_t{byte()} << shift;
    return value;
  }
  /// A view into what is read.
  std::string_view text() {
    const std::uint64_t size = number();
    if (size > bytes_.size()) ok_ = false;
    if (!ok_) return {};
    const std::string_view front = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return front;
  }
  /// All that is left.
  std::string_view rest() {
    const std::string_view all = ok_ ? bytes_ : std::string_view();
    bytes_ = {};
    return all;
  }
  /// How many things of at least `each` bytes follow: no more than there is room for.
  std::size_t count(std::size_t each) {
    const std::uint64_t said = number();
    if (ok_ && said > bytes_.size() / each) ok_ = false;
    return ok_ ? static_cast<std::size_t>(said) : 0;
  }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace chatcore
