#include "committer.hpp"

#include <rocksdb/perf_level.h>

#include <type_traits>

#include "chatcore/testing/kill_point.hpp"

namespace chatcore::rocks {

namespace {

// A commit this large is well past what batching can win, and bounds how long an answer waits for its write.
constexpr std::size_t kMaxGroupRequests = 4096;
constexpr std::size_t kMaxGroupBytes = 8U << 20;

Error unavailable() {
  return Error{.code = ErrorCode::unavailable, .message = "the store could not write; it will try again"};
}

/// What an append is told whose commit failed. Only what was to be written can have been.
void fail(AppendResult& decided, AppendOutcome failure) {
  const bool invalid = decided.outcome == AppendOutcome::refused;
  if (invalid) return;
  decided.outcome = decided.outcome == AppendOutcome::committed ? failure : AppendOutcome::refused;
  decided.error = unavailable();
  decided.head = 0;
  decided.original.reset();
}

template <class Answers>
void fail_all(Answers& answers) {
  for (auto& answer : answers) {
    if (answer.has_value()) answer = unavailable();
  }
}

}  // namespace

Committer::Committer(Database& database, Journal& journal, Hooks hooks)
    : database_(database), hooks_(std::move(hooks)), group_(database, journal), thread_([this] { run(); }) {}

Admission Committer::submit(AnyCall& call, Weight weight) {
  const RocksdbOptions& limits = database_.options();
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return Admission::stopped;
    // A call larger than the bound is taken when nothing else waits. The folder's always: it has one at a
    // time.
    const bool idle = pending_.requests == 0;
    const bool folds = std::holds_alternative<FoldPieceCall>(call) ||
                       std::holds_alternative<DurableCall>(call) || std::holds_alternative<FoldedCall>(call);
    if (!idle && !folds &&
        (pending_.requests + weight.requests > limits.maxPendingAppends ||
         pending_.bytes + weight.bytes > limits.maxPendingBytes))
      return Admission::full;
    pending_.requests += weight.requests;
    pending_.bytes += weight.bytes;
    waiting_.push_back({std::move(call), weight});
    wake = std::exchange(sleeping_, false);
  }
  if (wake) arrived_.notify_one();
  return Admission::taken;
}

void Committer::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    sleeping_ = false;
  }
  arrived_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Committer::run() {
  // Nobody reads RocksDB's counters, and each is an access to the thread's storage.
  rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable);
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      while (waiting_.empty()) {
        if (stopping_) return;
        sleeping_ = true;
        arrived_.wait(lock, [this] { return !sleeping_; });
      }
      taken_.swap(waiting_);
    }
    for (std::size_t begin = 0; begin < taken_.size();) {
      const std::size_t end = end_of_group(begin);
      commit(begin, end);
      begin = end;
    }
    taken_.clear();
  }
}

std::size_t Committer::end_of_group(std::size_t begin) const {
  Weight sum{0, 0};
  std::size_t end = begin;
  while (end < taken_.size() && sum.requests < kMaxGroupRequests && sum.bytes < kMaxGroupBytes) {
    sum.requests += taken_[end].weight.requests;
    sum.bytes += taken_[end++].weight.bytes;
  }
  return end;
}

void Committer::commit(std::size_t begin, std::size_t end) {
  Weight sum{0, 0};
  bool folded = false;
  for (std::size_t i = begin; i < end; ++i) {
    std::visit([this](auto& call) { group_.decide(call); }, taken_[i].call);
    folded |= std::holds_alternative<FoldedCall>(taken_[i].call);
    sum.requests += taken_[i].weight.requests;
    sum.bytes += taken_[i].weight.bytes;
  }
  rocksdb::WriteBatch& batch = group_.seal();
  CHATCORE_KILL_POINT("commit.decided");
  std::optional<AppendOutcome> failure;
  if (batch.Count() > 0) {
    // Refused while RocksDB is stopped: then nothing is attempted. A write that fails may have reached the
    // log.
    if (!database_.writable()) {
      failure = AppendOutcome::refused;
    } else if (!database_.write(batch, group_.wants_sync()).ok()) {
      failure = AppendOutcome::unknown;
    }
  }
  CHATCORE_KILL_POINT("commit.written");
  if (failure) {
    group_.failed();
  } else {
    group_.committed();
  }
  {
    // Before the answers: who was told `overloaded` may come again with the first of them.
    std::lock_guard lock(mutex_);
    pending_.requests -= sum.requests;
    pending_.bytes -= sum.bytes;
  }
  for (std::size_t i = begin; i < end; ++i) answer(taken_[i].call, failure);
  CHATCORE_KILL_POINT("commit.answering");
  replies_.post();
  CHATCORE_KILL_POINT("commit.answered");
  if (folded && hooks_.folded) hooks_.folded();
  hooks_.committed(group_.take_garbage());
}

void Committer::answer(AnyCall& any, const std::optional<AppendOutcome>& failure) {
  std::visit(
      [&](auto& call) {
        using Kind = std::remove_cvref_t<decltype(call)>;
        if constexpr (std::is_same_v<Kind, AppendCall>) {
          if (failure) {
            for (AppendResult& result : call.answers) fail(result, *failure);
          }
          for (std::size_t i = 0; i < call.batch.size(); ++i)
            call.answers[i].request = std::move(call.batch[i]);
          replies_.add(*call.executor, std::move(call.done), std::move(call.answers));
        } else if constexpr (std::is_same_v<Kind, ClaimCall>) {
          if (failure) fail_all(call.answers);
          hooks_.claimed(std::move(call));
        } else if constexpr (std::is_same_v<Kind, MarkCall>) {
          // A position is good also where nothing can be written, but not where something may turn up later
          // that was decided before it.
          if (failure == AppendOutcome::unknown) fail_all(call.answers);
          replies_.add(*call.executor, std::move(call.done), std::move(call.answers));
        } else if constexpr (std::is_same_v<Kind, AdvanceCall> || std::is_same_v<Kind, PreferencesCall> ||
                             std::is_same_v<Kind, HideCall> || std::is_same_v<Kind, TellCall>) {
          if (failure) fail_all(call.answers);
          replies_.add(*call.executor, std::move(call.done), std::move(call.answers));
        } else if constexpr (std::is_same_v<Kind, ChangeCall>) {
          if (failure && call.answer) call.answer = unavailable();
          replies_.add(*call.executor, std::move(call.done), std::move(call.answer));
        } else if constexpr (std::is_same_v<Kind, FoldPieceCall>) {
          call.done(!failure);
        } else if constexpr (std::is_same_v<Kind, DurableCall>) {
          call.done(!failure && database_.may_ingest() && database_.db().SyncWAL().ok());
        }
      },
      any);
}

}  // namespace chatcore::rocks
