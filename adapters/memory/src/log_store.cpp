#include "chatcore/memory/log_store.hpp"

#include <mutex>
#include <random>

#include "log_table.hpp"

namespace chatcore {

struct MemoryLogStore::State {
  explicit State(const MemoryLogStoreOptions& options)
      : table(options.maxEvents, options.timelineOrigin != 0 ? options.timelineOrigin : random_origin()) {}

  static std::uint64_t random_origin() {
    std::random_device source;
    return std::uint64_t{source()} << 32 | source();
  }

  /// Answers a batch item by item under the lock, and posts the answers while still holding it: so two
  /// threads' answers arrive in the order in which they were decided.
  template <class Answer, class Batch, class Decide>
  void answer(Batch& batch, Executor& executor, Completion<std::vector<Answer>> done, Decide decide) {
    std::vector<Answer> answers;
    answers.reserve(batch.size());
    std::lock_guard lock(mutex);
    for (auto& item : batch) answers.push_back(decide(item));
    complete(executor, std::move(done), std::move(answers));
  }

  std::mutex mutex;
  memory::LogTable table;
};

MemoryLogStore::MemoryLogStore(MemoryLogStoreOptions options) : state_(std::make_unique<State>(options)) {}
MemoryLogStore::~MemoryLogStore() = default;

void MemoryLogStore::append(std::vector<AppendRequest> batch, Executor& executor,
                            Completion<std::vector<AppendResult>> done) {
  state_->answer<AppendResult>(batch, executor, std::move(done), [this](AppendRequest& item) {
    AppendResult result = state_->table.append(item);
    result.request = std::move(item);
    return result;
  });
}

void MemoryLogStore::claim(std::vector<ClaimRequest> batch, Executor& executor,
                           Completion<std::vector<Result<LogState>>> done) {
  state_->answer<Result<LogState>>(batch, executor, std::move(done),
                                   [this](const ClaimRequest& item) { return state_->table.claim(item); });
}

void MemoryLogStore::read(std::vector<ReadRequest> batch, Executor& executor,
                          Completion<std::vector<Result<EventRange>>> done) {
  state_->answer<Result<EventRange>>(batch, executor, std::move(done),
                                     [this](const ReadRequest& item) { return state_->table.read(item); });
}

void MemoryLogStore::find_messages(std::vector<MessageQuery> batch, Executor& executor,
                                   Completion<std::vector<Result<std::optional<FoundMessage>>>> done) {
  state_->answer<Result<std::optional<FoundMessage>>>(
      batch, executor, std::move(done),
      [this](const MessageQuery& item) { return state_->table.find_message(item); });
}

void MemoryLogStore::hide(std::vector<HideRequest> batch, Executor& executor,
                          Completion<std::vector<Status>> done) {
  state_->answer<Status>(batch, executor, std::move(done), [this](const HideRequest& item) {
    state_->table.hide(item);
    return Status{};
  });
}

void MemoryLogStore::find_sends(std::vector<SendKey> batch, Executor& executor,
                                Completion<std::vector<Result<std::optional<OriginalSend>>>> done) {
  state_->answer<Result<std::optional<OriginalSend>>>(
      batch, executor, std::move(done),
      [this](const SendKey& item) { return state_->table.find_send(item); });
}

void MemoryLogStore::advance(std::vector<CursorUpdate> batch, Executor& executor,
                             Completion<std::vector<Result<Cursor>>> done) {
  state_->answer<Result<Cursor>>(batch, executor, std::move(done),
                                 [this](const CursorUpdate& item) { return state_->table.advance(item); });
}

void MemoryLogStore::conversations_of(std::vector<UserConversationsRequest> batch, Executor& executor,
                                      Completion<std::vector<Result<std::vector<UserConversation>>>> done) {
  state_->answer<Result<std::vector<UserConversation>>>(
      batch, executor, std::move(done),
      [this](const UserConversationsRequest& item) { return state_->table.conversations_of(item); });
}

void MemoryLogStore::members(std::vector<MembersRequest> batch, Executor& executor,
                             Completion<std::vector<Result<std::vector<Member>>>> done) {
  state_->answer<Result<std::vector<Member>>>(
      batch, executor, std::move(done),
      [this](const MembersRequest& item) { return state_->table.members(item); });
}

void MemoryLogStore::set_preferences(std::vector<PreferencesRequest> batch, Executor& executor,
                                     Completion<std::vector<Result<Preferences>>> done) {
  state_->answer<Result<Preferences>>(
      batch, executor, std::move(done),
      [this](const PreferencesRequest& item) { return state_->table.set_preferences(item); });
}

void MemoryLogStore::mark_timeline(std::vector<TimelineMarkRequest> batch, Executor& executor,
                                   Completion<std::vector<Result<TimelineMark>>> done) {
  state_->answer<Result<TimelineMark>>(batch, executor, std::move(done), [this](TimelineMarkRequest& item) {
    return state_->table.timelines().mark(std::move(item));
  });
}

void MemoryLogStore::kept_tokens(std::vector<DeviceKey> batch, Executor& executor,
                                 Completion<std::vector<Result<std::optional<std::string>>>> done) {
  state_->answer<Result<std::optional<std::string>>>(
      batch, executor, std::move(done),
      [this](const DeviceKey& item) { return state_->table.timelines().kept_token(item); });
}

void MemoryLogStore::forget_tokens(std::vector<DeviceKey> devices) {
  std::lock_guard lock(state_->mutex);
  for (const DeviceKey& device : devices) state_->table.timelines().forget_token(device);
}

void MemoryLogStore::tell_timelines(std::vector<AccountChange> batch, Executor& executor,
                                    Completion<std::vector<Status>> done) {
  state_->answer<Status>(batch, executor, std::move(done), [this](const AccountChange& item) -> Status {
    if (!valid_id(item.userId))
      return Error{.code = ErrorCode::invalid_argument, .message = "a timeline's user is not an id"};
    memory::Timelines& timelines = state_->table.timelines();
    timelines.tell(item.userId, timeline_id(item.section), timelines.next(), {});
    return {};
  });
}

void MemoryLogStore::timeline(std::vector<TimelineRequest> batch, Executor& executor,
                              Completion<std::vector<Result<std::vector<TimelineEntry>>>> done) {
  state_->answer<Result<std::vector<TimelineEntry>>>(
      batch, executor, std::move(done),
      [this](const TimelineRequest& item) { return state_->table.timelines().entries(item); });
}

void MemoryLogStore::recover(std::uint32_t partition, Executor& executor,
                             Completion<Result<std::vector<ConversationId>>> done) {
  std::lock_guard lock(state_->mutex);
  complete(executor, std::move(done), Result<std::vector<ConversationId>>(state_->table.recover(partition)));
}

void MemoryLogStore::settled(std::vector<ConversationId> logs) {
  std::lock_guard lock(state_->mutex);
  for (const ConversationId& log : logs) state_->table.settled(log);
}

}  // namespace chatcore
