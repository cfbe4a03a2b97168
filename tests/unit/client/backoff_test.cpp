#include "client/backoff.hpp"

#include <doctest/doctest.h>

#include <cstring>

#include "client/uuid7.hpp"
#include "driver.hpp"

using namespace chatcore;
using namespace chatcore::client;

namespace {

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  void fill(std::span<std::byte> bytes) override {
    for (std::byte& byte : bytes) {
      state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
      byte = static_cast<std::byte>(state_ >> 56);
    }
  }

 private:
  std::uint64_t state_;
};

}  // namespace

TEST_CASE("the n-th pause lies between nothing and base times 2^n, never above the cap") {
  SeededRandom random(7);
  for (int run = 0; run < 200; ++run) {
    Backoff backoff(Millis(250), Millis(30'000));
    for (unsigned n = 0; n < 70; ++n) {
      const Millis pause = backoff.next(random);
      CHECK(pause >= Millis(0));
      CHECK(pause <= std::min<Millis>(Millis(30'000), Millis(250) * (1LL << std::min(n, 10U))));
    }
  }
}

TEST_CASE("pauses are spread over their whole range") {
  SeededRandom random(11);
  int low = 0;
  for (int run = 0; run < 1000; ++run) {
    Backoff backoff(Millis(1000), Millis(30'000));
    if (backoff.next(random) < Millis(500)) ++low;
  }
  CHECK(low > 400);
  CHECK(low < 600);
}

TEST_CASE("a reset begins at the base again") {
  SeededRandom random(3);
  Backoff backoff(Millis(250), Millis(30'000));
  for (int i = 0; i < 10; ++i) (void)backoff.next(random);
  backoff.reset();
  CHECK(backoff.next(random) <= Millis(250));
}

TEST_CASE("ids made at enqueue are UUIDs of version 7 that carry their time") {
  SeededRandom random(1);
  const std::string id = make_uuid7(0x0123456789AB, random);
  REQUIRE(id.size() == 36);
  CHECK(id.substr(0, 15) == "01234567-89ab-7");
  CHECK(std::string("89ab").find(id[19]) != std::string::npos);
  CHECK(id != make_uuid7(0x0123456789AB, random));
}
