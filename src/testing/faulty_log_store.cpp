#include <type_traits>
#include <utility>

#include "chatcore/testing/fault_plan.hpp"

namespace chatcore::testing {

namespace {

Error injected(Fault fault) {
  if (fault == Fault::fenced) return Error{.code = ErrorCode::fenced, .message = "injected: fenced"};
  return Error{.code = ErrorCode::unavailable, .message = "injected: unavailable"};
}

template <class Answer>
Answer answer_for(Fault fault) {
  if constexpr (std::is_same_v<Answer, AppendResult>) {
    AppendResult result;
    result.outcome = fault == Fault::fenced    ? AppendOutcome::fenced
                     : fault == Fault::refused ? AppendOutcome::refused
                                               : AppendOutcome::unknown;
    result.error = injected(fault);
    return result;
  } else {
    return Answer(injected(fault));
  }
}

/// Waits out of the store's sight until the plan releases it; runs on the executor all the same.
template <class Value>
Completion<Value> held(FaultPlan& plan, Executor& executor, Completion<Value> done) {
  return [&plan, &executor, done = std::move(done)](Value value) mutable {
    struct Answer {
      Completion<Value> done;
      Value value;
    };
    auto answer = std::make_unique<Answer>(Answer{std::move(done), std::move(value)});
    plan.hold([&executor, answer = std::move(answer)]() mutable {
      complete(executor, std::move(answer->done), std::move(answer->value));
    });
  };
}

/// Runs `call(done)` on the real store as the plan says; `failure` is what the caller hears instead.
template <class Value, class Call>
void carry_out(FaultPlan& plan, Executor& executor, Completion<Value> done,
               Value (*failure)(Fault, std::size_t), std::size_t items, Call call) {
  const Fault fault = plan.next();
  switch (fault) {
    case Fault::none:
      return call(std::move(done));
    case Fault::delayed:
      return call(held(plan, executor, std::move(done)));
    case Fault::unknown_but_written:
      return call([failure, items, done = std::move(done)](const Value&) mutable {
        done(failure(Fault::unknown_but_written, items));
      });
    case Fault::unknown_not_written:
    case Fault::refused:
    case Fault::fenced:
      return complete(executor, std::move(done), failure(fault, items));
  }
}

template <class Answer>
std::vector<Answer> failed_batch(Fault fault, std::size_t items) {
  std::vector<Answer> answers;
  for (std::size_t i = 0; i < items; ++i) answers.push_back(answer_for<Answer>(fault));
  return answers;
}

}  // namespace

void FaultyLogStore::append(std::vector<AppendRequest> batch, Executor& executor,
                            Completion<std::vector<AppendResult>> done) {
  // A failed answer hands the requests back all the same.
  Completion<std::vector<AppendResult>> withRequests =
      [given = batch, done = std::move(done)](std::vector<AppendResult> results) mutable {
        for (std::size_t i = 0; i < results.size(); ++i) results[i].request = std::move(given[i]);
        done(std::move(results));
      };
  carry_out(plan_, executor, std::move(withRequests), &failed_batch<AppendResult>, batch.size(),
            [&](auto answer) { store_.append(std::move(batch), executor, std::move(answer)); });
}

void FaultyLogStore::claim(std::vector<ClaimRequest> batch, Executor& executor,
                           Completion<std::vector<Result<LogState>>> done) {
  carry_out(plan_, executor, std::move(done), &failed_batch<Result<LogState>>, batch.size(),
            [&](auto answer) { store_.claim(std::move(batch), executor, std::move(answer)); });
}

void FaultyLogStore::read(std::vector<ReadRequest> batch, Executor& executor,
                          Completion<std::vector<Result<EventRange>>> done) {
  carry_out(plan_, executor, std::move(done), &failed_batch<Result<EventRange>>, batch.size(),
            [&](auto answer) { store_.read(std::move(batch), executor, std::move(answer)); });
}

void FaultyLogStore::find_messages(std::vector<MessageQuery> batch, Executor& executor,
                                   Completion<std::vector<Result<std::optional<FoundMessage>>>> done) {
  carry_out(plan_, executor, std::move(done), &failed_batch<Result<std::optional<FoundMessage>>>,
            batch.size(),
            [&](auto answer) { store_.find_messages(std::move(batch), executor, std::move(answer)); });
}

void FaultyLogStore::hide(std::vector<HideRequest> batch, Executor& executor,
                          Completion<std::vector<Status>> done) {
  carry_out(plan_, executor, std::move(done), &failed_batch<Status>, batch.size(),
            [&](auto answer) { store_.hide(std::move(batch), executor, std::move(answer)); });
}

void FaultyLogStore::find_sends(std::vector<SendKey> batch, Executor& executor,
                                Completion<std::vector<Result<std::optional<OriginalSend>>>> done) {
  carry_out(plan_, executor, std::move(done), &failed_batch<Result<std::optional<OriginalSend>>>,
            batch.size(),
            [&](auto answer) { store_.find_sends(std::move(batch), executor, std::move(answer)); });
}

void FaultyLogStore::advance(std::vector<CursorUpdate> batch, Executor& executor,
                             Completion<std::vector<Result<Cursor>>> done) {
  carry_out(plan_, executor, std::move(done), &failed_batch<Result<Cursor>>, batch.size(),
            [&](auto answer) { store_.advance(std::move(batch), executor, std::move(answer)); });
}

void FaultyLogStore::conversations_of(std::vector<UserConversationsRequest> batch, Executor& executor,
                                      Completion<std::vector<Result<std::vector<UserConversation>>>> done) {
  carry_out(plan_, executor, std::move(done), &failed_batch<Result<std::vector<UserConversation>>>,
            batch.size(),
            [&](auto answer) { store_.conversations_of(std::move(batch), executor, std::move(answer)); });
}

void FaultyLogStore::members(std::vector<MembersRequest> batch, Executor& executor,
                             Completion<std::vector<Result<std::vector<Member>>>> done) {
  carry_out(plan_, executor, std::move(done), &failed_batch<Result<std::vector<Member>>>, batch.size(),
            [&](auto answer) { store_.members(std::move(batch), executor, std::move(answer)); });
}

void FaultyLogStore::set_preferences(std::vector<PreferencesRequest> batch, Executor& executor,
                                     Completion<std::vector<Result<Preferences>>> done) {
  carry_out(plan_, executor, std::move(done), &failed_batch<Result<Preferences>>, batch.size(),
            [&](auto answer) { store_.set_preferences(std::move(batch), executor, std::move(answer)); });
}

void FaultyLogStore::mark_timeline(std::vector<TimelineMarkRequest> batch, Executor& executor,
                                   Completion<std::vector<Result<TimelineMark>>> done) {
  carry_out(plan_, executor, std::move(done), &failed_batch<Result<TimelineMark>>, batch.size(),
            [&](auto answer) { store_.mark_timeline(std::move(batch), executor, std::move(answer)); });
}

void FaultyLogStore::kept_tokens(std::vector<DeviceKey> batch, Executor& executor,
                                 Completion<std::vector<Result<std::optional<std::string>>>> done) {
  carry_out(plan_, executor, std::move(done), &failed_batch<Result<std::optional<std::string>>>, batch.size(),
            [&](auto answer) { store_.kept_tokens(std::move(batch), executor, std::move(answer)); });
}

void FaultyLogStore::tell_timelines(std::vector<AccountChange> batch, Executor& executor,
                                    Completion<std::vector<Status>> done) {
  carry_out(plan_, executor, std::move(done), &failed_batch<Status>, batch.size(),
            [&](auto answer) { store_.tell_timelines(std::move(batch), executor, std::move(answer)); });
}

void FaultyLogStore::timeline(std::vector<TimelineRequest> batch, Executor& executor,
                              Completion<std::vector<Result<std::vector<TimelineEntry>>>> done) {
  carry_out(plan_, executor, std::move(done), &failed_batch<Result<std::vector<TimelineEntry>>>, batch.size(),
            [&](auto answer) { store_.timeline(std::move(batch), executor, std::move(answer)); });
}

void FaultyLogStore::recover(std::uint32_t partition, Executor& executor,
                             Completion<Result<std::vector<ConversationId>>> done) {
  using Answer = Result<std::vector<ConversationId>>;
  constexpr auto failure = +[](Fault fault, std::size_t) { return answer_for<Answer>(fault); };
  carry_out(plan_, executor, std::move(done), failure, 1,
            [&](auto answer) { store_.recover(partition, executor, std::move(answer)); });
}

namespace {
bool is_lost(Fault fault) {
  return fault == Fault::unknown_not_written || fault == Fault::refused || fault == Fault::fenced;
}
}  // namespace

void FaultyLogStore::settled(std::vector<ConversationId> logs) {
  if (!is_lost(plan_.next())) store_.settled(std::move(logs));
}

void FaultyLogStore::forget_tokens(std::vector<DeviceKey> devices) {
  if (!is_lost(plan_.next())) store_.forget_tokens(std::move(devices));
}

}  // namespace chatcore::testing
