#include "chatcore/memory/presence.hpp"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <limits>
#include <mutex>

#include "deadlines.hpp"
#include "watcher.hpp"

namespace chatcore {

namespace {

struct Held {
  DeviceLease lease;
  Clock::Duration deadline{};
  Clock::Duration scheduled{};
};
using Devices = std::vector<std::unique_ptr<Held>>;  // a user has few: searched in order

bool same_session(const DeviceLease& a, const DeviceLease& b) {
  return a.serverId == b.serverId && a.boot == b.boot && a.session == b.session;
}

}  // namespace

struct MemoryPresence::State {
  State(Clock& c, MemoryPresenceOptions o) : clock(c), options(o) {}

  Clock& clock;
  const MemoryPresenceOptions options;
  const std::shared_ptr<memory::Watcher<DeviceLease>> watcher =
      std::make_shared<memory::Watcher<DeviceLease>>();

  mutable std::mutex mutex;
  absl::flat_hash_map<UserId, Devices> users;
  memory::Deadlines<Held> deadlines;
  std::size_t held = 0;
  LeaseEpoch lastEpoch = 0;
  std::vector<DeviceLease> expired;  // what the running call has ended

  Held* find(const UserId& user, const DeviceId& device) {
    const auto found = users.find(user);
    if (found == users.end()) return nullptr;
    for (const auto& entry : found->second) {
      if (entry->lease.deviceId == device) return entry.get();
    }
    return nullptr;
  }

  /// Unlike `find`, ends the lease if it is due.
  Held* find_live(const UserId& user, const DeviceId& device, Clock::Duration now) {
    Held* entry = find(user, device);
    if (entry == nullptr || entry->deadline > now) return entry;
    expire(*entry);
    return nullptr;
  }

  DeviceLease end(Held& entry) {
    deadlines.remove(entry);
    --held;
    const auto user = users.find(entry.lease.userId);
    auto& devices = user->second;
    const auto at =
        std::find_if(devices.begin(), devices.end(), [&](const auto& d) { return d.get() == &entry; });
    DeviceLease lease = std::move(entry.lease);
    devices.erase(at);
    if (devices.empty()) users.erase(user);
    return lease;
  }
  void expire(Held& entry) { expired.push_back(end(entry)); }

  /// Counted while the mutex is held, so that the bound on `maxLeases` sees every untold expiry.
  void tell_expired() { watcher->tell(std::exchange(expired, {})); }

