#include "engine/plan.hpp"

#include <doctest/doctest.h>

#include "plan_fixture.hpp"

using namespace chatcore;
using namespace chatcore::engine;

TEST_CASE("who may do what, where") {
  struct Row {
    const char* what;
    Action action;
    const char *owner, *admin, *member, *stranger, *direct, *nowhere;
  };
  const Row rows[]{
      {"send", text(), "ok", "ok", "ok", "not_a_member", "ok", "not_a_member"},
      {"create", CreateGroup{"g", {"bob"}}, "forbidden", "forbidden", "forbidden", "forbidden", "forbidden",
       "ok"},
      {"rename", UpdateConversation{"g", {}}, "ok", "ok", "forbidden", "not_a_member", "bad_request",
       "not_a_member"},
      {"expire", UpdateConversation{{}, 60}, "ok", "ok", "forbidden", "not_a_member", "ok", "not_a_member"},
      {"permit", UpdateConversation{{}, {}, {.send = Permission::admins}}, "ok", "ok", "forbidden",
       "not_a_member", "bad_request", "not_a_member"},
      {"show history", UpdateConversation{{}, {}, {.history = HistoryVisibility::all}}, "ok", "ok",
       "forbidden", "not_a_member", "bad_request", "not_a_member"},
      {"slow down", UpdateConversation{{}, {}, {.slowModeSeconds = 5}}, "ok", "ok", "forbidden",
       "not_a_member", "bad_request", "not_a_member"},
      {"expire and slow down", UpdateConversation{{}, 60, {.slowModeSeconds = 5}}, "ok", "ok", "forbidden",
       "not_a_member", "bad_request", "not_a_member"},
      {"add", AddMembers{{"zoe"}}, "ok", "ok", "forbidden", "not_a_member", "bad_request", "not_a_member"},
      {"remove", RemoveMembers{{"cid"}}, "ok", "ok", "forbidden", "not_a_member", "bad_request",
       "not_a_member"},
      {"remove the owner", RemoveMembers{{"ann"}}, "bad_request", "forbidden", "forbidden", "not_a_member",
       "bad_request", "not_a_member"},
      {"set role", SetRole{"cid", Role::admin}, "ok", "ok", "forbidden", "not_a_member", "bad_request",
       "not_a_member"},
      {"demote the owner", SetRole{"ann", Role::member}, "forbidden", "forbidden", "forbidden",
       "not_a_member", "bad_request", "not_a_member"},
      {"hand over", SetRole{"cid", Role::owner}, "ok", "forbidden", "forbidden", "not_a_member",
       "bad_request", "not_a_member"},
      {"leave", LeaveGroup{}, "ok", "ok", "ok", "not_a_member", "bad_request", "not_a_member"},
      {"delete", DeleteGroup{}, "ok", "forbidden", "forbidden", "not_a_member", "bad_request",
       "not_a_member"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK(verdict(a_group(), "ann", row.action) == row.owner);
    CHECK(verdict(a_group(), "abe", row.action) == row.admin);
    CHECK(verdict(a_group(), "bob", row.action) == row.member);
    CHECK(verdict(a_group(), "mallory", row.action) == row.stranger);
    CHECK(verdict(a_direct(), "ann", row.action) == row.direct);
    CHECK(verdict(nothing_yet(), "ann", row.action) == row.nowhere);
  }
  CHECK(verdict(a_direct(), "mallory", text()) == "not_a_member");
}

TEST_CASE("a planned event carries what the command said and nothing it did not") {
  NewMessage message{MessageType::image, R"({"url":"x"})", 12, {}};
  const auto made = plan(a_group(), "bob", message);
  REQUIRE(made);
  const Event& event = made->event;
  CHECK(event.kind == EventKind::message);
  CHECK(event.messageType == MessageType::image);
  CHECK(event.targetId == 12);
  CHECK(event.senderId == "bob");
  CHECK(event.senderDeviceId == "phone");
  CHECK(event.clientMsgId == "u-1");
  CHECK(event.payloadHash == 99);
  CHECK_FALSE(event.hiddenFromOthers);
  CHECK_FALSE(made->changesMembers);
  CHECK(changes(*made).empty());
}

TEST_CASE("the first message makes a direct conversation of both") {
  Conversation conversation = a_direct();
  conversation.exists = false;
  conversation.members.clear();
  conversation.head = conversation.ordinal = conversation.memberSeq = 0;
  NewMessage message = text();
  message.to = "bob";
  auto made = plan(conversation, "ann", message);
  REQUIRE(made);
  CHECK(changes(*made) == "+ann:member@1/0 +bob:member@1/0");
  REQUIRE(made->effects.info);
  CHECK(made->effects.info->kind == ConversationKind::direct);
  CHECK(made->effects.info->createdBy == "ann");
  stamp(conversation, *made, kNow);
  CHECK(made->event.seq == 1);
  CHECK(made->event.ordinal == 1);
  CHECK(conversation.exists);
  CHECK(conversation.memberSeq == 1);
  CHECK(conversation.members.size() == 2);
}

TEST_CASE("a conversation with oneself has one member") {
  Conversation conversation = nothing_yet();
  NewMessage message = text();
  message.to = "ann";
  const auto made = plan(conversation, "ann", message);
  REQUIRE(made);
  CHECK(changes(*made) == "+ann:member@1/0");
}

TEST_CASE("blocks in a direct conversation: the blocker is refused, the blocked one heard by nobody") {
  struct Row {
    bool annBlocksBob, bobBlocksAnn;
    const char* ann;
    const char* bob;
  };
  for (const bool exists : {true, false}) {
    for (const Row& row : {Row{false, false, "ok", "ok"}, Row{true, false, "blocked", "hidden"},
                           Row{false, true, "hidden", "blocked"}, Row{true, true, "blocked", "blocked"}}) {
      Conversation conversation = a_direct();
      if (!exists) {
        conversation.exists = false;
        conversation.members.clear();
      }
      conversation.firstBlocksSecond = row.annBlocksBob;
      conversation.secondBlocksFirst = row.bobBlocksAnn;
      const auto outcome = [&](const char* from, const char* to) {
        NewMessage message = text();
        message.to = to;
        const auto made = plan(conversation, from, message);
        if (!made) return std::string(to_string(made.error().code));
        return std::string(made->event.hiddenFromOthers ? "hidden" : "ok");
      };
      CAPTURE(exists);
      CAPTURE(row.annBlocksBob);
      CAPTURE(row.bobBlocksAnn);
      CHECK(outcome("ann", "bob") == row.ann);
      CHECK(outcome("bob", "ann") == row.bob);
    }
  }
}

TEST_CASE("seqs are dense, ids grow, and ordinals count messages that others see") {
  Conversation conversation = a_group();
  struct Step {
    Action action;
    bool hidden;
    std::uint64_t ordinal;
  };
  MessageId lastId = conversation.lastMessageId = next_message_id(0, kNow + 60'000, partition_of("fam"));
  Seq seq = conversation.head;
  for (const Step& step :
       {Step{text(), false, 7}, Step{UpdateConversation{"x", {}}, false, 7}, Step{text(), true, 7},
        Step{text(), false, 8}, Step{AddMembers{{"zoe"}}, false, 8}, Step{text(), false, 9}}) {
    auto made = plan(conversation, "ann", step.action);
    REQUIRE(made);
    made->event.hiddenFromOthers = step.hidden;
    stamp(conversation, *made, kNow);
    CHECK(made->event.seq == ++seq);
    CHECK(made->event.ordinal == step.ordinal);
    CHECK(made->event.messageId > lastId);
    CHECK(made->event.timestamp == kNow);
    CHECK(made->event.epoch == conversation.epoch);
    lastId = made->event.messageId;
  }
  CHECK(conversation.head == seq);
  CHECK(conversation.lastMessageId == lastId);
}

TEST_CASE("who sends has seen what was before it") {
  Conversation conversation = a_group();
  auto made = plan(conversation, "bob", text());
  REQUIRE(made);
  stamp(conversation, *made, kNow);
  CHECK(conversation.members["bob"].cursor.sentOrdinal == 7);
  CHECK(unread_of(conversation.ordinal, conversation.members["bob"].cursor, 0) == 0);
  CHECK(unread_of(conversation.ordinal, conversation.members["ann"].cursor, 0) == 7);
}
