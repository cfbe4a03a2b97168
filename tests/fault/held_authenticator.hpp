#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <vector>

#include "chatcore/ports/authenticator.hpp"

namespace chatcore::faulttest {

/// Believes names, as `DevAuthenticator` does, except that a device that is not named stays unnamed; answers
/// when it is told to.
class HeldAuthenticator final : public Authenticator {
 public:
  void authenticate(std::vector<Credentials> batch, Executor& executor,
                    Completion<std::vector<Result<Identity>>> done) override {
    std::vector<Result<Identity>> answers;
    for (const Credentials& shown : batch) answers.emplace_back(Identity{shown.claimedUser, {}, 0});
    std::lock_guard lock(mutex_);
    asked_ += batch.size();
    if (!holding_) return complete(executor, std::move(done), std::move(answers));
    held_.push_back({&executor, std::move(done), std::move(answers)});
  }
  /// Whether answers are held from now on; those that are stay so until `release`.
  void hold(bool holding) {
    std::lock_guard lock(mutex_);
    holding_ = holding;
  }
  void release() {
    std::lock_guard lock(mutex_);
    for (Held& held : held_) complete(*held.executor, std::move(held.done), std::move(held.answers));
    held_.clear();
  }
  [[nodiscard]] std::size_t asked() const {
    std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  struct Held {
    Executor* executor;
    Completion<std::vector<Result<Identity>>> done;
    std::vector<Result<Identity>> answers;
  };

  mutable std::mutex mutex_;
  bool holding_ = false;
  std::size_t asked_ = 0;
  std::deque<Held> held_;
};

}  // namespace chatcore::faulttest
