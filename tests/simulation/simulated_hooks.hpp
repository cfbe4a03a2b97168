#pragma once

#include "chatcore/ports/hooks.hpp"
#include "world.hpp"

namespace chatcore::simulation {

/// A host that asks somebody: late, failing, twice or never, as the trouble is. Whether it accepts, rejects
/// or rewrites a message is told by the message, so that a retry meets the same.
class SimulatedHooks final : public Hooks {
 public:
  explicit SimulatedHooks(World& world) : world_(world) {}

  Decision on_connect(const Identity& identity) override;
  void on_connect_later(std::vector<Identity> batch, Executor& executor, Completion<Answers> done) override;
  Decision before_persist(const Draft& draft) override;
  void before_persist_later(std::vector<PendingDraft> batch, Executor& executor,
                            Completion<Answers> done) override;
  void after_persist(const ConversationId& id, const Event& event) override;

 private:
  [[nodiscard]] bool fails() { return world_.faults.percent(world_.trouble.hookFails); }
  void answer(Answers answers, Completion<Answers> done);

  World& world_;
  std::map<ConversationId, Seq> told_;
};

}  // namespace chatcore::simulation
