#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <source_location>
#include <vector>

#include "chatcore/ports/log_store.hpp"

/// Failing a port on purpose: a plan says which calls fail and how, decorators carry it out.
namespace chatcore::testing {

/// What happens to one port call, as a whole.
enum class Fault : std::uint8_t {
  none,
  unknown_but_written,  ///< carried out; the caller is told `unknown` (or `unavailable`)
  unknown_not_written,  ///< not carried out; the caller is told the same
  refused,              ///< not carried out; the caller is told so: `refused` (or `unavailable`)
  fenced,               ///< not carried out; `fenced`
  delayed,              ///< carried out; the answer is held until `release`, later answers come first
};

/// Counts port calls and decides each one's fault. Several decorators may share a plan: then the calls of
/// all of them are numbered together, from 1. Thread-safe.
class CHATCORE_API FaultPlan {
 public:
  FaultPlan() = default;
  /// Fails one call only: `for (n = 1; …; ++n) FaultPlan plan(n, fault)` walks a whole scenario.
  FaultPlan(std::uint64_t call, Fault fault) { fail(call, fault); }

  void fail(std::uint64_t call, Fault fault);
  /// Every call from `call` on.
  void fail_from(std::uint64_t call, Fault fault);
  /// No faults from now on; the count goes on.
  void heal();

  /// Calls seen so far.
  [[nodiscard]] std::uint64_t calls() const;
  /// Calls that met a fault so far: 0 ends the walk, the scenario passed untouched.
  [[nodiscard]] std::uint64_t failed() const;

  /// Told of every call that meets a fault, before it does: its number, and where it is made. Must not use
  /// the plan. To be set before the first call.
  void on_fault(UniqueFunction<void(std::uint64_t, const std::source_location&)> told);

  /// Lets the held answers go, in the order they came; the oldest `count` of them.
  void release(std::size_t count = SIZE_MAX);

  /// For decorators: counts a call and says what to do with it.
  Fault next(const std::source_location& call = std::source_location::current());
  void hold(Task answer);

 private:
  mutable std::mutex mutex_;
  std::map<std::uint64_t, Fault> faults_;
  std::uint64_t fromCall_ = 0;
  Fault fromFault_ = Fault::none;
  std::uint64_t calls_ = 0;
  std::uint64_t failed_ = 0;
  std::vector<Task> held_;
  UniqueFunction<void(std::uint64_t, const std::source_location&)> told_;
};

/// A LogStore that fails as planned. Both arguments outlive it.
class CHATCORE_API FaultyLogStore final : public LogStore {
 public:
  FaultyLogStore(LogStore& store, FaultPlan& plan) : store_(store), plan_(plan) {}

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
  void tell_timelines(std::vector<AccountChange> batch, Executor& executor,
                      Completion<std::vector<Status>> done) override;
  void timeline(std::vector<TimelineRequest> batch, Executor& executor,
                Completion<std::vector<Result<std::vector<TimelineEntry>>>> done) override;
  void set_preferences(std::vector<PreferencesRequest> batch, Executor& executor,
                       Completion<std::vector<Result<Preferences>>> done) override;
  void recover(std::uint32_t partition, Executor& executor,
               Completion<Result<std::vector<ConversationId>>> done) override;
  /// These have no answer: any fault but `delayed` and `unknown_but_written` loses them.
  void settled(std::vector<ConversationId> logs) override;
  void forget_tokens(std::vector<DeviceKey> devices) override;

 private:
  LogStore& store_;
  FaultPlan& plan_;
};

}  // namespace chatcore::testing
