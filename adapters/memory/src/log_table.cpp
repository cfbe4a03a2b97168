#include "log_table.hpp"

#include <algorithm>

namespace chatcore::memory {

namespace {

constexpr std::size_t kMaxEventsPerAppend = 64;

std::string send_key(const UserId& sender, const ClientMsgId& clientMsgId) {
  return sender + '\0' + clientMsgId;
}

AppendResult refused(ErrorCode code, std::string why) {
  AppendResult result;
  result.error = Error{.code = code, .message = std::move(why)};
  return result;
}

AppendResult outcome(AppendOutcome what, Seq head) {
  AppendResult result;
  result.outcome = what;
  result.head = head;
  return result;
}

/// A repetition inside one request has no original to answer with.
bool repeats_itself(const std::vector<Event>& events) {
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events[i].clientMsgId.empty()) continue;
    for (std::size_t j = 0; j < i; ++j) {
      if (events[j].clientMsgId == events[i].clientMsgId && events[j].senderId == events[i].senderId)
        return true;
    }
  }
  return false;
}

bool follows_what_it_changes(const AppendRequest& request) {
  const auto committed = [&](Seq seq) { return seq != 0 && seq <= request.expectedHead; };
  return std::all_of(request.effects.messages.begin(), request.effects.messages.end(),
                     [&](const MessageChange& change) {
                       return committed(change.state.seq) && change.erased.size() <= 1 + kMaxEdits &&
                              std::all_of(change.erased.begin(), change.erased.end(), committed);
                     });
}

const char* malformed(const AppendRequest& request) {
  if (request.log.empty()) return "an append names no log";
  if (!follows_what_it_changes(request)) return "a changed message is not an earlier one";
  if (request.events.empty() || request.events.size() > kMaxEventsPerAppend)
    return "an append carries 1 to 64 events";
  Seq next = request.expectedHead;
  for (const Event& event : request.events) {
    if (event.seq != ++next) return "the events' seq does not follow the expected head";
  }
  return repeats_itself(request.events) ? "a clientMsgId stands twice in one append" : nullptr;
}

/// The event of a request that its membership changes belong to.
Seq membership_event(const std::vector<Event>& events) {
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    if (event->kind == EventKind::member || event->kind == EventKind::conversation) return event->seq;
  }
  return events.back().seq;
}

std::size_t weight(const Event& event) {
  return event.content.size() + event.senderId.size() + event.senderDeviceId.size() +
         event.clientMsgId.size() + 64;
}

std::size_t weight(const std::map<Seq, MessageState>& states, Seq seq) {
  const auto state = states.find(seq);
  return state == states.end() ? 0 : state->second.content.size() + state->second.reactions.size() * 80;
}

/// The newest that a user may see, and has not deleted for oneself.
const Event* last_message_for(const StoredLog& log, const UserId& user, Seq first, Timestamp now) {
  for (auto event = log.events.rbegin(); event != log.events.rend() && event->seq >= first; ++event) {
    const bool visible = !event->hiddenFromOthers || event->senderId == user;
    if (event->kind == EventKind::message && visible && !expired(*event, now) && !log.hides(user, event->seq))
      return &*event;
  }
  return nullptr;
}

}  // namespace

Cursor StoredLog::cursor_of(const UserId& user) const {
  const auto found = cursors.find(user);
  return found == cursors.end() ? Cursor{} : found->second;
}

bool StoredLog::hides(const UserId& user, Seq seq) const {
  const auto own = hidden.find(user);
  return own != hidden.end() && own->second.contains(seq);
}

MessageView StoredLog::view_of(Seq seq, const UserId& user) const {
  MessageView view;
  view.state.seq = seq;
  if (const auto state = states.find(seq); state != states.end()) view.state = state->second;
  if (const auto own = reactions.find({seq, user}); own != reactions.end()) view.ownReactions = own->second;
  return view;
}

