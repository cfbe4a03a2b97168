#include <doctest/doctest.h>

#include "chatcore/memory/log_store.hpp"
#include "chatcore/testing/fault_plan.hpp"
#include "chatcore/testing/test_executor.hpp"

using namespace chatcore;
using testing::Fault;
using testing::FaultPlan;
using testing::FaultyLogStore;
using testing::TestExecutor;

namespace {

AppendRequest one_event(Seq head) {
  AppendRequest request;
  request.log = "log";
  request.term = 1;
  request.expectedHead = head;
  request.events.resize(1);
  request.events[0].seq = head + 1;
  return request;
}

struct Scene {
  MemoryLogStore memory{MemoryLogStoreOptions{3}};
  FaultPlan plan;
  FaultyLogStore store{memory, plan};
  TestExecutor executor;

  AppendResult append(Seq head) {
    return executor
        .wait<std::vector<AppendResult>>(
            [&](Executor& e, auto done) { store.append({one_event(head)}, e, std::move(done)); })
        .front();
  }
  Seq head() {
    const auto all = executor.wait<std::vector<Result<EventRange>>>(
        [&](Executor& e, auto done) { memory.read({{.log = "log", .to = UINT64_MAX}}, e, std::move(done)); });
    return all[0]->events.empty() ? 0 : all[0]->events.back().seq;
  }
};

}  // namespace

TEST_CASE("a planned fault meets its call only, and writes or does not write as it says") {
  struct Row {
    Fault fault;
    AppendOutcome outcome;
    Seq head;
  };
  const Row table[] = {{Fault::unknown_but_written, AppendOutcome::unknown, 2},
                       {Fault::unknown_not_written, AppendOutcome::unknown, 1},
                       {Fault::refused, AppendOutcome::refused, 1},
                       {Fault::fenced, AppendOutcome::fenced, 1}};
  for (const Row& row : table) {
    Scene scene;
    scene.plan.fail(2, row.fault);
    CHECK(scene.append(0).outcome == AppendOutcome::committed);
    CHECK(scene.append(1).outcome == row.outcome);
    CHECK(scene.head() == row.head);
    CHECK(scene.append(row.head).outcome == AppendOutcome::committed);
    CHECK(scene.plan.calls() == 3);
    CHECK(scene.plan.failed() == 1);
  }
}

TEST_CASE("a delayed answer comes after it is released, its write happened at once") {
  Scene scene;
  scene.plan.fail(1, Fault::delayed);
  bool answered = false;
  scene.store.append({one_event(0)}, scene.executor, [&](std::vector<AppendResult> results) {
    answered = results.front().outcome == AppendOutcome::committed;
  });
  CHECK(scene.append(1).outcome == AppendOutcome::committed);
  CHECK_FALSE(answered);
  scene.plan.release();
  CHECK_FALSE(answered);
  scene.executor.drain();
  CHECK(answered);
}

TEST_CASE("calls without an outcome of their own fail with an error") {
  Scene scene;
  scene.plan.fail_from(1, Fault::refused);
  const auto read = scene.executor.wait<std::vector<Result<EventRange>>>(
      [&](Executor& e, auto done) { scene.store.read({{.log = "a"}, {.log = "b"}}, e, std::move(done)); });
  REQUIRE(read.size() == 2);
  CHECK(read[1].error().code == ErrorCode::unavailable);
  const auto found = scene.executor.wait<Result<std::vector<ConversationId>>>(
      [&](Executor& e, auto done) { scene.store.recover(1, e, std::move(done)); });
  CHECK_FALSE(found.has_value());
  scene.plan.heal();
  CHECK(scene.append(0).outcome == AppendOutcome::committed);
}

TEST_CASE("a full memory store refuses and stays readable") {
  Scene scene;
  for (Seq head = 0; head < 3; ++head) CHECK(scene.append(head).outcome == AppendOutcome::committed);
  const AppendResult over = scene.append(3);
  CHECK(over.outcome == AppendOutcome::refused);
  CHECK(over.error.code == ErrorCode::overloaded);
  CHECK(scene.head() == 3);
}
