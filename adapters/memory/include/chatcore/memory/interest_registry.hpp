#pragma once

#include <cstddef>
#include <memory>

#include "chatcore/ports/clock.hpp"
#include "chatcore/ports/interest_registry.hpp"

namespace chatcore {

/// Interests of the servers that live in one process (tests, simulations). Thread-safe; every call is
/// O(batch × log entries) under one mutex. At most `maxEntries` (topic, server) pairs, `overloaded` beyond. A
/// crash loses everything, along with the servers.
class CHATCORE_API MemoryInterestRegistry final : public InterestRegistry {
 public:
  static constexpr std::size_t kMaxTopicBytes = 256;

  /// The clock must outlive the registry.
  explicit MemoryInterestRegistry(Clock& clock = system_clock(), std::size_t maxEntries = 1'000'000);
  ~MemoryInterestRegistry() override;

  void register_interest(ServerRef server, std::vector<std::string> topics, std::chrono::milliseconds ttl,
                         Executor& executor, Completion<std::vector<Status>> done) override;
  void renew(ServerRef server, std::vector<std::string> topics, std::chrono::milliseconds ttl,
             Executor& executor, Completion<std::vector<Result<InterestOutcome>>> done) override;
  void withdraw(ServerRef server, std::vector<std::string> topics, Executor& executor,
                Completion<Status> done) override;
  void find(std::vector<std::string> topics, Executor& executor,
            Completion<std::vector<Result<std::vector<ServerRef>>>> done) override;

  /// Forgets entries that are due, looking at no more than `limit`; true if some may be left. Called about
  /// once a second; until then they only take memory, `find` does not show them.
  bool expire_due(std::size_t limit = 10'000);
  [[nodiscard]] std::size_t size() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace chatcore
