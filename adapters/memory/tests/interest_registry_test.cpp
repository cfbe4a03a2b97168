#include "chatcore/memory/interest_registry.hpp"

#include <doctest/doctest.h>

#include "chatcore/testing/interest_registry_conformance.hpp"
#include "chatcore/testing/manual_clock.hpp"
#include "chatcore/testing/test_executor.hpp"

using namespace chatcore;
using namespace std::chrono_literals;

namespace {

template <bool kSweeps>
class Fixture final : public testing::InterestRegistryFixture {
 public:
  InterestRegistry& registry() override { return registry_; }
  void advance(std::chrono::milliseconds by) override {
    clock_.advance(by);
    if (kSweeps) registry_.expire_due();
  }

 private:
  testing::ManualClock clock_;
  MemoryInterestRegistry registry_{clock_};
};

std::vector<Status> add(InterestRegistry& registry, std::vector<std::string> topics) {
  testing::TestExecutor executor;
  return executor.wait<std::vector<Status>>([&](Executor& on, auto done) {
    registry.register_interest({"s", 1}, std::move(topics), 60s, on, std::move(done));
  });
}

}  // namespace

TEST_CASE_TEMPLATE("memory interests keep the promises of the port, with and without a sweep", Made,
                   Fixture<true>, Fixture<false>) {
  for (const auto& each : testing::interest_registry_conformance([] { return std::make_unique<Made>(); })) {
    CAPTURE(each.name);
    CHECK_NOTHROW(each.run());
  }
}

TEST_CASE("interests are bounded, and a sweep makes room") {
  testing::ManualClock clock;
  MemoryInterestRegistry registry(clock, 2);
  const auto answers = add(registry, {"a", "b", "c", "a"});
  CHECK(answers[0]);
  CHECK(answers[1]);
  CHECK(answers[2].error().code == ErrorCode::overloaded);
  CHECK(answers[3]);
  clock.advance(61s);
  CHECK(registry.expire_due(1));
  CHECK(registry.size() == 1);
  CHECK_FALSE(registry.expire_due());
  CHECK(add(registry, {"c"})[0]);
}

TEST_CASE("a topic's name has 1 to 256 bytes") {
  MemoryInterestRegistry registry;
  const auto answers = add(registry, {"", std::string(256, 't'), std::string(257, 't')});
  CHECK(answers[0].error().code == ErrorCode::invalid_argument);
  CHECK(answers[1]);
  CHECK(answers[2].error().code == ErrorCode::invalid_argument);
}
