#pragma once

#include <functional>

#include "chatcore/memory/directory.hpp"
#include "chatcore/memory/presence.hpp"
#include "chatcore/server/dev_authenticator.hpp"
#include "port_calls.hpp"

namespace chatcore::simulation {

/// The memory directory, slow and sometimes unavailable.
class SimulatedDirectory final : public Directory {
 public:
  explicit SimulatedDirectory(World& world) : world_(world), calls_(world, true) {}

  void forget(const std::vector<Executor*>& executors);
  /// At once, as the host does it in its own database.
  void block_now(const UserId& by, const UserId& whom, bool blocked);

  void users(std::vector<UserId> batch, Executor& executor,
             Completion<std::vector<Result<User>>> done) override;
  void put_user(User user, Executor& executor, Completion<Status> done) override;
  void devices(std::vector<UserId> batch, Executor& executor,
               Completion<std::vector<Result<std::vector<Device>>>> done) override;
  void put_device(Device device, Executor& executor, Completion<Status> done) override;
  void remove_device(UserId user, DeviceId device, Executor& executor, Completion<Status> done) override;
  void drop_push_tokens(std::vector<std::string> tokens, Executor& executor,
                        Completion<Status> done) override;
  void blocks(std::vector<BlockQuery> batch, Executor& executor,
              Completion<std::vector<Result<BlockState>>> done) override;
  void set_blocks(UserId by, std::vector<UserId> whom, bool blocked, Executor& executor,
                  Completion<Status> done) override;
  void blocks_of(std::vector<UsersRequest> batch, Executor& executor,
                 Completion<std::vector<Result<std::vector<UserId>>>> done) override;
  void contacts(std::vector<BlockQuery> batch, Executor& executor,
                Completion<std::vector<Result<bool>>> done) override;
  void set_contacts(UserId of, std::vector<UserId> whom, bool present, Executor& executor,
                    Completion<Status> done) override;
  void contacts_of(std::vector<UsersRequest> batch, Executor& executor,
                   Completion<std::vector<Result<std::vector<UserId>>>> done) override;
  void last_seen(std::vector<UserId> batch, Executor& executor,
                 Completion<std::vector<Result<Timestamp>>> done) override;
  void set_last_seen(UserId user, Timestamp at, Executor& executor, Completion<Status> done) override;

 private:
  template <class Item, class Value>
  void ask(void (Directory::*method)(std::vector<Item>, Executor&, Completion<std::vector<Result<Value>>>),
           std::vector<Item> batch, Executor& executor, Completion<std::vector<Result<Value>>> done);

  enum Kind : PortCalls::Kind { kQuestions, kMoreQuestions, kUsers, kDevices };
  /// A change, which may fail, and of one that fails nobody knows whether it was made. `told`: when it was
  /// made and its caller is told so.
  void change(PortCalls::Kind kind, Executor& executor, Completion<Status> done,
              UniqueFunction<void(Executor&, Completion<Status>)> make, std::function<void()> told = {});

  World& world_;
  PortCalls calls_;
  MemoryDirectory directory_;
};

/// The memory presence, slow and sometimes unavailable.
class SimulatedPresence final : public Presence {
 public:
  explicit SimulatedPresence(World& world) : world_(world), calls_(world, true), presence_(world.clock) {}

  void forget(const std::vector<Executor*>& executors) { calls_.forget(executors); }
  void pass_time() { static_cast<void>(presence_.expire_due()); }
  [[nodiscard]] std::size_t leases() const { return presence_.size(); }

  void acquire(std::vector<DeviceLease> batch, std::chrono::milliseconds ttl, Executor& executor,
               Completion<std::vector<Result<AcquireResult>>> done) override;
  void renew(std::vector<DeviceLease> batch, std::chrono::milliseconds ttl, Executor& executor,
             Completion<std::vector<Result<RenewOutcome>>> done) override;
  void release(std::vector<DeviceLease> batch, Executor& executor, Completion<Status> done) override;
  void find(std::vector<UserId> batch, Executor& executor,
            Completion<std::vector<Result<std::vector<DeviceLease>>>> done) override;
  void watch_expiries(Executor& executor, UniqueFunction<void(std::vector<DeviceLease>)> expired) override;
  void stop() override;

 private:
  [[nodiscard]] bool fails() { return world_.faults.percent(world_.trouble.directoryFails); }
  World& world_;
  PortCalls calls_;
  MemoryPresence presence_;
};

/// Believes what devices say of themselves, after a while.
class SimulatedAuthenticator final : public Authenticator {
 public:
  explicit SimulatedAuthenticator(World& world) : world_(world), calls_(world, true) {}

  void forget(const std::vector<Executor*>& executors) { calls_.forget(executors); }
  void authenticate(std::vector<Credentials> batch, Executor& executor,
                    Completion<std::vector<Result<Identity>>> done) override;

 private:
  World& world_;
  PortCalls calls_;
  DevAuthenticator authenticator_;
};

}  // namespace chatcore::simulation
