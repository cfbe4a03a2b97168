#include "simulated_hooks.hpp"

#include <memory>
#include <stdexcept>

namespace chatcore::simulation {

namespace {

/// What is decided of a content: of one in sixteen that it is rejected, of two that it is rewritten.
Hooks::Decision verdict_on(std::string_view content) {
  std::size_t sum = 0;
  for (const char byte : content) sum = 31 * sum + static_cast<unsigned char>(byte);
  switch (sum % 16) {
    case 0:
      return {Hooks::Verdict::reject, {}, {ErrorCode::forbidden, "not here", {}}};
    case 1:
    case 2:
      return {Hooks::Verdict::rewrite, "{\"was\":" + std::string(content) + '}', {}};
    default:
      return {};
  }
}

}  // namespace

Hooks::Decision SimulatedHooks::on_connect(const Identity&) {
  if (fails()) throw std::runtime_error("injected: the host threw");
  return {world_.faults.percent(50) ? Verdict::later : Verdict::accept, {}, {}};
}

void SimulatedHooks::on_connect_later(std::vector<Identity> batch, Executor&, Completion<Answers> done) {
  answer(Answers(batch.size(), Decision{}), std::move(done));
}

Hooks::Decision SimulatedHooks::before_persist(const Draft& draft) {
  if (world_.faults.percent(60)) return {Verdict::later, {}, {}};
  if (fails()) throw std::runtime_error("injected: the host threw");
  return verdict_on(draft.content);
}

void SimulatedHooks::before_persist_later(std::vector<PendingDraft> batch, Executor&,
                                          Completion<Answers> done) {
  Answers answers;
  for (const PendingDraft& draft : batch) {
    if (fails())
      answers.emplace_back(Error{ErrorCode::unavailable, "injected: unavailable", {}});
    else
      answers.emplace_back(verdict_on(draft.content));
  }
  answer(std::move(answers), std::move(done));
}

void SimulatedHooks::after_persist(const ConversationId& id, const Event& event) {
  Seq& last = told_[id];
  if (event.seq <= last)
    world_.fail("the host is told of " + id + " #" + std::to_string(event.seq) + " late");
  last = event.seq;
}

/// One call in three that fail is never answered, one throws, and one is answered too late.
void SimulatedHooks::answer(Answers answers, Completion<Answers> done) {
  const bool failing = fails();
  const std::size_t how = world_.faults.index(3);
  if (failing && how == 0) return world_.trace.line("host", "does not answer");
  if (failing && how == 1) throw std::runtime_error("injected: the host threw");
  struct Late {
    Answers answers;
    Completion<Answers> done;
  };
  auto late = std::make_shared<Late>(Late{std::move(answers), std::move(done)});
  const Millis delay = failing ? Millis(world_.delays.between(1'000, 4'000))
                               : world_.delay(world_.scenario.slowestPort + world_.trouble.slowestCall / 2);
  const bool twice = world_.faults.percent(10);
  world_.scheduler.at(world_.now() + delay, [late, twice] {
    late->done(late->answers);
    if (twice) late->done(late->answers);
  });
}

}  // namespace chatcore::simulation
