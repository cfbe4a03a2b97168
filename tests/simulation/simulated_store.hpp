#pragma once

#include <functional>
#include <set>

#include "chatcore/memory/log_store.hpp"
#include "port_calls.hpp"

namespace chatcore::simulation {

/// The memory store behind a network: slow, out of order where the port allows it, sometimes refusing,
/// sometimes not saying whether it has written. What it commits, it tells the truth at once. It outlives the
/// servers.
class SimulatedStore final : public LogStore {
 public:
  explicit SimulatedStore(World& world) : world_(world), calls_(world) {}

  /// The servers' shards that are gone.
  void forget(const std::vector<Executor*>& executors) {
    calls_.forget(executors);
    owned_ = false;
    claimed_.clear();
  }
  /// What stands there now, without delay and without fault.
  [[nodiscard]] std::vector<UserConversation> conversations_now(const UserId& user);

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
  enum Kind : PortCalls::Kind { kAppend, kClaim, kFind, kAdvance, kMembers, kPreferences, kHide, kReads };

  [[nodiscard]] AppendResult append_one(AppendRequest request, bool told);
  [[nodiscard]] AppendResult carry_out(AppendRequest request);
  /// An append of a server that is gone, to a log that its successor does not look at before it is used.
  [[nodiscard]] bool too_late(const AppendRequest& request, bool told) const {
    return !told && owned_ && !claimed_.contains(request.log);
  }
  [[nodiscard]] bool fails() { return world_.faults.percent(world_.trouble.callFails); }
  [[nodiscard]] PortCalls::Kind some_reader() {
    return kReads + static_cast<PortCalls::Kind>(world_.delays.index(3));
  }
  template <class Item, class Value>
  using Method = void (LogStore::*)(std::vector<Item>, Executor&, Completion<std::vector<Result<Value>>>);
  /// A call that is carried out whole, or fails whole.
  template <class Item, class Value>
  void pass(PortCalls::Kind kind, const char* name, Method<Item, Value> method, std::vector<Item> batch,
            Executor& executor, Completion<std::vector<Result<Value>>> done, bool mayFail = true,
            std::function<void()> carriedOut = {});
  template <class Item>
  void pass_status(PortCalls::Kind kind,
                   void (LogStore::*method)(std::vector<Item>, Executor&, Completion<std::vector<Status>>),
                   std::vector<Item> batch, Executor& executor, Completion<std::vector<Status>> done,
                   std::function<void()> carriedOut = {});

  World& world_;
  PortCalls calls_;
  MemoryLogStore store_{{.timelineOrigin = 1}};
  bool owned_ = false;                ///< the present server has asked what is to be recovered
  std::set<ConversationId> claimed_;  ///< by the present server
};

}  // namespace chatcore::simulation
