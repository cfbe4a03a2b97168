#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/plan.hpp"

namespace chatcore::engine {

inline constexpr Timestamp kNow = 1'700'000'000'000;

inline TopicNames& names() {
  static auto* all = new TopicNames(1);  // outlives every command of every test
  return *all;
}

inline EventCommand command(std::string user, Action action) {
  EventCommand made;
  made.from.who = PrincipalRef::make(names().intern(std::string(kInboxPrefix) + user), "phone");
  made.conversationId = "fam";
  made.clientMsgId = "u-1";
  made.payloadHash = 99;
  made.action = std::move(action);
  return made;
}

inline NewMessage text(std::string content = "\"hi\"") {
  return {MessageType::text, std::move(content), 0, {}};
}

/// ann is the owner and abe an admin since 1, bob is a member since 1, cid since 5, eve since 7; head 9 with
/// 6 messages.
inline Conversation a_group() {
  Conversation made;
  made.id = "fam";
  made.exists = true;
  made.info = {ConversationKind::group, "Family", "ann", kNow - 1'000};
  made.head = 9;
  made.ordinal = 6;
  made.memberSeq = 7;
  made.members["ann"] = {Role::owner, 1, 0, {}};
  made.members["abe"] = {Role::admin, 1, 0, {}};
  made.members["bob"] = {Role::member, 1, 0, {}};
  made.members["cid"] = {Role::member, 5, 3, {}};
  made.members["eve"] = {Role::member, 7, 4, {}};
  return made;
}

/// ann and bob; inboxes are compared by user only.
inline Conversation a_direct() {
  Conversation made;
  made.id = "dm.x";
  made.exists = true;
  made.head = 3;
  made.ordinal = 3;
  made.memberSeq = 1;
  made.members["ann"] = {};
  made.members["bob"] = {};
  made.inboxes = {{"ann", Topic()}, {"bob", Topic()}};
  return made;
}

inline Conversation nothing_yet() {
  Conversation made;
  made.id = "fam";
  return made;
}

inline Result<Plan> plan(const Conversation& conversation, std::string user, Action action) {
  return make_plan(conversation, command(std::move(user), std::move(action)), EngineOptions{}, kNow);
}

/// "ok", or the name of the error.
inline std::string verdict(const Conversation& conversation, std::string user, Action action) {
  const auto made = plan(conversation, std::move(user), std::move(action));
  return made ? "ok" : std::string(to_string(made.error().code));
}

/// "+bob:member@10/6 -cid" in the order of the plan.
inline std::string changes(const Plan& made) {
  std::string out;
  for (const MembershipChange& change : made.effects.members) {
    if (!out.empty()) out += ' ';
    if (change.removed) {
      out += '-' + change.member.userId;
      continue;
    }
    out += '+' + change.member.userId + ':' + std::string(to_string(change.member.role)) + '@' +
           std::to_string(change.member.joinSeq) + '/' + std::to_string(change.member.joinOrdinal);
  }
  return out;
}

}  // namespace chatcore::engine
