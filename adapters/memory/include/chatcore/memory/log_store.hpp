#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "chatcore/ports/log_store.hpp"

namespace chatcore {

struct MemoryLogStoreOptions {
  /// Events kept over all logs; past it appends are `refused` with `overloaded`.
  std::size_t maxEvents = 10'000'000;
  /// What tells this store's timeline positions from another's; 0: a random number.
  std::uint64_t timelineOrigin = 0;
};

/// The storage port in this process's memory: for tests, simulations and demonstrations. A crash or the
/// destructor loses everything. Thread-safe; every call is decided before it returns, its answer is posted.
class CHATCORE_API MemoryLogStore final : public LogStore {
 public:
  explicit MemoryLogStore(MemoryLogStoreOptions options = {});
  ~MemoryLogStore() override;

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
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace chatcore
