#include "simulation.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <set>

using namespace chatcore::simulation;

namespace {

Outcome run(std::uint64_t seed) { return Simulation(seed, nullptr).run(); }

}  // namespace

TEST_CASE("a seed comes to the same trace every time, and another one to another") {
  std::set<std::uint64_t> traces;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Outcome first = run(seed);
    const Outcome second = run(seed);
    CAPTURE(seed);
    CHECK(first.traceHash == second.traceHash);
    CHECK(first.steps == second.steps);
    CHECK(first.violation == second.violation);
    traces.insert(first.traceHash);
  }
  CHECK(traces.size() == 20);
}

TEST_CASE("what is promised holds whatever happens in whichever order") {
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + std::chrono::seconds(15);
  std::uint64_t events = 0;
  for (std::uint64_t seed = 1; seed <= 1'000 && (seed <= 50 || Clock::now() < until); ++seed) {
    const Outcome outcome = run(seed);
    CAPTURE(seed);
    CHECK(outcome.violation == "");
    events += outcome.committed;
  }
  CHECK(events > 1'000);
}