std::uint64_t StoredLog::deleted_after(std::uint64_t seenOrdinal, const UserId& user, Timestamp now) const {
  const std::uint64_t newest = events.empty() ? 0 : events.back().ordinal;
  if (newest > kMaxUnread) seenOrdinal = std::max(seenOrdinal, newest - kMaxUnread);
  std::set<std::uint64_t> gone(deletedOrdinals.upper_bound(seenOrdinal), deletedOrdinals.end());
  if (const auto own = hidden.find(user); own != hidden.end()) {
    for (const auto& [seq, ordinal] : own->second)
      if (ordinal > seenOrdinal) gone.insert(ordinal);
  }
  for (auto next = expiring.upper_bound(seenOrdinal); next != expiring.end(); ++next)
    if (next->second <= now) gone.insert(next->first);
  return gone.size();
}

AppendResult LogTable::append(const AppendRequest& request) {
  if (const char* why = malformed(request)) return refused(ErrorCode::invalid_argument, why);
  static const StoredLog kNone;
  const auto found = logs_.find(request.log);
  const StoredLog& log = found == logs_.end() ? kNone : found->second;
  if (request.term < log.term) return outcome(AppendOutcome::fenced, log.head());
  for (const Event& event : request.events) {
    if (event.clientMsgId.empty()) continue;
    const auto original = log.sends.find(send_key(event.senderId, event.clientMsgId));
    if (original == log.sends.end()) continue;
    AppendResult result = outcome(AppendOutcome::duplicate, log.head());
    result.original = original->second;
    return result;
  }
  if (request.expectedHead != log.head()) return outcome(AppendOutcome::conflict, log.head());
  if (events_ + request.events.size() > maxEvents_)
    return refused(ErrorCode::overloaded, "the memory store is full");
  const ConversationId id = request.log;
  StoredLog& target = logs_[id];
  apply(id, target, request);
  return outcome(AppendOutcome::committed, target.head());
}

void LogTable::apply(const ConversationId& id, StoredLog& log, const AppendRequest& request) {
  log.term = request.term;
  tell_timelines(id, log, request.effects);
  if (request.effects.info) log.info = *request.effects.info;
  if (!request.effects.members.empty()) log.memberSeq = membership_event(request.events);
  for (const MembershipChange& change : request.effects.members) {
    const UserId& user = change.member.userId;
    if (change.removed) {
      log.members.erase(user);
      conversations_[user].erase(id);
    } else {
      log.members.insert_or_assign(user, change.member);
      conversations_[user].insert(id);
    }
  }
  for (const CursorAdvance& advance : request.effects.cursors)
    raise(log.cursors[advance.userId], advance.cursor);
  for (const MessageChange& change : request.effects.messages) {
    for (const Seq seq : change.erased) log.events[seq - 1].content.clear();
    if (!change.reactor.empty()) log.reactions[{change.state.seq, change.reactor}] = change.emoji;
    if (change.state.deleted() && change.state.ordinal != 0) log.deletedOrdinals.insert(change.state.ordinal);
    log.states.insert_or_assign(change.state.seq, change.state);
  }
  log.mayBeUnpublished |= request.effects.mayBeUnpublished;
  events_ += request.events.size();
  for (const Event& event : request.events) {
    if (counts_until_it_expires(event)) log.expiring.emplace(event.ordinal, event.expiresAt);
    if (event.kind == EventKind::message && event.ordinal != 0)
      raise(log.cursors[event.senderId], Cursor{0, 0, 0, event.ordinal});
    if (!event.clientMsgId.empty()) {
      log.sends.emplace(
          send_key(event.senderId, event.clientMsgId),
          OriginalSend{event.seq, event.epoch, event.messageId, event.timestamp, event.payloadHash});
    }
    log.events.push_back(event);
  }
}

Result<LogState> LogTable::claim(const ClaimRequest& request) {
  LogState state;
  const auto found = logs_.find(request.log);
  if (found == logs_.end() || found->second.events.empty()) return state;
  StoredLog& log = found->second;
  if (request.term < log.term)
    return Error{.code = ErrorCode::fenced, .message = "a higher term holds the log"};
  log.term = request.term;
  const Event& last = log.events.back();
  state.exists = true;
  state.epoch = last.epoch;
  state.head = last.seq;
  state.lastMessageId = last.messageId;
  state.ordinal = last.ordinal;
  state.memberSeq = log.memberSeq;
  state.lastDeletedOrdinal = log.lastHiddenOrdinal;
  if (!log.deletedOrdinals.empty())
    state.lastDeletedOrdinal = std::max(state.lastDeletedOrdinal, *log.deletedOrdinals.rbegin());
  if (!log.expiring.empty())
    state.lastDeletedOrdinal = std::max(state.lastDeletedOrdinal, log.expiring.rbegin()->first);
  state.info = log.info;
  for (const auto& [user, member] : log.members) state.members.push_back({member, log.cursor_of(user)});
  return state;
}

