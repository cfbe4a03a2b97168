#include "chatcore/testing/work_queue_conformance.hpp"

#include <algorithm>

#include "eventually.hpp"

namespace chatcore::testing {

WorkQueueFixture::~WorkQueueFixture() = default;

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Ids = std::vector<std::string>;

Job job(std::string id, Timestamp notBefore = 0, std::string queue = "push") {
  return Job{id, std::move(queue), "payload of " + id, notBefore, 0};
}

/// A consumer that keeps its batches until the case finishes them.
struct Worker {
  explicit Worker(WorkQueueFixture& f, std::string name = "push") : fixture(f), queue(std::move(name)) {
    consume();
  }
  ~Worker() { fixture.queue().stop(); }

  WorkQueueFixture& fixture;
  std::string queue;
  TestExecutor executor;
  std::vector<std::pair<std::vector<Job>, WorkQueue::Finish>> open;
  Ids seen;

  void consume() {
    fixture.queue().consume(queue, executor, [this](std::vector<Job> jobs, WorkQueue::Finish finish) {
      expect(!jobs.empty() && jobs.size() <= 256, "batches of 1 to 256 jobs");
      for (const Job& each : jobs) {
        expect(each.queue == queue, "jobs of this queue only");
        seen.push_back(each.id);
      }
      open.emplace_back(std::move(jobs), std::move(finish));
    });
  }
  Status try_enqueue(std::vector<Job> batch) {
    TestExecutor own;
    return own.wait<Status>(
        [&](Executor& on, auto done) { fixture.queue().enqueue(std::move(batch), on, std::move(done)); });
  }
  void enqueue(std::vector<Job> batch) {
    expect(try_enqueue(std::move(batch)).has_value(), "the jobs to be taken");
  }
  std::vector<Job> next() {
    expect_eventually(executor, [&] { return !open.empty(); }, "a batch to be delivered");
    return open.front().first;
  }
  void finish(JobResult result) {
    auto [jobs, done] = std::move(open.front());
    open.erase(open.begin());
    done(std::vector<JobResult>(jobs.size(), result));
  }
  void finish_next(JobResult result = {}) {
    next();
    finish(result);
  }
  [[nodiscard]] std::ptrdiff_t times(const std::string& id) const {
    return std::count(seen.begin(), seen.end(), id);
  }
  /// A later job that has come and gone shows that an earlier one is not about to come.
  void expect_idle(const std::string& witness) {
    enqueue({job(witness)});
    expect(next().size() == 1 && next()[0].id == witness, "nothing else to be due");
    finish({});
  }
  Ids dead(std::uint32_t limit = 1000) {
    TestExecutor own;
    auto letters = own.wait<Result<std::vector<Job>>>(
        [&](Executor& on, auto done) { fixture.queue().dead_letters(queue, limit, on, std::move(done)); });
    expect(letters.has_value(), "dead letters to be readable");
    Ids ids;
    for (const Job& each : *letters) ids.push_back(each.id);
    std::sort(ids.begin(), ids.end());
    return ids;
  }
};

void delivered_as_enqueued(WorkQueueFixture& fixture) {
  Worker worker(fixture);
  worker.enqueue({job("a")});
  const auto jobs = worker.next();
  expect(jobs.size() == 1, "one job");
  expect(jobs[0].id == "a" && jobs[0].queue == "push" && jobs[0].payload == "payload of a",
         "the job's fields");
  expect(jobs[0].attempt == 0, "attempt 0 at the first delivery");
  worker.finish({});
  worker.expect_idle("witness");
  expect(worker.times("a") == 1 && worker.dead().empty(), "a job that is done to be gone");
}

void never_inside_the_call(WorkQueueFixture& fixture) {
  Worker worker(fixture);
  int completed = 0;
  TestExecutor other;
  fixture.queue().enqueue({job("a")}, other, [&](Status) { ++completed; });
  fixture.queue().enqueue({}, other, [&](Status) { ++completed; });
  fixture.queue().dead_letters("push", 10, other, [&](auto) { ++completed; });
  expect(completed == 0 && worker.seen.empty(), "nothing to run inside the call");
  expect_eventually(other, [&] { return completed == 3; }, "each call to complete once");
  expect(worker.seen.empty(), "the handler to run on the consumer's executor only");
  worker.finish_next();
}

void jobs_wait_for_their_consumer(WorkQueueFixture& fixture) {
  Worker other(fixture, "other");
  other.enqueue({job("a"), job("b", 0, "other"), job("c")});
  expect(other.next().size() == 1 && other.next()[0].id == "b", "queues to be separate");
  other.finish({});
  Worker worker(fixture);
  worker.next();
  expect(worker.times("a") == 1, "a job to wait until its queue has a consumer");
  while (worker.times("c") == 0) worker.finish_next();
}

void due_jobs_only(WorkQueueFixture& fixture) {
  Worker worker(fixture);
  worker.enqueue({job("later", fixture.now() + 10'000)});
  worker.expect_idle("first");
  fixture.advance(seconds(5));
  worker.expect_idle("second");
  fixture.advance(seconds(6));
  expect(worker.next()[0].id == "later", "the job to come when it is due");
  worker.finish({});
}

void one_batch_at_a_time(WorkQueueFixture& fixture) {
  Worker worker(fixture);
  std::vector<Job> many;
  for (int i = 0; i < 600; ++i) many.push_back(job("job" + std::to_string(i)));
  const std::vector<Job> part(many.begin(), many.begin() + 250);
  worker.enqueue(part);
  worker.enqueue({many.begin() + 250, many.begin() + 500});
  worker.enqueue({many.begin() + 500, many.end()});
  worker.next();
  worker.executor.drain();
  expect(worker.open.size() == 1, "no second batch before the first is finished");
  while (worker.seen.size() < many.size()) {
    worker.finish_next();
    worker.next();
    expect(worker.open.size() == 1, "one batch at a time");
  }
  worker.finish({});
  for (const Job& each : many) expect(worker.times(each.id) == 1, "each job once");
}

void waiting_ids_are_not_repeated(WorkQueueFixture& fixture) {
  Worker worker(fixture);
  const Timestamp later = fixture.now() + 10'000;
  worker.enqueue({job("a", later), job("a", later)});
  Job other = job("a", 0);
  other.payload = "another payload";
  worker.enqueue({other});
  worker.expect_idle("first");
  fixture.advance(seconds(11));
  const auto jobs = worker.next();
  expect(jobs.size() == 1 && jobs[0].payload == "payload of a", "the job that waited, unchanged");
  worker.finish({});
  worker.expect_idle("second");
  worker.enqueue({job("a")});
  expect(worker.next()[0].id == "a", "an id to be free once its job is done");
  worker.finish({});
}

void retries_come_after_the_delay(WorkQueueFixture& fixture) {
  Worker worker(fixture);
  worker.enqueue({job("a")});
  worker.finish_next({JobOutcome::retry, seconds(10)});
  fixture.advance(seconds(5));
  worker.expect_idle("witness");
  fixture.advance(seconds(6));
  const auto again = worker.next();
  expect(again.size() == 1 && again[0].id == "a" && again[0].attempt == 1, "the job again, as attempt 1");
  expect(again[0].payload == "payload of a", "its payload");
  worker.finish({});
}

void results_are_per_job(WorkQueueFixture& fixture) {
  Worker worker(fixture);
  worker.enqueue({job("done"), job("retry"), job("drop")});
  Ids handled;
  while (handled.size() < 3) {
    const auto jobs = worker.next();
    std::vector<JobResult> results;
    for (const Job& each : jobs) {
      handled.push_back(each.id);
      const auto outcome = each.id == "done"    ? JobOutcome::done
                           : each.id == "retry" ? JobOutcome::retry
                                                : JobOutcome::drop;
      results.push_back({outcome, seconds(1)});
    }
    auto finish = std::move(worker.open.front().second);
    worker.open.clear();
    finish(std::move(results));
  }
  fixture.advance(seconds(2));
  expect(worker.next().size() == 1 && worker.next()[0].id == "retry", "only the retried job again");
  worker.finish({});
  expect(worker.dead() == Ids{"drop"}, "the dropped job among the dead letters");
}

void attempts_are_used_up(WorkQueueFixture& fixture) {
  Worker worker(fixture);
  worker.enqueue({job("a")});
  for (std::uint32_t attempt = 0; attempt < fixture.max_attempts(); ++attempt) {
    expect(worker.dead().empty(), "no dead letter before the last attempt");
    expect(worker.next()[0].attempt == attempt, "attempts to be counted");
    worker.finish({JobOutcome::retry, seconds(1)});
    fixture.advance(seconds(2));
  }
  worker.expect_idle("witness");
  expect(worker.dead() == Ids{"a"}, "a dead letter once the attempts are used up");
}

void retries_without_delay_wait(WorkQueueFixture& fixture) {
  Worker worker(fixture);
  worker.enqueue({job("a")});
  worker.finish_next({JobOutcome::retry, milliseconds(0)});
  fixture.advance(std::chrono::minutes(11));
  expect(worker.next()[0].attempt == 1, "a retry without a delay to come within some minutes");
  worker.finish({});
}

void newest_dead_letters(WorkQueueFixture& fixture) {
  Worker worker(fixture);
  for (const char* id : {"a", "b", "c"}) {
    worker.enqueue({job(id)});
    worker.finish_next({JobOutcome::drop, {}});
  }
  expect(worker.dead() == Ids{"a", "b", "c"}, "all dead letters");
  expect(worker.dead(2) == Ids{"b", "c"}, "the newest dead letters");
  expect(worker.dead(0).empty(), "none when none is wanted");
}

void unfinished_batches_return(WorkQueueFixture& fixture) {
  Worker worker(fixture);
  worker.enqueue({job("a")});
  worker.next();
  auto late = std::move(worker.open.front().second);
  worker.open.clear();
  fixture.advance(fixture.visibility() / 2);
  worker.executor.drain();
  expect(worker.open.empty(), "nothing again before the visibility timeout");
  fixture.advance(fixture.visibility());
  expect(worker.next()[0].id == "a", "the unfinished job again");
  late({JobResult{JobOutcome::drop, {}}});
  worker.executor.drain();
  expect(worker.open.size() == 1 && worker.dead().empty(), "a late finish to count for nothing");
  worker.finish({});
  worker.expect_idle("witness");
}

void nothing_after_stop(WorkQueueFixture& fixture) {
  Worker worker(fixture);
  worker.enqueue({job("a")});
  fixture.queue().stop();
  const std::size_t before = worker.seen.size();
  worker.executor.drain();
  worker.enqueue({job("b")});
  worker.executor.drain();
  expect(worker.seen.size() == before, "no batch after stop");
  worker.consume();
  while (worker.times("b") == 0) worker.finish_next();
  expect(worker.times("a") >= 1, "jobs to wait for the next consumer");
}

void overload_is_told(WorkQueueFixture& fixture) {
  if (fixture.too_many_jobs() == 0) return;
  Worker worker(fixture);
  const Timestamp later = fixture.now() + 3'600'000;
  bool refused = false;
  for (std::size_t i = 0; i < fixture.too_many_jobs() && !refused; ++i) {
    const auto status = worker.try_enqueue({job("job" + std::to_string(i), later)});
    refused = !status;
    if (refused) expect(status.error().code == ErrorCode::overloaded, "`overloaded` at the bound");
  }
  expect(refused, "a bound on what waits");
}

}  // namespace

std::vector<ConformanceCase> work_queue_conformance(std::function<std::unique_ptr<WorkQueueFixture>()> make) {
  return CaseList<WorkQueueFixture>(std::move(make))
      .add("a job is delivered as it was enqueued, and is gone when done", delivered_as_enqueued)
      .add("completions and handlers run on their executor, never inside the call", never_inside_the_call)
      .add("queues are separate, and jobs wait for their consumer", jobs_wait_for_their_consumer)
      .add("a job is not delivered before its time", due_jobs_only)
      .add("batches hold at most 256 jobs and come one at a time", one_batch_at_a_time)
      .add("enqueuing an id that waits changes nothing", waiting_ids_are_not_repeated)
      .add("a retry comes after its delay, as the next attempt", retries_come_after_the_delay)
      .add("each job of a batch has its own result", results_are_per_job)
      .add("a job is a dead letter once its attempts are used up", attempts_are_used_up)
      .add("a retry without a delay comes by itself", retries_without_delay_wait)
      .add("the newest dead letters are shown", newest_dead_letters)
      .add("a batch that is not finished in time is delivered again", unfinished_batches_return)
      .add("nothing is delivered after stop, and nothing is lost by it", nothing_after_stop)
      .add("a full queue says so", overload_is_told)
      .take();
}

}  // namespace chatcore::testing
