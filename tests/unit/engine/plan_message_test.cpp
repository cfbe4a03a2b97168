#include <doctest/doctest.h>

#include "plan_fixture.hpp"

using namespace chatcore;
using namespace chatcore::engine;

namespace {

/// bob's message 6, sent a second ago and counted as the fourth.
FoundMessage bobs() {
  FoundMessage found;
  found.event.seq = found.view.state.seq = 6;
  found.event.messageId = 77;
  found.event.ordinal = 4;
  found.event.senderId = "bob";
  found.event.timestamp = kNow - 1'000;
  found.event.content = "\"hi\"";
  return found;
}

Result<Plan> change(const Conversation& conversation, std::string user, Action action,
                    const std::optional<FoundMessage>& target, const EngineOptions& options = {}) {
  EventCommand made = command(std::move(user), std::move(action));
  if (target) made.target = std::make_unique<FoundMessage>(*target);
  return make_plan(conversation, made, options, kNow);
}

std::string verdict(const Result<Plan>& made) {
  return made ? "ok" : std::string(to_string(made.error().code));
}

const MessageState& state_of(const Result<Plan>& made) {
  REQUIRE(made);
  REQUIRE(made->effects.messages.size() == 1);
  return made->effects.messages[0].state;
}

const EditMessage kEdit{77, "\"ho\""};
const DeleteMessage kDelete{77};
const React kReact{77, "+", true};

}  // namespace

TEST_CASE("who may change a message") {
  struct Row {
    const char* user;
    const char *edit, *remove, *react;
  };
  // cid joined at 5, eve at 7.
  for (const Row& row :
       {Row{"bob", "ok", "ok", "ok"}, Row{"ann", "forbidden", "ok", "ok"},
        Row{"cid", "forbidden", "forbidden", "ok"}, Row{"eve", "not_found", "not_found", "not_found"},
        Row{"mallory", "not_a_member", "not_a_member", "not_a_member"}}) {
    CAPTURE(row.user);
    CHECK(verdict(change(a_group(), row.user, kEdit, bobs())) == row.edit);
    CHECK(verdict(change(a_group(), row.user, kDelete, bobs())) == row.remove);
    CHECK(verdict(change(a_group(), row.user, kReact, bobs())) == row.react);
  }
  CHECK(verdict(change(a_direct(), "ann", kDelete, bobs())) == "forbidden");
  CHECK(verdict(change(nothing_yet(), "ann", kDelete, bobs())) == "not_a_member");
}

TEST_CASE("what is not a message that stands cannot be changed") {
  const auto all = [](const std::optional<FoundMessage>& target) {
    for (const Action& action : {Action(kEdit), Action(kDelete), Action(kReact)})
      CHECK(verdict(change(a_group(), "bob", action, target)) == "not_found");
  };
  all(std::nullopt);
  FoundMessage found = bobs();
  found.event.kind = EventKind::member;
  all(found);
  found = bobs();
  found.view.state.deletedAt = kNow - 5;
  all(found);
  found = bobs();
  found.hidden = true;
  all(found);
  found = bobs();
  found.event.hiddenFromOthers = true;
  CHECK(verdict(change(a_direct(), "ann", kReact, found)) == "not_found");
  CHECK(verdict(change(a_direct(), "bob", kReact, found)) == "ok");
}

