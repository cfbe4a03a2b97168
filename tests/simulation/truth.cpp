#include "truth.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace chatcore::simulation {

namespace {
constexpr Timestamp kAnswerTime = 5'000;
}

bool Truth::Log::could_see(const UserId& user, Seq seq) const {
  if (seq == 0 || seq > head()) return false;
  if (at(seq).hiddenFromOthers && at(seq).senderId != user) return false;
  const auto found = stays.find(user);
  return found != stays.end() &&
         std::any_of(found->second.begin(), found->second.end(),
                     [&](const Stay& stay) { return stay.from <= seq && seq <= stay.to; });
}

Truth::Message Truth::Log::message(Seq seq) const {
  const auto found = messages.find(seq);
  return found == messages.end() ? Message{} : found->second;
}

Cursor Truth::Log::position_of(const UserId& user) const {
  const auto found = positions.find(user);
  return found == positions.end() ? Cursor{} : found->second;
}

bool Truth::Log::hides(const UserId& user, Seq seq) const {
  const Seq target = at(seq).targetSeq;
  const Seq gone = position_of(user).clearedSeq;
  if (seq <= gone || (target != 0 && target <= gone)) return true;
  const auto found = hidden.find(user);
  return found != hidden.end() && (found->second.contains(seq) || found->second.contains(target));
}

std::uint64_t Truth::Log::ordinal(Seq seq) const {
  std::uint64_t count = 0;
  for (Seq i = 1; i <= std::min(seq, head()); ++i)
    count += at(i).kind == EventKind::message && !at(i).hiddenFromOthers ? 1 : 0;
  return count;
}

bool Truth::Log::about_to_expire(Timestamp now) const {
  return std::any_of(events.begin(), events.end(), [now](const Event& event) {
    return expired(event, now + kAnswerTime) && !expired(event, now - kAnswerTime);
  });
}

std::uint64_t Truth::Log::unread(const UserId& user, Seq readSeq, Timestamp now) const {
  Seq seen = readSeq;
  for (Seq seq = 1; seq <= head(); ++seq)
    if (at(seq).kind == EventKind::message && at(seq).senderId == user) seen = std::max(seen, seq);
  if (const auto join = joined.find(user); join != joined.end()) seen = std::max(seen, join->second - 1);
  std::uint64_t count = 0;
  for (Seq seq = seen + 1; seq <= head(); ++seq)
    count += at(seq).kind == EventKind::message && !at(seq).hiddenFromOthers && !message(seq).deleted &&
                     !hides(user, seq) && !expired(at(seq), now)
                 ? 1
                 : 0;
  return count;
}

void Truth::advanced(const CursorUpdate& update) {
  check_cleared(update);
  if (const auto log = logs_.find(update.log); log != logs_.end())
    raise(log->second.positions[update.userId], update.cursor);
}

void Truth::check_cleared(const CursorUpdate& update) {
  if (update.cursor.clearedSeq == 0) return;
  const Log& log = logs_[update.log];
  const std::string what = update.log + " is cleared by " + update.userId;
  if (update.cursor.clearedSeq > log.head()) return fail_(what + " above the head");
  if (update.cursor.clearedOrdinal != log.ordinal(update.cursor.clearedSeq))
    fail_(what + " at a wrong ordinal");
}

const Truth::Log* Truth::find(const ConversationId& id) const {
  const auto found = logs_.find(id);
  return found == logs_.end() ? nullptr : &found->second;
}

void Truth::wrong(const ConversationId& id, const Event& event, const std::string& what) {
  fail_(id + " #" + std::to_string(event.seq) + " by " + event.senderId + ": " + what);
}

