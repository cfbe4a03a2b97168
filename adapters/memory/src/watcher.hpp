#pragma once

#include <algorithm>
#include <cassert>
#include <deque>
#include <iterator>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "chatcore/completion.hpp"

namespace chatcore::memory {

/// Hands items to the one watcher of a port, in order, on its executor. What nobody has heard yet waits here,
/// also while nobody watches; its owner bounds how much that may be. Thread-safe; made by `make_shared`,
/// because tasks that are still posted when the port goes away must find it.
template <class Item>
class Watcher : public std::enable_shared_from_this<Watcher<Item>> {
 public:
  using Handler = UniqueFunction<void(std::vector<Item>)>;
  static constexpr std::size_t kMaxBatch = 1024;

  void start(Executor& executor, Handler handler) {
    std::lock_guard lock(mutex_);
    assert(!listener_ && "one watcher");
    listener_ = std::make_shared<Listener>(Listener{&executor, std::move(handler)});
    post_if_due();
  }

  void stop() {
    std::shared_ptr<Listener> ended;  // destroyed after the lock: the handler's captures may call back
    std::lock_guard lock(mutex_);
    ended = std::exchange(listener_, nullptr);
  }

  void tell(std::vector<Item> items) {
    if (items.empty()) return;
    std::lock_guard lock(mutex_);
    std::move(items.begin(), items.end(), std::back_inserter(untold_));
    post_if_due();
  }

  /// Forgets what nobody has heard.
  void clear() {
    std::lock_guard lock(mutex_);
    untold_.clear();
  }

  [[nodiscard]] std::size_t untold() const {
    std::lock_guard lock(mutex_);
    return untold_.size();
  }

 private:
  struct Listener {
    Executor* executor;
    Handler handler;
    bool posted = false;  // guarded by the watcher's mutex
  };

  void post_if_due() {
    if (!listener_ || listener_->posted || untold_.empty()) return;
    listener_->posted = true;
    listener_->executor->post(
        [self = this->shared_from_this(), listener = listener_] { self->deliver(listener); });
  }

  void deliver(const std::shared_ptr<Listener>& listener) {
    std::vector<Item> batch;
    {
      std::lock_guard lock(mutex_);
      if (listener_ != listener) return;  // stopped: the next watcher hears it
      const auto end = untold_.begin() + static_cast<std::ptrdiff_t>(std::min(untold_.size(), kMaxBatch));
      batch.assign(std::make_move_iterator(untold_.begin()), std::make_move_iterator(end));
      untold_.erase(untold_.begin(), end);
      listener->posted = false;
      post_if_due();
    }
    if (!batch.empty()) listener->handler(std::move(batch));
  }

  mutable std::mutex mutex_;
  std::shared_ptr<Listener> listener_;
  std::deque<Item> untold_;
};

}  // namespace chatcore::memory
