#include <doctest/doctest.h>

#include "test_server.hpp"

namespace chatcore::faulttest {

namespace {

const ConversationId kDirect = direct_conversation_id("alice", "bob");

Json conversation_of(TestClient& client) {
  const Json page = client.ask({{"type", "sync"}, {"watermarks", Json::object()}, {"limit", 200}});
  REQUIRE_EQ(page["type"], "sync.page");
  for (const Json& conversation : page["conversations"])
    if (conversation["conversationId"] == kDirect) return conversation;
  return {};
}

/// Tells the server, and waits until the conversation's home has heard: a command of the other side goes
/// there.
void change_block(TestServer& server, bool blocked, TestClient& other) {
  server.block("bob", "alice", blocked);
  server.server->blocks_changed("bob", "alice");
  for (int round = 0; round < 2; ++round)
    CHECK_EQ(other.ask({{"type", "typing.stop"}, {"conversationId", kDirect}})["type"], "ok");
}

/// What bob may know of a message that alice sent while he blocked her: its number is void.
void check_void_for(TestClient& bob, Seq seq, std::uint64_t unread) {
  const Json live = bob.expect_type("event.void");
  CHECK_EQ(live["data"]["conversationId"], kDirect);
  CHECK_EQ(live["data"]["seq"], seq);
  const Json page = bob.ask({{"type", "history"}, {"conversationId", kDirect}, {"limit", 50}});
  for (const Json& event : page["events"]) CHECK_NE(event["seq"], seq);
  const Json synced = conversation_of(bob);
  REQUIRE(synced.is_object());
  CHECK_EQ(synced["headSeq"], seq);
  CHECK_EQ(synced["toSeq"], seq);
  CHECK_EQ(synced["unread"], unread);
  for (const Json& event : synced["events"]) CHECK_NE(event["seq"], seq);
  CHECK_FALSE(bob.has_seen("message.new"));
}

}  // namespace

TEST_CASE("the first message to somebody who blocks its sender is sent, and void for the other") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards);
    server.block("bob", "alice");
    server.start();
    TestClient alice = server.connect("alice");
    TestClient bob = server.connect("bob");
    const Json sent = alice.ask(message_to("bob", "m1"));
    CHECK_EQ(sent["type"], "message.sent");
    CHECK_EQ(sent["seq"], 1);
    check_void_for(bob, 1, 0);
    CHECK_EQ(bob.ask(message_to("alice", "b1"))["code"], "blocked");
    CHECK(alice.settle().empty());
  }
}

TEST_CASE("a block that comes while they talk hides what is sent from then on") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards);
    server.start();
    TestClient alice = server.connect("alice");
    TestClient tablet = server.connect("alice", "tablet");
    TestClient bob = server.connect("bob");
    REQUIRE_EQ(alice.ask(message_to("bob", "m1"))["seq"], 1);
    bob.expect_type("message.new");
    change_block(server, true, alice);
    const Json sent = alice.ask(message_to("bob", "m2"));
    REQUIRE_EQ(sent["type"], "message.sent");
    REQUIRE_EQ(sent["seq"], 2);
    check_void_for(bob, 2, 1);  // what was unread before still is
    CHECK_EQ(bob.ask(message_to("alice", "b1"))["code"], "blocked");
    tablet.expect("the sender's own copy", [](const Json& frame) { return frame["data"]["seq"] == 2; });
    const Json own = conversation_of(alice);
    CHECK_EQ(own["events"].size(), 2);

    change_block(server, false, alice);
    REQUIRE_EQ(alice.ask(message_to("bob", "m3"))["seq"], 3);
    CHECK_EQ(bob.expect_type("message.new")["data"]["seq"], 3);
    const Json after = conversation_of(bob);
    CHECK_EQ(after["unread"], 2);
    CHECK_EQ(after["events"].size(), 2);  // void for ever
  }
}

