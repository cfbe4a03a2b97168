#pragma once

#include <memory>

#include "chatcore/ports/placement.hpp"

namespace chatcore {

/// One server owns every partition, from the start and with one term. The term should grow with every start
/// of the process (e.g. the time of boot), so that a durable store fences what an earlier run left behind.
/// Thread-safe. `lose` and `grant` exist to play out in one process what a fleet does.
class CHATCORE_API MemoryPlacement final : public Placement {
 public:
  explicit MemoryPlacement(Term term);
  ~MemoryPlacement() override;

  void watch(Executor& executor, UniqueFunction<void(std::vector<PlacementChange>)> changed) override;
  void stop() override;

  /// Takes the partition away; nothing happens if it is not owned. `invalid_argument`: no such partition.
  Status lose(std::uint32_t partition);
  /// Gives the partition with this term, which must be higher than its last; otherwise `invalid_argument`.
  Status grant(std::uint32_t partition, Term term);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace chatcore