  Result<AcquireResult> acquire(DeviceLease lease, Clock::Duration now, Clock::Duration deadline);
  RenewOutcome renew(const DeviceLease& lease, Clock::Duration now, Clock::Duration deadline);
  std::vector<DeviceLease> leases_of(const UserId& user, Clock::Duration now);
};

Result<AcquireResult> MemoryPresence::State::acquire(DeviceLease lease, Clock::Duration now,
                                                     Clock::Duration deadline) {
  if (std::max(lastEpoch, lease.epoch) == std::numeric_limits<LeaseEpoch>::max()) {
    return Error{ErrorCode::invalid_argument, "the lease epoch has no successor"};
  }
  Held* entry = find_live(lease.userId, lease.deviceId, now);
  if (entry == nullptr) {
    if (held + expired.size() + watcher->untold() >= options.maxLeases) {
      return Error{ErrorCode::overloaded, "too many leases"};
    }
    const auto user = users.find(lease.userId);
    if (user != users.end() && user->second.size() >= options.maxDevicesPerUser) {
      return Error{ErrorCode::overloaded, "too many devices of one user"};
    }
  } else if (entry->lease.serverId == lease.serverId && entry->lease.boot > lease.boot) {
    return Error{ErrorCode::fenced, "a later boot of the server holds the device"};
  } else if (entry->lease.term > lease.term) {
    return Error{ErrorCode::fenced, "a later owner holds the device"};
  }
  AcquireResult result;
  result.epoch = lease.epoch = lastEpoch = std::max(lastEpoch, lease.epoch) + 1;
  if (entry != nullptr) {
    result.displaced = !same_session(entry->lease, lease);
    result.previous = std::exchange(entry->lease, std::move(lease));
    deadlines.move(*entry, deadline);
    return result;
  }
  auto& devices = users[lease.userId];
  devices.push_back(std::make_unique<Held>(Held{std::move(lease), {}, {}}));
  deadlines.add(*devices.back(), deadline);
  ++held;
  return result;
}

RenewOutcome MemoryPresence::State::renew(const DeviceLease& lease, Clock::Duration now,
                                          Clock::Duration deadline) {
  Held* entry = find_live(lease.userId, lease.deviceId, now);
  if (entry == nullptr || entry->lease.epoch < lease.epoch) return RenewOutcome::unknown;
  if (entry->lease.epoch > lease.epoch) return RenewOutcome::fenced;
  deadlines.move(*entry, deadline);
  return RenewOutcome::ok;
}

std::vector<DeviceLease> MemoryPresence::State::leases_of(const UserId& user, Clock::Duration now) {
  std::vector<DeviceLease> live;
  const auto found = users.find(user);
  if (found == users.end()) return live;
  std::vector<Held*> due;
  for (const auto& entry : found->second) {
    if (entry->deadline > now) {
      live.push_back(entry->lease);
    } else {
      due.push_back(entry.get());
    }
  }
  for (Held* entry : due) expire(*entry);
  return live;
}

MemoryPresence::MemoryPresence(Clock& clock, MemoryPresenceOptions options)
    : state_(std::make_unique<State>(clock, options)) {}
MemoryPresence::~MemoryPresence() { stop(); }

void MemoryPresence::acquire(std::vector<DeviceLease> batch, std::chrono::milliseconds ttl,
                             Executor& executor, Completion<std::vector<Result<AcquireResult>>> done) {
  std::vector<Result<AcquireResult>> answers;
  answers.reserve(batch.size());
  {
    std::lock_guard lock(state_->mutex);
    const auto now = state_->clock.steady();
    for (DeviceLease& lease : batch) answers.push_back(state_->acquire(std::move(lease), now, now + ttl));
    state_->tell_expired();
  }
  complete(executor, std::move(done), std::move(answers));
}

void MemoryPresence::renew(std::vector<DeviceLease> batch, std::chrono::milliseconds ttl, Executor& executor,
                           Completion<std::vector<Result<RenewOutcome>>> done) {
  std::vector<Result<RenewOutcome>> answers;
  answers.reserve(batch.size());
  {
    std::lock_guard lock(state_->mutex);
    const auto now = state_->clock.steady();
    for (const DeviceLease& lease : batch) answers.emplace_back(state_->renew(lease, now, now + ttl));
    state_->tell_expired();
  }
  complete(executor, std::move(done), std::move(answers));
}

void MemoryPresence::release(std::vector<DeviceLease> batch, Executor& executor, Completion<Status> done) {
  {
    std::lock_guard lock(state_->mutex);
    const auto now = state_->clock.steady();
    for (const DeviceLease& lease : batch) {
      Held* entry = state_->find_live(lease.userId, lease.deviceId, now);
      if (entry != nullptr && entry->lease.epoch == lease.epoch) state_->end(*entry);
    }
    state_->tell_expired();
  }
  complete(executor, std::move(done), Status());
}

void MemoryPresence::find(std::vector<UserId> batch, Executor& executor,
                          Completion<std::vector<Result<std::vector<DeviceLease>>>> done) {
  std::vector<Result<std::vector<DeviceLease>>> answers;
  answers.reserve(batch.size());
  {
    std::lock_guard lock(state_->mutex);
    const auto now = state_->clock.steady();
    for (const UserId& user : batch) answers.emplace_back(state_->leases_of(user, now));
    state_->tell_expired();
  }
  complete(executor, std::move(done), std::move(answers));
}

void MemoryPresence::watch_expiries(Executor& executor,
                                    UniqueFunction<void(std::vector<DeviceLease>)> expired) {
  state_->watcher->start(executor, std::move(expired));
}

void MemoryPresence::stop() { state_->watcher->stop(); }

bool MemoryPresence::expire_due(std::size_t limit) {
  std::lock_guard lock(state_->mutex);
  const bool more =
      state_->deadlines.sweep(state_->clock.steady(), limit, [this](Held& entry) { state_->expire(entry); });
  state_->tell_expired();
  return more;
}

std::size_t MemoryPresence::size() const {
  std::lock_guard lock(state_->mutex);
  return state_->held;
}

}  // namespace chatcore
