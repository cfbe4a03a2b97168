#pragma once

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "test_server.hpp"

namespace chatcore::faulttest {

/// A host that has to ask somebody about everything; the test answers. What says "now" it decides itself.
class LaterHooks final : public Hooks {
 public:
  enum class Mode : std::uint8_t { hold, throws, drops };

  Decision on_connect(const Identity&) override {
    return {connectsLater ? Verdict::later : Verdict::accept, {}, {}};
  }
  void on_connect_later(std::vector<Identity> batch, Executor& executor, Completion<Answers> done) override {
    std::vector<std::string> names;
    for (const Identity& identity : batch) names.push_back(identity.userId);
    keep(std::move(names), executor, std::move(done));
  }
  Decision before_persist(const Draft& draft) override {
    return {draft.content.starts_with("\"now") ? Verdict::accept : Verdict::later, {}, {}};
  }
  void before_persist_later(std::vector<PendingDraft> batch, Executor& executor,
                            Completion<Answers> done) override {
    std::vector<std::string> names;
    for (const PendingDraft& draft : batch) names.push_back(draft.clientMsgId);
    {
      std::lock_guard lock(mutex_);
      drafts_.insert(drafts_.end(), batch.begin(), batch.end());
    }
    keep(std::move(names), executor, std::move(done));
  }

  /// Waits until so many questions were asked in all.
  [[nodiscard]] bool was_asked(std::size_t questions) {
    return TestServer::eventually([&] { return asked().size() >= questions; });
  }
  /// The users, or the messages' clientMsgIds, in the order of the questions.
  [[nodiscard]] std::vector<std::string> asked() {
    std::lock_guard lock(mutex_);
    std::vector<std::string> all;
    for (const Round& round : rounds_) all.insert(all.end(), round.names.begin(), round.names.end());
    return all;
  }
  [[nodiscard]] std::size_t rounds() {
    std::lock_guard lock(mutex_);
    return rounds_.size();
  }
  [[nodiscard]] std::vector<PendingDraft> drafts() {
    std::lock_guard lock(mutex_);
    return drafts_;
  }
  /// Answers a round, the newest one if none is named: its first question so, the others alike. As often as
  /// one likes, on the test's thread.
  void answer(const Result<Decision>& answer, std::optional<std::size_t> round = {}) {
    std::lock_guard lock(mutex_);
    Round& chosen = rounds_.at(round.value_or(rounds_.size() - 1));
    if (chosen.done) chosen.done(Answers(chosen.names.size(), answer));
  }
  void answer_with(Answers answers, std::size_t round) {
    std::lock_guard lock(mutex_);
    rounds_.at(round).done(std::move(answers));
  }
  /// As a port does: posted to the executor that came with the question.
  void complete_on_executor(const Result<Decision>& answer, std::size_t round) {
    std::lock_guard lock(mutex_);
    Round& chosen = rounds_.at(round);
    complete(*chosen.executor, std::move(chosen.done), Answers(chosen.names.size(), answer));
  }

  std::atomic<Mode> mode{Mode::hold};
  std::atomic<bool> connectsLater{false};

 private:
  struct Round {
    std::vector<std::string> names;
    Executor* executor;
    Completion<Answers> done;
  };
  void keep(std::vector<std::string> names, Executor& executor, Completion<Answers> done) {
    std::lock_guard lock(mutex_);
    if (mode != Mode::hold) done = {};
    rounds_.push_back({std::move(names), &executor, std::move(done)});
    if (mode == Mode::throws) throw std::runtime_error("the service is not there");
  }

  std::mutex mutex_;
  std::deque<Round> rounds_;
  std::vector<PendingDraft> drafts_;
};

inline Hooks::Decision accepted() { return {}; }
inline Hooks::Decision rejected() {
  return {Hooks::Verdict::reject, {}, {ErrorCode::forbidden, "not here", {}}};
}
inline Hooks::Decision rewritten(std::string json) { return {Hooks::Verdict::rewrite, std::move(json), {}}; }

struct LaterServer : TestServer {
  explicit LaterServer(std::uint32_t shards, PortCall faulty = PortCall::append)
      : TestServer(shards, faulty) {
    ports.hooks = &hooks;
  }
  ~LaterServer() { stop(); }  // before the hooks go
  LaterHooks hooks;
};

}  // namespace chatcore::faulttest
