#include "chatcore/memory/work_queue.hpp"

#include <doctest/doctest.h>

#include <set>
#include <thread>

#include "chatcore/testing/manual_clock.hpp"
#include "chatcore/testing/test_executor.hpp"
#include "chatcore/testing/work_queue_conformance.hpp"

using namespace chatcore;
using namespace std::chrono_literals;

namespace {

class Fixture final : public testing::WorkQueueFixture {
 public:
  WorkQueue& queue() override { return queue_; }
  Timestamp now() override { return clock_.now(); }
  void advance(std::chrono::milliseconds by) override {
    clock_.advance(by);
    queue_.run_due();
  }
  std::size_t too_many_jobs() override { return 1001; }

 private:
  testing::ManualClock clock_;
  MemoryWorkQueue queue_{clock_, {.maxJobs = 1000}};
};

struct Desk {
  explicit Desk(MemoryWorkQueueOptions options = {}) : queue(clock, options) {}
  testing::ManualClock clock;
  MemoryWorkQueue queue;
  testing::TestExecutor executor;
  std::vector<Job> jobs;
  WorkQueue::Finish finish;

  void consume(const std::string& name = "q") {
    queue.consume(name, executor, [this](std::vector<Job> batch, WorkQueue::Finish done) {
      jobs = std::move(batch);
      finish = std::move(done);
    });
  }
  Status enqueue(std::vector<Job> batch) {
    return executor.wait<Status>(
        [&](Executor& on, auto done) { queue.enqueue(std::move(batch), on, std::move(done)); });
  }
  void pass(std::chrono::milliseconds by) {
    clock.advance(by);
    queue.run_due();
    executor.drain();
  }
  void answer(JobResult result) {
    auto done = std::move(finish);
    done(std::vector<JobResult>(jobs.size(), result));
    jobs.clear();
    executor.drain();
  }
  std::vector<Job> dead(const std::string& name = "q") {
    return *executor.wait<Result<std::vector<Job>>>(
        [&](Executor& on, auto done) { queue.dead_letters(name, 10, on, std::move(done)); });
  }
};

Job job(std::string id, std::string payload = "p", Timestamp notBefore = 0) {
  return Job{std::move(id), "q", std::move(payload), notBefore, 0};
}

}  // namespace

TEST_CASE("the memory work queue keeps the promises of the port") {
  for (const auto& each : testing::work_queue_conformance([] { return std::make_unique<Fixture>(); })) {
    CAPTURE(each.name);
    CHECK_NOTHROW(each.run());
  }
}

TEST_CASE("a due job is delivered without waiting for the clock to be driven") {
  Desk desk;
  desk.consume();
  CHECK(desk.enqueue({job("a")}));
  desk.executor.drain();
  CHECK(desk.jobs.size() == 1);
}

TEST_CASE("retries without a delay back off by doubling, up to ten minutes") {
  Desk desk({.maxAttempts = 13});
  desk.consume();
  REQUIRE(desk.enqueue({job("a")}));
  desk.executor.drain();
  for (int seconds : {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600}) {
    CAPTURE(seconds);
    REQUIRE(desk.jobs.size() == 1);
    desk.answer({JobOutcome::retry, 0ms});
    desk.pass(std::chrono::seconds(seconds) - 1ms);
    CHECK(desk.jobs.empty());
    desk.pass(1ms);
  }
  REQUIRE(desk.jobs.size() == 1);
  CHECK(desk.jobs[0].attempt == 12);
  desk.answer({JobOutcome::retry, 0ms});
  CHECK(desk.dead().size() == 1);
  CHECK(desk.queue.size() == 0);
}

TEST_CASE("a batch over a bound is refused whole, repetitions not counted") {
  Desk desk({.maxJobs = 3});
  CHECK(desk.enqueue({job("a"), job("b")}));
  CHECK(desk.enqueue({job("c"), job("d")}).error().code == ErrorCode::overloaded);
  CHECK(desk.queue.size() == 2);
  CHECK(desk.enqueue({job("a"), job("b"), job("c"), job("c")}));
  CHECK(desk.queue.size() == 3);
  CHECK(desk.enqueue({job("a"), job("b"), job("c")}));
}

TEST_CASE("ids and payloads are bounded by bytes") {
  Desk desk({.maxBytes = 100});
  CHECK(desk.enqueue({job("a", std::string(80, 'x'))}));
  CHECK(desk.enqueue({job("b", std::string(20, 'x'))}).error().code == ErrorCode::overloaded);
  CHECK(desk.enqueue({job("a", std::string(80, 'x'))}));
  CHECK(desk.enqueue({job("b", std::string(10, 'x'))}));
  CHECK(desk.enqueue({job("c", std::string(64 * 1024 + 1, 'x'))}).error().code == ErrorCode::too_large);
}

