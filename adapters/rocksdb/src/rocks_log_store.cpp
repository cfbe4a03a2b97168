#include "rocks_log_store.hpp"

#include <algorithm>

#include "keys.hpp"
#include "log_rows.hpp"
#include "rocks_calls.hpp"

namespace chatcore::rocks {

namespace {

bool is_brief(const std::vector<ReadRequest>& batch) {
  std::size_t rows = 0;
  for (const ReadRequest& request : batch) rows += request.maxEvents;
  return rows <= kBriefRows;
}

/// Whose memberships are many is seen when they are read.
bool is_brief(const std::vector<UserConversationsRequest>& batch) {
  return batch.size() <= kBriefRows / 4 &&
         std::all_of(batch.begin(), batch.end(), [](const UserConversationsRequest& request) {
           return request.detail == ConversationDetail::membership;
         });
}

}  // namespace

void RocksLogStore::append(std::vector<AppendRequest> batch, Executor& executor,
                           Completion<std::vector<AppendResult>> done) {
  Committer::Weight weight{batch.size(), 0};
  for (const AppendRequest& request : batch) {
    for (const Event& event : request.events) weight.bytes += event.content.size() + sizeof(Event);
  }
  submit_write<AppendResult>(engine_, std::move(batch), executor, std::move(done), weight);
}

void RocksLogStore::claim(std::vector<ClaimRequest> batch, Executor& executor,
                          Completion<std::vector<Result<LogState>>> done) {
  struct Work {
    std::vector<ClaimRequest> batch;
    Completion<std::vector<Result<LogState>>> done;
  };
  const std::size_t size = batch.size();
  auto work = std::make_unique<Work>(Work{std::move(batch), std::move(done)});
  Work* const mine = work.get();
  Task task = [this, &executor, size, work = std::move(work)] {
    // Brings the rows into the cache, so that the committer does not wait for the disk.
    for (const ClaimRequest& claim : work->batch) {
      if (storable(claim.log)) static_cast<void>(read_log_head(engine_.database(), claim.log));
    }
    submit_write<Result<LogState>>(engine_, std::move(work->batch), executor, std::move(work->done),
                                   {size, 0});
  };
  if (engine_.read(task, size)) return;
  std::vector<Result<LogState>> answers;
  for (std::size_t i = 0; i < size; ++i) answers.emplace_back(engine_.not_admitted());
  complete(executor, std::move(mine->done), std::move(answers));
}

void RocksLogStore::read(std::vector<ReadRequest> batch, Executor& executor,
                         Completion<std::vector<Result<EventRange>>> done) {
  const auto read = [](LogReader& reader, const ReadRequest& request) { return reader.read(request); };
  if (is_brief(batch)) {
    submit_brief_read<Result<EventRange>>(engine_, std::move(batch), executor, std::move(done), read);
  } else {
    submit_read<Result<EventRange>>(engine_, std::move(batch), executor, std::move(done), read);
  }
}

void RocksLogStore::find_messages(std::vector<MessageQuery> batch, Executor& executor,
                                  Completion<std::vector<Result<std::optional<FoundMessage>>>> done) {
  submit_read<Result<std::optional<FoundMessage>>>(
      engine_, std::move(batch), executor, std::move(done),
      [](LogReader& reader, const MessageQuery& query) { return reader.find_message(query); });
}

void RocksLogStore::hide(std::vector<HideRequest> batch, Executor& executor,
                         Completion<std::vector<Status>> done) {
  const std::size_t size = batch.size();
  submit_write<Status>(engine_, std::move(batch), executor, std::move(done), {size, 0});
}

void RocksLogStore::find_sends(std::vector<SendKey> batch, Executor& executor,
                               Completion<std::vector<Result<std::optional<OriginalSend>>>> done) {
  submit_read<Result<std::optional<OriginalSend>>>(
      engine_, std::move(batch), executor, std::move(done), [this](LogReader&, const SendKey& key) {
        return engine_.journal().find_send(
            hash_send(engine_.database().hash_key(), key.log, key.senderId, key.clientMsgId));
      });
}

void RocksLogStore::advance(std::vector<CursorUpdate> batch, Executor& executor,
                            Completion<std::vector<Result<Cursor>>> done) {
  const std::size_t size = batch.size();
  submit_write<Result<Cursor>>(engine_, std::move(batch), executor, std::move(done), {size, 0});
}

void RocksLogStore::conversations_of(std::vector<UserConversationsRequest> batch, Executor& executor,
                                     Completion<std::vector<Result<std::vector<UserConversation>>>> done) {
  const auto read = [](LogReader& reader, const UserConversationsRequest& request) {
    return reader.conversations_of(request);
  };
  using Answer = Result<std::vector<UserConversation>>;
  if (is_brief(batch)) {
    submit_brief_read<Answer>(engine_, std::move(batch), executor, std::move(done), read);
  } else {
    submit_read<Answer>(engine_, std::move(batch), executor, std::move(done), read);
  }
}

void RocksLogStore::members(std::vector<MembersRequest> batch, Executor& executor,
                            Completion<std::vector<Result<std::vector<Member>>>> done) {
  submit_read<Result<std::vector<Member>>>(
      engine_, std::move(batch), executor, std::move(done),
      [](LogReader& reader, const MembersRequest& request) { return reader.members(request); });
}

void RocksLogStore::set_preferences(std::vector<PreferencesRequest> batch, Executor& executor,
                                    Completion<std::vector<Result<Preferences>>> done) {
  const std::size_t size = batch.size();
  submit_write<Result<Preferences>>(engine_, std::move(batch), executor, std::move(done), {size, 0});
}

void RocksLogStore::mark_timeline(std::vector<TimelineMarkRequest> batch, Executor& executor,
                                  Completion<std::vector<Result<TimelineMark>>> done) {
  const std::size_t size = batch.size();
  submit_write<Result<TimelineMark>>(engine_, std::move(batch), executor, std::move(done), {size, 0});
}

void RocksLogStore::tell_timelines(std::vector<AccountChange> batch, Executor& executor,
                                   Completion<std::vector<Status>> done) {
  const std::size_t size = batch.size();
  submit_write<Status>(engine_, std::move(batch), executor, std::move(done), {size, 0});
}

void RocksLogStore::timeline(std::vector<TimelineRequest> batch, Executor& executor,
                             Completion<std::vector<Result<std::vector<TimelineEntry>>>> done) {
  submit_read<Result<std::vector<TimelineEntry>>>(engine_, std::move(batch), executor, std::move(done),
                                                  [this](LogReader& reader, const TimelineRequest& request) {
                                                    std::size_t departed = 0;
                                                    auto entries = reader.timeline(request, departed);
                                                    if (departed > 2 * kMaxDepartedKept) {
                                                      AnyCall call = ForgetDepartedCall{request.userId};
                                                      // Not taken: the next one who looks asks again.
                                                      static_cast<void>(engine_.write(call, {1, 0}));
                                                    }
                                                    return entries;
                                                  });
}

void RocksLogStore::kept_tokens(std::vector<DeviceKey> batch, Executor& executor,
                                Completion<std::vector<Result<std::optional<std::string>>>> done) {
  submit_read<Result<std::optional<std::string>>>(
      engine_, std::move(batch), executor, std::move(done),
      [](LogReader& reader, const DeviceKey& device) { return reader.kept_token(device); });
}

void RocksLogStore::forget_tokens(std::vector<DeviceKey> devices) {
  const std::size_t size = devices.size();
  AnyCall call = ForgetTokensCall{std::move(devices)};
  // Not taken: they stay, which the port allows.
  static_cast<void>(engine_.write(call, {size, 0}));
}

void RocksLogStore::recover(std::uint32_t partition, Executor& executor,
                            Completion<Result<std::vector<ConversationId>>> done) {
  using Answer = Result<std::vector<ConversationId>>;
  auto held = std::make_unique<Completion<Answer>>(std::move(done));
  Completion<Answer>* const mine = held.get();
  Task task = [this, &executor, partition, held = std::move(held)] {
    Answer answer = LogReader(engine_.database(), engine_.journal()).marked(partition);
    complete(executor, std::move(*held), std::move(answer));
  };
  if (!engine_.read(task, 1)) complete(executor, std::move(*mine), Answer(engine_.not_admitted()));
}

void RocksLogStore::settled(std::vector<ConversationId> logs) {
  AnyCall call = SettledCall{std::move(logs)};
  // Not taken: the marks stay, which the port allows.
  static_cast<void>(engine_.write(call, {1, 0}));
}

}  // namespace chatcore::rocks
