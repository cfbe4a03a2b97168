#pragma once

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <string_view>
#include <vector>

#include "chatcore/ports/work_queue.hpp"

namespace chatcore::memory {

/// Jobs at addresses that do not move; places are used again.
class JobPool {
 public:
  Job* take(Job job) {
    ++used_;
    bytes_ += size_of(job);
    if (free_.empty()) return &jobs_.emplace_back(std::move(job));
    Job* place = free_.back();
    free_.pop_back();
    *place = std::move(job);
    return place;
  }
  Job give_back(Job* place) {
    --used_;
    bytes_ -= size_of(*place);
    free_.push_back(place);
    return std::exchange(*place, Job());
  }
  [[nodiscard]] std::size_t used() const { return used_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  static std::size_t size_of(const Job& job) { return job.id.size() + job.payload.size(); }

 private:
  std::deque<Job> jobs_;
  std::vector<Job*> free_;
  std::size_t used_ = 0;
  std::size_t bytes_ = 0;
};

/// The waiting jobs of one queue, by the time they are due and then in the order they came, and by id.
class WaitingJobs {
 public:
  using Time = std::chrono::milliseconds;

  /// False if the id is waiting already; then the job is left alone.
  bool add(Job* job, Time due) {
    if (!byId_.emplace(job->id, job).second) return false;
    heap_.push_back({due, order_++, job});
    std::push_heap(heap_.begin(), heap_.end(), later);
    return true;
  }
  [[nodiscard]] bool contains(std::string_view id) const { return byId_.contains(id); }
  [[nodiscard]] bool has_due(Time now) const { return !heap_.empty() && heap_.front().due <= now; }

  Job* pop() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    Job* job = heap_.back().job;
    heap_.pop_back();
    byId_.erase(job->id);
    return job;
  }

 private:
  struct Waiting {
    Time due;
    std::uint64_t order;
    Job* job;
  };
  static bool later(const Waiting& a, const Waiting& b) {
    return a.due != b.due ? a.due > b.due : a.order > b.order;
  }

  std::vector<Waiting> heap_;
  absl::flat_hash_map<std::string_view, Job*, std::hash<std::string_view>, std::equal_to<>> byId_;
  std::uint64_t order_ = 0;
};

}  // namespace chatcore::memory
