#pragma once

#include <atomic>
#include <iterator>
#include <mutex>
#include <utility>
#include <vector>

#include "chatcore/unique_function.hpp"

namespace chatcore {

/// Tasks from other threads to one. The lock is held for a swap or an append, once per batch on either side.
class Mailbox {
 public:
  /// True if the receiver sleeps and must be woken. Empties `batch`, keeping its memory.
  [[nodiscard]] bool push(std::vector<Task>& batch) {
    {
      std::lock_guard lock(mutex_);
      if (tasks_.empty()) {
        tasks_.swap(batch);
      } else {
        tasks_.insert(tasks_.end(), std::make_move_iterator(batch.begin()),
                      std::make_move_iterator(batch.end()));
      }
      waiting_.store(true, std::memory_order_seq_cst);
    }
    batch.clear();
    return sleeping_.load(std::memory_order_seq_cst) && sleeping_.exchange(false);
  }
  [[nodiscard]] bool push(Task task) {
    {
      std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
      waiting_.store(true, std::memory_order_seq_cst);
    }
    return sleeping_.load(std::memory_order_seq_cst) && sleeping_.exchange(false);
  }

  /// Replaces `into`, which must be empty.
  void take(std::vector<Task>& into) {
    if (!waiting_.load(std::memory_order_acquire)) return;
    std::lock_guard lock(mutex_);
    into.swap(tasks_);
    waiting_.store(false, std::memory_order_relaxed);
  }

  /// The receiver is about to sleep; false if something has come meanwhile and it must not.
  [[nodiscard]] bool sleep() {
    sleeping_.store(true, std::memory_order_seq_cst);
    if (!waiting_.load(std::memory_order_seq_cst)) return true;
    sleeping_.store(false, std::memory_order_relaxed);
    return false;
  }
  void awake() { sleeping_.store(false, std::memory_order_relaxed); }

 private:
  std::mutex mutex_;
  std::vector<Task> tasks_;
  std::atomic<bool> waiting_{false};
  std::atomic<bool> sleeping_{false};
};

}  // namespace chatcore
