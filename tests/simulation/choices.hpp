#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "chatcore/ports/clock.hpp"

namespace chatcore::simulation {

/// One stream of choices out of a seed (xorshift64* behind a splitmix start). Streams of their own for the
/// scheduler, the faults and each actor keep a change in one from shuffling all the others.
class Choices final : public Random {
 public:
  Choices(std::uint64_t seed, std::uint64_t stream) {
    state_ = mix(seed * 0x9e3779b97f4a7c15U + mix(stream + 1));
    if (state_ == 0) state_ = 1;
  }

  std::uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1dU;
  }
  /// In [0, bound).
  std::size_t index(std::size_t bound) { return static_cast<std::size_t>((next() >> 11) % bound); }
  /// In [low, high].
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(index(static_cast<std::size_t>(high - low + 1)));
  }
  bool percent(unsigned chance) { return index(100) < chance; }
  template <class T>
  T& pick(std::vector<T>& from) {
    return from[index(from.size())];
  }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[index(from.size())];
  }

  void fill(std::span<std::byte> bytes) override {
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(next() >> 32);
  }

 private:
  static std::uint64_t mix(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
  }
  std::uint64_t state_;
};

}  // namespace chatcore::simulation