EventRange LogTable::read(const ReadRequest& request) const {
  EventRange range;
  const auto found = logs_.find(request.log);
  if (found == logs_.end()) return range;
  const StoredLog& log = found->second;
  const Seq from = std::max<Seq>(request.from, 1);
  const Seq to = std::min(request.to, log.head());
  std::size_t bytes = 0;
  for (Seq taken = 0; from <= to && taken <= to - from; ++taken) {
    const Event& event = log.events[(request.newestFirst ? to - taken : from + taken) - 1];
    bytes += weight(event);
    if (request.withViews) bytes += weight(log.states, event.seq);
    range.more = taken >= request.maxEvents || (taken > 0 && bytes > request.maxBytes);
    if (range.more) break;
    range.events.push_back(event);
    if (request.withViews && log.states.contains(event.seq))
      range.changed.push_back(log.view_of(event.seq, request.viewer));
    const bool changesHidden = changes_message(event.kind) && log.hides(request.viewer, event.targetSeq);
    if (log.hides(request.viewer, event.seq) || changesHidden) range.hidden.push_back(event.seq);
  }
  if (request.newestFirst) {
    std::reverse(range.changed.begin(), range.changed.end());
    std::reverse(range.hidden.begin(), range.hidden.end());
  }
  return range;
}

std::optional<FoundMessage> LogTable::find_message(const MessageQuery& query) const {
  const auto found = logs_.find(query.log);
  if (found == logs_.end()) return std::nullopt;
  const StoredLog& log = found->second;
  const auto event = std::lower_bound(log.events.begin(), log.events.end(), query.messageId,
                                      [](const Event& left, MessageId id) { return left.messageId < id; });
  if (event == log.events.end() || event->messageId != query.messageId) return std::nullopt;
  return FoundMessage{*event, log.view_of(event->seq, query.userId), log.hides(query.userId, event->seq)};
}

void LogTable::hide(const HideRequest& request) {
  StoredLog& log = logs_[request.log];
  timelines_.tell(request.userId, request.log, timelines_.next(), {.head = log.head(), .hides = true});
  log.hidden[request.userId].insert_or_assign(request.seq, request.ordinal);
  log.lastHiddenOrdinal = std::max(log.lastHiddenOrdinal, request.ordinal);
}

std::optional<OriginalSend> LogTable::find_send(const SendKey& key) const {
  const auto log = logs_.find(key.log);
  if (log == logs_.end()) return std::nullopt;
  const auto send = log->second.sends.find(send_key(key.senderId, key.clientMsgId));
  if (send == log->second.sends.end()) return std::nullopt;
  return send->second;
}

Cursor LogTable::advance(const CursorUpdate& update) {
  StoredLog& log = logs_[update.log];
  Cursor& cursor = log.cursors[update.userId];
  const Cursor before = cursor;
  raise(cursor, update.cursor);
  if (cursor == before) return cursor;
  const TimelinePosition position = timelines_.next();
  timelines_.tell(update.userId, update.log, position, {.head = log.head()});
  tell_audience(update.log, log, update.audience, false, position);
  return cursor;
}

void LogTable::tell_timelines(const ConversationId& id, StoredLog& log, const AppendEffects& effects) {
  const TimelinePosition position = timelines_.next();
  for (const MembershipChange& change : effects.members)
    timelines_.tell(
        change.member.userId, id, position,
        {.head = log.head(), .large = effects.large && !change.removed, .departs = change.removed});
  tell_audience(id, log, effects.audience, effects.large, position);
}

