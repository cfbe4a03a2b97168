#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "chatcore/ports/authenticator.hpp"
#include "chatcore/ports/broker.hpp"
#include "chatcore/ports/directory.hpp"
#include "chatcore/ports/log_store.hpp"
#include "chatcore/ports/presence.hpp"
#include "chatcore/ports/push.hpp"
#include "chatcore/ports/work_queue.hpp"
#include "chatcore/testing/fault_plan.hpp"

namespace chatcore::faulttest {

using testing::Fault;
using testing::FaultPlan;

/// The calls that a walk can fail.
enum class PortCall : std::uint8_t {
  append,      ///< whole calls
  append_one,  ///< single requests of a call; `delayed` is not for these
  claim,
  find_sends,
  find_messages,
  mark_timeline,
  kept_tokens,
  tell_timelines,
  timeline,
  read,
  advance,
  conversations_of,
  users,
  blocks,
  set_blocks,     ///< fails, or is made and told to have failed
  set_contacts,   ///< likewise
  remove_device,  ///< likewise; `delayed`: made when it is released
  acquire,
  any,  ///< each of all ports, numbered together; but for what a starting server recovers
};

/// Whether a plan for `chosen` has a call of this kind among those it counts.
[[nodiscard]] constexpr bool counts(PortCall chosen, PortCall call) {
  return chosen == call || chosen == PortCall::any;
}

/// A LogStore of which one kind of call fails as planned; the plan counts that kind only.
class OneFaultStore final : public LogStore {
 public:
  OneFaultStore(LogStore& store, FaultPlan& plan, PortCall call)
      : store_(store), plan_(plan), faulty_(store, plan), call_(call) {}

  /// What a request of `append_one` whose fault is `refused` is told instead.
  void answer_refused_with(AppendOutcome outcome) { refusal_ = outcome; }

  /// From now on nobody learns what became of an append: what is told, also of those that are held, is
  /// `unknown`.
  void lose_answers(bool lost) { answersLost_ = lost; }

  /// Partitions that a starting server has asked to recover.
  [[nodiscard]] std::uint32_t recovered() const { return recovered_.load(); }

  void append(std::vector<AppendRequest> batch, Executor& executor,
              Completion<std::vector<AppendResult>> done) override;
  void claim(std::vector<ClaimRequest> batch, Executor& executor,
             Completion<std::vector<Result<LogState>>> done) override;
  void read(std::vector<ReadRequest> batch, Executor& executor,
            Completion<std::vector<Result<EventRange>>> done) override;
  void find_messages(std::vector<MessageQuery> batch, Executor& executor,
                     Completion<std::vector<Result<std::optional<FoundMessage>>>> done) override;
  void hide(std::vector<HideRequest> batch, Executor& executor,
            Completion<std::vector<Status>> done) override;
  void find_sends(std::vector<SendKey> batch, Executor& executor,
                  Completion<std::vector<Result<std::optional<OriginalSend>>>> done) override;
  void advance(std::vector<CursorUpdate> batch, Executor& executor,
               Completion<std::vector<Result<Cursor>>> done) override;
  void conversations_of(std::vector<UserConversationsRequest> batch, Executor& executor,
                        Completion<std::vector<Result<std::vector<UserConversation>>>> done) override;
  void members(std::vector<MembersRequest> batch, Executor& executor,
               Completion<std::vector<Result<std::vector<Member>>>> done) override;
  void mark_timeline(std::vector<TimelineMarkRequest> batch, Executor& executor,
                     Completion<std::vector<Result<TimelineMark>>> done) override;
  void kept_tokens(std::vector<DeviceKey> batch, Executor& executor,
                   Completion<std::vector<Result<std::optional<std::string>>>> done) override;
  void forget_tokens(std::vector<DeviceKey> devices) override;
  void tell_timelines(std::vector<AccountChange> batch, Executor& executor,
                      Completion<std::vector<Status>> done) override;
  void timeline(std::vector<TimelineRequest> batch, Executor& executor,
                Completion<std::vector<Result<std::vector<TimelineEntry>>>> done) override;
  void set_preferences(std::vector<PreferencesRequest> batch, Executor& executor,
                       Completion<std::vector<Result<Preferences>>> done) override;
  void recover(std::uint32_t partition, Executor& executor,
               Completion<Result<std::vector<ConversationId>>> done) override;
  void settled(std::vector<ConversationId> logs) override;

