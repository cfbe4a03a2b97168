#include "readers.hpp"

#include <rocksdb/perf_level.h>

#include <algorithm>
#include <utility>

namespace chatcore::rocks {

Readers::Readers(std::size_t threads, std::size_t maxPending) : maxPending_(maxPending) {
  for (std::size_t i = 0; i < std::max<std::size_t>(threads, 1); ++i)
    threads_.emplace_back([this] { run(); });
}

bool Readers::submit(Task& task, std::size_t requests) { return push(task, requests, true); }
bool Readers::resubmit(Task& task) { return push(task, 0, false); }

bool Readers::push(Task& task, std::size_t requests, bool bounded) {
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return false;
    if (bounded && pending_ != 0 && pending_ + requests > maxPending_) return false;
    pending_ += requests;
    waiting_.push_back({std::move(task), requests});
    wake = sleeping_ > 0;
  }
  if (wake) arrived_.notify_one();
  return true;
}

void Readers::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_all();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void Readers::run() {
  // As in the committer's thread.
  rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable);
  std::unique_lock lock(mutex_);
  for (;;) {
    while (waiting_.empty()) {
      if (stopping_) return;
      ++sleeping_;
      arrived_.wait(lock);
      --sleeping_;
    }
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    next.task();
    lock.lock();
    pending_ -= next.requests;
  }
}

}  // namespace chatcore::rocks
