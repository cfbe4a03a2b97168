#include <doctest/doctest.h>

#include "test_server.hpp"

namespace chatcore::faulttest {

namespace {

constexpr int kMembers = 2'501;  // not a multiple of what is taken in at a time

std::string member_name(int i) { return "member-" + std::to_string(i); }

/// Stored before the server starts, so that it has to load the group.
void store_group(TestServer& server) {
  AppendRequest request;
  request.log = "large";
  Event& created = request.events.emplace_back();
  created.seq = 1;
  created.kind = EventKind::conversation;
  created.messageId = 1;
  created.senderId = member_name(0);
  request.effects.info = ConversationInfo{ConversationKind::group, "Large", member_name(0), 1};
  for (int i = 0; i < kMembers; ++i)
    request.effects.members.push_back(
        {Member{member_name(i), i == 0 ? Role::admin : Role::member, 1, 0}, false});
  const auto answers = server.executor.wait<std::vector<AppendResult>>(
      [&](Executor& here, auto done) { server.store.append({request}, here, std::move(done)); });
  REQUIRE(answers[0].outcome == AppendOutcome::committed);
}

}  // namespace

TEST_CASE("a group that is loaded in slices has all its members, and nobody else") {
  TestServer server(1);
  store_group(server);
  server.start();
  TestClient first = server.connect(member_name(0));
  TestClient last = server.connect(member_name(kMembers - 1));
  TestClient stranger = server.connect("stranger");
  const Json sent = last.ask(message_in("large", "hello"));
  CHECK_EQ(sent["type"], "message.sent");
  CHECK_EQ(sent["seq"], 2);
  CHECK_EQ(first.expect_type("message.new")["data"]["senderId"], member_name(kMembers - 1));
  CHECK_EQ(stranger.ask(message_in("large", "hello-too"))["code"], "not_a_member");
  for (int i = 1; i < kMembers; i += 499)
    CHECK_EQ(server.connect(member_name(i)).ask(message_in("large", "me-too"))["type"], "message.sent");
}

/// The stored group has no owner: it is from before there were any.
TEST_CASE(
    "whoever made a group before there were owners owns it, and deletes it with all its members at once") {
  TestServer server(2);
  store_group(server);
  server.start();
  TestClient maker = server.connect(member_name(0));
  TestClient last = server.connect(member_name(kMembers - 1));
  const auto command = [](const char* type, const char* clientMsgId) {
    return Json{{"type", type}, {"conversationId", "large"}, {"clientMsgId", clientMsgId}};
  };
  Json promotion = command("conversation.setRole", "promote");
  promotion.update({{"userId", member_name(kMembers - 1)}, {"role", "admin"}});
  CHECK_EQ(maker.ask(promotion)["type"], "conversation.member");
  Json demotion = command("conversation.setRole", "demote");
  demotion.update({{"userId", member_name(0)}, {"role", "member"}});
  CHECK_EQ(last.ask(demotion)["code"], "forbidden");
  CHECK_EQ(last.ask(command("conversation.delete", "mine"))["code"], "forbidden");
  CHECK_EQ(maker.ask(command("conversation.delete", "gone"))["data"]["op"], "deleted");
  while (last.expect_type("conversation.member")["data"]["op"] != "deleted") continue;
  for (int i = 1; i < kMembers; i += 499)
    CHECK_EQ(server.connect(member_name(i)).ask(message_in("large", "me-too"))["code"], "not_a_member");
}

}  // namespace chatcore::faulttest
