#include "chatcore/testing/placement_conformance.hpp"

#include <map>

#include "eventually.hpp"

namespace chatcore::testing {

PlacementFixture::~PlacementFixture() = default;

namespace {

constexpr std::uint32_t kFirst = PlacementFixture::kFirst;
constexpr std::uint32_t kSecond = PlacementFixture::kSecond;

struct Watcher {
  explicit Watcher(PlacementFixture& f) : fixture(f) { watch(); }
  ~Watcher() { fixture.placement().stop(); }

  PlacementFixture& fixture;
  TestExecutor executor;
  std::vector<PlacementChange> heard;
  std::map<std::uint32_t, PlacementChange> state;

  void watch() {
    fixture.placement().watch(executor, [this](std::vector<PlacementChange> changes) {
      for (const PlacementChange& change : changes) {
        const auto last = state.find(change.partition);
        expect(last == state.end() || change.term >= last->second.term,
               "the terms of a partition never to fall");
        state[change.partition] = change;
        heard.push_back(change);
      }
    });
  }
  void until(std::uint32_t partition, bool owned) {
    expect_eventually(
        executor, [&] { return state.contains(partition) && state[partition].owned == owned; },
        owned ? "the partition to be owned" : "the partition to be lost");
  }
};

void present_first(PlacementFixture& fixture) {
  Watcher watcher(fixture);
  expect(watcher.heard.empty(), "nothing told inside the call");
  watcher.until(kFirst, true);
  watcher.until(kSecond, true);
  watcher.executor.drain();
  for (const PlacementChange& change : watcher.heard) {
    expect(change.partition < kPartitions && change.owned, "the present ownership");
  }
}

void losses_are_told(PlacementFixture& fixture) {
  Watcher watcher(fixture);
  watcher.until(kFirst, true);
  watcher.until(kSecond, true);
  const Term term = watcher.state[kFirst].term;
  fixture.lose(kFirst);
  watcher.until(kFirst, false);
  expect(watcher.state[kFirst].term >= term, "a loss not to be older than the ownership");
  expect(watcher.state[kSecond].owned, "other partitions not to be touched");
}

void terms_grow(PlacementFixture& fixture) {
  Watcher watcher(fixture);
  watcher.until(kFirst, true);
  for (int i = 0; i < 3; ++i) {
    const Term before = watcher.state[kFirst].term;
    fixture.lose(kFirst);
    watcher.until(kFirst, false);
    fixture.grant(kFirst);
    watcher.until(kFirst, true);
    expect(watcher.state[kFirst].term > before, "ownership to come back with a higher term");
  }
}

void every_change_in_order(PlacementFixture& fixture) {
  Watcher watcher(fixture);
  watcher.until(kFirst, true);
  watcher.executor.drain();
  watcher.heard.clear();
  fixture.lose(kFirst);
  fixture.grant(kFirst);
  fixture.lose(kFirst);
  fixture.grant(kFirst);
  expect_eventually(watcher.executor, [&] { return watcher.heard.size() >= 4; }, "all four changes");
  for (std::size_t i = 0; i < 4; ++i) {
    expect(watcher.heard[i].partition == kFirst && watcher.heard[i].owned == (i % 2 == 1),
           "changes in order");
  }
}

void nothing_after_stop(PlacementFixture& fixture) {
  Watcher watcher(fixture);
  watcher.until(kFirst, true);
  watcher.executor.drain();
  fixture.lose(kFirst);
  fixture.placement().stop();
  const std::size_t before = watcher.heard.size();
  fixture.lose(kSecond);
  watcher.executor.drain();
  expect(watcher.heard.size() == before, "the watcher not to be called after stop");
}

void next_watcher_begins_with_the_present(PlacementFixture& fixture) {
  Watcher watcher(fixture);
  watcher.until(kSecond, true);
  fixture.lose(kFirst);
  watcher.until(kFirst, false);
  fixture.placement().stop();
  watcher.state.clear();
  watcher.heard.clear();
  watcher.watch();
  watcher.until(kSecond, true);
  watcher.executor.drain();
  expect(!watcher.state.contains(kFirst) || !watcher.state[kFirst].owned, "a lost partition not to be owned");
}

}  // namespace

std::vector<ConformanceCase> placement_conformance(std::function<std::unique_ptr<PlacementFixture>()> make) {
  return CaseList<PlacementFixture>(std::move(make))
      .add("the present ownership is told first, never inside the call", present_first)
      .add("a loss is told, and touches no other partition", losses_are_told)
      .add("ownership comes back with a higher term", terms_grow)
      .add("every change of a partition is told in order", every_change_in_order)
      .add("nothing is told after stop", nothing_after_stop)
      .add("the next watcher begins with what is then the present", next_watcher_begins_with_the_present)
      .take();
}

}  // namespace chatcore::testing
