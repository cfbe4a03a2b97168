#include "gateway/sha1.hpp"

#include <bit>
#include <cstring>

namespace chatcore::gateway {
namespace {

using State = std::array<std::uint32_t, 5>;
constexpr std::size_t kBlockBytes = 64;

std::array<std::uint32_t, 80> schedule(const std::uint8_t* block) {
  std::array<std::uint32_t, 80> words;
  for (std::size_t i = 0; i < 16; ++i) {
    const auto* at = block + 4 * i;
    words[i] = static_cast<std::uint32_t>(at[0]) << 24 | static_cast<std::uint32_t>(at[1]) << 16 |
               static_cast<std::uint32_t>(at[2]) << 8 | at[3];
  }
  for (std::size_t i = 16; i < 80; ++i) {
    words[i] = std::rotl(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
  }
  return words;
}

/// The round function and constant of round `i`.
std::uint32_t mix(std::size_t i, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  if (i < 20) return ((b & c) | (~b & d)) + 0x5A827999;
  if (i < 40) return (b ^ c ^ d) + 0x6ED9EBA1;
  if (i < 60) return ((b & c) | (b & d) | (c & d)) + 0x8F1BBCDC;
  return (b ^ c ^ d) + 0xCA62C1D6;
}

void add_block(State& state, const std::uint8_t* block) {
  const auto words = schedule(block);
  auto [a, b, c, d, e] = state;
  for (std::size_t i = 0; i < 80; ++i) {
    const auto next = std::rotl(a, 5) + mix(i, b, c, d) + e + words[i];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  state = {state[0] + a, state[1] + b, state[2] + c, state[3] + d, state[4] + e};
}

}  // namespace

std::array<std::uint8_t, 20> sha1(std::string_view message) noexcept {
  State state{0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
  const std::uint64_t bits = static_cast<std::uint64_t>(message.size()) * 8;
  for (; message.size() >= kBlockBytes; message.remove_prefix(kBlockBytes)) {
    add_block(state, reinterpret_cast<const std::uint8_t*>(message.data()));
  }

  // The rest, a one bit, zeros, and the length in the last eight bytes: one block or two.
  std::array<std::uint8_t, 2 * kBlockBytes> tail{};
  if (!message.empty()) std::memcpy(tail.data(), message.data(), message.size());
  tail[message.size()] = 0x80;
  const std::size_t end = message.size() + 9 <= kBlockBytes ? kBlockBytes : 2 * kBlockBytes;
  for (std::size_t i = 0; i < 8; ++i) tail[end - 1 - i] = static_cast<std::uint8_t>(bits >> (8 * i));
  for (std::size_t at = 0; at < end; at += kBlockBytes) add_block(state, tail.data() + at);

  std::array<std::uint8_t, 20> digest;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    digest[i] = static_cast<std::uint8_t>(state[i / 4] >> (24 - 8 * (i % 4)));
  }
  return digest;
}

}  // namespace chatcore::gateway