void Truth::committed(const AppendRequest& request) {
  Log& log = logs_[request.log];
  for (const Event& event : request.events) {
    check(request.log, log, event, request.effects);
    log.events.push_back(event);
    if (changes_message(event.kind)) change(request.log, log, event, request.effects);
    pin(request.log, log, event, request.effects);
    if (event.kind == EventKind::message && log.info.settings.slowModeSeconds != 0)
      log.lastSlow[event.senderId] = event.timestamp;
    if (!event.clientMsgId.empty()) log.sends.emplace(event.senderId, event.clientMsgId);
  }
  if (request.effects.info) log.kind = request.effects.info->kind, log.info = *request.effects.info;
  if (log.info.settings.slowModeSeconds == 0) log.lastSlow.clear();
  const Seq seq = request.events.back().seq;
  for (const MembershipChange& change : request.effects.members) {
    const UserId& user = change.member.userId;
    auto& stays = log.stays[user];
    const bool inside = !stays.empty() && stays.back().to == UINT64_MAX;
    if (change.removed) {
      if (inside) stays.back().to = seq;
      log.members.erase(user);
    } else {
      if (!inside) stays.push_back({change.member.joinSeq, UINT64_MAX}), log.joined[user] = seq;
      log.members[user] = change.member;
    }
  }
  check_owner(request.log, log, request.events.back());
}

void Truth::check(const ConversationId& id, const Log& log, const Event& event,
                  const AppendEffects& effects) {
  if (event.seq != log.head() + 1) wrong(id, event, "does not follow the head " + std::to_string(log.head()));
  if (!log.events.empty() && event.messageId <= log.events.back().messageId)
    wrong(id, event, "its messageId does not grow");
  if (log.sends.contains({event.senderId, event.clientMsgId}))
    wrong(id, event, "clientMsgId " + event.clientMsgId + " takes effect a second time");
  const bool counts = event.kind == EventKind::message && !event.hiddenFromOthers;
  const std::uint64_t before = log.events.empty() ? 0 : log.events.back().ordinal;
  if (event.ordinal != before + (counts ? 1 : 0)) wrong(id, event, "its ordinal is off");
  check_sender(id, log, event, effects);
  check_blocks(id, log, event);
}

void Truth::check_sender(const ConversationId& id, const Log& log, const Event& event,
                         const AppendEffects& effects) {
  if (log.events.empty()) return;  // whoever begins a conversation is in it
  const auto sender = log.members.find(event.senderId);
  if (sender == log.members.end()) return wrong(id, event, "written by somebody who is no member");
  if (changes_message(event.kind)) return check_change(id, log, event);
  if (event.kind == EventKind::message) return check_message(id, log, event);
  check_group_change(id, log, event, effects);
}

void Truth::check_blocks(const ConversationId& id, const Log& log, const Event& event) {
  const bool said =
      event.kind == EventKind::message || event.kind == EventKind::edit || event.kind == EventKind::reaction;
  if (log.kind != ConversationKind::direct || !said) return;
  const bool hiddenAnyway =
      event.targetSeq != 0 && event.targetSeq <= log.head() && log.at(event.targetSeq).hiddenFromOthers;
  for (const auto& [user, member] : log.members) {
    if (user == event.senderId) continue;
    if (blocks_(event.senderId, user).value_or(false))
      wrong(id, event, "the sender has blocked " + user + " and must be refused");
    const std::optional<bool> blocked = blocks_(user, event.senderId);
    if (blocked && (*blocked || hiddenAnyway) != event.hiddenFromOthers)
      wrong(id, event,
            *blocked ? "not hidden from " + user + ", who has blocked the sender"
                     : "hidden from " + user + ", who has blocked nobody");
  }
}

void Truth::check_change(const ConversationId& id, const Log& log, const Event& event) {
  if (!log.could_see(event.senderId, event.targetSeq))
    return wrong(id, event, "a change of what its sender cannot see");
  const Event& target = log.at(event.targetSeq);
  if (target.kind != EventKind::message || target.messageId != event.targetId)
    return wrong(id, event, "a change of what is not a message");
  if (log.message(event.targetSeq).deleted) wrong(id, event, "a change of a deleted message");
  if (target.expiresAt != event.expiresAt) wrong(id, event, "does not end with its message");
  if (event.kind == EventKind::reaction || target.senderId == event.senderId) return;
  const bool admin =
      log.kind == ConversationKind::group && log.members.at(event.senderId).role != Role::member;
  if (event.kind == EventKind::edit || !admin) wrong(id, event, "a change by somebody who may not");
}

