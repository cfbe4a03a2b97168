#include <doctest/doctest.h>

#include "engine/plan.hpp"
#include "plan_fixture.hpp"

using namespace chatcore;
using namespace chatcore::engine;

namespace {

/// The group after the command, or a failed test.
Conversation after(Conversation conversation, const char* user, Action action) {
  auto made = plan(conversation, user, std::move(action));
  REQUIRE(made);
  stamp(conversation, *made, kNow);
  return conversation;
}

}  // namespace

TEST_CASE("a group begins with its maker as admin and every other once") {
  Conversation conversation = nothing_yet();
  auto made = plan(conversation, "ann", CreateGroup{"Family", {"zoe", "bob", "ann"}});
  REQUIRE(made);
  CHECK(changes(*made) == "+ann:admin@1/0 +bob:member@1/0 +zoe:member@1/0");
  CHECK(made->event.kind == EventKind::conversation);
  CHECK(
      made->event.content ==
      R"("conversationType":"group","name":"Family","createdBy":"ann","memberCount":3,"members":["ann","bob","zoe"])");
  stamp(conversation, *made, kNow);
  CHECK(made->event.seq == 1);
  CHECK(made->event.ordinal == 0);
  CHECK(conversation.info.name == "Family");
  CHECK(conversation.memberSeq == 1);
}

TEST_CASE("who is added sees what comes from then on") {
  Conversation conversation = a_group();
  auto made = plan(conversation, "ann", AddMembers{{"zoe", "bob", "yan"}});
  REQUIRE(made);
  CHECK(changes(*made) == "+zoe:member@10/6 +yan:member@10/6");
  CHECK(made->event.content == R"("op":"added","userIds":["zoe","yan"],"by":"ann")");
  stamp(conversation, *made, kNow);
  CHECK(made->event.seq == 10);
  CHECK(conversation.memberSeq == 10);
  CHECK(conversation.members["zoe"].joinSeq == 10);
  CHECK(verdict(a_group(), "ann", AddMembers{{"bob", "cid"}}) == "bad_request");
}

TEST_CASE("a group holds as many as it may and not one more") {
  EngineOptions options;
  options.maxGroupMembers = 6;
  CHECK(make_plan(a_group(), command("ann", AddMembers{{"zoe", "bob"}}), options, kNow));
  const auto full = make_plan(a_group(), command("ann", AddMembers{{"zoe", "yan"}}), options, kNow);
  REQUIRE_FALSE(full);
  CHECK(full.error().code == ErrorCode::too_large);
}

TEST_CASE("who is removed is gone, with what else was asked or not at all") {
  auto made = plan(a_group(), "ann", RemoveMembers{{"cid", "abe"}});
  REQUIRE(made);
  CHECK(changes(*made) == "-cid -abe");
  CHECK(made->event.content == R"("op":"removed","userIds":["cid","abe"],"by":"ann")");
  CHECK(verdict(a_group(), "ann", RemoveMembers{{"cid", "nobody"}}) == "not_found");
  CHECK(verdict(a_group(), "ann", RemoveMembers{{"cid", "ann"}}) == "bad_request");
  const Conversation left = after(a_group(), "ann", RemoveMembers{{"cid"}});
  CHECK(verdict(left, "cid", text()) == "not_a_member");
  CHECK(left.memberSeq == 10);
}

TEST_CASE("a role changes nothing else of a member") {
  auto made = plan(a_group(), "ann", SetRole{"cid", Role::admin});
  REQUIRE(made);
  CHECK(changes(*made) == "+cid:admin@5/3");
  CHECK(made->event.content == R"("op":"role","userIds":["cid"],"by":"ann","role":"admin")");
  CHECK(verdict(a_group(), "ann", SetRole{"nobody", Role::admin}) == "not_found");
  Conversation conversation = a_group();
  conversation.members["cid"].cursor.readSeq = 8;
  CHECK(after(std::move(conversation), "ann", SetRole{"cid", Role::admin}).members["cid"].cursor.readSeq ==
        8);
}

TEST_CASE("the last admin stays one, whoever asks") {
  CHECK(verdict(a_group(), "ann", SetRole{"ann", Role::member}) == "ok");
  const Conversation one = after(a_group(), "ann", SetRole{"abe", Role::member});
  CHECK(verdict(one, "ann", SetRole{"ann", Role::member}) == "forbidden");
  CHECK(verdict(one, "ann", SetRole{"ann", Role::admin}) == "ok");
  CHECK(verdict(one, "abe", SetRole{"ann", Role::member}) == "forbidden");
}

TEST_CASE("when the last admin leaves, the longest member inherits") {
  struct Row {
    std::vector<std::string> before;
    const char* changes;
  };
  const Row rows[]{{{}, "-ann +abe:admin@1/0"},
                   {{"abe"}, "-ann +bob:admin@1/0"},
                   {{"abe", "bob"}, "-ann +cid:admin@5/3"},
                   {{"abe", "bob", "cid", "eve"}, "-ann"}};
  for (const Row& row : rows) {
    Conversation conversation = after(a_group(), "ann", SetRole{"abe", Role::member});
    for (const auto& user : row.before)
      conversation = after(std::move(conversation), user.c_str(), LeaveGroup{});
    auto made = plan(conversation, "ann", LeaveGroup{});
    REQUIRE(made);
    CHECK(changes(*made) == row.changes);
    stamp(conversation, *made, kNow);
    CHECK_FALSE(conversation.members.contains("ann"));
  }
}

TEST_CASE("nobody inherits while another admin stays, or when a mere member goes") {
  for (const char* user : {"ann", "bob"}) {
    const auto made = plan(a_group(), user, LeaveGroup{});
    REQUIRE(made);
    CHECK(changes(*made) == std::string("-") + user);
    CHECK(made->event.content ==
          std::string(R"("op":"left","userIds":[")") + user + R"("],"by":")" + user + '"');
  }
}

TEST_CASE("a new name keeps the rest of the description") {
  const Conversation renamed = after(a_group(), "ann", UpdateConversation{"Clan \"x\"", {}});
  CHECK(renamed.info.name == "Clan \"x\"");
  CHECK(renamed.info.createdBy == "ann");
  CHECK(renamed.info.kind == ConversationKind::group);
  CHECK(renamed.memberSeq == 7);
}
