#include "chatcore/memory/placement.hpp"

#include <doctest/doctest.h>

#include "chatcore/testing/placement_conformance.hpp"
#include "chatcore/testing/test_executor.hpp"

using namespace chatcore;

namespace {

class Fixture final : public testing::PlacementFixture {
 public:
  Placement& placement() override { return placement_; }
  void lose(std::uint32_t partition) override { REQUIRE(placement_.lose(partition)); }
  void grant(std::uint32_t partition) override { REQUIRE(placement_.grant(partition, ++term_)); }

 private:
  Term term_ = 5;
  MemoryPlacement placement_{5};
};

}  // namespace

TEST_CASE("memory placement keeps the promises of the port") {
  for (const auto& each : testing::placement_conformance([] { return std::make_unique<Fixture>(); })) {
    CAPTURE(each.name);
    CHECK_NOTHROW(each.run());
  }
}

TEST_CASE("memory placement owns every partition with its term at once") {
  MemoryPlacement placement(42);
  testing::TestExecutor executor;
  std::vector<PlacementChange> heard;
  placement.watch(executor, [&](std::vector<PlacementChange> changes) { heard = std::move(changes); });
  executor.drain();
  REQUIRE(heard.size() == kPartitions);
  for (std::uint32_t i = 0; i < kPartitions; ++i) {
    CHECK(heard[i].partition == i);
    CHECK(heard[i].term == 42);
    CHECK(heard[i].owned);
  }
}

TEST_CASE("a grant needs a new term and a partition that exists") {
  MemoryPlacement placement(42);
  CHECK(placement.grant(1, 42).error().code == ErrorCode::invalid_argument);
  CHECK(placement.grant(1, 43));
  CHECK(placement.grant(kPartitions, 50).error().code == ErrorCode::invalid_argument);
  CHECK(placement.lose(kPartitions).error().code == ErrorCode::invalid_argument);
}

TEST_CASE("losing twice is told once") {
  MemoryPlacement placement(42);
  testing::TestExecutor executor;
  std::size_t heard = 0;
  placement.watch(executor, [&](std::vector<PlacementChange> changes) { heard += changes.size(); });
  executor.drain();
  heard = 0;
  CHECK(placement.lose(1));
  CHECK(placement.lose(1));
  executor.drain();
  CHECK(heard == 1);
}

TEST_CASE("a placement may go away while its watcher still has a task to run") {
  testing::TestExecutor executor;
  bool heard = false;
  {
    MemoryPlacement placement(42);
    placement.watch(executor, [&](std::vector<PlacementChange>) { heard = true; });
  }
  executor.drain();
  CHECK_FALSE(heard);
}
