#include "chatcore/memory/work_queue.hpp"

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <cassert>
#include <mutex>
#include <optional>
#include <utility>

#include "work_queue_jobs.hpp"

namespace chatcore {

namespace {

using Handler = UniqueFunction<void(std::vector<Job>, WorkQueue::Finish)>;
using Time = std::chrono::milliseconds;

constexpr Time kMaxDelay = std::chrono::hours(24 * 3650);  // keeps sums of times in range
constexpr Time kMaxBackoff = std::chrono::minutes(10);

struct Consumer {
  Executor* executor;
  Handler handler;
};

/// The one batch of a queue that is being handled.
struct Delivery {
  std::uint64_t id = 0;
  std::vector<Job*> jobs;
  std::optional<Time> deadline;  // none: posted, but the consumer has not seen it yet
};

struct Queue {
  memory::WaitingJobs waiting;
  std::shared_ptr<Consumer> consumer;
  std::optional<Delivery> delivery;
  std::deque<Job> dead;
};

Time backoff(std::uint32_t attempt) {
  return attempt >= 10 ? kMaxBackoff : std::min<Time>(std::chrono::seconds(1U << attempt), kMaxBackoff);
}

bool valid_name(const std::string& name) {
  return !name.empty() && name.size() <= MemoryWorkQueue::kMaxNameBytes;
}

}  // namespace

struct MemoryWorkQueue::State : std::enable_shared_from_this<MemoryWorkQueue::State> {
  State(Clock& c, MemoryWorkQueueOptions o) : clock(c), options(o) {}

  Clock& clock;
  const MemoryWorkQueueOptions options;
  mutable std::mutex mutex;
  memory::JobPool pool;
  absl::flat_hash_map<std::string, std::unique_ptr<Queue>> queues;
  std::uint64_t lastDelivery = 0;

  Queue* queue_named(const std::string& name);
  Status admit(const std::vector<Job>& batch);
  bool fits(const std::vector<Job>& batch);
  void add(std::vector<Job> batch);