 private:
  LogStore& on(PortCall call) { return counts(call_, call) ? static_cast<LogStore&>(faulty_) : store_; }
  void append_one_by_one(std::vector<AppendRequest> batch, Executor& executor,
                         Completion<std::vector<AppendResult>> done);
  [[nodiscard]] AppendResult told(Fault fault) const;

  LogStore& store_;
  FaultPlan& plan_;
  testing::FaultyLogStore faulty_;
  PortCall call_;
  AppendOutcome refusal_ = AppendOutcome::refused;
  std::atomic<std::uint32_t> recovered_{0};
  std::atomic<bool> answersLost_{false};
};

/// A Directory of which one kind of call fails as planned: `unavailable` whatever the fault, or held.
class OneFaultDirectory : public Directory {
 public:
  OneFaultDirectory(Directory& directory, FaultPlan& plan, PortCall call)
      : directory_(directory), plan_(plan), call_(call) {}

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
  Directory& directory_;
  FaultPlan& plan_;
  PortCall call_;
};

/// A WorkQueue of which enqueuing, where any call may fail, fails as planned: `unavailable` whatever the
/// fault.
class OneFaultQueue final : public WorkQueue {
 public:
  OneFaultQueue(WorkQueue& queue, FaultPlan& plan, PortCall call) : queue_(queue), plan_(plan), call_(call) {}

  void enqueue(std::vector<Job> batch, Executor& executor, Completion<Status> done) override;
  void consume(const std::string& queue, Executor& executor,
               UniqueFunction<void(std::vector<Job>, Finish)> handler) override;
  void stop() override;
  void dead_letters(const std::string& queue, std::uint32_t limit, Executor& executor,
                    Completion<Result<std::vector<Job>>> done) override;

 private:
  WorkQueue& queue_;
  FaultPlan& plan_;
  PortCall call_;
};

/// A Push that, where any call may fail, fails as planned: the service is away, or was when it answered.
class OneFaultPush final : public Push {
 public:
  OneFaultPush(Push& push, FaultPlan& plan, PortCall call) : push_(push), plan_(plan), call_(call) {}

  void send(std::vector<Notification> batch, Executor& executor,
            Completion<std::vector<PushOutcome>> done) override;

 private:
  Push& push_;
  FaultPlan& plan_;
  PortCall call_;
};

/// A Presence of which `acquire`, or any call, fails as planned: `unavailable` whatever the fault.
class OneFaultPresence final : public Presence {
 public:
  OneFaultPresence(Presence& presence, FaultPlan& plan, PortCall call)
      : presence_(presence), plan_(plan), call_(call) {}

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
  Presence& presence_;
  FaultPlan& plan_;
  PortCall call_;
};

/// An Authenticator that is `unavailable` as planned.
class OneFaultAuthenticator final : public Authenticator {
 public:
  OneFaultAuthenticator(Authenticator& authenticator, FaultPlan& plan)
      : authenticator_(authenticator), plan_(plan) {}

  void authenticate(std::vector<Credentials> batch, Executor& executor,
                    Completion<std::vector<Result<Identity>>> done) override;
  [[nodiscard]] bool loopback_only() const noexcept override { return authenticator_.loopback_only(); }

 private:
  Authenticator& authenticator_;
  FaultPlan& plan_;
};

/// A Broker of which publishing and subscribing fail as planned: `unavailable` whatever the fault.
class OneFaultBroker final : public Broker {
 public:
  OneFaultBroker(Broker& broker, FaultPlan& plan) : broker_(broker), plan_(plan) {}

  std::unique_ptr<Subscription> connect(Executor& executor, BrokerListener listener) override;
  void publish(std::vector<BrokerMessage> batch, Executor& executor, Completion<Status> done) override;

 private:
  class Connection;

  Broker& broker_;
  FaultPlan& plan_;
};

}  // namespace chatcore::faulttest
