#include "log_store_cases.hpp"

namespace chatcore::testing::log_store_cases {

namespace {

AppendRequest direct_of(const ConversationId& log, const UserId& from, const UserId& to) {
  AppendRequest request = append_of(log, 0, 1, from);
  request.effects.info = ConversationInfo{ConversationKind::direct, "", from, 5};
  request.effects.members = {{Member{from}, false}, {Member{to}, false}};
  return request;
}

std::optional<Seq> last_of(Subject& s, const UserId& user, const ConversationId& log) {
  const auto views = s.only(user, log, true);
  expect(views.size() == 1, "one conversation");
  if (!views[0].lastMessage) return std::nullopt;
  return views[0].lastMessage->seq;
}

void a_view_tells_the_numbers(Subject& s) {
  s.append(group_of("g", {"alice", "bob"}));
  s.append(append_of("g", 1, 4));
  const auto views = s.conversations_of(UserId("bob"));
  expect(views.size() == 1, "one conversation");
  const UserConversation& view = views[0];
  expect(view.conversationId == "g" && view.head == 5 && view.epoch == 1 && view.ordinal == 5 &&
             view.memberSeq == 1,
         "its numbers");
  expect(view.info.name == "The group" && view.info.createdBy == "alice", "its description");
  expect(view.member.userId == "bob" && view.member.role == Role::member && view.member.joinSeq == 1,
         "the membership");
  expect(!view.peer && !view.lastMessage && view.preferences == Preferences{} && view.cursor == Cursor{},
         "nothing else");
}

void a_direct_view_names_the_peer(Subject& s) {
  s.append(direct_of("dm.1", "alice", "bob"));
  expect(s.conversations_of(UserId("alice"))[0].peer == UserId("bob"), "bob for alice");
  expect(s.conversations_of(UserId("bob"))[0].peer == UserId("alice"), "alice for bob");
}

void conversations_are_paged(Subject& s) {
  std::vector<ConversationId> ids;
  for (char c = 'a'; c <= 'z'; ++c) ids.push_back(std::string(1 + static_cast<std::size_t>(c % 3), c));
  for (const ConversationId& id : ids) s.append(group_of(id, {"alice", "bob"}));
  s.append(group_of("other", {"alicia", "al"}));
  std::vector<ConversationId> walked;
  for (ConversationId after;;) {
    const auto page = s.conversations_of({"alice", {}, after, 7, false});
    expect(page.size() <= 7, "at most the limit");
    if (page.empty()) break;
    for (const UserConversation& view : page) walked.push_back(view.conversationId);
    after = page.back().conversationId;
  }
  expect(walked == ids, "every conversation once, ascending");
}

void one_conversation_can_be_asked_for(Subject& s) {
  s.append(group_of("g", {"alice"}));
  s.append(group_of("h", {"alice", "bob"}));
  const auto one = s.only("alice", "h");
  expect(one.size() == 1 && one[0].conversationId == "h", "the one");
  expect(s.only("bob", "g").empty(), "nothing for a stranger");
  expect(s.only("bob", "none").empty(), "nothing for an unknown log");
  expect(s.conversations_of(UserId("nobody")).empty(), "nothing for an unknown user");
}

void the_last_message_is_the_newest_visible(Subject& s) {
  s.append(direct_of("dm.1", "alice", "bob"));
  expect(last_of(s, "bob", "dm.1") == Seq{1}, "the first message");
  AppendRequest hidden = append_of("dm.1", 1, 1, "bob");
  hidden.events[0].hiddenFromOthers = true;
  s.append(hidden);
  expect(last_of(s, "alice", "dm.1") == Seq{1}, "a hidden message unseen by others");
  expect(last_of(s, "bob", "dm.1") == Seq{2}, "a hidden message seen by its sender");
  AppendRequest reaction = append_of("dm.1", 2);
  reaction.events[0].kind = EventKind::reaction;
  s.append(reaction);
  expect(last_of(s, "alice", "dm.1") == Seq{1}, "a reaction is no message");
  s.append(append_of("dm.1", 3));
  const auto views = s.only("bob", "dm.1", true);
  expect(views[0].lastMessage && same(*views[0].lastMessage, append_of("dm.1", 3).events[0]),
         "the whole event");
}

void what_came_before_the_join_is_not_seen(Subject& s) {
  s.append(group_of("g", {"alice"}));
  s.append(append_of("g", 1, 2));
  AppendRequest join = append_of("g", 3);
  join.events[0].kind = EventKind::member;
  join.effects.members = {{Member{"bob", Role::member, 4, 3}, false}};
  s.append(join);
  expect(last_of(s, "alice", "g") == Seq{3}, "the last message for alice");
  expect(!last_of(s, "bob", "g"), "none for bob");
  s.append(append_of("g", 4));
  expect(last_of(s, "bob", "g") == Seq{5}, "the first after the join");
}

void a_removed_member_may_come_back(Subject& s) {
  s.append(group_of("g", {"alice", "bob"}));
  AppendRequest leave = append_of("g", 1);
  leave.events[0].kind = EventKind::member;
  leave.effects.members = {{Member{"bob"}, true}};
  s.append(leave);
  expect(s.conversations_of(UserId("bob")).empty(), "bob to be gone");
  AppendRequest join = append_of("g", 2);
  join.events[0].kind = EventKind::member;
  join.effects.members = {{Member{"bob", Role::member, 3, 2}, false}};
  s.append(join);
  const auto views = s.conversations_of(UserId("bob"));
  expect(views.size() == 1 && views[0].member.joinSeq == 3 && views[0].member.joinOrdinal == 2 &&
             views[0].memberSeq == 3,
         "bob to be back, from seq 3 on");
}

void memberships_alone_are_told(Subject& s) {
  s.append(group_of("a", {"alice", "bob"}));
  s.append(group_of("b", {"alice", "bob"}));
  s.append(append_of("b", 1, 3));
  const auto ask = [&](std::optional<ConversationId> only, ConversationId after = {}) {
    UserConversationsRequest request;
    request.userId = "bob";
    request.only = std::move(only);
    request.after = std::move(after);
    request.detail = ConversationDetail::membership;
    return s.conversations_of(std::move(request));
  };
  const auto both = ask({});
  expect(both.size() == 2 && both[0].conversationId == "a" && both[1].conversationId == "b",
         "both, ascending");
  expect(both[1].member.userId == "bob" && both[1].member.joinSeq == 1 && both[1].memberSeq == 1,
         "the membership and the event it dates from");
  expect(ask("b").size() == 1 && ask("b")[0].conversationId == "b", "one that is asked for");
  expect(ask("c").empty() && ask("").empty(), "nothing of others");
  expect(ask({}, "a").size() == 1, "the page after");
}

void heads_are_told_without_the_rest(Subject& s) {
  s.append(group_of("a", {"alice", "bob"}));
  s.append(append_of("a", 1, 3));
  UserConversationsRequest request;
  request.userId = "bob";
  const auto whole = s.conversations_of(request);
  request.detail = ConversationDetail::head;
  const auto heads = s.conversations_of(std::move(request));
  expect(heads.size() == 1 && heads[0].conversationId == "a" && heads[0].member.joinSeq == 1,
         "the membership");
  expect(heads[0].head == 4 && heads[0].head == whole[0].head && heads[0].epoch == whole[0].epoch &&
             heads[0].ordinal == whole[0].ordinal && heads[0].lastEventAt == whole[0].lastEventAt,
         "the head as it is told with everything else");
}

void what_is_pinned_is_told(Subject& s) {
  std::vector<PinnedMessage> pins;
  for (std::size_t i = 0; i < kMaxPinnedMessages; ++i)
    pins.push_back({UINT64_MAX - i, i + 1, i % 2 == 0 ? 0 : static_cast<Timestamp>(UINT32_MAX) + 1});
  s.append(group_of("g", {"alice", "bob"}));
  const ConversationInfo before = s.claim("g", 1)->info;
  expect(before.pins.empty(), "nothing at first");
  AppendRequest pinning = append_of("g", 1);
  pinning.events[0].kind = EventKind::conversation;
  pinning.effects.info = before;
  pinning.effects.info->pins = pins;
  s.append(pinning);
  s.append(append_of("g", 2));
  for (int round = 0; round < 2; ++round) {
    expect(s.claim("g", 1)->info.pins == pins, "the owner to be told");
    expect(s.conversations_of(UserId("bob"))[0].info.pins == pins, "the members to be told");
    expect(s.conversations_of(UserId("bob"))[0].info.settings == before.settings, "all else to stay");
    if (!s.reopen()) break;
  }
  AppendRequest removal = append_of("g", 3);
  removal.effects.info = before;
  s.append(removal);
  expect(s.claim("g", 1)->info.pins.empty(), "nothing any more");
}

}  // namespace

std::vector<ConformanceCase> conversation_cases(const MakeFixture& make) {
  const auto one = [make](const char* name, void (*body)(Subject&)) {
    return ConformanceCase{name, [make, body] {
                             Subject subject(make);
                             body(subject);
                           }};
  };
  return {
      one("a user's view tells the conversation's numbers", a_view_tells_the_numbers),
      one("a direct conversation names the peer", a_direct_view_names_the_peer),
      one("conversations are paged by id", conversations_are_paged),
      one("one conversation can be asked for", one_conversation_can_be_asked_for),
      one("the last message is the newest one visible to the user", the_last_message_is_the_newest_visible),
      one("what came before the join is not seen", what_came_before_the_join_is_not_seen),
      one("a removed member may come back", a_removed_member_may_come_back),
      one("memberships alone are told", memberships_alone_are_told),
      one("heads are told without the rest", heads_are_told_without_the_rest),
      one("what is pinned is told", what_is_pinned_is_told),
  };
}

}  // namespace chatcore::testing::log_store_cases
