#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "chatcore/completion.hpp"
#include "chatcore/model/ids.hpp"
#include "chatcore/result.hpp"

namespace chatcore {

/// Fences a lease: every acquire of a device gets a higher one. 0: none.
using LeaseEpoch = std::uint64_t;

/// Where a device is connected, and until when that is believed.
struct DeviceLease {
  UserId userId;
  DeviceId deviceId;
  std::string serverId;
  std::uint64_t boot = 0;
  std::uint64_t session = 0;
  LeaseEpoch epoch = 0;
  /// Of the owner of the user's partition, who asks (Placement): higher with every other owner.
  Term term = 0;
};

struct AcquireResult {
  LeaseEpoch epoch = 0;
  bool displaced = false;  ///< another live lease was held: close its session 4502
  DeviceLease previous;
};

enum class RenewOutcome : std::uint8_t {
  ok,
  fenced,   ///< a newer epoch holds the device: close the session 4502
  unknown,  ///< no such lease (expired or lost): acquire again, with the old epoch as the lower bound
};

/// user -> {device -> lease}. Leases end by release or by not being renewed for the TTL. Batches complete as
/// in LogStore; any thread.
class CHATCORE_API Presence {
 public:
  virtual ~Presence();
  /// The granted epoch is higher than every earlier one of the device and than `lease.epoch`. `fenced`: an
  /// owner with a higher term holds the device, or the same server since a later boot; what comes late from
  /// an earlier one must not displace it.
  virtual void acquire(std::vector<DeviceLease> batch, std::chrono::milliseconds ttl, Executor& executor,
                       Completion<std::vector<Result<AcquireResult>>> done) = 0;
  virtual void renew(std::vector<DeviceLease> batch, std::chrono::milliseconds ttl, Executor& executor,
                     Completion<std::vector<Result<RenewOutcome>>> done) = 0;
  /// Ends leases that still have their epoch; others are left alone.
  virtual void release(std::vector<DeviceLease> batch, Executor& executor, Completion<Status> done) = 0;
  /// The live leases of each user.
  virtual void find(std::vector<UserId> batch, Executor& executor,
                    Completion<std::vector<Result<std::vector<DeviceLease>>>> done) = 0;
  /// Leases of these partitions' users that ended without release, told at least once. One watcher.
  virtual void watch_expiries(Executor& executor, UniqueFunction<void(std::vector<DeviceLease>)> expired) = 0;
  virtual void stop() = 0;
};

}  // namespace chatcore
