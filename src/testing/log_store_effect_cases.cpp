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
  expect(s.advance({"g", "bob", {5, 3, 2, 1, 4, 2}}) == Cursor{5, 3, 2, 1, 4, 2}, "the first");
  expect(s.advance({"g", "bob", {4, 4, 1, 2, 3, 3}}) == Cursor{5, 4, 2, 2, 4, 3},
         "the maximum of every field");
  expect(s.advance({"g", "bob", {}}) == Cursor{5, 4, 2, 2, 4, 3}, "repetition to change nothing");
  AppendRequest sent = append_of("g", 1, 1, "bob");
  sent.effects.cursors = {{"bob", Cursor{2, 9, 9, 9}}, {"alice", Cursor{1, 0, 0}}};
  expect(s.append(sent).outcome == committed, "an append with cursors");
  expect(s.advance({"g", "bob", {}}) == Cursor{5, 9, 9, 9, 4, 3}, "an append to merge as well");
  const auto state = s.claim("g", 1);
  expect(state->members[0].cursor == Cursor{1, 0, 0} && state->members[1].cursor == Cursor{5, 9, 9, 9, 4, 3},
         "the claim to tell them");
  expect(s.conversations_of(UserId("bob"))[0].cursor == Cursor{5, 9, 9, 9, 4, 3},
         "the user's view to tell them");
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

void preferences_are_ones_own(Subject& s) {
  s.append(group_of("g", {"alice", "bob"}));
  const auto of = [&](const char* user) { return s.conversations_of(UserId(user))[0].preferences; };
  constexpr Timestamp kUntil = 1'800'000'000'000;
  expect(s.set_preferences({"bob", "g", kUntil, {}, {}}) == Preferences{kUntil, false, false}, "the answer");
  expect(of("bob") == Preferences{kUntil, false, false}, "muted");
  expect(of("alice") == Preferences{}, "for one user only");
  expect(s.set_preferences({"bob", "g", {}, true, {}}) == Preferences{kUntil, true, false}, "archived too");
  expect(s.set_preferences({"bob", "g", {}, {}, true}) == Preferences{kUntil, true, true}, "pinned too");
  expect(of("bob") == Preferences{kUntil, true, true}, "all of them");
  expect(s.set_preferences({"bob", "g", 0, {}, {}}) == Preferences{0, true, true}, "unmuted, the rest kept");
  expect(s.set_preferences({"bob", "g", {}, false, false}) == Preferences{}, "nothing any more");
  expect(of("bob") == Preferences{}, "nothing stored");
  expect(s.set_preferences({"bob", "g", {}, {}, {}}) == Preferences{}, "nothing asked, nothing changed");
}

void preferences_are_merged_within_a_batch(Subject& s) {
  s.append(group_of("g", {"alice", "bob"}));
  const auto answers =
      s.executor().wait<std::vector<Result<Preferences>>>([&](Executor& executor, auto done) {
        s.store().set_preferences(
            {{"bob", "g", 7, {}, {}}, {"bob", "g", {}, {}, true}, {"alice", "g", {}, true, {}}}, executor,
            std::move(done));
      });
  expect(answers.size() == 3 && *answers[0] == Preferences{7, false, false} &&
             *answers[1] == Preferences{7, false, true} && *answers[2] == Preferences{0, true, false},
         "each answer to contain those before it");
}

void a_groups_settings_are_kept(Subject& s) {
  GroupSettings settings;
  const auto stored = [&] { return s.conversations_of(UserId("bob"))[0].info.settings; };
  s.append(group_of("g", {"alice", "bob"}));
  expect(stored() == settings, "the settings that a group has by default");
  Seq head = 1;
  const auto change = [&](auto set) {
    set(settings);
    AppendRequest request = append_of("g", head++);
    request.effects.info = ConversationInfo{ConversationKind::group, "n", "alice", 5, 0, settings};
    s.append(request);
    expect(stored() == settings, "the settings as they were given");
  };
  change([](GroupSettings& to) { to.permissions.send = Permission::admins; });
  change([](GroupSettings& to) { to.permissions.add = Permission::everyone; });
  change([](GroupSettings& to) { to.permissions.edit = Permission::everyone; });
  change([](GroupSettings& to) { to.permissions.pin = Permission::everyone; });
  change([](GroupSettings& to) { to.history = HistoryVisibility::all; });
  change([](GroupSettings& to) { to.slowModeSeconds = 30; });
  change([](GroupSettings& to) { to = GroupSettings{{}, HistoryVisibility::joined, kMaxSlowModeSeconds}; });
  change([](GroupSettings& to) { to = {}; });
}

void who_joins_may_see_the_whole_history(Subject& s) {
  s.append(group_of("g", {"alice"}));
  for (Seq head = 1; head <= 80; ++head) s.append(append_of("g", head));
  const std::uint64_t before = s.claim("g", 1)->ordinal;
  AppendRequest join = change_of("g", 81, {{Member{"bob", Role::owner, 1, before}, false, true}});
  join.events[0].ordinal = before;
  s.append(join);
  // The last message is looked for behind more than the newest few events.
  for (Seq head = 82; head <= 152; ++head) {
    AppendRequest quiet = change_of("g", head, {});
    quiet.events[0].ordinal = before;
    s.append(quiet);
  }
  UserConversationsRequest request;
  request.userId = "bob";
  request.withLastMessage = true;
  const auto views = s.conversations_of(request);
  expect(views.size() == 1 && views[0].member.joinSeq == 1 && views[0].member.joinOrdinal == before &&
             views[0].member.role == Role::owner,
         "the membership as it was given");
  expect(views[0].lastMessage && views[0].lastMessage->seq == 81, "the last message, older than the join");
  expect(seen_ordinal(views[0].cursor, before) == views[0].ordinal && views[0].deletedUnread == 0,
         "nothing unread");
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
  s.advance({"g", "bob", {2, 1, 1, 0, 1, 1}});
  s.set_preferences({"bob", "g", 1'900'000'000'000, true, {}});
  if (!s.reopen()) return;
  expect(s.marked("g"), "the mark");
  const auto view = s.conversations_of(UserId("bob"));
  expect(view.size() == 1 && view[0].cursor == Cursor{2, 1, 1, 0, 1, 1} &&
             view[0].preferences == Preferences{1'900'000'000'000, true, false} && view[0].memberSeq == 2 &&
             view[0].head == 2 && view[0].info.name == "The group",
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
      one("preferences are one's own", preferences_are_ones_own),
      one("preferences are merged within a batch", preferences_are_merged_within_a_batch),
      one("a group's settings are kept", a_groups_settings_are_kept),
      one("who joins may see the whole history", who_joins_may_see_the_whole_history),
      one("may-be-unpublished marks are found until settled", marks_are_found_until_settled),
      one("reopening keeps what changed with the appends", reopening_keeps_effects),
  };
}

}  // namespace chatcore::testing::log_store_cases
