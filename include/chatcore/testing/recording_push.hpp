#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "chatcore/ports/push.hpp"

namespace chatcore::testing {

/// Keeps what was pushed, and answers as a test says. Thread-safe.
class RecordingPush final : public Push {
 public:
  void send(std::vector<Notification> batch, Executor& executor,
            Completion<std::vector<PushOutcome>> done) override {
    std::vector<PushOutcome> outcomes;
    {
      std::lock_guard lock(mutex_);
      ++batches_;
      for (Notification& notification : batch) {
        const auto scripted = byToken_.find(notification.device.pushToken);
        outcomes.push_back(scripted == byToken_.end() ? otherwise_ : scripted->second);
        sent_.push_back(std::move(notification));
      }
    }
    complete(executor, std::move(done), std::move(outcomes));
  }

  /// What every token is answered from now on, unless it has an answer of its own.
  void answer(PushOutcome outcome) {
    std::lock_guard lock(mutex_);
    otherwise_ = outcome;
  }
  void answer_token(std::string token, PushOutcome outcome) {
    std::lock_guard lock(mutex_);
    byToken_[std::move(token)] = outcome;
  }

  /// Everything handed over so far, whatever was answered.
  [[nodiscard]] std::vector<Notification> sent() const {
    std::lock_guard lock(mutex_);
    return sent_;
  }
  [[nodiscard]] std::size_t batches() const {
    std::lock_guard lock(mutex_);
    return batches_;
  }
  /// Hands over the record and begins a new one.
  std::vector<Notification> take() {
    std::lock_guard lock(mutex_);
    return std::exchange(sent_, {});
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Notification> sent_;
  std::size_t batches_ = 0;
  PushOutcome otherwise_ = PushOutcome::sent;
  std::map<std::string, PushOutcome> byToken_;
};

}  // namespace chatcore::testing
