#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "chatcore/unique_function.hpp"

namespace chatcore::rocks {

/// A few threads that read. What waits is bounded.
class Readers {
 public:
  Readers(std::size_t threads, std::size_t maxPending);
  ~Readers() { stop(); }

  /// false: too much waits (`full`) or stopped; then `task` is untouched.
  [[nodiscard]] bool submit(Task& task, std::size_t requests);
  /// For what was admitted before and only comes back: not counted against the bound, taken until stopped.
  [[nodiscard]] bool resubmit(Task& task);

  /// Runs what waits and ends the threads. Idempotent.
  void stop();

 private:
  struct Waiting {
    Task task;
    std::size_t requests;
  };
  bool push(Task& task, std::size_t requests, bool bounded);
  void run();

  std::size_t maxPending_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Waiting> waiting_;
  std::size_t pending_ = 0;
  std::size_t sleeping_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace chatcore::rocks
