#include <algorithm>

#include "truth.hpp"

// Who may do what in a group, and what becomes of its members.
namespace chatcore::simulation {

void Truth::check_message(const ConversationId& id, const Log& log, const Event& event) {
  const GroupSettings& settings = log.info.settings;
  if (log.kind != ConversationKind::group || log.members.at(event.senderId).role != Role::member) return;
  if (settings.permissions.send == Permission::admins) wrong(id, event, "a message where only admins send");
  const auto last = log.lastSlow.find(event.senderId);
  if (!remembers_ || last == log.lastSlow.end()) return;
  if (event.timestamp - last->second < std::int64_t{1'000} * settings.slowModeSeconds)
    wrong(id, event, "too soon after its sender's last one, in slow mode");
}

void Truth::check_group_change(const ConversationId& id, const Log& log, const Event& event,
                               const AppendEffects& effects) {
  if (effects.info) return check_update(id, log, event, effects);
  const Role role = log.members.at(event.senderId).role;
  std::size_t gone = 0;
  bool leaves = false;
  for (const MembershipChange& change : effects.members) {
    gone += change.removed ? 1 : 0;
    leaves = leaves || (change.removed && change.member.userId == event.senderId);
  }
  if (gone == log.members.size() && gone > 1) {
    if (role != Role::owner) wrong(id, event, "a group is deleted by somebody who is not its owner");
    return;
  }
  for (const MembershipChange& change : effects.members) {
    const UserId& user = change.member.userId;
    const auto known = log.members.find(user);
    if (known == log.members.end()) continue;  // see check_joins
    const bool wasOwner = known->second.role == Role::owner;
    if (leaves) {
      if (!change.removed) check_heir(id, log, event, change.member);
    } else if (role == Role::member) {
      wrong(id, event, "a change by somebody who is no admin");
    } else if (wasOwner && !(user == event.senderId && change.member.role == Role::admin)) {
      wrong(id, event, "something is done to the owner");
    } else if (change.member.role == Role::owner && role != Role::owner) {
      wrong(id, event, "the group is handed over by somebody who is not its owner");
    }
  }
  check_joins(id, log, event, effects);
}

void Truth::check_update(const ConversationId& id, const Log& log, const Event& event,
                         const AppendEffects& effects) {
  const bool settings = effects.info->settings != log.info.settings;
  if (log.kind == ConversationKind::direct) {
    if (settings || effects.info->name != log.info.name) wrong(id, event, "a direct conversation is run");
    return;
  }
  if (log.members.at(event.senderId).role != Role::member) return;
  const GroupPermissions& may = log.info.settings.permissions;
  const bool described =
      effects.info->name != log.info.name || effects.info->expiresInSeconds != log.info.expiresInSeconds;
  const bool pins = !described && effects.info->pins != log.info.pins;
  if (settings || (pins ? may.pin : may.edit) == Permission::admins)
    wrong(id, event, "a change by somebody who is no admin");
}

/// Who comes, sees what the group shows to those who come, and has nothing unread.
void Truth::check_joins(const ConversationId& id, const Log& log, const Event& event,
                        const AppendEffects& effects) {
  const bool all = log.info.settings.history == HistoryVisibility::all;
  const std::uint64_t ordinal = log.events.empty() ? 0 : log.events.back().ordinal;
  for (const MembershipChange& change : effects.members) {
    const Member& member = change.member;
    if (change.removed || log.members.contains(member.userId)) continue;
    if (log.members.at(event.senderId).role == Role::member &&
        log.info.settings.permissions.add == Permission::admins)
      wrong(id, event, "somebody is added by who is no admin");
    if (member.joinSeq != (all ? 1 : event.seq))
      wrong(id, event, member.userId + " sees too much, or too little");
    if (member.joinOrdinal != ordinal) wrong(id, event, member.userId + " begins with something unread");
    if (member.role != Role::member) wrong(id, event, member.userId + " begins with a role");
  }
}

/// An owner who leaves is followed by the admin, or else the member, who has been there longest.
void Truth::check_heir(const ConversationId& id, const Log& log, const Event& event, const Member& heir) {
  if (log.members.at(event.senderId).role != Role::owner || heir.role != Role::owner)
    return wrong(id, event, "who leaves changes somebody's role");
  const auto rank = [](const Member& member) {
    return std::pair(member.role == Role::member, member.joinOrdinal);
  };
  const Member& before = log.members.at(heir.userId);
  for (const auto& [user, member] : log.members)
    if (user != event.senderId && rank(member) < rank(before))
      wrong(id, event, "the group passes to " + heir.userId + " and not to " + user);
}

void Truth::check_owner(const ConversationId& id, const Log& log, const Event& event) {
  if (log.kind != ConversationKind::group || log.members.empty()) return;
  const auto owners = std::count_if(log.members.begin(), log.members.end(),
                                    [](const auto& member) { return member.second.role == Role::owner; });
  if (owners != 1) wrong(id, event, "leaves the group with " + std::to_string(owners) + " owners");
}

}  // namespace chatcore::simulation