void Truth::change(const ConversationId& id, Log& log, const Event& event, const AppendEffects& effects) {
  if (event.targetSeq == 0 || event.targetSeq >= event.seq) return;
  const Message before = log.message(event.targetSeq);
  Message now = before;
  if (event.kind == EventKind::edit) {
    now.content = event.content;
    now.edits.push_back(event.seq);
  } else if (event.kind == EventKind::tombstone) {
    now = Message{{}, before.edits, true, {}};
  } else {
    const auto reaction = nlohmann::json::parse('{' + event.content + '}');
    const std::string emoji = reaction.at("emoji");
    if (reaction.at("op") == "add")
      now.reactions[emoji].insert(event.senderId);
    else if (now.reactions.contains(emoji) && now.reactions[emoji].erase(event.senderId) != 0 &&
             now.reactions[emoji].empty())
      now.reactions.erase(emoji);
  }
  // What only its sender is shown changes nothing that others are shown.
  const bool kept = event.hiddenFromOthers && !log.at(event.targetSeq).hiddenFromOthers;
  if (kept || now == before) {
    if (!effects.messages.empty()) wrong(id, event, "changes a message that it must not");
    return;
  }
  if (effects.messages.size() != 1) return wrong(id, event, "does not change its message");
  check_state(id, event, now, effects.messages[0]);
  log.messages[event.targetSeq] = std::move(now);
}

void Truth::pin(const ConversationId& id, Log& log, const Event& event, const AppendEffects& effects) {
  const auto pinned = [&](MessageId message) {
    return std::find_if(log.pins.begin(), log.pins.end(),
                        [message](const PinnedMessage& one) { return one.messageId == message; });
  };
  const std::vector<PinnedMessage> before = log.pins;
  if (event.kind == EventKind::tombstone) {
    std::erase_if(log.pins, [&](const PinnedMessage& one) { return one.messageId == event.targetId; });
  } else if (event.kind == EventKind::conversation && !event.hiddenFromOthers) {
    const auto what =
        nlohmann::json::parse('{' + event.content + '}').value("pinnedMessage", nlohmann::json());
    const MessageId message = what.is_null() ? 0 : std::stoull(what.at("messageId").get<std::string>());
    const auto known = pinned(message);
    if (what.is_null() || (what.at("op") == "add" && known != log.pins.end())) {
      // Nothing of the kind.
    } else if (what.at("op") == "remove") {
      if (known != log.pins.end()) log.pins.erase(known);
    } else {
      const Seq seq = what.at("seq");
      if (!log.could_see(event.senderId, seq) || log.message(seq).deleted || log.at(seq).messageId != message)
        return wrong(id, event, "pins what its sender cannot see");
      std::erase_if(log.pins, [&](const PinnedMessage& one) {
        return one.expiresAt != 0 && one.expiresAt <= event.timestamp;
      });
      log.pins.push_back({message, seq, log.at(seq).expiresAt});
    }
  }
  if (effects.info ? effects.info->pins != log.pins : before != log.pins)
    wrong(id, event, "what is pinned is stored other than its events make it");
}

void Truth::check_state(const ConversationId& id, const Event& event, const Message& now,
                        const MessageChange& stored) {
  const MessageState& state = stored.state;
  if (state.seq != event.targetSeq) wrong(id, event, "changes another message than it says");
  if (state.content != now.content || state.edits != now.edits || state.deleted() != now.deleted)
    wrong(id, event, "the message is stored other than its events make it");
  std::vector<ReactionCount> counts;
  for (const auto& [emoji, users] : now.reactions)
    counts.push_back({emoji, static_cast<std::uint32_t>(users.size())});
  if (state.reactions != counts) wrong(id, event, "its reactions are miscounted");
  std::vector<Seq> erased;
  if (now.deleted) erased = now.edits, erased.push_back(event.targetSeq);
  std::vector<Seq> given = stored.erased;
  std::sort(given.begin(), given.end());
  std::sort(erased.begin(), erased.end());
  if (given != erased) wrong(id, event, "leaves content behind, or takes another's");
}

}  // namespace chatcore::simulation