  void pump(Queue& queue);
  void hand_over(Queue& queue, const std::shared_ptr<Consumer>& consumer, std::uint64_t id);
  void finish(Queue& queue, std::uint64_t id, const std::vector<JobResult>& results);
  void take_back(Queue& queue);
  void settle(Queue& queue, Job* job, JobResult result);
  void try_again(Queue& queue, Job* job, Time delay);
  void bury(Queue& queue, Job* job);
  void wait_again(Queue& queue, Job* job, Time due);
};

Queue* MemoryWorkQueue::State::queue_named(const std::string& name) {
  auto found = queues.find(name);
  if (found == queues.end()) {
    if (queues.size() >= kMaxQueues) return nullptr;
    found = queues.emplace(name, std::make_unique<Queue>()).first;
  }
  return found->second.get();
}

Status MemoryWorkQueue::State::admit(const std::vector<Job>& batch) {
  const Job* last = nullptr;
  for (const Job& job : batch) {
    if (!valid_name(job.id)) return Error{ErrorCode::invalid_argument, "a job's id has 1 to 256 bytes"};
    if (job.payload.size() > kMaxPayloadBytes)
      return Error{ErrorCode::too_large, "a job's payload is too large"};
    if (last != nullptr && last->queue == job.queue) continue;
    last = &job;
    if (!valid_name(job.queue))
      return Error{ErrorCode::invalid_argument, "a queue's name has 1 to 256 bytes"};
    if (queue_named(job.queue) == nullptr) return Error{ErrorCode::overloaded, "too many queues"};
  }
  if (!fits(batch)) return Error{ErrorCode::overloaded, "too many jobs"};
  return {};
}

bool MemoryWorkQueue::State::fits(const std::vector<Job>& batch) {
  const auto within = [this](std::size_t jobs, std::size_t bytes) {
    return pool.used() + jobs <= options.maxJobs && pool.bytes() + bytes <= options.maxBytes;
  };
  std::size_t bytes = 0;
  for (const Job& job : batch) bytes += memory::JobPool::size_of(job);
  if (within(batch.size(), bytes)) return true;
  // Near the bound, what waits already is not counted: repeating an enqueue must not fail for it.
  std::size_t jobs = bytes = 0;
  absl::flat_hash_map<const Queue*, absl::flat_hash_set<std::string>> counted;
  for (const Job& job : batch) {
    const Queue* queue = queue_named(job.queue);
    if (queue->waiting.contains(job.id) || !counted[queue].insert(job.id).second) continue;
    ++jobs;
    bytes += memory::JobPool::size_of(job);
  }
  return within(jobs, bytes);
}

void MemoryWorkQueue::State::add(std::vector<Job> batch) {
  const Time now = clock.steady();
  const Timestamp wall = clock.now();
  std::vector<Queue*> touched;
  std::string name;
  Queue* queue = nullptr;
  for (Job& job : batch) {
    if (queue == nullptr || name != job.queue) {
      name = job.queue;
      queue = queue_named(name);
      if (std::find(touched.begin(), touched.end(), queue) == touched.end()) touched.push_back(queue);
    }
    const Time delay(job.notBefore > wall ? job.notBefore - wall : 0);
    job.attempt = 0;
    Job* kept = pool.take(std::move(job));
    if (!queue->waiting.add(kept, now + std::min(delay, kMaxDelay))) pool.give_back(kept);
  }
  for (Queue* each : touched) pump(*each);
}

/// Posts the next batch if the consumer is free and something is due.
void MemoryWorkQueue::State::pump(Queue& queue) {
  if (!queue.consumer || queue.delivery) return;
  const Time now = clock.steady();
  if (!queue.waiting.has_due(now)) return;
  Delivery& delivery = queue.delivery.emplace();
  delivery.id = ++lastDelivery;
  while (delivery.jobs.size() < kMaxBatch && queue.waiting.has_due(now)) {
    delivery.jobs.push_back(queue.waiting.pop());
  }
  struct Call {
    std::shared_ptr<State> state;
    Queue* queue;
    std::shared_ptr<Consumer> consumer;
    std::uint64_t id;
  };
  queue.consumer->executor->post([call = Call{shared_from_this(), &queue, queue.consumer, delivery.id}] {
    call.state->hand_over(*call.queue, call.consumer, call.id);
  });
}

void MemoryWorkQueue::State::hand_over(Queue& queue, const std::shared_ptr<Consumer>& consumer,
                                       std::uint64_t id) {
  std::vector<Job> jobs;
  {
    std::lock_guard lock(mutex);
    if (!queue.delivery || queue.delivery->id != id) return;  // stopped meanwhile
    queue.delivery->deadline = clock.steady() + options.visibility;
    jobs.reserve(queue.delivery->jobs.size());
    for (const Job* job : queue.delivery->jobs) jobs.push_back(*job);
  }
  consumer->handler(std::move(jobs), [self = shared_from_this(), &queue, id](std::vector<JobResult> results) {
    self->finish(queue, id, results);
  });
}

void MemoryWorkQueue::State::finish(Queue& queue, std::uint64_t id, const std::vector<JobResult>& results) {
  std::lock_guard lock(mutex);
  if (!queue.delivery || queue.delivery->id != id) return;  // too late: delivered again
  const std::vector<Job*> jobs = std::move(queue.delivery->jobs);
  queue.delivery.reset();
  assert(results.size() == jobs.size() && "one result for each job");
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    settle(queue, jobs[i], i < results.size() ? results[i] : JobResult{JobOutcome::retry, {}});
  }
  pump(queue);
}

/// After the visibility timeout.
void MemoryWorkQueue::State::take_back(Queue& queue) {
  const std::vector<Job*> jobs = std::move(queue.delivery->jobs);
  queue.delivery.reset();
  for (Job* job : jobs) try_again(queue, job, Time(0));
}

