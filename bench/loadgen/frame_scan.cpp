#include "frame_scan.hpp"

#include <array>
#include <cstring>
#include <random>

namespace chatcore::bench {
namespace {

constexpr std::array<unsigned char, 4> kMask = {0x37, 0xfa, 0x21, 0x3d};
constexpr std::string_view kTypeKey = R"({"type":")";

std::uint64_t big_endian(std::string_view bytes) noexcept {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::uint64_t next_random() noexcept {
  static std::uint64_t state = std::random_device{}() | std::uint64_t{std::random_device{}()} << 32 | 1;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state * 0x2545f4914f6cdd1dULL;
}

std::string_view after(std::string_view json, std::string_view key) noexcept {
  const void* found = memmem(json.data(), json.size(), key.data(), key.size());
  if (found == nullptr) return {};
  return json.substr(static_cast<std::size_t>(static_cast<const char*>(found) - json.data()) + key.size());
}

}  // namespace

ServerFrame front_frame(std::string_view bytes) noexcept {
  if (bytes.size() < 2) return {};
  std::size_t header = 2;
  std::uint64_t length = static_cast<unsigned char>(bytes[1]) & 0x7fU;
  if (length >= 126) {
    header += length == 126 ? 2 : 8;
    if (bytes.size() < header) return {};
    length = big_endian(bytes.substr(2, header - 2));
  }
  if (bytes.size() - header < length) return {};
  const auto opcode = static_cast<std::uint8_t>(bytes[0] & 0x0f);
  return {.size = header + length, .opcode = opcode, .payload = bytes.substr(header, length)};
}

void append_client_frame(std::string& out, std::uint8_t opcode, std::string_view payload) {
  out.push_back(static_cast<char>(0x80 | opcode));
  const auto size = payload.size();
  if (size < 126) {
    out.push_back(static_cast<char>(0x80 | size));
  } else if (size < 65536) {
    out.push_back(static_cast<char>(0x80 | 126));
    out.push_back(static_cast<char>(size >> 8));
    out.push_back(static_cast<char>(size));
  } else {
    out.push_back(static_cast<char>(0x80 | 127));
    for (int shift = 56; shift >= 0; shift -= 8)
      out.push_back(static_cast<char>(std::uint64_t{size} >> shift));
  }
  out.append(reinterpret_cast<const char*>(kMask.data()), kMask.size());
  const auto start = out.size();
  out.append(payload);
  for (std::size_t i = 0; i < size; ++i) out[start + i] = static_cast<char>(out[start + i] ^ kMask[i & 3]);
}

bool is_type(std::string_view json, std::string_view type) noexcept {
  return json.size() > kTypeKey.size() + type.size() && json.starts_with(kTypeKey) &&
         json.substr(kTypeKey.size(), type.size()) == type && json[kTypeKey.size() + type.size()] == '"';
}

std::optional<std::uint64_t> find_number(std::string_view json, std::string_view quotedKey) noexcept {
  const auto rest = after(json, quotedKey);
  if (rest.size() < 2) return std::nullopt;
  std::uint64_t value = 0;
  std::size_t i = 1;  // the colon
  for (; i < rest.size() && rest[i] >= '0' && rest[i] <= '9'; ++i) {
    value = value * 10 + static_cast<unsigned>(rest[i] - '0');
  }
  return i == 1 ? std::nullopt : std::optional(value);
}

std::string_view find_text(std::string_view json, std::string_view quotedKey) noexcept {
  const auto rest = after(json, quotedKey);
  if (!rest.starts_with(":\"")) return {};
  return rest.substr(2, rest.find('"', 2) - 2);
}

void append_uuid4(std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::string_view kShape = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx";
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    if (i % 16 == 0) bits = next_random();
    const auto digit = bits & 15U;
    bits >>= 4;
    const char shape = kShape[i];
    out.push_back(shape == 'x' ? kHex[digit] : shape == 'y' ? kHex[8 | (digit & 3U)] : shape);
  }
}

}  // namespace chatcore::bench