void LogTable::tell_audience(const ConversationId& id, StoredLog& log, const SharedUsers& audience,
                             bool large, TimelinePosition position) {
  if (audience == nullptr) return;
  if (large || timelines_.asked_since(log.told))
    for (const UserId& user : *audience)
      timelines_.tell(user, id, position, {.head = log.head(), .large = large});
  log.told = position;
}

UserConversation LogTable::view(const UserConversationsRequest& request, const ConversationId& id) const {
  const UserId& user = request.userId;
  const StoredLog& log = logs_.at(id);
  UserConversation view;
  view.conversationId = id;
  view.member = log.members.at(user);
  view.memberSeq = log.memberSeq;
  if (request.detail == ConversationDetail::membership) return view;
  view.epoch = log.epoch();
  view.head = log.head();
  view.ordinal = log.events.back().ordinal;
  view.lastEventAt = log.events.back().timestamp;
  if (request.detail == ConversationDetail::head) return view;
  view.info = log.info;
  view.cursor = log.cursor_of(user);
  view.deletedUnread =
      log.deleted_after(seen_ordinal(view.cursor, view.member.joinOrdinal), user, request.now);
  if (const auto mine = preferences_.find(user); mine != preferences_.end()) {
    if (const auto stored = mine->second.find(id); stored != mine->second.end())
      view.preferences = stored->second;
  }
  if (log.info.kind == ConversationKind::direct) {
    for (const auto& [other, member] : log.members) {
      if (other != user) view.peer = other;
    }
  }
  if (request.withCursors && log.members.size() < kLargeGroupSize) {
    for (const auto& [other, member] : log.members)
      if (other != user) view.cursors.push_back({other, log.cursor_of(other)});
  }
  if (const auto own = log.hidden.find(user); request.withHidden && own != log.hidden.end()) {
    for (auto next = own->second.rbegin(); next != own->second.rend() && view.hidden.size() < kMaxHiddenTold;
         ++next)
      view.hidden.push_back(next->first);
    std::reverse(view.hidden.begin(), view.hidden.end());
  }
  if (request.withLastMessage) {
    if (const Event* last = last_message_for(log, user, first_visible(view), request.now)) {
      view.lastMessage = *last;
      if (log.states.contains(last->seq)) view.lastMessageView = log.view_of(last->seq, user);
    }
  }
  return view;
}

std::vector<UserConversation> LogTable::conversations_of(const UserConversationsRequest& request) const {
  std::vector<UserConversation> views;
  const auto found = conversations_.find(request.userId);
  if (found == conversations_.end()) return views;
  const auto& mine = found->second;
  if (request.only) {
    if (mine.contains(*request.only)) views.push_back(view(request, *request.only));
    return views;
  }
  for (auto next = mine.upper_bound(request.after); next != mine.end() && views.size() < request.limit;
       ++next)
    views.push_back(view(request, *next));
  return views;
}

std::vector<Member> LogTable::members(const MembersRequest& request) const {
  std::vector<Member> page;
  const auto found = logs_.find(request.log);
  if (found == logs_.end()) return page;
  const auto& all = found->second.members;
  for (auto next = all.upper_bound(request.after); next != all.end() && page.size() < request.limit; ++next)
    page.push_back(next->second);
  return page;
}

Preferences LogTable::set_preferences(const LogStore::PreferencesRequest& request) {
  timelines_.tell(request.userId, request.conversationId, timelines_.next(),
                  {.head = logs_[request.conversationId].head()});
  Preferences& stored = preferences_[request.userId][request.conversationId];
  request.apply(stored);
  const Preferences answer = stored;
  if (answer == Preferences{}) preferences_[request.userId].erase(request.conversationId);
  return answer;
}

std::vector<ConversationId> LogTable::recover(std::uint32_t partition) const {
  std::vector<ConversationId> marked;
  for (const auto& [id, log] : logs_) {
    if (log.mayBeUnpublished && partition_of(id) == partition) marked.push_back(id);
  }
  return marked;
}

void LogTable::settled(const ConversationId& log) {
  if (const auto found = logs_.find(log); found != logs_.end()) found->second.mayBeUnpublished = false;
}

}  // namespace chatcore::memory
