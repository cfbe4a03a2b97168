#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "chatcore/ports/clock.hpp"
#include "chatcore/ports/work_queue.hpp"

namespace chatcore {

struct MemoryWorkQueueOptions {
  std::size_t maxJobs = 100'000;      ///< of all queues, waiting or being handled
  std::size_t maxBytes = 256U << 20;  ///< their ids and payloads
  std::uint32_t maxAttempts = 8;      ///< deliveries of a job before it is a dead letter
  std::chrono::milliseconds visibility{60'000};
  std::size_t deadLetters = 1000;  ///< kept of each queue, the newest
};

/// Jobs in memory: a crash loses them all, and `enqueue` completes at once. Thread-safe.
///
/// Time passes by `run_due`, which the server calls about once a second; a job that is due when it is
/// enqueued is delivered without waiting for that. Delays count from the call on the steady clock, so that a
/// jump of the wall clock neither holds jobs back nor lets them loose. Ids are per queue. A job that is
/// enqueued again while it is being handled runs once more. A `retry` without a delay waits 1 s, 2 s, 4 s, …
/// up to 10 minutes, by its attempts. A delivery that was never finished counts as an attempt.
///
/// Enqueuing is O(log waiting) a job and all or nothing per batch: `overloaded` over a bound, `too_large` for
/// a payload over 64 KiB, `invalid_argument` for an id or a queue's name that is empty or longer than 256
/// bytes.
class CHATCORE_API MemoryWorkQueue final : public WorkQueue {
 public:
  static constexpr std::size_t kMaxBatch = 256;
  static constexpr std::size_t kMaxPayloadBytes = 64 * 1024;
  static constexpr std::size_t kMaxNameBytes = 256;
  static constexpr std::size_t kMaxQueues = 1024;

  /// The clock must outlive the queue.
  explicit MemoryWorkQueue(Clock& clock = system_clock(), MemoryWorkQueueOptions options = {});
  ~MemoryWorkQueue() override;

  void enqueue(std::vector<Job> batch, Executor& executor, Completion<Status> done) override;
  void consume(const std::string& queue, Executor& executor,
               UniqueFunction<void(std::vector<Job>, Finish)> handler) override;
  void stop() override;
  /// Newest first.
  void dead_letters(const std::string& queue, std::uint32_t limit, Executor& executor,
                    Completion<Result<std::vector<Job>>> done) override;

  /// Delivers what has become due and takes back what was not finished in time.
  void run_due();
  /// Jobs waiting or being handled, without the dead.
  [[nodiscard]] std::size_t size() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace chatcore
