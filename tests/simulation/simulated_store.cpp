#include "simulated_store.hpp"

namespace chatcore::simulation {

namespace {

Error unavailable() { return {ErrorCode::unavailable, "simulated: unavailable", {}}; }

template <class Value>
std::vector<Result<Value>> all_unavailable(std::size_t count) {
  std::vector<Result<Value>> answers;
  for (std::size_t i = 0; i < count; ++i) answers.emplace_back(unavailable());
  return answers;
}

std::string_view name_of(AppendOutcome outcome) {
  static constexpr std::string_view kNames[] = {"committed", "fenced",  "conflict",
                                                "duplicate", "unknown", "refused"};
  return kNames[static_cast<std::size_t>(outcome)];
}

}  // namespace

std::vector<UserConversation> SimulatedStore::conversations_now(const UserId& user) {
  UserConversationsRequest request;
  request.userId = user;
  using Answer = std::vector<Result<std::vector<UserConversation>>>;
  auto answer = Collector::ask<Answer>([&](Executor& executor, Completion<Answer> done) {
    store_.conversations_of({request}, executor, std::move(done));
  });
  return std::move(*answer[0]);
}

AppendResult SimulatedStore::carry_out(AppendRequest request) {
  using Answer = std::vector<AppendResult>;
  std::vector<AppendRequest> batch;
  batch.push_back(std::move(request));
  Answer answer = Collector::ask<Answer>([&](Executor& executor, Completion<Answer> done) {
    store_.append(std::move(batch), executor, std::move(done));
  });
  if (answer[0].outcome == AppendOutcome::committed) world_.truth.committed(answer[0].request);
  return std::move(answer[0]);
}

AppendResult SimulatedStore::append_one(AppendRequest request, bool told) {
  const auto answered = [&](AppendOutcome outcome, AppendRequest given) {
    AppendResult result;
    result.outcome = outcome;
    result.error = unavailable();
    if (outcome == AppendOutcome::refused && world_.faults.percent(30))
      result.error.code = ErrorCode::overloaded;
    result.request = std::move(given);
    return result;
  };
  if (world_.faults.percent(world_.trouble.appendRefused))
    return answered(AppendOutcome::refused, std::move(request));
  if (!world_.faults.percent(world_.trouble.appendUnknown)) return carry_out(std::move(request));
  if (told && world_.faults.percent(50)) return answered(AppendOutcome::unknown, std::move(request));
  return answered(AppendOutcome::unknown, carry_out(std::move(request)).request);
}

void SimulatedStore::append(std::vector<AppendRequest> batch, Executor& executor,
                            Completion<std::vector<AppendResult>> done) {
  using Answer = std::vector<AppendResult>;
  auto held = std::make_shared<std::vector<AppendRequest>>(std::move(batch));
  calls_.call<Answer>(executor, kAppend, std::move(done), [this, held](bool told) {
    Answer results;
    for (AppendRequest& request : *held) {
      if (too_late(request, told)) continue;
      results.push_back(append_one(std::move(request), told));
      const AppendResult& result = results.back();
      const Event& event = result.request.events[0];
      world_.trace.line("store", "append " + result.request.log + " #" + std::to_string(event.seq) + " " +
                                     event.senderId + " " + event.clientMsgId + ": " +
                                     std::string(name_of(result.outcome)) + (told ? "" : ", nobody is told"));
    }
    return results;
  });
}

template <class Item, class Value>
void SimulatedStore::pass(PortCalls::Kind kind, const char* name, Method<Item, Value> method,
                          std::vector<Item> batch, Executor& executor,
                          Completion<std::vector<Result<Value>>> done, bool mayFail,
                          std::function<void()> carriedOut) {
  using Answer = std::vector<Result<Value>>;
  auto held = std::make_shared<std::vector<Item>>(std::move(batch));
  calls_.call<Answer>(executor, kind, std::move(done), [this, name, method, held, mayFail, carriedOut](bool) {
    const bool failing = mayFail && fails();
    if (failing) world_.trace.line("store", std::string(name) + " fails");
    // One that changes something may have done so all the same.
    if (failing && world_.faults.percent(50)) return all_unavailable<Value>(held->size());
    const std::size_t size = held->size();
    if (carriedOut) carriedOut();
    Answer answer = Collector::ask<Answer>([&](Executor& collector, Completion<Answer> answered) {
      (store_.*method)(std::move(*held), collector, std::move(answered));
    });
    if (failing) return all_unavailable<Value>(size);
    return answer;
  });
}

template <class Item>
void SimulatedStore::pass_status(PortCalls::Kind kind,
                                 void (LogStore::*method)(std::vector<Item>, Executor&,
                                                          Completion<std::vector<Status>>),
                                 std::vector<Item> batch, Executor& executor,
                                 Completion<std::vector<Status>> done, std::function<void()> carriedOut) {
  using Answer = std::vector<Status>;
  auto held = std::make_shared<std::vector<Item>>(std::move(batch));
  calls_.call<Answer>(executor, kind, std::move(done), [this, method, held, carriedOut](bool) {
    if (fails()) return Answer(held->size(), Status(unavailable()));
    if (carriedOut) carriedOut();
    return Collector::ask<Answer>([&](Executor& collector, Completion<Answer> answered) {
      (store_.*method)(std::move(*held), collector, std::move(answered));
    });
  });
}

// What an engine recovers with does not fail: see README.md, "What it does not do".
void SimulatedStore::claim(std::vector<ClaimRequest> batch, Executor& executor,
                           Completion<std::vector<Result<LogState>>> done) {
  for (const ClaimRequest& claim : batch) claimed_.insert(claim.log);
  pass<ClaimRequest, LogState>(kClaim, "claim", &LogStore::claim, std::move(batch), executor, std::move(done),
                               false);
}

void SimulatedStore::read(std::vector<ReadRequest> batch, Executor& executor,
                          Completion<std::vector<Result<EventRange>>> done) {
  const bool recovering = batch.front().maxBytes == UINT32_MAX;
  pass<ReadRequest, EventRange>(some_reader(), "read", &LogStore::read, std::move(batch), executor,
                                std::move(done), !recovering);
}

void SimulatedStore::find_messages(std::vector<MessageQuery> batch, Executor& executor,
                                   Completion<std::vector<Result<std::optional<FoundMessage>>>> done) {
  pass<MessageQuery, std::optional<FoundMessage>>(some_reader(), "find_messages", &LogStore::find_messages,
                                                  std::move(batch), executor, std::move(done));
}

void SimulatedStore::hide(std::vector<HideRequest> batch, Executor& executor,
                          Completion<std::vector<Status>> done) {
  std::vector<HideRequest> told = batch;
  pass_status(kHide, &LogStore::hide, std::move(batch), executor, std::move(done),
              [this, told = std::move(told)] {
                for (const HideRequest& request : told) world_.truth.hidden(request);
              });
}

void SimulatedStore::find_sends(std::vector<SendKey> batch, Executor& executor,
                                Completion<std::vector<Result<std::optional<OriginalSend>>>> done) {
  // While it is looked up, what came later goes on: should the look-up fail, the order is lost with it.
  for (const SendKey& key : batch) world_.refused.insert(key.clientMsgId);
  pass<SendKey, std::optional<OriginalSend>>(kFind, "find_sends", &LogStore::find_sends, std::move(batch),
                                             executor, std::move(done));
}

void SimulatedStore::advance(std::vector<CursorUpdate> batch, Executor& executor,
                             Completion<std::vector<Result<Cursor>>> done) {
  std::vector<CursorUpdate> told = batch;
  pass<CursorUpdate, Cursor>(kAdvance, "advance", &LogStore::advance, std::move(batch), executor,
                             std::move(done), true, [this, told = std::move(told)] {
                               for (const CursorUpdate& update : told) world_.truth.advanced(update);
                             });
}

void SimulatedStore::conversations_of(std::vector<UserConversationsRequest> batch, Executor& executor,
                                      Completion<std::vector<Result<std::vector<UserConversation>>>> done) {
  pass<UserConversationsRequest, std::vector<UserConversation>>(some_reader(), "conversations_of",
                                                                &LogStore::conversations_of, std::move(batch),
                                                                executor, std::move(done));
}

void SimulatedStore::members(std::vector<MembersRequest> batch, Executor& executor,
                             Completion<std::vector<Result<std::vector<Member>>>> done) {
  pass<MembersRequest, std::vector<Member>>(kMembers, "members", &LogStore::members, std::move(batch),
                                            executor, std::move(done));
}

void SimulatedStore::set_preferences(std::vector<PreferencesRequest> batch, Executor& executor,
                                     Completion<std::vector<Result<Preferences>>> done) {
  pass<PreferencesRequest, Preferences>(kPreferences, "set_preferences", &LogStore::set_preferences,
                                        std::move(batch), executor, std::move(done));
}

void SimulatedStore::mark_timeline(std::vector<TimelineMarkRequest> batch, Executor& executor,
                                   Completion<std::vector<Result<TimelineMark>>> done) {
  pass<TimelineMarkRequest, TimelineMark>(some_reader(), "mark_timeline", &LogStore::mark_timeline,
                                          std::move(batch), executor, std::move(done));
}

void SimulatedStore::kept_tokens(std::vector<DeviceKey> batch, Executor& executor,
                                 Completion<std::vector<Result<std::optional<std::string>>>> done) {
  pass<DeviceKey, std::optional<std::string>>(some_reader(), "kept_tokens", &LogStore::kept_tokens,
                                              std::move(batch), executor, std::move(done));
}

void SimulatedStore::forget_tokens(std::vector<DeviceKey> devices) {
  store_.forget_tokens(std::move(devices));
}

void SimulatedStore::tell_timelines(std::vector<AccountChange> batch, Executor& executor,
                                    Completion<std::vector<Status>> done) {
  pass_status(kHide, &LogStore::tell_timelines, std::move(batch), executor, std::move(done));
}

void SimulatedStore::timeline(std::vector<TimelineRequest> batch, Executor& executor,
                              Completion<std::vector<Result<std::vector<TimelineEntry>>>> done) {
  pass<TimelineRequest, std::vector<TimelineEntry>>(some_reader(), "timeline", &LogStore::timeline,
                                                    std::move(batch), executor, std::move(done));
}

void SimulatedStore::recover(std::uint32_t partition, Executor& executor,
                             Completion<Result<std::vector<ConversationId>>> done) {
  // Asked a thousand times at every start: without delay, or a run would be made of nothing else.
  owned_ = true;
  store_.recover(partition, executor, std::move(done));
}

void SimulatedStore::settled(std::vector<ConversationId> logs) { store_.settled(std::move(logs)); }

}  // namespace chatcore::simulation
