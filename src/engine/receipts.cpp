#include <algorithm>
#include <tuple>

#include "core/simulation_bug.hpp"
#include "engine/conversation_home.hpp"
#include "engine/user_reads.hpp"

namespace chatcore::engine {

namespace {

Error bad_position(std::string message) { return {ErrorCode::bad_request, std::move(message), {}}; }

}  // namespace

std::uint64_t unread_of(const UserConversation& view) {
  const std::uint64_t unread = unread_of(view.ordinal, view.cursor, view.member.joinOrdinal);
  if (CHATCORE_BUG("deleted messages count as unread")) return unread;
  return unread - std::min(unread, view.deletedUnread);
}

void ConversationHome::receipt(ReceiptCommand command) {
  const ConversationId id = command.conversationId;
  if (Conversation* loaded = find(id); loaded != nullptr && loaded->state == Conversation::State::ready)
    return apply_receipt(*loaded, std::move(command));
  with_loaded(
      id, [this, held = std::make_shared<ReceiptCommand>(std::move(command))](Conversation* conversation) {
        if (conversation != nullptr) return apply_receipt(*conversation, std::move(*held));
        const Error error = unreachable();
        finish_receipt(*held, &error);
      });
}

const RecentEvent* ConversationHome::recent(const Conversation& conversation, Seq seq) const {
  if (conversation.recent.empty() || seq < conversation.recent.front().seq ||
      seq > conversation.recent.back().seq)
    return nullptr;
  const RecentEvent& event = conversation.recent[seq - conversation.recent.front().seq];
  return event.seq == seq ? &event : nullptr;
}

/// Why a position is none of this conversation's.
std::optional<Error> ConversationHome::misplaced(const Conversation& conversation, Epoch epoch, Seq seq) {
  if (epoch != conversation.epoch) return bad_position("`epoch`: the conversation is at another one");
  if (seq > conversation.committedHead) return bad_position("`seq` is above the head");
  return std::nullopt;
}

void ConversationHome::apply_receipt(Conversation& conversation, ReceiptCommand command) {
  MemberRecord* member = conversation.member(command.from.user());
  if (member == nullptr) {
    const Error error{ErrorCode::not_a_member, "not a member of this conversation", {}};
    return finish_receipt(command, &error);
  }
  if (command.messageId != 0 && command.seq == 0) {
    for (const RecentEvent& event : conversation.recent)
      if (event.messageId == command.messageId) command.seq = event.seq;
    if (command.seq == 0) return resolve_message(std::move(command));
  }
  if (const auto error = misplaced(conversation, command.epoch, command.seq))
    return finish_receipt(command, &*error);
  if (!command.read) {
    Seq& acknowledged = conversation.deviceAcks[UserId(command.from.user()) + "/" + command.from.device()];
    acknowledged = std::max(acknowledged, command.seq);
    return advance_cursor(conversation, std::move(command), 0);
  }
  if (command.seq <= member->cursor.readSeq) return advance_cursor(conversation, std::move(command), 0);
  if (const auto ordinal = known_ordinal(conversation, command.seq))
    return advance_cursor(conversation, std::move(command), *ordinal);
  read_ordinal(conversation, command.seq,
               [this, command = std::move(command)](Conversation* loaded,
                                                    std::optional<std::uint64_t> ordinal) mutable {
                 if (loaded != nullptr && ordinal)
                   return advance_cursor(*loaded, std::move(command), *ordinal);
                 const Error error = log_unreadable();
                 finish_receipt(command, &error);
               });
}

std::optional<std::uint64_t> ConversationHome::known_ordinal(const Conversation& conversation,
                                                             Seq seq) const {
  if (seq == conversation.committedHead) return conversation.committedOrdinal;
  const RecentEvent* event = recent(conversation, seq);
  return event != nullptr ? std::optional(event->ordinal) : std::nullopt;
}

void ConversationHome::read_ordinal(Conversation& conversation, Seq seq, UseOrdinal use) {
  ReadRequest request;
  request.log = conversation.id;
  request.from = request.to = seq;
  ++conversation.cursorCalls;
  context_.store->read({request}, *context_.executor,
                       [busy = context_.busy, this, id = conversation.id,
                        use = std::move(use)](std::vector<Result<EventRange>> ranges) mutable {
                         Conversation* loaded = end_cursor_call(id);
                         const bool found = ranges[0] && !ranges[0]->events.empty();
                         use(loaded, found ? std::optional(ranges[0]->events[0].ordinal) : std::nullopt);
                       });
}

Conversation* ConversationHome::end_cursor_call(const ConversationId& id) {
  Conversation* conversation = find(id);
  if (conversation != nullptr && conversation->cursorCalls > 0) --conversation->cursorCalls;
  return conversation;
}

/// A cursor outlives its user's membership: who comes back goes on from it.
void ConversationHome::recall_cursors(const ConversationId& id, const AppendEffects& effects) {
  std::vector<UserId> users;
  std::vector<CursorUpdate> known;
  for (const MembershipChange& change : effects.members) {
    if (!change.joins) continue;
    users.push_back(change.member.userId);
    known.push_back({id, users.back(), {}});
  }
  if (known.empty()) return;
  context_.store->advance(
      std::move(known), *context_.executor,
      [busy = context_.busy, this, id, users = std::move(users)](const std::vector<Result<Cursor>>& cursors) {
        Conversation* conversation = find(id);
        if (conversation == nullptr) return;
        for (std::size_t i = 0; i < users.size(); ++i)
          if (MemberRecord* member = conversation->member(users[i]); member && cursors[i])
            raise(member->cursor, *cursors[i]);
      });
}

void ConversationHome::resolve_message(ReceiptCommand command) {
  MessageQuery query{command.conversationId, command.messageId, UserId(command.from.user())};
  context_.store->find_messages(
      {std::move(query)}, *context_.executor,
      [busy = context_.busy, this,
       command = std::move(command)](std::vector<Result<std::optional<FoundMessage>>> answers) mutable {
        if (answers[0] && *answers[0]) {
          command.seq = (*answers[0])->event.seq;
          command.epoch = (*answers[0])->event.epoch;
          return receipt(std::move(command));
        }
        const Error error = answers[0] ? Error{ErrorCode::not_found, "`messageId`: no such message here", {}}
                                       : log_unreadable();
        finish_receipt(command, &error);
      });
}

void ConversationHome::advance_cursor(Conversation& conversation, ReceiptCommand command,
                                      std::uint64_t ordinal) {
  MemberRecord* member = conversation.member(command.from.user());
  if (member == nullptr) {
    const Error error{ErrorCode::not_a_member, "not a member of this conversation", {}};
    return finish_receipt(command, &error);
  }
  const bool advances = command.seq > (command.read ? member->cursor.readSeq : member->cursor.deliveredSeq);
  const bool answered = command.tally != nullptr && command.tally->id.present();
  if (!advances && !answered) return;
  const bool readAlone = command.read && advances && command.seq <= member->cursor.deliveredSeq;
  Cursor says;
  says.deliveredSeq = command.seq;  // what is read has been delivered
  if (command.read) {
    says.readSeq = command.seq;
    says.readOrdinal = ordinal;
  }
  if (CHATCORE_BUG("cursors are ahead of the store")) raise(member->cursor, says);
  CursorUpdate update{conversation.id, UserId(command.from.user()), says, conversation.timeline_audience()};
  ++conversation.cursorCalls;
  if (readAlone && update.audience != nullptr) return store_if_shown(std::move(update), std::move(command));
  cursorUpdates_.push_back(std::move(update));
  receipts_.push_back({std::move(command), says});
}

/// Where nothing but the read position moves, the others' timelines hear of it only from who shows it: that
/// something has changed would say enough.
void ConversationHome::store_if_shown(CursorUpdate update, ReceiptCommand command) {
  std::vector<UserId> reader{update.userId};
  privacy_.ask(std::move(reader), [this, update = std::move(update),
                                   command = std::move(command)](const std::vector<bool>& shows) mutable {
    if (!shows[0]) update.audience = nullptr;
    receipts_.push_back({std::move(command), update.cursor});
    cursorUpdates_.push_back(std::move(update));
  });
}

void ConversationHome::finish_receipt(const ReceiptCommand& command, const Error* error) {
  const std::uint32_t shard = shard_of(command.from.session);
  const auto finish = [](Outlet& outlet, const ReceiptCommand& done, const Error* failure) {
    ReceiptTally& tally = *done.tally;
    --tally.outstanding;
    if (failure != nullptr && !tally.failed) {
      tally.failed = true;
      outlet.error(done.from.session, tally.id, {}, *failure);
    }
    if (tally.outstanding == 0 && !tally.failed) outlet.ok(done.from.session, tally.id);
  };
  if (context_.here(shard)) return finish(outlet_, command, error);
  if (error == nullptr && !command.tally->id.present()) return;  // nobody waits for it
  context_.link->send(
      shard, [this, finish, command, failure = error != nullptr ? std::optional(*error) : std::nullopt] {
        finish(outlet_on(context_, shard_of(command.from.session)), command, failure ? &*failure : nullptr);
      });
}

void ConversationHome::on_advanced(const std::vector<PendingReceipt>& receipts,
                                   const std::vector<Result<Cursor>>& stored) {
  for (std::size_t i = 0; i < receipts.size(); ++i) {
    const auto& [command, says] = receipts[i];
    Conversation* conversation = end_cursor_call(command.conversationId);
    if (!stored[i]) {
      const Error error{ErrorCode::unavailable, "the cursor could not be stored",
                        std::chrono::milliseconds(500)};
      finish_receipt(command, &error);
      continue;
    }
    finish_receipt(command, nullptr);
    MemberRecord* member = conversation != nullptr ? conversation->member(command.from.user()) : nullptr;
    if (member == nullptr) continue;
    // Not before it is stored, as what somebody was shown is never taken back; and no more than this one
    // says, as what another says that was stored with it is yet to be told.
    const Cursor before = member->cursor;
    raise(member->cursor, says);
    if (command.read && CHATCORE_BUG("cursor set")) member->cursor.readSeq = command.seq;
    tell_moved(*conversation, UserId(command.from.user()), before, command.from.session);
  }
}

void ConversationHome::tell_moved(Conversation& conversation, const UserId& user, const Cursor& before,
                                  SessionId except) {
  const Cursor& now = conversation.member(user)->cursor;
  // What is read has been delivered: one of the two says it all.
  if (now.readSeq > before.readSeq) {
    tell_own_devices(conversation, user, except);
    const Seq delivers = now.deliveredSeq > before.deliveredSeq ? now.readSeq : 0;
    note_receipt(conversation, {conversation.id, user, before.readSeq, now.readSeq, delivers, true});
  } else if (now.deliveredSeq > before.deliveredSeq) {
    note_receipt(conversation, {conversation.id, user, before.deliveredSeq, now.deliveredSeq, 0, false});
  }
}

void ConversationHome::tell_own_devices(Conversation& conversation, const UserId& user, SessionId except) {
  const Seq seq = conversation.member(user)->cursor.readSeq;
  const RecentEvent* event = recent(conversation, seq);
  const MessageId messageId = event != nullptr ? event->messageId : 0;
  tell_position(conversation, user, except, &Cursor::readSeq, seq,
                [id = conversation.id, seq, epoch = conversation.epoch, messageId](std::string& out,
                                                                                   std::uint64_t unread) {
                  protocol::append_sync_read(out, id, seq, epoch, messageId, unread);
                });
}

/// Where somebody's cursor is, for their other devices. Counting what that leaves unread takes a while where
/// some of it is deleted: what has moved on since is told with its later place, perhaps already.
void ConversationHome::tell_position(Conversation& conversation, const UserId& user, SessionId except,
                                     Seq Cursor::* position, Seq seq, WritePosition write) {
  count_unread(
      conversation, user,
      [this, id = conversation.id, user, except, position, seq,
       write = std::move(write)](std::uint64_t unread) mutable {
        Conversation* loaded = find(id);
        const MemberRecord* member = loaded != nullptr ? loaded->member(user) : nullptr;
        if (member != nullptr && member->cursor.*position > seq) return;
        const FrameRef frame =
            outlet_.frame([&](std::string& out) { write(out, unread); }, {DeliveryClass::ephemeral, {}, 0});
        context_.router->publish(context_.link->self(), context_.inbox(user), {frame, 0, except, nullptr});
      });
}

void ConversationHome::count_unread(Conversation& conversation, const UserId& user,
                                    UniqueFunction<void(std::uint64_t)> use) {
  const MemberRecord* member = conversation.member(user);
  if (member == nullptr) return use(0);
  const std::uint64_t unread = unread_of(conversation.committedOrdinal, member->cursor, member->joinOrdinal);
  if (unread == 0 || conversation.lastDeletedOrdinal <= seen_ordinal(member->cursor, member->joinOrdinal))
    return use(unread);
  // Some of them are deleted: the store knows how many.
  count_in_store(context_, conversation.id, user,
                 [use = std::move(use), unread](std::optional<std::uint64_t> counted) mutable {
                   use(counted.value_or(unread));
                 });
}

void ConversationHome::message_hidden(const ConversationId& id, std::uint64_t ordinal) {
  if (Conversation* conversation = find(id))
    conversation->lastDeletedOrdinal = std::max(conversation->lastDeletedOrdinal, ordinal);
}

std::int64_t ConversationHome::receipt_interval(const Conversation& conversation) const {
  const EngineOptions& options = context_.options;
  return (conversation.direct() ? options.directReceiptInterval : options.receiptInterval).count();
}

void ConversationHome::note_receipt(Conversation& conversation, const ReceiptPush& push) {
  if (conversation.large()) return;
  ReceiptTrack& track = conversation.receiptPushes[push.user].of(push.read);
  const auto told =
      track.moved(push.before, push.seq, steady(), receipt_interval(conversation), push.delivers != 0);
  arm_receipt_timer(conversation);
  if (!told) return;
  tell_senders(conversation, {push.id, push.user, told->before, told->seq, told->delivers, push.read});
}

/// One timer for all of a conversation's members. It runs on for an interval after the last was told, so that
/// what remembers it goes.
void ConversationHome::arm_receipt_timer(Conversation& conversation) {
  if (conversation.receiptTimer || conversation.receiptPushes.empty()) return;
  conversation.receiptTimer = true;
  const std::int64_t interval = receipt_interval(conversation);
  std::int64_t first = steady() + interval;
  for (const auto& [user, pushes] : conversation.receiptPushes)
    for (const ReceiptTrack* track : {&pushes.delivered, &pushes.read})
      if (track->holds()) first = std::min(first, track->due(interval));
  timers_.add(std::chrono::milliseconds(first), [this, id = conversation.id] {
    Conversation* loaded = find(id);
    if (loaded == nullptr) return;
    loaded->receiptTimer = false;
    tell_held_receipts(*loaded, false);
    arm_receipt_timer(*loaded);
  });
}

void ConversationHome::tell_held_receipts(Conversation& conversation, bool all) {
  const std::int64_t interval = all ? 0 : receipt_interval(conversation);
  const std::int64_t now = steady();
  std::vector<ReceiptPush> pushes;
  for (auto& [user, held] : conversation.receiptPushes)
    for (const bool read : {false, true})
      if (const auto told = held.of(read).take(now, interval))
        pushes.push_back({conversation.id, user, told->before, told->seq, told->delivers, read});
  erase_if(conversation.receiptPushes, [&](const auto& entry) {
    const ReceiptPushes& held = entry.second;
    return !held.holds() && std::max(held.delivered.due(interval), held.read.due(interval)) <= now;
  });
  // Not in the order of a set, which is another one in every process.
  std::sort(pushes.begin(), pushes.end(), [](const ReceiptPush& left, const ReceiptPush& right) {
    return std::tie(left.user, left.read) < std::tie(right.user, right.read);
  });
  for (const ReceiptPush& push : pushes) tell_senders(conversation, push);
}

void ConversationHome::tell_senders(Conversation& conversation, const ReceiptPush& push) {
  // Large by now, or left meanwhile.
  if (conversation.large() || conversation.member(push.user) == nullptr) return;
  // Who blocks whom is not shown in receipts either.
  if (conversation.direct() && (conversation.firstBlocksSecond || conversation.secondBlocksFirst)) return;
  MessageId messageId = 0;
  if (const RecentEvent* event = recent(conversation, push.seq)) messageId = event->messageId;
  const bool known = !conversation.recent.empty() && push.before + 1 >= conversation.recent.front().seq;
  if (known) {
    std::vector<UserId> senders;
    for (Seq seq = push.before + 1; seq <= push.seq; ++seq) {
      const RecentEvent* event = recent(conversation, seq);
      if (event == nullptr || event->senderId == push.user) continue;
      if (std::find(senders.begin(), senders.end(), event->senderId) == senders.end())
        senders.push_back(event->senderId);
    }
    return tell_senders_of(push, std::move(senders), conversation.epoch, messageId);
  }
  // Older than what is kept in memory: the log says who sent what. The newest 1,000 of the range count.
  ReadRequest request;
  request.log = conversation.id;
  request.from = std::max(push.before + 1, push.seq > 1000 ? push.seq - 999 : 1);
  request.to = push.seq;
  request.newestFirst = true;
  request.maxEvents = 1000;
  request.maxBytes = 4U << 20;
  context_.store->read({request}, *context_.executor,
                       [busy = context_.busy, this, push](std::vector<Result<EventRange>> ranges) {
                         if (!ranges[0] || ranges[0]->events.empty()) return;
                         std::vector<UserId> senders;
                         for (const EventView& event : ranges[0]->events)
                           if (event.senderId != push.user) senders.emplace_back(event.senderId);
                         std::sort(senders.begin(), senders.end());
                         senders.erase(std::unique(senders.begin(), senders.end()), senders.end());
                         tell_senders_of(push, std::move(senders), ranges[0]->events[0].epoch,
                                         ranges[0]->events[0].messageId);
                       });
}

/// Reading is told from those who show it to those who show it. The others learn no more than that it was
/// delivered, where nothing has said so before.
void ConversationHome::tell_senders_of(const ReceiptPush& push, std::vector<UserId> senders, Epoch epoch,
                                       MessageId messageId) {
  if (senders.empty()) return;
  if (!push.read) return publish_receipt(push, senders, epoch, messageId);
  std::vector<UserId> concerned = senders;
  concerned.push_back(push.user);
  privacy_.ask(std::move(concerned),
               [this, push, senders = std::move(senders), epoch, messageId](const std::vector<bool>& shows) {
                 std::vector<UserId> told;
                 std::vector<UserId> others;
                 for (std::size_t i = 0; i < senders.size(); ++i)
                   (shows.back() && shows[i] ? told : others).push_back(senders[i]);
                 publish_receipt(push, told, epoch, messageId);
                 if (push.delivers == 0) return;
                 ReceiptPush delivered = push;
                 delivered.read = false;
                 delivered.seq = push.delivers;
                 publish_receipt(delivered, others, epoch, delivered.seq == push.seq ? messageId : 0);
               });
}

void ConversationHome::publish_receipt(const ReceiptPush& push, const std::vector<UserId>& senders,
                                       Epoch epoch, MessageId messageId) {
  if (senders.empty()) return;
  const protocol::Receipt told{push.id, push.user, push.seq, epoch, messageId, context_.now()};
  const FrameRef frame = outlet_.frame(
      [&](std::string& out) {
        push.read ? protocol::append_message_read(out, told) : protocol::append_message_delivered(out, told);
      },
      {DeliveryClass::ephemeral, {}, 0});
  for (const UserId& sender : senders)
    context_.router->publish(context_.link->self(), context_.inbox(sender), {frame, 0, 0, nullptr});
}

void ConversationHome::receipts_page(Requester from, protocol::ReceiptsGet command) {
  const ConversationId id = command.conversationId;
  with_loaded(id, [this, from = std::move(from), command = std::move(command)](Conversation* conversation) {
    const auto refuse = [&](Error error) { outlet_.error(from.session, from.id, {}, error); };
    if (conversation == nullptr) return refuse(unreachable());
    if (conversation->member(from.user()) == nullptr)
      return refuse({ErrorCode::not_a_member, "not a member of this conversation", {}});
    if (command.seq > conversation->committedHead) return refuse(bad_position("`seq` is above the head"));
    tell_receipts(*conversation, from, command);
  });
}

/// Who blocks whom is not shown here either: then nobody else has come anywhere.
void ConversationHome::tell_receipts(const Conversation& conversation, const Requester& from,
                                     const protocol::ReceiptsGet& command) {
  const bool blocked =
      conversation.direct() && (conversation.firstBlocksSecond || conversation.secondBlocksFirst);
  std::vector<protocol::MemberReceipt> found;
  for (const auto& [user, member] : conversation.members) {
    if (user == from.user() || user <= command.cursor || blocked) continue;
    if (command.seq == 0 || (member.cursor.deliveredSeq >= command.seq && member.joinSeq <= command.seq))
      found.push_back({user, member.cursor.deliveredSeq, member.cursor.readSeq});
  }
  const bool more = found.size() > command.limit;
  const auto end =
      found.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(found.size(), command.limit));
  std::partial_sort(found.begin(), end, found.end(),
                    [](const auto& left, const auto& right) { return left.userId < right.userId; });
  found.erase(end, found.end());
  // The members may change before it is known who of them shows what.
  std::vector<UserId> users;
  for (const protocol::MemberReceipt& receipt : found) users.emplace_back(receipt.userId);
  users.emplace_back(from.user());
  privacy_.ask(users, [this, from, id = conversation.id, users, found = std::move(found),
                       more](const std::vector<bool>& shows) mutable {
    for (std::size_t i = 0; i < found.size(); ++i) {
      found[i].userId = users[i];
      if (!shows[i] || !shows.back()) found[i].readSeq.reset();
    }
    outlet_.send(from.session, [&](std::string& out) {
      protocol::append_receipts_page(out, from.id, id, found, more ? found.back().userId : std::string_view(),
                                     more);
    });
  });
}

}  // namespace chatcore::engine
