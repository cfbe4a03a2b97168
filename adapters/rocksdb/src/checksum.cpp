#include "checksum.hpp"

#include <cstring>

namespace chatcore::rocks {

namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::uint64_t kA = 0xa0761d6478bd642fULL;
constexpr std::uint64_t kB = 0xe7037ed1a0b428dbULL;
constexpr std::uint64_t kC = 0x8ebc6af09c88c6e3ULL;

std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t load(const char* from) noexcept {
  std::uint64_t value = 0;
  std::memcpy(&value, from, sizeof value);
  return value;
}

std::uint64_t mix(std::uint64_t seed, std::string_view bytes) noexcept {
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t other = seed ^ kC;
  // Two lanes keep the multiplier busy.
  for (; left >= 32; at += 32, left -= 32) {
    seed = fold(load(at) ^ kA, load(at + 8) ^ seed);
    other = fold(load(at + 16) ^ kB, load(at + 24) ^ other);
  }
  char tail[32] = {};
  if (left > 0) std::memcpy(tail, at, left);
  seed = fold(load(tail) ^ kA, load(tail + 8) ^ seed);
  other = fold(load(tail + 16) ^ kB, load(tail + 24) ^ other);
  return fold(seed ^ other ^ kC, bytes.size() ^ kB);
}

}  // namespace

std::uint32_t checksum(std::string_view key, std::string_view body) noexcept {
  const std::uint64_t hash = mix(mix(kA, key), body);
  return static_cast<std::uint32_t>(hash ^ hash >> 32);
}

void seal_value(std::string_view key, std::string& value) noexcept {
  const std::uint32_t sum = checksum(key, std::string_view(value).substr(4));
  std::memcpy(value.data(), &sum, sizeof sum);
}

std::string_view open_value(std::string_view key, std::string_view value) noexcept {
  ByteReader reader(value);
  const std::uint32_t sum = reader.fixed32();
  const std::string_view body = reader.rest();
  return reader.ok() && sum == checksum(key, body) ? body : std::string_view();
}

}  // namespace chatcore::rocks