void MemoryWorkQueue::State::settle(Queue& queue, Job* job, JobResult result) {
  switch (result.outcome) {
    case JobOutcome::done:
      pool.give_back(job);
      break;
    case JobOutcome::drop:
      bury(queue, job);
      break;
    case JobOutcome::retry:
      try_again(queue, job,
                result.delay > Time(0) ? std::min<Time>(result.delay, kMaxDelay) : backoff(job->attempt));
      break;
  }
}

void MemoryWorkQueue::State::try_again(Queue& queue, Job* job, Time delay) {
  if (++job->attempt >= options.maxAttempts) return bury(queue, job);
  job->notBefore = clock.now() + delay.count();
  wait_again(queue, job, clock.steady() + delay);
}

void MemoryWorkQueue::State::wait_again(Queue& queue, Job* job, Time due) {
  // Enqueued once more while it was being handled: that newer one stands for both.
  if (!queue.waiting.add(job, due)) pool.give_back(job);
}

void MemoryWorkQueue::State::bury(Queue& queue, Job* job) {
  queue.dead.push_back(pool.give_back(job));
  if (queue.dead.size() > options.deadLetters) queue.dead.pop_front();
}

MemoryWorkQueue::MemoryWorkQueue(Clock& clock, MemoryWorkQueueOptions options)
    : state_(std::make_shared<State>(clock, options)) {}
MemoryWorkQueue::~MemoryWorkQueue() { stop(); }

void MemoryWorkQueue::enqueue(std::vector<Job> batch, Executor& executor, Completion<Status> done) {
  Status status;
  {
    std::lock_guard lock(state_->mutex);
    status = state_->admit(batch);
    if (status) state_->add(std::move(batch));
  }
  complete(executor, std::move(done), std::move(status));
}

void MemoryWorkQueue::consume(const std::string& queue, Executor& executor, Handler handler) {
  std::lock_guard lock(state_->mutex);
  Queue* named = state_->queue_named(queue);
  assert(named != nullptr && !named->consumer && "one consumer per queue");
  if (named == nullptr) return;
  named->consumer = std::make_shared<Consumer>(Consumer{&executor, std::move(handler)});
  state_->pump(*named);
}

void MemoryWorkQueue::stop() {
  std::vector<std::shared_ptr<Consumer>> ended;  // destroyed after the lock: captures may call back
  std::lock_guard lock(state_->mutex);
  for (auto& [name, queue] : state_->queues) {
    ended.push_back(std::exchange(queue->consumer, nullptr));
    if (!queue->delivery || queue->delivery->deadline) continue;
    const std::vector<Job*> unseen = std::move(queue->delivery->jobs);
    queue->delivery.reset();
    for (Job* job : unseen) state_->wait_again(*queue, job, state_->clock.steady());
  }
}

void MemoryWorkQueue::dead_letters(const std::string& queue, std::uint32_t limit, Executor& executor,
                                   Completion<Result<std::vector<Job>>> done) {
  std::vector<Job> jobs;
  {
    std::lock_guard lock(state_->mutex);
    const auto found = state_->queues.find(queue);
    if (found != state_->queues.end()) {
      const auto& dead = found->second->dead;
      const auto count = static_cast<std::ptrdiff_t>(std::min<std::size_t>(limit, dead.size()));
      jobs.assign(dead.rbegin(), dead.rbegin() + count);
    }
  }
  complete(executor, std::move(done), Result<std::vector<Job>>(std::move(jobs)));
}

void MemoryWorkQueue::run_due() {
  std::lock_guard lock(state_->mutex);
  const Time now = state_->clock.steady();
  for (auto& [name, queue] : state_->queues) {
    if (queue->delivery && queue->delivery->deadline && *queue->delivery->deadline <= now)
      state_->take_back(*queue);
    state_->pump(*queue);
  }
}

std::size_t MemoryWorkQueue::size() const {
  std::lock_guard lock(state_->mutex);
  return state_->pool.used();
}

}  // namespace chatcore
