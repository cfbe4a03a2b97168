#include "engine/job_outbox.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "chatcore/testing/manual_clock.hpp"
#include "chatcore/testing/test_executor.hpp"

namespace chatcore::engine {
namespace {

using namespace std::chrono_literals;

/// Answers every call as it is told to.
class ScriptedQueue final : public WorkQueue {
 public:
  void enqueue(std::vector<Job> batch, Executor& executor, Completion<Status> done) override {
    offered.push_back(std::move(batch));
    complete(executor, std::move(done), Status(answer));
  }
  void consume(const std::string&, Executor&, UniqueFunction<void(std::vector<Job>, Finish)>) override {}
  void stop() override {}
  void dead_letters(const std::string&, std::uint32_t, Executor&,
                    Completion<Result<std::vector<Job>>>) override {}

  Status answer;
  std::vector<std::vector<Job>> offered;
};

class KeptLog final : public Log {
 public:
  void write(LogLevel level, std::string_view, std::string_view message) override {
    lines.emplace_back(level, message);
  }
  std::vector<std::pair<LogLevel, std::string>> lines;
};

struct Setting {
  Setting() {
    context.workQueue = &queue;
    context.executor = &executor;
    context.clock = &clock;
    context.log = &log;
  }
  void add(int count) {
    for (int i = 0; i < count; ++i) outbox.add({std::to_string(added++), "push", {}, 0, 0});
    outbox.end_of_turn();
    executor.drain();
  }
  /// What was offered in this time, tick by tick.
  std::vector<std::string> offered_within(std::chrono::milliseconds time) {
    queue.offered.clear();
    for (std::chrono::milliseconds passed{0}; passed < time; passed += 100ms) {
      clock.advance(100ms);
      outbox.tick();
      executor.drain();
    }
    std::vector<std::string> ids;
    for (const auto& batch : queue.offered)
      for (const Job& job : batch) ids.push_back(job.id);
    return ids;
  }

  testing::ManualClock clock;
  testing::TestExecutor executor;
  ScriptedQueue queue;
  KeptLog log;
  Context context;
  JobOutbox outbox{context};
  int added = 0;
};

const Error kAway{ErrorCode::unavailable, "away", {}};

TEST_CASE("what the queue takes is offered once") {
  Setting at;
  at.add(2);
  CHECK_EQ(at.queue.offered.size(), 1);
  CHECK(at.outbox.empty());
  CHECK(at.offered_within(60s).empty());
}

TEST_CASE("what it does not take for now is offered again after 1, 2, 4 and at last every 30 seconds") {
  Setting at;
  at.queue.answer = kAway;
  at.add(2);
  CHECK_FALSE(at.outbox.empty());
  for (const auto pause : {1s, 2s, 4s, 8s, 16s, 30s, 30s}) {
    CAPTURE(pause.count());
    CHECK(at.offered_within(pause - 100ms).empty());
    CHECK_EQ(at.offered_within(100ms), std::vector<std::string>{"0", "1"});
  }
  CHECK_EQ(at.log.lines.size(), 1);

  at.queue.answer = {};
  CHECK_EQ(at.offered_within(30s).size(), 2);
  CHECK(at.outbox.empty());
  at.queue.answer = kAway;
  at.add(1);
  CHECK_EQ(at.offered_within(1s), std::vector<std::string>{"2"});
}

TEST_CASE("what comes meanwhile does not wait, and nothing is offered in more than 256 at once") {
  Setting at;
  at.queue.answer = kAway;
  at.add(600);
  at.add(1);
  CHECK_EQ(at.queue.offered.size(), 2);
  at.queue.answer = {};
  CHECK_EQ(at.offered_within(2s).size(), 601);
  for (const auto& batch : at.queue.offered) CHECK_LE(batch.size(), 256);
  CHECK(at.outbox.empty());
}

TEST_CASE("the pause grows with the offers that fail, not with what comes meanwhile") {
  Setting at;
  at.queue.answer = kAway;
  for (int i = 0; i < 10; ++i) at.add(300);
  CHECK(at.offered_within(900ms).empty());
  CHECK_EQ(at.offered_within(100ms).size(), 3000);
  at.add(1);
  CHECK(at.offered_within(1900ms).empty());
  CHECK_EQ(at.offered_within(100ms).size(), 3001);
}

TEST_CASE("once something is taken the rest is offered at once") {
  Setting at;
  at.queue.answer = kAway;
  at.add(1);
  CHECK_EQ(at.offered_within(15s).size(), 4);
  at.queue.answer = {};
  at.add(1);
  CHECK_EQ(at.offered_within(100ms), std::vector<std::string>{"0"});
}

TEST_CASE("what can never be taken is given up, and said") {
  Setting at;
  at.queue.answer = Error{ErrorCode::too_large, "too large", {}};
  at.add(3);
  CHECK(at.outbox.empty());
  CHECK(at.offered_within(60s).empty());
  REQUIRE_EQ(at.log.lines.size(), 1);
  CHECK_EQ(at.log.lines[0].first, LogLevel::error);
}

TEST_CASE("of more than can be kept the oldest are given up, and that is said") {
  Setting at;
  at.queue.answer = kAway;
  const int most = static_cast<int>(JobOutbox::kMostKept);
  at.add(most);
  at.add(2);
  CHECK_EQ(at.log.lines.back().first, LogLevel::error);
  at.queue.answer = {};
  const std::vector<std::string> offered = at.offered_within(4s);
  REQUIRE_EQ(offered.size(), JobOutbox::kMostKept);
  CHECK_EQ(offered.front(), "2");
}

}  // namespace
}  // namespace chatcore::engine
