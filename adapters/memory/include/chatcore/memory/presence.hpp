#pragma once

#include <cstddef>
#include <memory>

#include "chatcore/ports/clock.hpp"
#include "chatcore/ports/presence.hpp"

namespace chatcore {

struct MemoryPresenceOptions {
  /// Leases held, together with expiries that no watcher has heard yet; acquiring more is `overloaded`.
  std::size_t maxLeases = 1'000'000;
  /// Live leases of one user; acquiring more is `overloaded`.
  std::size_t maxDevicesPerUser = 64;
};

/// Presence within one process. Thread-safe; every call is O(batch × log leases) under one mutex.
///
/// Time passes by `expire_due`, which the server calls about once a second; an expired lease is never shown
/// or renewed even before that. Epochs come from one counter for all devices, so nothing is remembered of a
/// device without a lease. A crash loses everything: the connections it told of are gone with it.
class CHATCORE_API MemoryPresence final : public Presence {
 public:
  /// The clock must outlive the presence.
  explicit MemoryPresence(Clock& clock = system_clock(), MemoryPresenceOptions options = {});
  ~MemoryPresence() override;

  void acquire(std::vector<DeviceLease> batch, std::chrono::milliseconds ttl, Executor& executor,
               Completion<std::vector<Result<AcquireResult>>> done) override;
  void renew(std::vector<DeviceLease> batch, std::chrono::milliseconds ttl, Executor& executor,
             Completion<std::vector<Result<RenewOutcome>>> done) override;
  void release(std::vector<DeviceLease> batch, Executor& executor, Completion<Status> done) override;
  void find(std::vector<UserId> batch, Executor& executor,
            Completion<std::vector<Result<std::vector<DeviceLease>>>> done) override;
  void watch_expiries(Executor& executor, UniqueFunction<void(std::vector<DeviceLease>)> expired) override;
  void stop() override;

  /// Ends the leases that are due, looking at no more than `limit`; true if some may be left.
  bool expire_due(std::size_t limit = 10'000);
  /// Live leases and those that are due but not swept yet.
  [[nodiscard]] std::size_t size() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace chatcore
