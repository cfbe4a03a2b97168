#include "log_store_cases.hpp"

namespace chatcore::testing::log_store_cases {

namespace {

using enum AppendOutcome;

AppendRequest change_of(const ConversationId& log, Seq head, std::vector<MembershipChange> changes) {
  AppendRequest request = append_of(log, head, 1, "alice", "change");
  request.events[0].kind = EventKind::member;
  request.effects.members = std::move(changes);
  return request;
}

void members_come_and_go(Subject& s) {
  s.append(group_of("g", {"alice", "bob"}));
  const AppendRequest change =
      change_of("g", 1, {{Member{"bob"}, true}, {Member{"carol", Role::member, 2, 5}, false}});
  expect(s.append(change).outcome == committed, "the change");
  const auto members = s.members_of("g");
  expect(members.size() == 2 && members[0].userId == "alice" && members[1].userId == "carol",
         "alice and carol");
  expect(members[1].joinSeq == 2 && members[1].joinOrdinal == 5 && members[0].role == Role::admin,
         "when and as what they joined");
  expect(s.conversations_of(UserId("bob")).empty(), "bob to have left");
  expect(s.conversations_of(UserId("carol")).size() == 1, "carol to have come");
  const auto state = s.claim("g", 1);
  expect(state.has_value() && state->memberSeq == 2 && state->members.size() == 2, "the claim to agree");
}

void a_role_changes(Subject& s) {
  s.append(group_of("g", {"alice", "bob"}));
  s.append(change_of("g", 1, {{Member{"bob", Role::admin, 1, 0}, false}}));
  expect(s.members_of("g")[1].role == Role::admin, "bob an admin");
  expect(s.conversations_of(UserId("bob"))[0].member.role == Role::admin, "in bob's own view too");
}

void member_seq_moves_with_members_only(Subject& s) {
  s.append(group_of("g", {"alice", "bob"}));
  s.append(append_of("g", 1, 3));
  expect(s.claim("g", 1)->memberSeq == 1, "messages not to move it");
  s.append(change_of("g", 4, {{Member{"bob"}, true}}));
  expect(s.claim("g", 1)->memberSeq == 5, "a change to move it");
}

void a_failed_append_has_no_effects(Subject& s) {
  s.append(group_of("g", {"alice", "bob"}));
  AppendRequest late = change_of("g", 0, {{Member{"bob"}, true}, {Member{"eve"}, false}});
  late.effects.info = ConversationInfo{ConversationKind::group, "Taken over", "eve", 1};
  late.effects.cursors.push_back({"alice", Cursor{7, 7, 7}});
  expect(s.append(late).outcome == conflict, "a conflict");
  const auto state = s.claim("g", 1);
  expect(state->members.size() == 2 && state->members[1].member.userId == "bob", "the members untouched");
  expect(state->info.name == "The group" && state->memberSeq == 1, "the description untouched");
  expect(state->members[0].cursor == Cursor{}, "the cursors untouched");
  expect(s.conversations_of(UserId("eve")).empty(), "no index entry");
}

void the_description_is_replaced(Subject& s) {
  s.append(group_of("g", {"alice"}));
  AppendRequest rename = append_of("g", 1);
  rename.effects.info = ConversationInfo{ConversationKind::group, "Renamed", "alice", 77};
  s.append(rename);
  const auto state = s.claim("g", 1);
  expect(state->info.name == "Renamed" && state->info.createdAt == 77, "the new description");
  expect(state->memberSeq == 1, "memberSeq untouched");
}

void cursors_keep_the_maximum(Subject& s) {
  s.append(group_of("g", {"alice", "bob"}));
  expect(s.advance({"g", "bob", {5, 3, 2, 1}}) == Cursor{5, 3, 2, 1}, "the first");
  expect(s.advance({"g", "bob", {4, 4, 1, 2}}) == Cursor{5, 4, 2, 2}, "the maximum of every field");
  expect(s.advance({"g", "bob", {}}) == Cursor{5, 4, 2, 2}, "repetition to change nothing");
  AppendRequest sent = append_of("g", 1, 1, "bob");
  sent.effects.cursors = {{"bob", Cursor{2, 9, 9, 9}}, {"alice", Cursor{1, 0, 0}}};
  expect(s.append(sent).outcome == committed, "an append with cursors");
  expect(s.advance({"g", "bob", {}}) == Cursor{5, 9, 9, 9}, "an append to merge as well");
  const auto state = s.claim("g", 1);
  expect(state->members[0].cursor == Cursor{1, 0, 0} && state->members[1].cursor == Cursor{5, 9, 9, 9},
         "the claim to tell them");
  expect(s.conversations_of(UserId("bob"))[0].cursor == Cursor{5, 9, 9, 9}, "the user's view to tell them");
}

void a_message_counts_as_seen_by_its_sender(Subject& s) {
  s.append(group_of("g", {"alice", "bob"}));
  s.append(append_of("g", 1, 3, "bob"));
  expect(s.conversations_of(UserId("bob"))[0].cursor == Cursor{0, 0, 0, 4}, "bob to have sent the fourth");
  expect(s.conversations_of(UserId("alice"))[0].cursor == Cursor{}, "nothing to be said of alice");
  AppendRequest quiet = append_of("g", 4, 1, "alice");
  quiet.events[0].kind = EventKind::reaction;
  s.append(quiet);
  expect(s.conversations_of(UserId("alice"))[0].cursor == Cursor{}, "only messages to count");
}

void cursors_are_merged_within_a_batch(Subject& s) {
  const auto answers = s.executor().wait<std::vector<Result<Cursor>>>([&](Executor& executor, auto done) {
    s.store().advance({{"g", "bob", {5, 1, 1}}, {"g", "bob", {1, 5, 1}}, {"h", "bob", {1, 1, 1}}}, executor,
                      std::move(done));
  });
  expect(answers.size() == 3 && *answers[0] == Cursor{5, 1, 1} && *answers[1] == Cursor{5, 5, 1} &&
             *answers[2] == Cursor{1, 1, 1},
         "each answer to contain those before it");
}

void mutes_are_told(Subject& s) {
  s.append(group_of("g", {"alice", "bob"}));
  s.mute({"bob", "g", 1'800'000'000'000});
  expect(s.conversations_of(UserId("bob"))[0].mutedUntil == 1'800'000'000'000, "muted");
  expect(s.conversations_of(UserId("alice"))[0].mutedUntil == 0, "for one user only");
  s.mute({"bob", "g", 0});
  expect(s.conversations_of(UserId("bob"))[0].mutedUntil == 0, "unmuted");
}

void marks_are_found_until_settled(Subject& s) {
  AppendRequest marked = append_of("log", 0);
  marked.effects.mayBeUnpublished = true;
  s.append(marked);
  s.append(append_of("quiet", 0));
  expect(s.marked("log"), "the mark");
  expect(!s.marked("quiet"), "no mark that was not asked for");
  expect(s.recover((partition_of("log") + 1) % kPartitions).empty(), "the log in its own partition only");
  s.append(append_of("log", 1));
  expect(s.marked("log"), "the mark to stay");
  s.store().settled({"log", "unknown"});
  // settled has no answer; what follows it on the same log comes after it.
  s.append(append_of("log", 2));
  expect(!s.marked("log"), "the mark cleared");
  AppendRequest again = append_of("log", 3);
  again.effects.mayBeUnpublished = true;
  s.append(again);
  expect(s.marked("log"), "the mark again");
}

void reopening_keeps_effects(Subject& s) {
  AppendRequest created = group_of("g", {"alice", "bob", "carol"});
  created.effects.mayBeUnpublished = true;
  s.append(created);
  s.append(change_of("g", 1, {{Member{"carol"}, true}}));
  s.advance({"g", "bob", {2, 1, 1}});
  s.mute({"bob", "g", 1'900'000'000'000});
  if (!s.reopen()) return;
  expect(s.marked("g"), "the mark");
  const auto view = s.conversations_of(UserId("bob"));
  expect(view.size() == 1 && view[0].cursor == Cursor{2, 1, 1} && view[0].mutedUntil == 1'900'000'000'000 &&
             view[0].memberSeq == 2 && view[0].head == 2 && view[0].info.name == "The group",
         "bob's view");
  expect(s.conversations_of(UserId("carol")).empty() && s.members_of("g").size() == 2, "the members");
}

}  // namespace

std::vector<ConformanceCase> effect_cases(const MakeFixture& make) {
  const auto one = [make](const char* name, void (*body)(Subject&)) {
    return ConformanceCase{name, [make, body] {
                             Subject subject(make);
                             body(subject);
                           }};
  };
  return {
      one("members come and go with an append", members_come_and_go),
      one("a role changes with an append", a_role_changes),
      one("memberSeq moves with the members only", member_seq_moves_with_members_only),
      one("a failed append has no effects", a_failed_append_has_no_effects),
      one("a conversation's description is replaced", the_description_is_replaced),
      one("cursors keep the maximum of every field", cursors_keep_the_maximum),
      one("a message counts as seen by its sender", a_message_counts_as_seen_by_its_sender),
      one("cursors are merged within a batch", cursors_are_merged_within_a_batch),
      one("mutes are told", mutes_are_told),
      one("may-be-unpublished marks are found until settled", marks_are_found_until_settled),
      one("reopening keeps what changed with the appends", reopening_keeps_effects),
  };
}

}  // namespace chatcore::testing::log_store_cases
