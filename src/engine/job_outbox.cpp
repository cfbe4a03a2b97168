#include "engine/job_outbox.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace chatcore::engine {

namespace {
constexpr std::chrono::milliseconds kFirstPause{1'000};
constexpr std::chrono::milliseconds kLongestPause{30'000};
constexpr std::size_t kBatch = 256;
}  // namespace

void JobOutbox::end_of_turn() {
  if (!fresh_.empty()) offer(std::exchange(fresh_, {}));
}

void JobOutbox::tick() {
  if (refused_.empty() || context_.clock->steady() < nextOffer_) return;
  pause_ = std::min(2 * pause_, kLongestPause);
  nextOffer_ = context_.clock->steady() + pause_;
  std::vector<Job> again = std::exchange(refused_, {});
  for (auto from = again.begin(); from != again.end();) {
    const auto end = from + std::min<std::ptrdiff_t>(kBatch, again.end() - from);
    offer({std::make_move_iterator(from), std::make_move_iterator(end)});
    from = end;
  }
}

void JobOutbox::offer(std::vector<Job> batch) {
  std::vector<Job> kept = batch;
  context_.workQueue->enqueue(std::move(batch), *context_.executor,
                              [busy = context_.busy, this, kept = std::move(kept)](
                                  const Status& status) mutable { answered(std::move(kept), status); });
}

void JobOutbox::answered(std::vector<Job> batch, const Status& status) {
  if (status) {
    pause_ = {};
    nextOffer_ = {};
    return;
  }
  const Error& error = status.error();
  if (!error.temporary()) {
    context_.log->write(LogLevel::error, "push",
                        std::to_string(batch.size()) + " jobs are given up: " + error.message);
    return;
  }
  if (pause_.count() == 0) {
    context_.log->write(LogLevel::warn, "push", "jobs are not taken, and offered again: " + error.message);
    pause_ = kFirstPause;
    nextOffer_ = context_.clock->steady() + pause_;
  }
  refused_.insert(refused_.end(), std::make_move_iterator(batch.begin()),
                  std::make_move_iterator(batch.end()));
  if (refused_.size() <= kMostKept) return;
  const auto surplus = static_cast<std::ptrdiff_t>(refused_.size() - kMostKept);
  context_.log->write(LogLevel::error, "push",
                      std::to_string(surplus) + " jobs are given up: too many are not taken");
  refused_.erase(refused_.begin(), refused_.begin() + surplus);
}

}  // namespace chatcore::engine
