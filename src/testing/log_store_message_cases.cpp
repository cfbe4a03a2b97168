#include "log_store_cases.hpp"

namespace chatcore::testing::log_store_cases {

namespace {

using enum AppendOutcome;

/// An append of one event that changes the message `target` of `log`.
AppendRequest changing(const ConversationId& log, Seq head, EventKind kind, MessageChange change,
                       const UserId& by = "alice") {
  AppendRequest request = append_of(log, head, 1, by, "change");
  Event& event = request.events[0];
  event.kind = kind;
  event.targetSeq = change.state.seq;
  event.targetId = message(change.state.seq, by, "").messageId;
  event.ordinal = head;
  request.effects.messages.push_back(std::move(change));
  return request;
}

MessageState edited(Seq seq, Seq by, std::string content) {
  MessageState state;
  state.seq = seq;
  state.ordinal = seq;
  state.content = std::move(content);
  state.edits = {by};
  state.editedAt = 1234;
  return state;
}

MessageChange deleted(Seq seq, std::vector<Seq> erased) {
  MessageChange change;
  change.state.seq = change.state.ordinal = seq;
  change.state.deletedAt = 99;
  change.state.deletedBy = "alice";
  change.erased = std::move(erased);
  return change;
}

EventRange read_as(Subject& s, const ConversationId& log, const UserId& viewer, bool newestFirst = false) {
  return s.read(
      {.log = log, .to = UINT64_MAX, .newestFirst = newestFirst, .viewer = viewer, .withViews = true});
}

void a_message_keeps_what_became_of_it(Subject& s) {
  s.append(group_of("g", {"alice", "bob"}));
  s.append(append_of("g", 1, 2));
  MessageChange edit;
  edit.state = edited(2, 4, "\"anew\"");
  edit.state.reactions = {{"+", 2}, {"x", 1}};
  edit.reactor = "bob";
  edit.emoji = {"+", "x"};
  expect(s.append(changing("g", 3, EventKind::edit, edit)).outcome == committed, "the change");
  for (const bool newestFirst : {false, true}) {
    const EventRange range = read_as(s, "g", "bob", newestFirst);
    expect(range.events.size() == 4 && range.changed.size() == 1, "four events, of which one is changed");
    expect(range.changed[0].state == edit.state, "its state, whole");
    expect(range.changed[0].ownReactions == edit.emoji, "the viewer's own reactions");
  }
  expect(read_as(s, "g", "alice").changed[0].ownReactions.empty(), "no reactions of another's");
  const EventRange plain = s.read({.log = "g", .to = UINT64_MAX});
  expect(plain.changed.empty() && plain.events[1].content == "\"hello\"", "the log as it is, unless asked");
  expect(plain.events[3].kind == EventKind::edit && plain.events[3].targetSeq == 2, "the edit an event");
  expect(s.read({.log = "g", .from = 3, .to = 3, .withViews = true}).changed.empty(),
         "nothing of what lies outside");
}

void the_newest_state_counts(Subject& s) {
  s.append(append_of("c", 0, 2));
  MessageChange change;
  change.state = edited(1, 3, "\"one\"");
  change.reactor = "bob";
  change.emoji = {"+"};
  s.append(changing("c", 2, EventKind::edit, change));
  change.state = edited(1, 4, "\"two\"");
  change.emoji.clear();
  s.append(changing("c", 3, EventKind::edit, change));
  change.state.reactions = {{"+", 1}};
  const EventRange range = read_as(s, "c", "bob");
  expect(range.changed.size() == 1 && range.changed[0].state.content == "\"two\"", "the second content");
  expect(range.changed[0].ownReactions.empty(), "no reaction that was taken back");
}

void what_is_erased_is_gone(Subject& s) {
  s.append(append_of("c", 0, 3));
  MessageChange edit;
  edit.state = edited(2, 4, "\"anew\"");
  s.append(changing("c", 3, EventKind::edit, edit));
  expect(s.append(changing("c", 4, EventKind::tombstone, deleted(2, {2, 4}))).outcome == committed,
         "the deletion");
  for (int round = 0; round < 2; ++round) {
    const EventRange range = read_as(s, "c", "alice");
    expect(range.events.size() == 5, "every event in its place");
    expect(range.events[1].content.empty() && range.events[3].content.empty(), "their content gone");
    const Event original = message(2, "alice", "m2", "");
    expect(same(range.events[1], EventView(original)), "all else of them untouched");
    expect(range.events[0].content == "\"hello\"" && range.events[2].content == "\"hello\"",
           "others untouched");
    expect(range.changed.size() == 1 && range.changed[0].state.deletedBy == "alice", "who deleted it");
    if (!s.reopen()) break;
  }
}

void a_change_of_what_is_not_there_is_refused(Subject& s) {
  s.append(append_of("c", 0, 2));
  for (const Seq seq : {Seq{0}, Seq{3}, Seq{4}}) {
    MessageChange change;
    change.state = edited(seq, 3, "1");
    const AppendResult result = s.append(changing("c", 2, EventKind::edit, change));
    expect(result.outcome == refused && result.error.code == ErrorCode::invalid_argument, "a refusal");
  }
  expect(s.append(changing("c", 2, EventKind::tombstone, deleted(1, {3}))).outcome == refused,
         "nor is its own event erased");
  expect(s.head("c") == 2, "nothing to be written");
}

void a_failed_append_changes_no_message(Subject& s) {
  s.append(append_of("c", 0, 2));
  expect(s.append(changing("c", 1, EventKind::tombstone, deleted(1, {1}))).outcome == conflict, "a conflict");
  const EventRange range = read_as(s, "c", "alice");
  expect(range.changed.empty() && !range.events[0].content.empty(), "nothing changed");
}

void a_message_is_found_by_its_id(Subject& s) {
  s.append(group_of("g", {"alice", "bob"}));
  for (Seq head = 1; head < 70; ++head) s.append(append_of("g", head));
  for (const Seq seq : {Seq{1}, Seq{2}, Seq{35}, Seq{69}, Seq{70}}) {
    const auto found = s.find_message({"g", message(seq, "alice", "").messageId, "bob"});
    expect(found && found->event.seq == seq && found->view.state.seq == seq, "the event of that id");
  }
  MessageChange change;
  change.state = edited(35, 71, "\"anew\"");
  change.state.reactions = {{"+", 1}};
  change.reactor = "bob";
  change.emoji = {"+"};
  s.append(changing("g", 70, EventKind::edit, change));
  const MessageId id = message(35, "alice", "").messageId;
  const auto found = s.find_message({"g", id, "bob"});
  expect(found->view.state == change.state && found->view.ownReactions == change.emoji, "what became of it");
  expect(!found->hidden && s.find_message({"g", id, "alice"})->view.ownReactions.empty(), "for each user");
  expect(!s.find_message({"g", id + 1, "bob"}), "none between two ids");
  expect(!s.find_message({"g", 1, "bob"}) && !s.find_message({"g", UINT64_MAX, "bob"}),
         "none beyond the ends");
  expect(!s.find_message({"nowhere", id, "bob"}), "none in a log that is not");
}

void what_one_hides_others_see(Subject& s) {
  s.append(group_of("g", {"alice", "bob"}));
  s.append(append_of("g", 1, 3));
  s.hide({"bob", "g", 3, 3});
  s.hide({"bob", "g", 3, 3});
  expect(read_as(s, "g", "bob").hidden == std::vector<Seq>{3}, "hidden from bob");
  expect(read_as(s, "g", "bob", true).hidden == std::vector<Seq>{3}, "in either order");
  expect(read_as(s, "g", "alice").hidden.empty(), "not from alice");
  expect(s.find_message({"g", message(3, "alice", "").messageId, "bob"})->hidden, "found as hidden");
  expect(s.only("bob", "g", true)[0].lastMessage->seq == 4, "the last message another one");
  s.hide({"bob", "g", 4, 4});
  expect(s.only("bob", "g", true)[0].lastMessage->seq == 2, "what is hidden is not the last message");
  if (s.reopen()) expect(read_as(s, "g", "bob").hidden == std::vector<Seq>{3, 4}, "hidden for good");
}

void what_one_clears_others_see(Subject& s) {
  s.append(group_of("g", {"alice", "bob"}));
  s.append(append_of("g", 1, 3));  // ordinals 2 to 4
  s.hide({"bob", "g", 2, 2});
  const auto clear = [&](Seq seq) {
    Cursor cleared;
    cleared.clearedSeq = cleared.clearedOrdinal = seq;
    s.advance({"g", "bob", cleared});
  };
  const auto view = [&](const UserId& user) { return s.only(user, "g", true)[0]; };
  clear(3);
  expect(view("bob").cursor.clearedSeq == 3 && view("alice").cursor.clearedSeq == 0, "bob's alone");
  expect(view("bob").lastMessage->seq == 4, "what came after it the last message");
  expect(view("bob").deletedUnread == 0, "what was deleted before it not counted");
  clear(4);
  expect(!view("bob").lastMessage && view("alice").lastMessage->seq == 4, "no last message for bob");
  s.append(append_of("g", 4));
  expect(view("bob").lastMessage->seq == 5, "the next one shown");
  if (s.reopen()) expect(view("bob").cursor.clearedSeq == 4, "cleared for good");
}

/// The reactions are to the last of the messages, which is the fourth event.
void three_messages_and_reactions(Subject& s, Seq reactions) {
  s.append(group_of("g", {"alice", "bob"}));
  s.append(append_of("g", 1, 3));
  for (Seq head = 4; head < 4 + reactions; head += 50) {
    AppendRequest request = append_of("g", head, 50, "bob", "r");
    for (Event& event : request.events) {
      event.kind = EventKind::reaction;
      event.targetSeq = 4;
      event.ordinal = 4;
    }
    s.append(request);
  }
}

void nothing_cleared_is_the_last_message_behind_many_changes(Subject& s) {
  three_messages_and_reactions(s, 100);
  s.advance({"g", "bob", {0, 0, 0, 0, 4, 4}});
  expect(!s.only("bob", "g", true)[0].lastMessage, "none left");
}

void what_is_deleted_is_not_unread(Subject& s) {
  s.append(group_of("g", {"alice", "bob", "carol"}));
  s.append(append_of("g", 1, 5));  // ordinals 2 to 6
  const auto unread = [&](const UserId& user) { return s.only(user, "g")[0].deletedUnread; };
  expect(unread("bob") == 0 && s.claim("g", 1)->lastDeletedOrdinal == 0, "nothing deleted");
  s.append(changing("g", 6, EventKind::tombstone, deleted(4, {4})));
  expect(unread("bob") == 1 && unread("carol") == 1, "one less for everybody");
  s.hide({"bob", "g", 4, 4});
  expect(unread("bob") == 1, "once, though deleted twice");
  s.hide({"bob", "g", 6, 6});
  expect(unread("bob") == 2 && unread("carol") == 1, "one less for bob");
  expect(s.claim("g", 1)->lastDeletedOrdinal == 6, "the highest of them known to the owner");
  s.advance({"g", "bob", {5, 5, 5, 0}});
  expect(unread("bob") == 1, "what was read does not count as deleted either");
  expect(unread("alice") == 0, "the sender has read it all");
}

void the_last_message_is_shown_as_it_is_now(Subject& s) {
  s.append(group_of("g", {"alice", "bob"}));
  s.append(append_of("g", 1, 1));
  MessageChange change;
  change.state = edited(2, 3, "\"anew\"");
  s.append(changing("g", 2, EventKind::edit, change));
  const auto view = s.only("bob", "g", true)[0];
  expect(view.lastMessage->seq == 2 && view.lastMessageView->state == change.state, "the edited message");
}

void what_has_expired_is_neither_unread_nor_last(Subject& s) {
  s.append(group_of("g", {"alice", "bob"}));
  AppendRequest request = append_of("g", 1, 3);  // ordinals 2 to 4
  request.events[1].expiresAt = 1'000;
  request.events[2].expiresAt = 2'000;
  s.append(request);
  const auto at = [&](Timestamp now) {
    UserConversationsRequest query;
    query.userId = "bob";
    query.withLastMessage = true;
    query.now = now;
    return s.conversations_of(query)[0];
  };
  expect(at(999).deletedUnread == 0 && at(999).lastMessage->seq == 4, "nothing gone yet");
  expect(at(1'000).deletedUnread == 1 && at(1'000).lastMessage->seq == 4, "one gone at its time");
  expect(at(2'000).deletedUnread == 2 && at(2'000).lastMessage->seq == 2, "both gone");
  expect(s.claim("g", 1)->lastDeletedOrdinal == 4, "their end known to the owner");
  s.hide({"bob", "g", 3, 3});
  expect(at(2'000).deletedUnread == 2, "each counted once");
  const EventRange all = s.read({.log = "g", .to = UINT64_MAX});
  expect(all.events[2].expiresAt == 1'000 && all.events[1].expiresAt == 0, "when they expire");
}

void a_page_is_cut_where_changes_make_it_large(Subject& s) {
  s.append(append_of("c", 0, 4));
  for (Seq seq = 1; seq <= 4; ++seq) {
    MessageChange edit;
    edit.state = edited(seq, 4 + seq, '"' + std::string(1'000, 'x') + '"');
    s.append(changing("c", 3 + seq, EventKind::edit, edit));
  }
  for (const bool newestFirst : {false, true}) {
    ReadRequest request{.log = "c", .to = 4, .newestFirst = newestFirst, .maxBytes = 2'500};
    request.viewer = "alice";
    expect(s.read(request).events.size() == 4, "the events alone to fit");
    request.withViews = true;
    const EventRange range = s.read(request);
    expect(range.events.size() == 2 && range.more, "what has become of two of them to fit");
    expect(range.changed.size() == 2, "no more told than that");
    const Seq first = newestFirst ? 3 : 1;
    expect(range.changed[0].state.seq == first && range.changed[1].state.seq == first + 1, "of those two");
  }
}

void the_last_message_is_found_behind_many_changes(Subject& s) {
  three_messages_and_reactions(s, 200);
  auto view = s.only("bob", "g", true)[0];
  expect(view.lastMessage && view.lastMessage->seq == 4, "the last message behind two hundred reactions");
  expect(view.lastEventAt == message(204, "bob", "").timestamp, "when the last event was");
  s.hide({"bob", "g", 4, 4});
  view = s.only("bob", "g", true)[0];
  expect(view.lastMessage && view.lastMessage->seq == 3, "the one before what is hidden");
}

void the_last_message_is_found_behind_many_that_expired(Subject& s) {
  s.append(group_of("g", {"alice", "bob"}));
  s.append(append_of("g", 1));
  for (Seq head = 2; head < 102; head += 50) {
    AppendRequest request = append_of("g", head, 50);
    for (Event& event : request.events) event.expiresAt = 1'000;
    s.append(request);
  }
  UserConversationsRequest query;
  query.userId = "bob";
  query.withLastMessage = true;
  query.now = 1'000;
  const auto view = s.conversations_of(query)[0];
  expect(view.lastMessage && view.lastMessage->seq == 2, "the one that has not expired");
}

void what_changed_the_hidden_is_hidden(Subject& s) {
  s.append(append_of("c", 0, 3));
  MessageChange edit;
  edit.state = edited(2, 4, "\"anew\"");
  s.append(changing("c", 3, EventKind::edit, edit));
  s.hide({"bob", "c", 2, 2});
  expect(read_as(s, "c", "bob").hidden == std::vector<Seq>{2, 4}, "the message and its edit");
  const EventRange late = s.read({.log = "c", .from = 3, .to = 4, .viewer = "bob"});
  expect(late.hidden == std::vector<Seq>{4}, "the edit, though its message stands elsewhere");
}

void a_conversation_knows_how_long_messages_last(Subject& s) {
  AppendRequest created = group_of("g", {"alice"});
  created.effects.info->expiresInSeconds = 60;
  s.append(created);
  for (int round = 0; round < 2; ++round) {
    expect(s.claim("g", 1)->info.expiresInSeconds == 60, "the owner to be told");
    expect(s.conversations_of(UserId("alice"))[0].info.expiresInSeconds == 60, "the members to be told");
    if (!s.reopen()) break;
  }
}

}  // namespace

std::vector<ConformanceCase> message_cases(const MakeFixture& make) {
  const auto one = [make](const char* name, void (*body)(Subject&)) {
    return ConformanceCase{name, [make, body] {
                             Subject subject(make);
                             body(subject);
                           }};
  };
  return {
      one("a message keeps what became of it", a_message_keeps_what_became_of_it),
      one("of a message's states the newest counts", the_newest_state_counts),
      one("what is erased is gone, and only that", what_is_erased_is_gone),
      one("a change of what is not there is refused", a_change_of_what_is_not_there_is_refused),
      one("a failed append changes no message", a_failed_append_changes_no_message),
      one("a message is found by its id", a_message_is_found_by_its_id),
      one("what one user hides the others see", what_one_hides_others_see),
      one("what one user clears the others see", what_one_clears_others_see),
      one("nothing cleared is the last message behind many changes",
          nothing_cleared_is_the_last_message_behind_many_changes),
      one("what is deleted is not unread", what_is_deleted_is_not_unread),
      one("the last message is shown as it is now", the_last_message_is_shown_as_it_is_now),
      one("what has expired is neither unread nor the last message",
          what_has_expired_is_neither_unread_nor_last),
      one("a page is cut where what has become of its messages makes it large",
          a_page_is_cut_where_changes_make_it_large),
      one("the last message is found behind many changes", the_last_message_is_found_behind_many_changes),
      one("the last message is found behind many that have expired",
          the_last_message_is_found_behind_many_that_expired),
      one("what changed the hidden is hidden", what_changed_the_hidden_is_hidden),
      one("a conversation knows how long its messages last", a_conversation_knows_how_long_messages_last),
  };
}

}  // namespace chatcore::testing::log_store_cases
