#include <map>

#include "log_store_cases.hpp"

namespace chatcore::testing::log_store_cases {

namespace {

using enum AppendOutcome;

SharedUsers audience_of(std::vector<UserId> users) {
  return std::make_shared<const std::vector<UserId>>(std::move(users));
}

/// One message that all of `users` hear of.
AppendRequest heard(const ConversationId& log, Seq head, std::vector<UserId> users = {"alice", "bob"}) {
  AppendRequest request = append_of(log, head);
  request.effects.audience = audience_of(std::move(users));
  return request;
}

AppendRequest member_of_large(const ConversationId& log, Seq head, const UserId& user, bool removed = false) {
  AppendRequest request = append_of(log, head, 1, "admin", "x");
  request.events[0].kind = EventKind::member;
  request.effects.members.push_back({Member{user, Role::member, head + 1, 0}, removed});
  request.effects.large = true;
  return request;
}

std::vector<TimelineEntry> since(Subject& s, const UserId& user, const TimelineMark& mark) {
  TimelineRequest request;
  request.userId = user;
  request.since = mark.position;
  return s.timeline(std::move(request));
}

/// The conversations told, each with how far it was seen.
std::map<ConversationId, Seq> seen_since(Subject& s, const UserId& user, const TimelineMark& mark) {
  std::map<ConversationId, Seq> seen;
  for (const TimelineEntry& entry : since(s, user, mark))
    if (entry.changed) seen.emplace(entry.conversationId, entry.seen.value_or(UINT64_MAX));
  return seen;
}

void expect_committed(Subject& s, AppendRequest request) {
  expect(s.append(std::move(request)).outcome == committed, "the append to be committed");
}

using Seen = std::map<ConversationId, Seq>;

void what_changed_since_is_told(Subject& s) {
  expect_committed(s, heard("a", 0));
  expect_committed(s, heard("b", 0));
  const TimelineMark mark = s.mark("bob");
  expect(mark.origin != 0, "positions to have an origin");
  expect(seen_since(s, "bob", mark).empty(), "nothing to be new at once");
  expect_committed(s, heard("b", 1));
  expect_committed(s, heard("b", 2));
  expect_committed(s, heard("c", 0, {"alice"}));
  expect(seen_since(s, "bob", mark) == Seen{{"b", 1}}, "b, from where bob had seen it, and nothing else");
  expect(seen_since(s, "bob", s.mark("bob")).empty(), "nothing to be new since a newer position");
}

void every_position_given_keeps_its_place(Subject& s) {
  std::vector<TimelineMark> marks;
  for (Seq head = 0; head < 6; ++head) {
    expect_committed(s, heard("a", head));
    marks.push_back(s.mark("bob"));
  }
  expect_committed(s, heard("a", 6));
  for (std::size_t i = 0; i < marks.size(); ++i)
    expect(seen_since(s, "bob", marks[i]) == Seen{{"a", i + 1}}, "each from its own place");
}

void of_many_positions_none_misses_anything(Subject& s) {
  std::vector<TimelineMark> marks;
  for (Seq head = 0; head < 100; ++head) {
    expect_committed(s, heard("a", head));
    marks.push_back(s.mark("bob"));
  }
  expect_committed(s, heard("a", 100));
  for (std::size_t i = 0; i < marks.size(); ++i) {
    const Seen seen = seen_since(s, "bob", marks[i]);
    expect(seen.size() == 1 && seen.at("a") <= i + 1, "at least what is new");
  }
  expect(seen_since(s, "bob", marks.back()) == Seen{{"a", 100}}, "the newest exactly");
}

void users_have_positions_of_their_own(Subject& s) {
  const TimelineMark alice = s.mark("alice");
  const TimelineMark bob = s.mark("bob");
  expect_committed(s, heard("a", 0, {"alice"}));
  expect_committed(s, heard("b", 0, {"bob"}));
  expect(seen_since(s, "alice", alice) == Seen{{"a", 0}}, "alice hears of a");
  expect(seen_since(s, "bob", bob) == Seen{{"b", 0}}, "bob hears of b");
}

void members_hear_of_their_membership(Subject& s) {
  const TimelineMark before = s.mark("bob");
  expect_committed(s, group_of("g", {"alice", "bob"}));
  expect(seen_since(s, "bob", before) == Seen{{"g", 0}}, "a new group");
  const TimelineMark mark = s.mark("bob");
  AppendRequest removal = append_of("g", 1, 1, "alice", "x");
  removal.events[0].kind = EventKind::member;
  removal.effects.members.push_back({Member{"bob", Role::member, 1, 0}, true});
  expect_committed(s, std::move(removal));
  expect(seen_since(s, "bob", mark) == Seen{{"g", 1}}, "that one is out of it");
  expect(s.only("bob", "g").empty(), "and is");
}

void cursors_mutes_and_hidden_messages_are_told(Subject& s) {
  expect_committed(s, heard("a", 0));
  TimelineMark mark = s.mark("bob");
  s.advance({"a", "bob", {1, 1, 1, 0}, audience_of({"alice", "bob"})});
  expect(seen_since(s, "bob", mark) == Seen{{"a", 1}}, "one's own cursor");
  const TimelineMark others = s.mark("alice");
  s.advance({"a", "bob", {1, 1, 1, 0}, audience_of({"alice", "bob"})});
  expect(seen_since(s, "alice", others).empty(), "no cursor that stays where it is");
  expect_committed(s, heard("a", 1));
  const TimelineMark later = s.mark("alice");
  s.advance({"a", "bob", {2, 2, 2, 0}, audience_of({"alice", "bob"})});
  expect(seen_since(s, "alice", later) == Seen{{"a", 2}}, "the others' cursors");
  mark = s.mark("bob");
  s.set_preferences({.userId = "bob", .conversationId = "a", .mutedUntil = 99});
  expect(seen_since(s, "bob", mark) == Seen{{"a", 2}}, "a mute");
  expect(!since(s, "bob", mark)[0].hides, "which hides nothing");
  mark = s.mark("bob");
  s.advance({"a", "bob", {0, 0, 0, 0, 1, 1}});
  expect(seen_since(s, "bob", mark) == Seen{{"a", 2}}, "what bob has cleared");
  mark = s.mark("bob");
  s.set_preferences({.userId = "bob", .conversationId = "a", .mutedUntil = 0});
  s.hide({"bob", "a", 1, 1});
  expect(since(s, "bob", mark).size() == 1 && since(s, "bob", mark)[0].hides, "a hidden message, as such");
  expect(seen_since(s, "alice", s.mark("alice")).empty(), "and nobody else");
}

void what_is_not_committed_is_not_told(Subject& s) {
  expect_committed(s, heard("a", 0));
  const TimelineMark mark = s.mark("bob");
  expect(s.append(heard("a", 7)).outcome == conflict, "a conflict");
  expect(seen_since(s, "bob", mark).empty(), "nothing of it in the timeline");
}

void large_groups_are_named_without_being_told_of(Subject& s) {
  const TimelineMark before = s.mark("bob");
  AppendRequest becomes = heard("g", 0);
  becomes.effects.large = true;
  expect_committed(s, std::move(becomes));
  expect(seen_since(s, "bob", before) == Seen{{"g", 0}}, "who was in it as it became large hears of that");
  const TimelineMark mark = s.mark("bob");
  AppendRequest quiet = append_of("g", 1);
  quiet.effects.large = true;
  expect_committed(s, std::move(quiet));
  const auto entries = since(s, "bob", mark);
  expect(entries.size() == 1 && entries[0].large && !entries[0].changed && !entries[0].seen,
         "it is named, and the device says itself what it knows");
  TimelineRequest all;
  all.userId = "bob";
  expect(s.timeline(all).size() == 1, "also without a position");
  s.set_preferences({.userId = "bob", .conversationId = "g", .mutedUntil = 99});
  const auto muted = since(s, "bob", mark);
  expect(muted[0].changed && !muted[0].seen, "what is one's own is told of it");
  expect_committed(s, member_of_large("g", 2, "carol"));
  expect(s.timeline({.userId = "carol", .since = {}, .after = {}, .limit = 10}).size() == 1,
         "who comes later has it too");
  expect_committed(s, member_of_large("g", 3, "carol", true));
  expect(s.timeline({.userId = "carol", .since = {}, .after = {}, .limit = 10}).empty(),
         "who is removed not");
}

void a_group_that_shrinks_is_told_of_again(Subject& s) {
  AppendRequest becomes = heard("g", 0);
  becomes.effects.large = true;
  expect_committed(s, std::move(becomes));
  const TimelineMark whileLarge = s.mark("bob");
  AppendRequest quiet = append_of("g", 1);
  quiet.effects.large = true;
  expect_committed(s, std::move(quiet));
  expect_committed(s, heard("g", 2));
  expect(seen_since(s, "bob", whileLarge) == Seen{{"g", 0}}, "everything, to who may have missed any of it");
  const TimelineMark after = s.mark("bob");
  expect_committed(s, heard("g", 3));
  expect(seen_since(s, "bob", after) == Seen{{"g", 3}}, "from then on only what is new");
}

void a_timeline_is_paged_by_conversation(Subject& s) {
  const TimelineMark mark = s.mark("bob");
  for (const char* log : {"a", "b", "c", "d", "e"}) expect_committed(s, heard(log, 0));
  std::vector<ConversationId> got;
  for (TimelineRequest request{"bob", mark.position, "", 2};;) {
    const auto page = s.timeline(request);
    for (const TimelineEntry& entry : page) got.push_back(entry.conversationId);
    if (page.size() < 2) break;
    request.after = got.back();
  }
  expect(got == std::vector<ConversationId>{"a", "b", "c", "d", "e"}, "each once, in order");
}

void positions_outlive_a_restart(Subject& s) {
  expect_committed(s, heard("a", 0));
  const TimelineMark mark = s.mark("bob");
  expect_committed(s, heard("a", 1));
  if (!s.reopen()) return;
  expect(seen_since(s, "bob", mark) == Seen{{"a", 1}}, "what was told before");
  const TimelineMark later = s.mark("bob");
  expect(later.origin == mark.origin && later.position > mark.position, "positions to go on");
  expect_committed(s, heard("b", 0));
  expect(seen_since(s, "bob", mark) == Seen{{"a", 1}, {"b", 0}}, "what came since");
  expect(seen_since(s, "bob", later) == Seen{{"b", 0}}, "what came after the restart alone");
}

void a_position_from_before_a_restart_misses_nothing(Subject& s) {
  expect_committed(s, heard("a", 0));
  const TimelineMark mark = s.mark("bob");
  if (!s.reopen()) return;
  expect_committed(s, heard("a", 1));
  expect(seen_since(s, "bob", mark) == Seen{{"a", 1}}, "what came after it");
}

void a_devices_token_is_kept_until_it_is_forgotten(Subject& s) {
  expect(!s.kept_token("bob", "phone"), "nothing at first");
  s.mark("bob", "phone", "one");
  s.mark("bob", "tablet", "other");
  s.mark("bob");
  expect(s.kept_token("bob", "phone") == "one", "what came with a position");
  s.mark("bob", "phone", "two");
  expect(s.kept_token("bob", "phone") == "two", "the latest");
  expect(s.kept_token("bob", "tablet") == "other", "each device's own");
  expect(!s.kept_token("alice", "phone"), "nobody else's");
  s.mark("bob", "phone", std::string(kMaxKeptToken + 1, 'x'));
  expect(s.kept_token("bob", "phone") == "two", "none that is too long");
  if (s.reopen()) expect(s.kept_token("bob", "phone") == "two", "over a restart as well");
  s.store().forget_tokens({DeviceKey{"bob", "phone"}});
  s.mark("bob");
  expect(!s.kept_token("bob", "phone") && s.kept_token("bob", "tablet") == "other", "to forget one of them");
}

/// `user` enters and leaves so many groups.
void come_and_go(Subject& s, const UserId& user, std::size_t from, std::size_t to) {
  std::vector<AppendRequest> batch;
  for (std::size_t i = from; i < to; ++i) {
    const ConversationId log = "left" + std::to_string(1'000'000 + i);
    batch.push_back(group_of(log, {"admin", user}));
    AppendRequest leaves = append_of(log, 1, 1, "admin", "x");
    leaves.events[0].kind = EventKind::member;
    leaves.effects.members.push_back({Member{user, Role::member, 1, 0}, true});
    batch.push_back(std::move(leaves));
    if (batch.size() < 200 && i + 1 < to) continue;
    for (const AppendResult& result : s.append(std::exchange(batch, {})))
      expect(result.outcome == committed, "the append to be committed");
  }
}

void of_conversations_that_were_left_the_newest_are_remembered(Subject& s) {
  expect_committed(s, heard("a", 0));
  s.mark("alice");
  const TimelineMark first = s.mark("bob");
  come_and_go(s, "bob", 0, 2 * kMaxDepartedKept - 10);
  TimelineRequest all{"bob", first.position, "", UINT32_MAX};
  expect(s.timeline(all).size() == 2 * kMaxDepartedKept - 10, "all of them up to twice as many");
  const TimelineMark middle = s.mark("bob");
  come_and_go(s, "bob", 2 * kMaxDepartedKept - 10, 2 * kMaxDepartedKept + 1);
  expect_committed(s, heard("a", 1));
  // Whoever looks finds them too many; by the next position it is done.
  static_cast<void>(s.timeline_if_in_range(all));
  s.mark("bob");
  expect(!s.timeline_if_in_range(all), "who has not heard of all that is forgotten to begin anew");
  all.since = middle.position;
  const auto entries = s.timeline(all);
  expect(entries.size() == 12 && entries[0].conversationId == "a", "who has to be told what is new");
  expect(seen_since(s, "alice", first) == Seen{{"a", 1}}, "others not to notice");
  if (s.reopen())
    expect(!s.timeline_if_in_range({"bob", first.position, "", 10}), "nor is it forgotten later");
  // One that comes back is like any other.
  const TimelineMark last = s.mark("bob");
  AppendRequest returns = append_of("left1000000", 2, 1, "admin", "y");
  returns.events[0].kind = EventKind::member;
  returns.effects.members.push_back({Member{"bob", Role::member, 3, 0}, false});
  expect_committed(s, std::move(returns));
  expect(seen_since(s, "bob", last) == Seen{{"left1000000", 2}}, "to hear of a return");
}

void expect_told(Subject& s, const UserId& user, AccountSection section) {
  expect(s.tell(user, section).has_value(), "the section to be noted");
}

void sections_of_the_account_are_told_once_each(Subject& s) {
  const TimelineMark mark = s.mark("bob");
  for (int i = 0; i < 3; ++i) expect_told(s, "bob", AccountSection::contacts);
  expect_told(s, "bob", AccountSection::devices);
  expect_told(s, "alice", AccountSection::blocks);
  expect(seen_since(s, "bob", mark) == Seen{{"sys.contacts", 0}, {"sys.devices", 0}}, "both, and no more");
  const TimelineMark later = s.mark("bob");
  expect(seen_since(s, "bob", later).empty(), "nothing since a newer position");
  expect_told(s, "bob", AccountSection::contacts);
  expect(seen_since(s, "bob", later) == Seen{{"sys.contacts", 0}}, "what changed after it");
  expect(!s.tell("", AccountSection::contacts).has_value(), "no section of nobody");
}

void sections_are_no_conversations(Subject& s) {
  expect_committed(s, group_of("g", {"bob"}));
  const TimelineMark mark = s.mark("bob");
  expect_told(s, "bob", AccountSection::settings);
  expect(s.conversations_of("bob").size() == 1, "one conversation");
  expect(s.timeline({.userId = "bob", .since = {}, .after = {}, .limit = 10}).empty(), "no large group");
  const auto entries = since(s, "bob", mark);
  expect(entries.size() == 1 && account_section_of(entries[0].conversationId) == AccountSection::settings,
         "an entry that says what it is");
}

void every_position_hears_of_a_section(Subject& s) {
  std::vector<TimelineMark> marks;
  for (int i = 0; i < 20; ++i) {
    marks.push_back(s.mark("bob"));
    expect_told(s, "bob", AccountSection::profile);
  }
  for (const TimelineMark& mark : marks)
    expect(seen_since(s, "bob", mark) == Seen{{"sys.profile", 0}}, "whichever position one has");
}

void sections_outlive_a_restart(Subject& s) {
  const TimelineMark mark = s.mark("bob");
  expect_told(s, "bob", AccountSection::blocks);
  const TimelineMark later = s.mark("bob");
  if (!s.reopen()) return;
  expect(seen_since(s, "bob", mark) == Seen{{"sys.blocks", 0}}, "what was told before");
  expect(seen_since(s, "bob", later).empty(), "not again");
  expect_told(s, "bob", AccountSection::blocks);
  expect(seen_since(s, "bob", later) == Seen{{"sys.blocks", 0}}, "what changed since");
}

}  // namespace

std::vector<ConformanceCase> timeline_cases(const MakeFixture& make) {
  const auto one = [make](const char* name, void (*body)(Subject&)) {
    return ConformanceCase{name, [make, body] {
                             Subject subject(make);
                             body(subject);
                           }};
  };
  return {
      one("what changed since a position is told, once", what_changed_since_is_told),
      one("every position given keeps its place", every_position_given_keeps_its_place),
      one("of many positions none misses anything", of_many_positions_none_misses_anything),
      one("users have positions of their own", users_have_positions_of_their_own),
      one("members hear of their membership", members_hear_of_their_membership),
      one("cursors, mutes and hidden messages are told", cursors_mutes_and_hidden_messages_are_told),
      one("what is not committed is not told", what_is_not_committed_is_not_told),
      one("large groups are named without being told of", large_groups_are_named_without_being_told_of),
      one("a group that shrinks is told of again", a_group_that_shrinks_is_told_of_again),
      one("a timeline is paged by conversation", a_timeline_is_paged_by_conversation),
      one("positions outlive a restart", positions_outlive_a_restart),
      one("a device's token is kept until it is forgotten", a_devices_token_is_kept_until_it_is_forgotten),
      one("of conversations that were left the newest are remembered",
          of_conversations_that_were_left_the_newest_are_remembered),
      one("a position from before a restart misses nothing", a_position_from_before_a_restart_misses_nothing),
      one("sections of the account are told once each", sections_of_the_account_are_told_once_each),
      one("sections of the account are no conversations", sections_are_no_conversations),
      one("every position hears of a section of the account", every_position_hears_of_a_section),
      one("sections of the account outlive a restart", sections_outlive_a_restart),
  };
}

}  // namespace chatcore::testing::log_store_cases
