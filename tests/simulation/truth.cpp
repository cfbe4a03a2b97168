#include "truth.hpp"

#include <algorithm>

namespace chatcore::simulation {

bool Truth::Log::could_see(const UserId& user, Seq seq) const {
  if (seq == 0 || seq > head()) return false;
  if (at(seq).hiddenFromOthers && at(seq).senderId != user) return false;
  const auto found = stays.find(user);
  return found != stays.end() &&
         std::any_of(found->second.begin(), found->second.end(),
                     [&](const Stay& stay) { return stay.from <= seq && seq <= stay.to; });
}

std::uint64_t Truth::Log::ordinal(Seq seq) const {
  std::uint64_t count = 0;
  for (Seq i = 1; i <= std::min(seq, head()); ++i)
    count += at(i).kind == EventKind::message && !at(i).hiddenFromOthers ? 1 : 0;
  return count;
}

std::uint64_t Truth::Log::unread(const UserId& user, Seq readSeq) const {
  Seq seen = readSeq;
  for (Seq seq = 1; seq <= head(); ++seq)
    if (at(seq).kind == EventKind::message && at(seq).senderId == user) seen = std::max(seen, seq);
  const auto member = members.find(user);
  if (member != members.end()) seen = std::max(seen, member->second.joinSeq - 1);
  return ordinal(head()) - ordinal(seen);
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
    if (!event.clientMsgId.empty()) log.sends.emplace(event.senderId, event.clientMsgId);
  }
  if (request.effects.info) log.kind = request.effects.info->kind;
  const Seq seq = request.events.back().seq;
  for (const MembershipChange& change : request.effects.members) {
    const UserId& user = change.member.userId;
    auto& stays = log.stays[user];
    const bool inside = !stays.empty() && stays.back().to == UINT64_MAX;
    if (change.removed) {
      if (inside) stays.back().to = seq;
      log.members.erase(user);
    } else {
      if (!inside) stays.push_back({seq, UINT64_MAX});
      log.members[user] = change.member;
    }
  }
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
  if (event.kind == EventKind::message) return;
  const bool leaves = std::any_of(effects.members.begin(), effects.members.end(), [&](const auto& change) {
    return change.removed && change.member.userId == event.senderId;
  });
  if (!leaves && sender->second.role != Role::admin) wrong(id, event, "a change by somebody who is no admin");
}

void Truth::check_blocks(const ConversationId& id, const Log& log, const Event& event) {
  if (log.kind != ConversationKind::direct || event.kind != EventKind::message) return;
  for (const auto& [user, member] : log.members) {
    if (user == event.senderId) continue;
    if (blocks_(event.senderId, user).value_or(false))
      wrong(id, event, "the sender has blocked " + user + " and must be refused");
    const std::optional<bool> blocked = blocks_(user, event.senderId);
    if (blocked && *blocked != event.hiddenFromOthers)
      wrong(id, event,
            *blocked ? "not hidden from " + user + ", who has blocked the sender"
                     : "hidden from " + user + ", who has blocked nobody");
  }
}

}  // namespace chatcore::simulation
