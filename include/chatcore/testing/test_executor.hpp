#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>

#include "chatcore/completion.hpp"

namespace chatcore::testing {

/// An executor that a test drives: tasks wait until the test's thread runs them. `post` is thread-safe.
class TestExecutor final : public Executor {
 public:
  void post(Task task) override {
    {
      std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    arrived_.notify_one();
  }

  /// Runs one task if any waits.
  bool run_one() {
    Task task;
    {
      std::lock_guard lock(mutex_);
      if (tasks_.empty()) return false;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
    return true;
  }
  /// Runs until nothing waits; also what running adds.
  void drain() {
    while (run_one()) {
    }
  }

  /// Calls `start(executor, completion)` and runs tasks until the completion has come; throws after `limit`.
  template <class Value, class Start>
  Value wait(Start start, std::chrono::seconds limit = std::chrono::seconds(20)) {
    std::optional<Value> answer;
    start(*this, Completion<Value>([&answer](Value value) { answer.emplace(std::move(value)); }));
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!answer) {
      if (run_one()) continue;
      std::unique_lock lock(mutex_);
      if (!arrived_.wait_until(lock, deadline, [this] { return !tasks_.empty(); }))
        throw std::runtime_error("no completion within the limit");
    }
    return std::move(*answer);
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Task> tasks_;
};

}  // namespace chatcore::testing
