#include <algorithm>
#include <cassert>

#include "chatcore/testing/kill_point.hpp"
#include "core/simulation_bug.hpp"
#include "engine/conversation_home.hpp"

namespace chatcore::engine {

namespace {

constexpr std::uint8_t kMaxAttempts = 5;
constexpr std::size_t kMaxBrokenOrders = 1024;

protocol::Placement placement_of(const Event& event) {
  return {event.seq, event.epoch, event.messageId, event.timestamp};
}
protocol::Placement placement_of(const OriginalSend& original) {
  return {original.seq, original.epoch, original.messageId, original.timestamp};
}

/// What the host has decided becomes the command's.
void heed(EventCommand& command, Hooks::Decision decision) {
  command.hooksAsked = true;
  if (decision.verdict == Hooks::Verdict::reject) command.refusal = std::move(decision.error);
  if (decision.verdict == Hooks::Verdict::rewrite) *content_of(command.action) = std::move(decision.content);
}

}  // namespace

void ConversationHome::submit(CommandPtr command) {
  command->arrival = ++arrivals_;
  Conversation& conversation = get_or_load(command->conversationId, command.get());
  note_return(conversation, *command);
  if (conversation.takes_commands() && conversation.waiting.empty())
    return process(conversation, std::move(command));
  if (conversation.waiting.size() >= context_.options.maxWaitingPerConversation)
    return reject(conversation, *command,
                  {ErrorCode::overloaded, "too many commands wait for this conversation",
                   std::chrono::milliseconds(500)});
  conversation.waiting.push_back(std::move(command));
}

void ConversationHome::run_waiting(Conversation& conversation) {
  while (conversation.takes_commands() && !conversation.waiting.empty()) {
    CommandPtr command = std::move(conversation.waiting.front());
    conversation.waiting.pop_front();
    if (conversation.decidedAnew > 0) --conversation.decidedAnew;
    process(conversation, std::move(command));
  }
}

void ConversationHome::process(Conversation& conversation, CommandPtr pointer) {
  EventCommand& command = *pointer;
  if (repeats_in_flight(conversation, command)) return;
  if (out_of_order(conversation, command))
    return reject(
        conversation, command,
        {ErrorCode::retry_in_order, "an earlier command to this conversation failed: send it first", {}});
  if (conversation.inFlight.size() >= context_.options.maxWaitingPerConversation)
    return reject(conversation, command,
                  {ErrorCode::overloaded, "the store is slow", std::chrono::milliseconds(500)});
  if (command.refusal) {
    Error error = *command.refusal;
    if (command.hooksAsked) return reject(conversation, command, error);
    return look_up_then_reject(conversation, std::move(pointer), std::move(error));
  }
  if (!prepare(conversation, pointer)) return;
  const Timestamp now = context_.now();
  Result<Plan> plan = make_plan(conversation, command, context_.options, now);
  if (!plan) return look_up_then_reject(conversation, std::move(pointer), std::move(plan).error());
  if (!ask_hooks(conversation, pointer)) return;
  if (std::string* content = content_of(command.action)) {
    if (!plan->effects.messages.empty()) plan->effects.messages[0].state.content = *content;
    plan->event.content = std::move(*content);
  }
  append(conversation, std::move(pointer), std::move(*plan), now);
}

bool ConversationHome::is_in_flight(const Conversation& conversation, const EventCommand& command) {
  return std::any_of(conversation.inFlight.begin(), conversation.inFlight.end(), [&](const InFlight& item) {
    return item.command->clientMsgId == command.clientMsgId &&
           item.command->from.user() == command.from.user();
  });
}

bool ConversationHome::repeats_in_flight(Conversation& conversation, const EventCommand& command) {
  if (!is_in_flight(conversation, command)) return false;
  if (conversation.waiters.size() >= context_.options.maxWaitingPerConversation) {
    outlet_.error(command.from.session, command.from.id, command.clientMsgId,
                  {ErrorCode::overloaded, "too many repetitions", std::chrono::milliseconds(500)});
    return true;
  }
  conversation.waiters.push_back(
      {command.from, command.clientMsgId, UserId(command.from.user()), command.payloadHash, command.arrival});
  return true;
}

bool ConversationHome::out_of_order(Conversation& conversation, const EventCommand& command) {
  auto& broken = conversation.brokenOrder;
  const auto found = conversation.broken_order_of(command.from.session);
  if (found == broken.end() || command.arrival < found->arrival) return false;
  if (CHATCORE_BUG("later commands overtake failed ones")) return false;
  if (found->clientMsgId != command.clientMsgId) {
    // Should the first turn out to be a repetition, this one is what has to come first.
    const bool counts = found->returned == 0 || command.arrival > found->returned;
    if (counts && found->nextArrival == 0) {
      found->nextClientMsgId = command.clientMsgId;
      found->nextArrival = command.arrival;
    }
    return true;
  }
  // It may have come again before anybody knew that it had failed: what follows it comes again too.
  if (command.arrival > found->nextArrival) found->nextArrival = 0;
  pass(conversation, found);
  return false;
}

/// What the session had to send first has come, or stands in nobody's way.
void ConversationHome::pass(Conversation& conversation, std::vector<BrokenOrder>::iterator broken) {
  if (broken->nextArrival != 0)
    *broken = {broken->session, std::move(broken->nextClientMsgId), broken->nextArrival};
  else
    conversation.brokenOrder.erase(broken);
}

void ConversationHome::note_return(Conversation& conversation, const EventCommand& command) {
  const auto found = conversation.broken_order_of(command.from.session);
  if (found == conversation.brokenOrder.end() || found->clientMsgId != command.clientMsgId) return;
  found->returned = command.arrival;
  found->nextArrival = 0;
}

void ConversationHome::break_order(Conversation& conversation, BrokenOrder first) {
  auto& broken = conversation.brokenOrder;
  const auto known = conversation.broken_order_of(first.session);
  if (known != broken.end()) {
    // What waited or was in flight may fail after something that came later: the client begins with it.
    if (first.arrival < known->arrival) {
      *known = std::move(first);
    } else if (known->returned != 0 && first.arrival > known->returned && known->nextArrival == 0) {
      known->nextClientMsgId = std::move(first.clientMsgId);
      known->nextArrival = first.arrival;
    }
    return;
  }
  if (broken.size() >= kMaxBrokenOrders) broken.erase(broken.begin());
  broken.push_back(std::move(first));
}

/// What must be known before the command can be decided is asked first; the conversation's queue waits, so
/// that nothing overtakes. False: the command will come again.
bool ConversationHome::prepare(Conversation& conversation, CommandPtr& pointer) {
  EventCommand& command = *pointer;
  if (message_asked_for(command.action) != 0 && !command.targetAsked) {
    find_target(conversation, std::move(pointer));
    return false;
  }
  if (command.lookedUp) return true;
  const auto* message = std::get_if<NewMessage>(&command.action);
  std::vector<UserId> strangers;
  if (const auto* create = std::get_if<CreateGroup>(&command.action)) strangers = create->members;
  if (const auto* add = std::get_if<AddMembers>(&command.action)) strangers = add->members;
  if (message != nullptr && !message->to.empty() && !conversation.exists) strangers = {message->to};
  if (!strangers.empty()) {
    meet_strangers(conversation, std::move(pointer), std::move(strangers), message == nullptr);
    return false;
  }
  if (context_.hooks == nullptr || content_of(command.action) == nullptr) return true;
  // Hooks see every message once, so whether it is a repetition comes first.
  lookUps_.push_back({conversation.id, std::move(pointer), {}});
  conversation.lookupInFlight = true;
  return false;
}

/// Puts a command back to the front of its conversation's queue, which waits for an answer. What is returned
/// hands the answer to it, and lets the queue go on.
ConversationHome::Resume ConversationHome::park(Conversation& conversation, CommandPtr pointer) {
  const EventCommand& command = *pointer;
  Resume resume = [this, id = conversation.id,
                   arrival = command.arrival](UniqueFunction<void(EventCommand&)> use) {
    Conversation* loaded = find(id);
    // The conversation may have been lost and loaded anew meanwhile, and the command sent again: its content
    // need not be the one that was asked about.
    if (loaded == nullptr || !loaded->lookupInFlight) return;
    // Conflicts may have been put before it.
    const auto parked = std::find_if(loaded->waiting.begin(), loaded->waiting.end(),
                                     [&](const CommandPtr& waits) { return waits->arrival == arrival; });
    if (parked == loaded->waiting.end()) return;
    loaded->lookupInFlight = false;
    use(**parked);
    run_waiting(*loaded);
  };
  conversation.lookupInFlight = true;
  conversation.waiting.push_front(std::move(pointer));
  return resume;
}

void ConversationHome::find_target(Conversation& conversation, CommandPtr pointer) {
  // What is in flight may change the same message, and the store does not show that yet.
  if (conversation.changesInFlight > 0 && !CHATCORE_BUG("changes in flight are not waited for")) {
    conversation.waitsForChanges = true;
    conversation.waiting.push_front(std::move(pointer));
    return;
  }
  MessageQuery query{conversation.id, message_asked_for(pointer->action), UserId(pointer->from.user())};
  Resume resume = park(conversation, std::move(pointer));
  context_.store->find_messages(
      {std::move(query)}, *context_.executor,
      [busy = context_.busy,
       resume = std::move(resume)](std::vector<Result<std::optional<FoundMessage>>> answers) mutable {
        resume([&](EventCommand& command) {
          command.targetAsked = true;
          if (!answers[0])
            command.refusal =
                Error{ErrorCode::unavailable, "the log cannot be read", std::chrono::milliseconds(500)};
          else if (*answers[0])
            command.target = std::make_unique<FoundMessage>(std::move(**answers[0]));
        });
      });
}

/// Whether all whom a command brings in are users, and none of them and its sender block each other.
void ConversationHome::meet_strangers(Conversation& conversation, CommandPtr pointer,
                                      std::vector<UserId> strangers, bool intoGroup) {
  std::vector<BlockQuery> blocks;
  for (const UserId& user : strangers) blocks.push_back({UserId(pointer->from.user()), user});
  auto met = [resume = park(conversation, std::move(pointer))](std::optional<Error> refusal) mutable {
    resume([&](EventCommand& command) {
      command.lookedUp = true;
      if (refusal) command.refusal = std::move(*refusal);
    });
  };
  context_.directory->users(
      std::move(strangers), *context_.executor,
      [busy = context_.busy, this, intoGroup, blocks = std::move(blocks),
       met = std::move(met)](std::vector<Result<User>> users) mutable {
        for (const auto& user : users) {
          if (user) continue;
          return met(
              Error{user.error().code == ErrorCode::not_found ? ErrorCode::not_found : ErrorCode::unavailable,
                    user.error().message,
                    {}});
        }
        if (!intoGroup) return met(std::nullopt);
        context_.directory->blocks(
            std::move(blocks), *context_.executor,
            [busy = context_.busy, met = std::move(met)](std::vector<Result<BlockState>> states) mutable {
              for (const auto& state : states) {
                if (state && !state->any()) continue;
                return met(Error{state ? ErrorCode::forbidden : ErrorCode::unavailable,
                                 "`members`: one of them cannot be added",
                                 {}});
              }
              met(std::nullopt);
            });
      });
}

/// False: the command was rejected, or comes again with the answer.
bool ConversationHome::ask_hooks(Conversation& conversation, CommandPtr& pointer) {
  EventCommand& command = *pointer;
  std::string* content = content_of(command.action);
  if (context_.hooks == nullptr || content == nullptr || command.hooksAsked) return true;
  Hooks::Draft draft{conversation.id, UserId(command.from.user()), MessageType::text, *content, 0};
  if (const auto* message = std::get_if<NewMessage>(&command.action)) {
    draft.messageType = message->type;
  } else {
    draft.messageType = command.target->event.messageType;
    draft.edited = command.target->event.messageId;
  }
  Result<Hooks::Decision> answer =
      ask_hook(context_, [&](Hooks& hooks) { return hooks.before_persist(draft); });
  if (answer && answer->verdict == Hooks::Verdict::later) {
    if (!drafts_.full()) {
      ask_hooks_later(conversation, std::move(pointer), draft);
      return false;
    }
    answer = Error{ErrorCode::overloaded, "the host owes too many answers", {}};
  }
  heed(command, decided(std::move(answer), context_.options.hooks.persistFailure));
  if (!command.refusal) return true;
  reject(conversation, command, *command.refusal);
  return false;
}

void ConversationHome::ask_hooks_later(Conversation& conversation, CommandPtr pointer,
                                       const Hooks::Draft& draft) {
  Hooks::PendingDraft question{draft.conversationId,       draft.senderId, draft.messageType,
                               std::string(draft.content), draft.edited,   pointer->clientMsgId};
  drafts_.ask(std::move(question), [this, resume = park(conversation, std::move(pointer))](
                                       Result<Hooks::Decision> answer) mutable {
    resume([&](EventCommand& command) {
      heed(command, decided(std::move(answer), context_.options.hooks.persistFailure));
      // That may have taken long: what is to be edited is looked for once more.
      command.targetAsked = false;
      command.target.reset();
    });
  });
}

void ConversationHome::look_up_then_reject(Conversation& conversation, CommandPtr command, Error error) {
  // Later commands of the session must not overtake it, whatever the look-up says.
  if (error.temporary())
    break_order(conversation, {command->from.session, command->clientMsgId, command->arrival});
  lookUps_.push_back({conversation.id, std::move(command), std::move(error)});
}

void ConversationHome::reject(Conversation& conversation, const EventCommand& command, const Error& error) {
  if (error.temporary() && error.code != ErrorCode::retry_in_order)
    break_order(conversation, {command.from.session, command.clientMsgId, command.arrival});
  outlet_.error(command.from.session, command.from.id, command.clientMsgId, error);
  if (!is_in_flight(conversation, command)) fail_waiters(conversation, command, error);
}

void ConversationHome::append(Conversation& conversation, CommandPtr command, Plan&& plan, Timestamp now) {
  AppendRequest& request = appends_.emplace_back();
  request.log = conversation.id;
  request.term = context_.term;
  request.expectedHead = conversation.head;
  const bool wasLarge = conversation.large() || conversation.members.empty();
  stamp(conversation, plan, now);
  if (!plan.effects.members.empty()) conversation.audience.reset();
  plan.effects.large = conversation.large();
  // Who is in it as it becomes large must hear of that: from then on its events are not told one by one.
  plan.effects.audience =
      plan.effects.large && !wasLarge ? conversation.all_members() : conversation.timeline_audience();
  if (CHATCORE_BUG("timelines are not told")) plan.effects.audience = nullptr;
  if (CHATCORE_BUG("retries take effect again")) plan.event.clientMsgId += std::to_string(plan.event.seq);
  if (!conversation.marked) {
    conversation.marked = true;
    plan.effects.mayBeUnpublished = true;
  }
  if (!conversation.direct() && !conversation.topic)
    conversation.topic = context_.group_chat(conversation.id);
  request.events.push_back(std::move(plan.event));
  request.effects = std::move(plan.effects);
  appendOrder_.push_back(&conversation);
  const bool changesMessage = !request.effects.messages.empty();
  if (changesMessage) ++conversation.changesInFlight;
  conversation.inFlight.push_back({std::move(command), plan.changesMembers, changesMessage});
}

void ConversationHome::on_appended(const std::vector<Conversation*>& order,
                                   std::vector<AppendResult> results) {
  assert(order.size() == results.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    // A conversation with something in flight is never evicted, so the pointer holds.
    Conversation& conversation = *order[i];
    InFlight item = std::move(conversation.inFlight.front());
    conversation.inFlight.pop_front();
    if (item.changesMessage && --conversation.changesInFlight == 0) conversation.waitsForChanges = false;
    on_result(conversation, std::move(item), results[i]);
  }
}

void ConversationHome::on_result(Conversation& conversation, InFlight item, AppendResult& result) {
  assert(result.request.events.size() == 1);
  if (CHATCORE_BUG("acknowledged though not written")) result.outcome = AppendOutcome::committed;
  EventCommand& command = *item.command;
  if (result.outcome != AppendOutcome::committed && conversation.state != Conversation::State::recovering) {
    conversation.state = Conversation::State::recovering;
    conversation.decidedAnew = 0;
  }
  switch (result.outcome) {
    case AppendOutcome::committed:
      // Behind one whose fate is open, its turn comes when that is known: the log's order is everybody's.
      if (conversation.uncertain.empty() || CHATCORE_BUG("published past an open one")) {
        committed(conversation, item, result.request);
      } else {
        conversation.uncertain.push_back({std::move(item), std::move(result.request)});
      }
      break;
    case AppendOutcome::duplicate:
      answer_duplicate(command.from, command, *result.original);
      answer_waiters(conversation, command, *result.original);
      break;
    case AppendOutcome::conflict:
      // Behind a failed one of ours, or behind another owner's: decided anew on the log as it is then.
      if (++command.attempts < kMaxAttempts) {
        if (std::string* content = content_of(command.action))
          *content = std::move(result.request.events[0].content);
        command.targetAsked = false;
        command.target.reset();
        // What waits came after everything that was in flight, even where the answers of several appends
        // arrive one by one.
        conversation.waiting.insert(conversation.waiting.begin() + conversation.decidedAnew++,
                                    std::move(item.command));
        break;
      }
      [[fallthrough]];
    case AppendOutcome::fenced:
    case AppendOutcome::refused: {
      const Error told =
          result.outcome == AppendOutcome::refused && result.error.code == ErrorCode::overloaded
              ? result.error
              : Error{ErrorCode::unavailable, "the event could not be stored",
                      std::chrono::milliseconds(500)};
      if (result.outcome == AppendOutcome::refused)
        context_.log->write(LogLevel::warn, "engine", "append refused: " + result.error.message);
      reject(conversation, command, told);
      break;
    }
    case AppendOutcome::unknown:
      if (CHATCORE_BUG("unknown taken for written")) return committed(conversation, item, result.request);
      conversation.uncertain.push_back({std::move(item), std::move(result.request)});
      break;
  }
  if (conversation.state == Conversation::State::recovering && conversation.inFlight.empty())
    claims_.push_back({conversation.id, context_.term});
  if (!conversation.waiting.empty()) run_waiting(conversation);
}

void ConversationHome::committed(Conversation& conversation, const InFlight& item,
                                 const AppendRequest& request) {
  const Event& event = request.events[0];
  CHATCORE_KILL_POINT("engine.committed");
  conversation.committedHead = event.seq;
  conversation.committedOrdinal = event.ordinal;
  if (item.changesMembers) {
    conversation.committedMemberSeq = event.seq;
    if (event.seq > 1) recall_cursors(conversation.id, request.effects);
  }
  const EventCommand& command = *item.command;
  if (answered_by_sent(command.action)) {
    outlet_.send(command.from.session, [&](std::string& out) {
      protocol::append_message_sent(out, command.from.id, command.clientMsgId, conversation.id,
                                    placement_of(event), false);
    });
  } else {
    // The actor's copy of the event is its answer.
    outlet_.send(command.from.session, [&](std::string& out) {
      protocol::append_live_frame_payload(out, conversation.id, event, command.from.id);
    });
  }
  CHATCORE_KILL_POINT("engine.acknowledged");
  if (!conversation.waiters.empty())
    answer_waiters(conversation, command,
                   {event.seq, event.epoch, event.messageId, event.timestamp, event.payloadHash});
  publish(conversation, event, request.effects, command.from.session);
  CHATCORE_KILL_POINT("engine.published");
  if (context_.hooks != nullptr) tell_observers(conversation.id, event, request.effects);
}

void ConversationHome::tell_observers(const ConversationId& id, const Event& event,
                                      const AppendEffects& effects) {
  tell_hook(context_, [&](Hooks& hooks) { hooks.after_persist(id, event); });
  if (effects.members.empty()) return;
  using Change = Hooks::Membership::Change;
  Hooks::Membership told{id, event.seq, event.senderId, {}};
  told.who.reserve(effects.members.size());
  for (const MembershipChange& change : effects.members) {
    const Change what = change.removed ? Change::went : change.joins ? Change::came : Change::role;
    told.who.push_back({change.member.userId, what, change.member.role});
  }
  tell_hook(context_, [&](Hooks& hooks) { hooks.on_membership(told); });
}

void ConversationHome::answer_duplicate(const Requester& to, const EventCommand& command,
                                        const OriginalSend& original) {
  if (original.payloadHash != command.payloadHash) {
    outlet_.error(to.session, to.id, command.clientMsgId,
                  {ErrorCode::idempotency_conflict, "this clientMsgId was used for something else", {}},
                  protocol::original_details(placement_of(original)));
    return;
  }
  if (answered_by_sent(command.action)) {
    return outlet_.send(to.session, [&](std::string& out) {
      protocol::append_message_sent(out, to.id, command.clientMsgId, command.conversationId,
                                    placement_of(original), true);
    });
  }
  // The answer to a group command is its event, the first time and every time.
  ReadRequest request;
  request.log = command.conversationId;
  request.from = request.to = original.seq;
  context_.store->read({request}, *context_.executor,
                       [busy = context_.busy, this, to, id = command.conversationId,
                        clientMsgId = command.clientMsgId](std::vector<Result<EventRange>> ranges) {
                         if (!ranges[0] || ranges[0]->events.empty())
                           return outlet_.error(to.session, to.id, clientMsgId,
                                                {ErrorCode::unavailable, "the log cannot be read", {}});
                         outlet_.send(to.session, [&](std::string& out) {
                           protocol::append_live_frame_payload(out, id, ranges[0]->events[0], to.id);
                         });
                       });
}

void ConversationHome::answer_waiters(Conversation& conversation, const EventCommand& first,
                                      const OriginalSend& original) {
  std::erase_if(conversation.waiters, [&](const Waiter& waiter) {
    if (waiter.clientMsgId != first.clientMsgId || waiter.senderId != first.from.user()) return false;
    EventCommand repetition;
    repetition.conversationId = conversation.id;
    repetition.clientMsgId = waiter.clientMsgId;
    repetition.payloadHash = waiter.payloadHash;
    if (!answered_by_sent(first.action))
      repetition.action = LeaveGroup{};  // any that is answered by its event
    answer_duplicate(waiter.from, repetition, original);
    return true;
  });
}

void ConversationHome::fail_waiters(Conversation& conversation, const EventCommand& command,
                                    const Error& error) {
  std::erase_if(conversation.waiters, [&](const Waiter& waiter) {
    if (waiter.clientMsgId != command.clientMsgId || waiter.senderId != command.from.user()) return false;
    fail_waiter(conversation, waiter, error);
    return true;
  });
}

void ConversationHome::fail_waiter(Conversation& conversation, const Waiter& waiter, const Error& error) {
  if (error.temporary()) break_order(conversation, {waiter.from.session, waiter.clientMsgId, waiter.arrival});
  outlet_.error(waiter.from.session, waiter.from.id, waiter.clientMsgId, error);
}

void ConversationHome::end_of_turn() {
  drafts_.end_of_turn();
  while (!appends_.empty()) {
    // One call for all that has piled up, cut where the port's batches end.
    const std::size_t count = std::min<std::size_t>(appends_.size(), context_.options.maxAppendBatch);
    std::vector<AppendRequest> batch(
        std::make_move_iterator(appends_.begin()),
        std::make_move_iterator(appends_.begin() + static_cast<std::ptrdiff_t>(count)));
    std::vector<Conversation*> order(appendOrder_.begin(),
                                     appendOrder_.begin() + static_cast<std::ptrdiff_t>(count));
    appends_.erase(appends_.begin(), appends_.begin() + static_cast<std::ptrdiff_t>(count));
    appendOrder_.erase(appendOrder_.begin(), appendOrder_.begin() + static_cast<std::ptrdiff_t>(count));
    context_.store->append(
        std::move(batch), *context_.executor,
        [busy = context_.busy, this, order = std::move(order)](std::vector<AppendResult> results) {
          on_appended(order, std::move(results));
        });
  }
  if (!claims_.empty()) {
    std::vector<ConversationId> ids;
    for (const ClaimRequest& claim : claims_) ids.push_back(claim.log);
    context_.store->claim(
        std::exchange(claims_, {}), *context_.executor,
        [busy = context_.busy, this, ids = std::move(ids)](std::vector<Result<LogState>> states) mutable {
          on_claimed(std::move(ids), std::move(states));
        });
  }
  if (!lookUps_.empty()) {
    std::vector<SendKey> keys;
    for (const LookUp& item : lookUps_)
      keys.push_back({item.id, UserId(item.command->from.user()), item.command->clientMsgId});
    context_.store->find_sends(std::move(keys), *context_.executor,
                               [busy = context_.busy, this, items = std::exchange(lookUps_, {})](
                                   std::vector<Result<std::optional<OriginalSend>>> answers) mutable {
                                 for (std::size_t i = 0; i < items.size(); ++i)
                                   on_looked_up(std::move(items[i]), std::move(answers[i]));
                               });
  }
  if (!cursorUpdates_.empty()) {
    context_.store->advance(
        std::exchange(cursorUpdates_, {}), *context_.executor,
        [busy = context_.busy, this, receipts = std::exchange(receipts_, {})](
            const std::vector<Result<Cursor>>& stored) { on_advanced(receipts, stored); });
  }
  jobs_.end_of_turn();
  if (!settled_.empty()) context_.store->settled(std::exchange(settled_, {}));
}

void ConversationHome::on_looked_up(LookUp item, Result<std::optional<OriginalSend>> answer) {
  Conversation* conversation = find(item.id);
  EventCommand& command = *item.command;
  const bool blocksQueue = !item.rejection.has_value();
  if (conversation != nullptr && blocksQueue) conversation->lookupInFlight = false;
  if (answer && *answer) {
    if (conversation != nullptr) {  // a repetition after all: it stands in no one's way
      const auto broken = conversation->broken_order_of(command.from.session);
      if (broken != conversation->brokenOrder.end() && broken->clientMsgId == command.clientMsgId)
        pass(*conversation, broken);
      answer_waiters(*conversation, command, **answer);
    }
    answer_duplicate(command.from, command, **answer);
  } else if (!answer) {
    const Error told{ErrorCode::unavailable, "the store did not answer", std::chrono::milliseconds(500)};
    if (conversation != nullptr)
      reject(*conversation, command, told);
    else
      outlet_.error(command.from.session, command.from.id, command.clientMsgId, told);
  } else if (item.rejection && conversation != nullptr && repeats_in_flight(*conversation, command)) {
    // Refused by what held before, and sent again since: answered by what becomes of that one.
  } else if (item.rejection) {
    outlet_.error(command.from.session, command.from.id, command.clientMsgId, *item.rejection);
    if (conversation != nullptr) fail_waiters(*conversation, command, *item.rejection);
  } else if (conversation != nullptr) {
    command.lookedUp = true;
    // Behind what was in flight before it and is to be decided anew; before all else.
    conversation->waiting.insert(conversation->waiting.begin() + conversation->decidedAnew,
                                 std::move(item.command));
  }
  if (conversation != nullptr && blocksQueue) run_waiting(*conversation);
}

void ConversationHome::tick() {
  timers_.advance(context_.clock->steady(), [](Task task) { task(); });
  drafts_.tick();
  jobs_.tick();
  evict();
}

}  // namespace chatcore::engine
