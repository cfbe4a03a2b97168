#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "calls.hpp"
#include "commit_group.hpp"
#include "replies.hpp"

namespace chatcore::rocks {

enum class Admission : std::uint8_t { taken, full, stopped };

/// One thread that turns all that waits into one write, again and again. Sleeps when nothing waits; is woken
/// only then.
class Committer {
 public:
  struct Hooks {
    /// Finishes a claim whose term is stored.
    std::function<void(ClaimCall)> claimed;
    /// After every commit: the place to fold the journal and to free things.
    std::function<void(std::shared_ptr<const void> garbage)> committed;
    /// The rows of the frozen part are gone.
    std::function<void()> folded;
  };

  Committer(Database& database, Journal& journal, Hooks hooks);
  ~Committer() { stop(); }

  /// Takes `call` unless it answers something else. `weight`: requests and bytes of events in it.
  struct Weight {
    std::size_t requests = 1;
    std::size_t bytes = 0;
  };
  [[nodiscard]] Admission submit(AnyCall& call, Weight weight);

  /// Commits what waits and ends the thread. Idempotent.
  void stop();

 private:
  struct Waiting {
    AnyCall call;
    Weight weight;
  };

  void run();
  void commit(std::size_t begin, std::size_t end);
  [[nodiscard]] std::size_t end_of_group(std::size_t begin) const;
  void answer(AnyCall& call, const std::optional<AppendOutcome>& failure);

  Database& database_;
  Hooks hooks_;
  CommitGroup group_;
  Replies replies_;
  std::vector<Waiting> taken_;

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<Waiting> waiting_;
  Weight pending_{0, 0};
  bool sleeping_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace chatcore::rocks
