#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "chatcore/engine/options.hpp"
#include "chatcore/ports/hooks.hpp"
#include "engine/context.hpp"

namespace chatcore::engine {

/// What a question to a hook comes to, whether it was answered or not.
[[nodiscard]] Hooks::Decision decided(Result<Hooks::Decision> answer, HookFailure policy);

/// Asks a hook that answers on the spot; `internal` if it throws, which is logged.
template <class Ask>
[[nodiscard]] Result<Hooks::Decision> ask_hook(const Context& context, Ask ask) {
  try {
    return ask(*context.hooks);
  } catch (const std::exception& failure) {
    context.log->write(LogLevel::error, "hooks", failure.what());
  } catch (...) {
    context.log->write(LogLevel::error, "hooks", "a hook threw what is no exception");
  }
  return Error{ErrorCode::internal, "the host's hook failed", {}};
}
/// Tells a hook that only observes.
template <class Tell>
void tell_hook(const Context& context, Tell tell) {
  static_cast<void>(ask_hook(context, [&](Hooks& hooks) {
    tell(hooks);
    return Hooks::Decision{};
  }));
}

/// The questions of one kind that are out, in rounds: one a turn. Every question is settled once: by its
/// answer, or when its deadline is over. Answers come on any thread, or never, and may outlive the shard.
class HookDesk {
 public:
  using Settle = UniqueFunction<void(Result<Hooks::Decision>)>;

  HookDesk(Context& context, std::chrono::milliseconds deadline);
  ~HookDesk();

  /// Questions whose answer the host still has in hand.
  [[nodiscard]] std::size_t owed() const;
  /// Calls `ask(Executor&, Completion<Answers>)`; if it throws, all of these have failed.
  template <class Ask>
  void open_round(std::vector<Settle> settles, Ask ask) {
    const std::size_t count = settles.size();
    const std::uint64_t round = begin(std::move(settles));
    const Result<Hooks::Decision> asked = ask_hook(context_, [&](Hooks&) {
      ask(executor(), completion(round, count));
      return Hooks::Decision{};
    });
    if (!asked) fail_soon(round, asked.error(), count);
  }
  void tick();

 private:
  class Way;
  struct Debt;
  struct Round {
    std::chrono::milliseconds deadline;
    std::vector<Settle> settles;
  };

  [[nodiscard]] std::uint64_t begin(std::vector<Settle> settles);
  [[nodiscard]] Executor& executor();
  [[nodiscard]] Completion<Hooks::Answers> completion(std::uint64_t round, std::size_t questions);
  void fail_soon(std::uint64_t round, const Error& error, std::size_t count);
  void answered(std::uint64_t round, Hooks::Answers answers);

  Context& context_;
  std::chrono::milliseconds patience_;
  std::shared_ptr<Way> way_;
  std::map<std::uint64_t, Round> rounds_;  // in the order of their deadlines
  std::uint64_t lastRound_ = 0;
};

/// A turn's questions to one hook.
template <class Question>
class HookQuestions {
 public:
  using Form = void (Hooks::*)(std::vector<Question>, Executor&, Completion<Hooks::Answers>);

  HookQuestions(Context& context, Form form, std::chrono::milliseconds deadline)
      : context_(context), form_(form), desk_(context, deadline) {}

  [[nodiscard]] bool full() const {
    return questions_.size() + desk_.owed() >= context_.options.hooks.maxQuestions;
  }
  void ask(Question question, HookDesk::Settle settle) {
    questions_.push_back(std::move(question));
    settles_.push_back(std::move(settle));
  }
  void end_of_turn() {
    if (questions_.empty()) return;
    desk_.open_round(std::exchange(settles_, {}), [&](Executor& executor, Completion<Hooks::Answers> done) {
      (context_.hooks->*form_)(std::exchange(questions_, {}), executor, std::move(done));
    });
  }
  void tick() { desk_.tick(); }

 private:
  Context& context_;
  Form form_;
  HookDesk desk_;
  std::vector<Question> questions_;
  std::vector<HookDesk::Settle> settles_;
};

}  // namespace chatcore::engine
