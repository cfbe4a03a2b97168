#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "chatcore/completion.hpp"
#include "chatcore/model/ids.hpp"
#include "chatcore/result.hpp"

namespace chatcore {

struct Job {
  std::string id;     ///< enqueuing an id that is waiting again changes nothing
  std::string queue;  ///< e.g. "push"
  std::string payload;
  Timestamp notBefore = 0;
  std::uint32_t attempt = 0;  ///< 0 at the first delivery
};

enum class JobOutcome : std::uint8_t {
  done,
  retry,  ///< deliver again after the delay; a dead letter once the attempts are used up
  drop,   ///< cannot succeed: dead letter at once
};
struct JobResult {
  JobOutcome outcome = JobOutcome::done;
  std::chrono::milliseconds delay{0};
};

/// Jobs that run later, at least once. One consumer per queue name.
class CHATCORE_API WorkQueue {
 public:
  virtual ~WorkQueue();
  /// Completes when the jobs are kept as durably as the adapter says; `overloaded` at its bound.
  virtual void enqueue(std::vector<Job> batch, Executor& executor, Completion<Status> done) = 0;
  using Finish = UniqueFunction<void(std::vector<JobResult>)>;
  /// Batches of at most 256 due jobs, one batch at a time, until `stop`. A batch whose `finish` is not called
  /// within the visibility timeout (60 s) is delivered again.
  virtual void consume(const std::string& queue, Executor& executor,
                       UniqueFunction<void(std::vector<Job>, Finish)> handler) = 0;
  virtual void stop() = 0;
  /// The newest dead letters of a queue, at most `limit`.
  virtual void dead_letters(const std::string& queue, std::uint32_t limit, Executor& executor,
                            Completion<Result<std::vector<Job>>> done) = 0;
};

}  // namespace chatcore
