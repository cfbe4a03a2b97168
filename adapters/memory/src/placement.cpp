#include "chatcore/memory/placement.hpp"

#include <array>
#include <mutex>

#include "watcher.hpp"

namespace chatcore {

struct MemoryPlacement::State {
  std::mutex mutex;
  std::array<PlacementChange, kPartitions> partitions;  // each one's last change
  bool watched = false;
  const std::shared_ptr<memory::Watcher<PlacementChange>> watcher =
      std::make_shared<memory::Watcher<PlacementChange>>();

  void change(PlacementChange to) {
    partitions[to.partition] = to;
    // Without a watcher nothing is kept: the next one begins with what is then the present.
    if (watched) watcher->tell({to});
  }
};

MemoryPlacement::MemoryPlacement(Term term) : state_(std::make_unique<State>()) {
  for (std::uint32_t i = 0; i < kPartitions; ++i) state_->partitions[i] = PlacementChange{i, term, true};
}
MemoryPlacement::~MemoryPlacement() { stop(); }

void MemoryPlacement::watch(Executor& executor, UniqueFunction<void(std::vector<PlacementChange>)> changed) {
  std::lock_guard lock(state_->mutex);
  std::vector<PlacementChange> present;
  for (const PlacementChange& last : state_->partitions) {
    if (last.owned) present.push_back(last);
  }
  state_->watched = true;
  state_->watcher->clear();
  state_->watcher->tell(std::move(present));
  state_->watcher->start(executor, std::move(changed));
}

void MemoryPlacement::stop() {
  std::lock_guard lock(state_->mutex);
  state_->watched = false;
  state_->watcher->stop();
}

Status MemoryPlacement::lose(std::uint32_t partition) {
  if (partition >= kPartitions) return Error{ErrorCode::invalid_argument, "no such partition"};
  std::lock_guard lock(state_->mutex);
  const PlacementChange& last = state_->partitions[partition];
  if (last.owned) state_->change({partition, last.term, false});
  return {};
}

Status MemoryPlacement::grant(std::uint32_t partition, Term term) {
  if (partition >= kPartitions) return Error{ErrorCode::invalid_argument, "no such partition"};
  std::lock_guard lock(state_->mutex);
  if (term <= state_->partitions[partition].term) {
    return Error{ErrorCode::invalid_argument, "a partition's term only grows"};
  }
  state_->change({partition, term, true});
  return {};
}

}  // namespace chatcore
