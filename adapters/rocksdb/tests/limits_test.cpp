#include <doctest/doctest.h>

#include "chatcore/testing/test_executor.hpp"
#include "temporary_store.hpp"

using namespace chatcore;
using rocks::TemporaryFolder;

namespace {

AppendRequest one(const ConversationId& log) {
  AppendRequest request;
  request.log = log;
  request.term = 1;
  request.events.resize(1);
  request.events[0].seq = 1;
  return request;
}

}  // namespace

TEST_CASE("appends past the bound are refused as overloaded, and none is left unanswered") {
  const TemporaryFolder folder;
  RocksdbOptions options;
  options.path = folder.path();
  options.maxPendingAppends = 2;
  const auto store = rocks::open_store(options);
  testing::TestExecutor executor;
  constexpr int kCalls = 500;
  int committed = 0;
  int overloaded = 0;
  for (int i = 0; i < kCalls; ++i) {
    store->log_store().append(
        {one("log" + std::to_string(i))}, executor, [&](std::vector<AppendResult> results) {
          if (results[0].outcome == AppendOutcome::committed) ++committed;
          if (results[0].outcome == AppendOutcome::refused && results[0].error.code == ErrorCode::overloaded)
            ++overloaded;
        });
  }
  store->stop();
  executor.drain();
  CHECK(committed > 0);
  CHECK(overloaded > 0);
  CHECK(committed + overloaded == kCalls);
}

TEST_CASE("stopping commits what waits, and later calls are told that the store is closed") {
  const TemporaryFolder folder;
  RocksdbOptions options;
  options.path = folder.path();
  auto store = rocks::open_store(options);
  testing::TestExecutor executor;
  int committed = 0;
  for (int i = 0; i < 100; ++i) {
    store->log_store().append({one("log" + std::to_string(i))}, executor,
                              [&](std::vector<AppendResult> results) {
                                if (results[0].outcome == AppendOutcome::committed) ++committed;
                              });
  }
  store->stop();
  store->stop();
  executor.drain();
  CHECK(committed == 100);

  const auto late = executor.wait<std::vector<AppendResult>>(
      [&](Executor& e, auto done) { store->log_store().append({one("late")}, e, std::move(done)); });
  CHECK(late[0].outcome == AppendOutcome::refused);
  CHECK(late[0].error.code == ErrorCode::cancelled);
  const auto read = executor.wait<std::vector<Result<EventRange>>>(
      [&](Executor& e, auto done) { store->log_store().read({{.log = "log1"}}, e, std::move(done)); });
  CHECK(read[0].error().code == ErrorCode::cancelled);
  const auto claim = executor.wait<std::vector<Result<LogState>>>(
      [&](Executor& e, auto done) { store->log_store().claim({{"log1", 2}}, e, std::move(done)); });
  CHECK(claim[0].error().code == ErrorCode::cancelled);
  const auto put = executor.wait<Status>(
      [&](Executor& e, auto done) { store->directory().put_user({"alice", ""}, e, std::move(done)); });
  CHECK(put.error().code == ErrorCode::cancelled);
}

TEST_CASE("one commit's answers come with one post") {
  struct Counting final : Executor {
    void post(Task task) override {
      inner.post(std::move(task));
      ++posts;
    }
    testing::TestExecutor inner;
    std::atomic<int> posts = 0;
  };
  const TemporaryFolder folder;
  RocksdbOptions options;
  options.path = folder.path();
  const auto store = rocks::open_store(options);
  Counting executor;
  constexpr int kCalls = 2000;
  int answered = 0;
  for (int i = 0; i < kCalls; ++i) {
    store->log_store().append({one("log" + std::to_string(i))}, executor,
                              [&](std::vector<AppendResult>) { ++answered; });
  }
  store->stop();
  executor.inner.drain();
  CHECK(answered == kCalls);
  // While one commit syncs, many calls gather for the next one.
  CHECK(executor.posts < kCalls / 2);
}