TEST_CASE("neither typing nor receipts cross a block, in either direction") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards);
    server.start();
    TestClient alice = server.connect("alice");
    TestClient bob = server.connect("bob");
    REQUIRE_EQ(alice.ask(message_to("bob", "m1"))["seq"], 1);
    REQUIRE_EQ(bob.ask(message_to("alice", "b1"))["seq"], 2);
    bob.expect_type("message.new");
    alice.expect_type("message.new");
    change_block(server, true, alice);
    for (TestClient* side : {&alice, &bob}) {
      CHECK_EQ(side->ask({{"type", "typing.start"}, {"conversationId", kDirect}})["type"], "ok");
      CHECK_EQ(side->ask({{"type", "message.received"}, {"conversationId", kDirect}, {"seq", 2}})["type"],
               "ok");
      CHECK_EQ(side->ask({{"type", "message.read"}, {"conversationId", kDirect}, {"seq", 2}})["type"], "ok");
    }
    CHECK(alice.settle().empty());
    CHECK(bob.settle().empty());
  }
}

TEST_CASE("presence is not shown across a block that stood before") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards);
    server.block("bob", "alice");
    server.start();
    TestClient bob = server.connect("bob");
    TestClient alice = server.connect("alice");
    for (const auto& [asker, other] : {std::pair{&alice, "bob"}, std::pair{&bob, "alice"}}) {
      const Json state = asker->ask({{"type", "presence.subscribe"}, {"users", {other}}});
      REQUIRE_EQ(state["users"].size(), 1);
      CHECK_EQ(state["users"][0]["status"], "offline");
    }
    bob.disconnect();
    server.clock.advance(server.options.engine.presenceDebounce + 1s);
    TestClient back = server.connect("bob");
    CHECK_FALSE(alice.has_seen("presence.update"));
  }
}

TEST_CASE("what came before the first message does not keep a block from being asked for") {
  for (const char* before : {"typing.start", "message.read"}) {
    CAPTURE(before);
    TestServer server(1);
    server.block("bob", "alice");
    server.start();
    TestClient alice = server.connect("alice");
    TestClient bob = server.connect("bob");
    CHECK_EQ(alice.ask({{"type", before}, {"conversationId", kDirect}, {"seq", 1}})["code"], "not_a_member");
    CHECK_EQ(alice.ask(message_to("bob", "m1"))["type"], "message.sent");
    check_void_for(bob, 1, 0);
  }
}

TEST_CASE("nobody is shown across a block how far the other has come") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards);
    server.start();
    TestClient alice = server.connect("alice");
    TestClient bob = server.connect("bob");
    REQUIRE_EQ(alice.ask(message_to("bob", "m1"))["seq"], 1);
    bob.expect_type("message.new");
    CHECK_EQ(bob.ask({{"type", "message.read"}, {"conversationId", kDirect}, {"seq", 1}})["type"], "ok");
    const Json asked{{"type", "receipts.get"}, {"conversationId", kDirect}};
    CHECK_EQ(alice.ask(asked)["members"].size(), 1);
    change_block(server, true, alice);
    for (TestClient* side : {&alice, &bob}) {
      const Json page = side->ask(asked);
      CHECK_EQ(page["type"], "receipts.page");
      CHECK(page["members"].empty());
    }
  }
}

TEST_CASE("nobody is brought into a conversation who is no user") {
  MemoryDirectory users({.knownUsersOnly = true});
  TestServer server(1);
  server.ports.directory = &users;
  for (const char* name : {"alice", "bob"}) {
    User user;
    user.userId = name;
    REQUIRE(server.executor.wait<chatcore::Status>([&](Executor& here, Completion<chatcore::Status> done) {
      users.put_user(user, here, std::move(done));
    }));
  }
  server.start();
  TestClient alice = server.connect("alice");
  const auto in_group = [](const char* type, const char* clientMsgId,
                           const std::vector<std::string>& members) {
    return Json{
        {"type", type}, {"conversationId", "group"}, {"clientMsgId", clientMsgId}, {"members", members}};
  };
  CHECK_EQ(alice.ask(message_to("nobody", "m1"))["code"], "not_found");
  CHECK_EQ(alice.ask(in_group("conversation.create", "g1", {"bob", "nobody"}))["code"], "not_found");
  CHECK_EQ(alice.ask(in_group("conversation.create", "g2", {"bob"}))["type"], "conversation.created");
  CHECK_EQ(alice.ask(in_group("conversation.addMembers", "g3", {"nobody"}))["code"], "not_found");
  server.stop();
}

}  // namespace chatcore::faulttest