TEST_CASE("a job without an id or a queue is refused") {
  Desk desk;
  Job nowhere = job("a");
  nowhere.queue.clear();
  CHECK(desk.enqueue({nowhere}).error().code == ErrorCode::invalid_argument);
  CHECK(desk.enqueue({job("")}).error().code == ErrorCode::invalid_argument);
  CHECK(desk.enqueue({job(std::string(257, 'i'))}).error().code == ErrorCode::invalid_argument);
}

TEST_CASE("only the newest dead letters are kept, newest first") {
  Desk desk({.deadLetters = 2});
  desk.consume();
  for (const char* id : {"a", "b", "c"}) {
    REQUIRE(desk.enqueue({job(id)}));
    desk.executor.drain();
    desk.answer({JobOutcome::drop, 0ms});
  }
  const auto dead = desk.dead();
  REQUIRE(dead.size() == 2);
  CHECK(dead[0].id == "c");
  CHECK(dead[1].id == "b");
  CHECK(desk.dead("unheard of").empty());
}

TEST_CASE("a job enqueued again while it is handled runs once more") {
  Desk desk;
  desk.consume();
  REQUIRE(desk.enqueue({job("a", "old")}));
  desk.executor.drain();
  REQUIRE(desk.enqueue({job("a", "new")}));
  desk.answer({});
  REQUIRE(desk.jobs.size() == 1);
  CHECK(desk.jobs[0].payload == "new");
  REQUIRE(desk.enqueue({job("a", "newest")}));
  desk.answer({JobOutcome::retry, 1h});  // the newer one stands for both
  REQUIRE(desk.jobs.size() == 1);
  CHECK(desk.jobs[0].payload == "newest");
  desk.answer({});
  CHECK(desk.queue.size() == 0);
}

TEST_CASE("deliveries that are never finished use up the attempts") {
  Desk desk({.maxAttempts = 2});
  desk.consume();
  REQUIRE(desk.enqueue({job("a")}));
  desk.executor.drain();
  desk.pass(60s);
  CHECK(desk.jobs.at(0).attempt == 1);
  desk.pass(60s);
  CHECK(desk.dead().size() == 1);
}

TEST_CASE("the visibility timeout counts from when the consumer gets the batch") {
  Desk desk;
  desk.consume();
  desk.queue.enqueue({job("a")}, desk.executor, [](Status) {});
  desk.clock.advance(10min);
  desk.queue.run_due();
  desk.executor.drain();
  REQUIRE(desk.jobs.size() == 1);
  CHECK(desk.jobs[0].attempt == 0);
}

TEST_CASE("a jump of the wall clock neither delays nor hurries a job") {
  Desk desk;
  desk.consume();
  REQUIRE(desk.enqueue({job("a", "p", desk.clock.now() + 10'000), job("far", "p", INT64_MAX)}));
  desk.clock.jump_wall(1h);
  desk.pass(9s);
  CHECK(desk.jobs.empty());
  desk.clock.jump_wall(-2h);
  desk.pass(1s);
  CHECK(desk.jobs.size() == 1);
}

TEST_CASE("a finish is welcome from any thread, after stop and after the queue's end") {
  testing::TestExecutor executor;
  WorkQueue::Finish finish;
  {
    testing::ManualClock clock;
    MemoryWorkQueue queue(clock);
    queue.consume("q", executor, [&](std::vector<Job>, WorkQueue::Finish done) { finish = std::move(done); });
    queue.enqueue({job("a")}, executor, [](Status) {});
    executor.drain();
    std::thread([&] { std::move(finish)({JobResult{}}); }).join();
    CHECK(queue.size() == 0);
    queue.enqueue({job("b")}, executor, [](Status) {});
    executor.drain();
    queue.stop();
    finish({JobResult{}});
    CHECK(queue.size() == 0);
    queue.consume("q", executor, [&](std::vector<Job>, WorkQueue::Finish done) { finish = std::move(done); });
    queue.enqueue({job("c")}, executor, [](Status) {});
    executor.drain();
  }
  finish = {};
}

TEST_CASE("jobs from many threads are each delivered") {
  MemoryWorkQueue queue;
  testing::TestExecutor executor;
  std::set<std::string> seen;
  queue.consume("q", executor, [&](std::vector<Job> jobs, WorkQueue::Finish finish) {
    for (const Job& each : jobs) seen.insert(each.id);
    finish(std::vector<JobResult>(jobs.size()));
  });
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&queue, &executor, t] {
      for (int i = 0; i < 500; ++i) {
        queue.enqueue({job(std::to_string(t) + ":" + std::to_string(i))}, executor, [](Status) {});
      }
    });
  }
  for (int i = 0; i < 1000; ++i) executor.run_one();
  for (auto& thread : threads) thread.join();
  executor.drain();
  CHECK(seen.size() == 2000);
  CHECK(queue.size() == 0);
}