TEST_CASE("windows: after them an author may not edit or delete, an admin may still delete") {
  EngineOptions options;
  options.editWindow = options.deleteWindow = std::chrono::milliseconds(1'000);
  FoundMessage found = bobs();
  CHECK(verdict(change(a_group(), "bob", kEdit, found, options)) == "ok");
  CHECK(verdict(change(a_group(), "bob", kDelete, found, options)) == "ok");
  found.event.timestamp -= 1;
  CHECK(verdict(change(a_group(), "bob", kEdit, found, options)) == "forbidden");
  CHECK(verdict(change(a_group(), "bob", kDelete, found, options)) == "forbidden");
  CHECK(verdict(change(a_group(), "ann", kDelete, found, options)) == "ok");
  CHECK(verdict(change(a_group(), "bob", kReact, found, options)) == "ok");
  options.editWindow = options.deleteWindow = {};
  found.event.timestamp = 1;
  CHECK(verdict(change(a_group(), "bob", kEdit, found, options)) == "ok");
  CHECK(verdict(change(a_group(), "bob", kDelete, found, options)) == "ok");
}

TEST_CASE("an edit names its message, and is remembered with it") {
  FoundMessage found = bobs();
  found.view.state.edits = {8};
  const auto made = change(a_group(), "bob", kEdit, found);
  const MessageState& state = state_of(made);
  CHECK(made->event.kind == EventKind::edit);
  CHECK(made->event.targetId == 77);
  CHECK(made->event.targetSeq == 6);
  CHECK(state.seq == 6);
  CHECK(state.ordinal == 4);
  CHECK(state.editedAt == kNow);
  CHECK(state.edits == std::vector<Seq>{8, 10});
  CHECK(made->effects.messages[0].erased.empty());
  found.view.state.edits.assign(kMaxEdits, 8);
  CHECK(verdict(change(a_group(), "bob", kEdit, found)) == "too_large");
}

TEST_CASE("a deletion takes the content of the message and of its edits, and all reactions") {
  FoundMessage found = bobs();
  found.view.state.edits = {7, 9};
  found.view.state.content = "\"ho\"";
  found.view.state.reactions = {{"+", 3}};
  const auto made = change(a_group(), "ann", kDelete, found);
  const MessageState& state = state_of(made);
  CHECK(made->event.kind == EventKind::tombstone);
  CHECK(made->effects.messages[0].erased == std::vector<Seq>{6, 7, 9});
  CHECK(state.content.empty());
  CHECK(state.reactions.empty());
  CHECK(state.deletedAt == kNow);
  CHECK(state.deletedBy == "ann");
}

TEST_CASE("reactions are counted once for each user and emoji") {
  FoundMessage found = bobs();
  found.view.state.reactions = {{"+", 1}};
  auto made = change(a_group(), "cid", kReact, found);
  CHECK(state_of(made).reactions == std::vector<ReactionCount>{{"+", 2}});
  CHECK(made->effects.messages[0].reactor == "cid");
  CHECK(made->effects.messages[0].emoji == std::vector<std::string>{"+"});
  CHECK(made->event.content == R"("emoji":"+","op":"add")");

  found.view.ownReactions = {"+"};
  made = change(a_group(), "cid", kReact, found);
  REQUIRE(made);
  CHECK(made->effects.messages.empty());
  made = change(a_group(), "cid", React{77, "+", false}, found);
  CHECK(state_of(made).reactions.empty());
  CHECK(made->effects.messages[0].emoji.empty());
  CHECK(made->event.content == R"("emoji":"+","op":"remove")");
  made = change(a_group(), "cid", React{77, "-", false}, found);
  REQUIRE(made);
  CHECK(made->effects.messages.empty());
}

TEST_CASE("there is an end to different reactions, of one user and of all") {
  FoundMessage found = bobs();
  for (std::size_t i = 0; i < kMaxEmojiPerMessage; ++i)
    found.view.state.reactions.push_back({"a" + std::to_string(100 + i), 1});
  CHECK(verdict(change(a_group(), "cid", kReact, found)) == "too_large");
  CHECK(verdict(change(a_group(), "cid", React{77, "a100", true}, found)) == "ok");
  found = bobs();
  for (std::size_t i = 0; i < kMaxEmojiPerUser; ++i) {
    found.view.ownReactions.push_back("a" + std::to_string(100 + i));
    found.view.state.reactions.push_back({found.view.ownReactions.back(), 1});
  }
  CHECK(verdict(change(a_group(), "cid", React{77, "b", true}, found)) == "too_large");
  CHECK(verdict(change(a_group(), "cid", React{77, "a100", false}, found)) == "ok");
}

TEST_CASE("between two of whom one blocks the other nothing is changed but by taking it back") {
  Conversation conversation = a_direct();
  FoundMessage found = bobs();
  conversation.firstBlocksSecond = true;  // ann blocks bob
  CHECK(verdict(change(conversation, "ann", kReact, found)) == "blocked");
  for (const Action& action : {Action(kEdit), Action(kReact)}) {
    const auto made = change(conversation, "bob", action, found);
    REQUIRE(made);
    CHECK(made->event.hiddenFromOthers);
    CHECK(made->effects.messages.empty());
  }
  const auto removed = change(conversation, "bob", kDelete, found);
  CHECK(state_of(removed).deleted());
  CHECK_FALSE(removed->event.hiddenFromOthers);
  found.event.senderId = "ann";
  CHECK(verdict(change(conversation, "ann", kDelete, found)) == "ok");
}

TEST_CASE("what is done to a message that only its sender sees, only the sender sees") {
  Conversation conversation = a_direct();
  FoundMessage found = bobs();
  found.event.hiddenFromOthers = true;
  const auto made = change(conversation, "bob", kDelete, found);
  CHECK(state_of(made).ordinal == 0);
  CHECK(made->event.hiddenFromOthers);
}

TEST_CASE("the owner knows up to where messages are deleted") {
  Conversation conversation = a_group();
  auto made = change(conversation, "bob", kDelete, bobs());
  REQUIRE(made);
  stamp(conversation, *made, kNow);
  CHECK(conversation.lastDeletedOrdinal == 4);
  CHECK(conversation.ordinal == 6);
}

TEST_CASE("a message lasts as long as it says, or else as its conversation does") {
  Conversation conversation = a_group();
  NewMessage brief = text();
  CHECK(plan(conversation, "bob", brief)->event.expiresAt == 0);
  conversation.info.expiresInSeconds = 60;
  CHECK(plan(conversation, "bob", brief)->event.expiresAt == kNow + 60'000);
  brief.expiresInSeconds = 5;
  CHECK(plan(conversation, "bob", brief)->event.expiresAt == kNow + 5'000);
}

TEST_CASE("what has expired cannot be changed, and what is changed ends with its message") {
  FoundMessage found = bobs();
  found.event.expiresAt = kNow + 1;
  const auto made = change(a_group(), "bob", kEdit, found);
  REQUIRE(made);
  CHECK(made->event.expiresAt == kNow + 1);
  found.event.expiresAt = kNow;
  for (const Action& action : {Action(kEdit), Action(kDelete), Action(kReact)})
    CHECK(verdict(change(a_group(), "bob", action, found)) == "not_found");
}

TEST_CASE("how long messages last is for a group's admins to say, or for either side of two") {
  const UpdateConversation lasting{{}, 60};
  CHECK(plan(a_direct(), "bob", lasting)->effects.info->expiresInSeconds == 60);
  CHECK(plan(a_group(), "ann", lasting)->effects.info->expiresInSeconds == 60);
  CHECK(plan(a_group(), "ann", lasting)->effects.info->name == "Family");
  CHECK(verdict(plan(a_group(), "bob", lasting)) == "forbidden");
  CHECK(verdict(plan(a_direct(), "mallory", lasting)) == "not_a_member");
  CHECK(verdict(plan(a_direct(), "bob", UpdateConversation{"n", 60})) == "bad_request");
}

TEST_CASE("an edit is bounded by the type of the message, unless it is the host's own") {
  EngineOptions options;
  options.contentBytesOf[static_cast<std::size_t>(MessageType::image)] = 4;
  FoundMessage image = bobs();
  image.event.messageType = MessageType::image;
  const EditMessage longer{77, "\"abc\""};
  CHECK(verdict(change(a_group(), "bob", longer, bobs(), options)) == "ok");
  CHECK(verdict(change(a_group(), "bob", kEdit, image, options)) == "ok");
  const Result<Plan> refused = change(a_group(), "bob", longer, image, options);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::too_large);
  CHECK(refused.error().message == "`content` of type `image` is longer than 4 bytes");

  EventCommand rewritten = command("bob", longer);
  rewritten.target = std::make_unique<FoundMessage>(image);
  rewritten.hooksAsked = true;
  CHECK(verdict(make_plan(a_group(), rewritten, options, kNow)) == "ok");
}
