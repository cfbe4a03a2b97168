#include "client/uuid7.hpp"

#include <array>

namespace chatcore::client {

std::string make_uuid7(Timestamp wall, Random& random) {
  std::array<unsigned char, 16> bytes;
  random.fill(std::as_writable_bytes(std::span(bytes)));
  const auto millis = static_cast<std::uint64_t>(wall);
  for (unsigned i = 0; i < 6; ++i) bytes[i] = static_cast<unsigned char>(millis >> (40 - 8 * i));
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x70);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);

  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (unsigned i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text.push_back('-');
    text.push_back(kHex[bytes[i] >> 4]);
    text.push_back(kHex[bytes[i] & 15]);
  }
  return text;
}

}  // namespace chatcore::client
