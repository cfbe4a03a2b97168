#pragma once

#include <utility>
#include <vector>

#include "chatcore/completion.hpp"

namespace chatcore::rocks {

/// Gathers answers so that each executor is woken once for all of them.
class Replies {
 public:
  template <class Value>
  void add(Executor& executor, Completion<Value> done, Value value) {
    struct Answer {
      Completion<Value> done;
      Value value;
    };
    auto answer = std::make_unique<Answer>(Answer{std::move(done), std::move(value)});
    add(executor, [answer = std::move(answer)] { answer->done(std::move(answer->value)); });
  }

  void add(Executor& executor, Task task) {
    // A handful of executors at most: looking through them beats hashing.
    for (auto& [known, tasks] : waiting_) {
      if (known == &executor) return tasks.push_back(std::move(task));
    }
    waiting_.emplace_back(&executor, std::vector<Task>());
    waiting_.back().second.push_back(std::move(task));
  }

  void post() {
    for (auto& [executor, tasks] : waiting_) {
      if (tasks.size() == 1) {
        executor->post(std::move(tasks.front()));
        continue;
      }
      executor->post([all = std::move(tasks)]() mutable {
        for (Task& task : all) task();
      });
    }
    waiting_.clear();
  }

 private:
  std::vector<std::pair<Executor*, std::vector<Task>>> waiting_;
};

}  // namespace chatcore::rocks
