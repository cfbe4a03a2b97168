#include <doctest/doctest.h>

#include <map>

#include "test_server.hpp"

namespace chatcore::faulttest {

namespace {

void be_patient(TestServer& server) {
  server.options.gateway.idleTimeout = 1h;
  server.options.gateway.heartbeat = 1h;
}

void send_some(TestClient& from, const Json& command, int count) {
  for (int i = 1; i <= count; ++i) {
    Json next = command;
    next["clientMsgId"] = "m" + std::to_string(i);
    REQUIRE_EQ(from.ask(next)["type"], "message.sent");
  }
}

/// Everything up to `head`, number by number, in one write.
void acknowledge_each(TestClient& device, const std::string& conversation, int head, const char* type) {
  std::vector<Json> commands;
  for (int seq = 2; seq <= head; ++seq)
    commands.push_back({{"type", type}, {"conversationId", conversation}, {"seq", seq}});
  device.send_all(commands);
  device.settle();
}

/// How many frames of a type came for each user, and the highest seq in them.
struct Pushes {
  int count = 0;
  int last = 0;
};
std::map<std::string, Pushes> pushes_in(const std::vector<Json>& frames, const std::string& type) {
  std::map<std::string, Pushes> found;
  for (const Json& frame : frames) {
    if (frame["type"] != type) continue;
    Pushes& of = found[frame[type == "message.read" ? "readBy" : "userId"]];
    ++of.count;
    of.last = std::max(of.last, frame["seq"].get<int>());
  }
  return found;
}

/// Two messages to bob, of whose reading the store's answer is held; their conversation.
std::string read_while_held(TestServer& server, TestClient& alice, TestClient& bob) {
  send_some(alice, message_to("bob", ""), 2);
  const std::string chat = bob.expect_type("message.new")["data"]["conversationId"];
  server.plan.fail(server.plan.calls() + 1, Fault::delayed);
  bob.send({{"type", "message.read"}, {"conversationId", chat}, {"seq", 2}});
  REQUIRE(TestServer::eventually([&] { return server.plan.failed() == 1; }));
  return chat;
}

}  // namespace

TEST_CASE("a group where everybody acknowledges each of 50 messages costs two pushes a member and kind") {
  constexpr int kMembers = 20;
  constexpr int kHead = 51;  // the group's first event and 50 messages
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards);
    be_patient(server);
    server.start();
    TestClient alice = server.connect("alice");
    std::vector<TestClient> members;
    Json names = Json::array();
    for (int i = 0; i < kMembers; ++i) {
      names.push_back("m" + std::to_string(i));
      members.push_back(server.connect(names.back()));
    }
    REQUIRE_EQ(alice.ask({{"type", "conversation.create"},
                          {"clientMsgId", "g"},
                          {"conversationId", "group"},
                          {"members", names}})["type"],
               "conversation.created");
    send_some(alice, message_in("group", ""), kHead - 1);
    for (TestClient& member : members) {
      acknowledge_each(member, "group", kHead, "message.received");
      acknowledge_each(member, "group", kHead, "message.read");
    }
    std::vector<Json> seen = alice.settle();
    for (const char* type : {"message.delivered", "message.read"}) {
      CAPTURE(type);
      const auto first = pushes_in(seen, type);
      CHECK_EQ(first.size(), kMembers);
      for (const auto& [member, pushes] : first) CHECK_EQ(pushes.count, 1);
    }
    server.clock.advance(server.options.engine.receiptInterval + 200ms);
    for (int left = 2 * kMembers; left > 0; --left)
      seen.push_back(alice.expect("a held receipt", [](const Json& frame) {
        return frame["type"] == "message.delivered" || frame["type"] == "message.read";
      }));
    server.clock.advance(10 * server.options.engine.receiptInterval);
    CHECK_FALSE(alice.has_seen("message.delivered"));
    CHECK_FALSE(alice.has_seen("message.read"));
    for (const char* type : {"message.delivered", "message.read"}) {
      const auto all = pushes_in(seen, type);
      CHECK_EQ(all.size(), kMembers);
      for (const auto& [member, pushes] : all) {
        CHECK_EQ(pushes.count, 2);
        CHECK_EQ(pushes.last, kHead);
      }
    }
  }
}

TEST_CASE("in a direct conversation the first receipt comes at once and the last one a moment later") {
  TestServer server(2);
  be_patient(server);
  server.start();
  TestClient alice = server.connect("alice");
  TestClient bob = server.connect("bob");
  send_some(alice, message_to("bob", ""), 20);
  const std::string chat = bob.expect_type("message.new")["data"]["conversationId"];
  acknowledge_each(bob, chat, 20, "message.received");
  CHECK_EQ(alice.expect_type("message.delivered")["seq"], 2);
  CHECK_FALSE(alice.has_seen("message.delivered"));
  server.clock.advance(server.options.engine.directReceiptInterval + 200ms);
  CHECK_EQ(alice.expect_type("message.delivered")["seq"], 20);
  CHECK_FALSE(alice.has_seen("message.delivered"));
}

TEST_CASE("a receipt that is held back outlives the wish for its conversation's place in memory") {
  TestServer server(1);
  be_patient(server);
  server.options.engine.maxLoadedConversations = 1;
  server.start();
  TestClient alice = server.connect("alice");
  TestClient bob = server.connect("bob");
  TestClient carol = server.connect("carol");
  send_some(alice, message_to("bob", ""), 3);
  const std::string chat = bob.expect_type("message.new")["data"]["conversationId"];
  acknowledge_each(bob, chat, 3, "message.received");
  CHECK_EQ(alice.expect_type("message.delivered")["seq"], 2);
  for (const char* other : {"dave", "erin", "frank"}) carol.ask(message_to(other, "c"));
  server.clock.advance(server.options.engine.directReceiptInterval + 200ms);
  CHECK_EQ(alice.expect_type("message.delivered")["seq"], 3);
}

TEST_CASE("a receipt that is held back is not told when its user has left or the group has grown large") {
  for (const bool leaves : {true, false}) {
    CAPTURE(leaves);
    TestServer server(1);
    be_patient(server);
    server.start();
    TestClient alice = server.connect("alice");
    TestClient bob = server.connect("bob");
    Json names = Json::array({"bob"});
    for (std::size_t i = 3; i < kLargeGroupSize; ++i) names.push_back("m" + std::to_string(i));
    REQUIRE_EQ(alice.ask({{"type", "conversation.create"},
                          {"clientMsgId", "g"},
                          {"conversationId", "group"},
                          {"members", names}})["type"],
               "conversation.created");
    send_some(alice, message_in("group", ""), 2);
    send_some(alice, message_to("bob", ""), 2);
    const std::string direct = direct_conversation_id("alice", "bob");
    for (const std::string& conversation : {std::string("group"), direct})
      for (const int seq : {1, 2, 3})
        bob.ask({{"type", "message.received"}, {"conversationId", conversation}, {"seq", seq}});
    CHECK_EQ(alice.settle().size(), 2);
    const Json change =
        leaves ? bob.ask({{"type", "conversation.leave"}, {"conversationId", "group"}, {"clientMsgId", "l"}})
               : alice.ask({{"type", "conversation.addMembers"},
                            {"conversationId", "group"},
                            {"clientMsgId", "a"},
                            {"members", {"carol"}}});
    CHECK_EQ(change["type"], "conversation.member");
    server.clock.advance(server.options.engine.receiptInterval + 200ms);
    // What is told of another conversation shows that the time of both has come.
    CHECK_EQ(alice.expect_type("message.delivered")["conversationId"], direct);
    CHECK_FALSE(alice.has_seen("message.delivered"));
  }
}

TEST_CASE("who came after a message is not among those who have it") {
  TestServer server(1);
  be_patient(server);
  server.start();
  TestClient alice = server.connect("alice");
  TestClient bob = server.connect("bob");
  TestClient carol = server.connect("carol");
  REQUIRE_EQ(alice.ask({{"type", "conversation.create"},
                        {"clientMsgId", "g"},
                        {"conversationId", "group"},
                        {"members", {"bob"}}})["type"],
             "conversation.created");
  send_some(alice, message_in("group", ""), 1);
  REQUIRE_EQ(alice.ask({{"type", "conversation.addMembers"},
                        {"conversationId", "group"},
                        {"clientMsgId", "a"},
                        {"members", {"carol"}}})["type"],
             "conversation.member");
  for (TestClient* member : {&bob, &carol})
    CHECK_EQ(member->ask({{"type", "message.received"}, {"conversationId", "group"}, {"seq", 3}})["type"],
             "ok");
  const auto who_has = [&](int seq) {
    Json users = Json::array();
    const Json page = alice.ask({{"type", "receipts.get"}, {"conversationId", "group"}, {"seq", seq}});
    for (const Json& member : page["members"]) users.push_back(member["userId"]);
    return users;
  };
  CHECK_EQ(who_has(2), Json{"bob"});
  CHECK_EQ(who_has(3), Json{"bob", "carol"});
}

TEST_CASE("who sent what is long behind the newest messages is told that it arrived") {
  TestServer server(1);
  be_patient(server);
  server.start();
  TestClient alice = server.connect("alice");
  TestClient bob = server.connect("bob");
  TestClient carol = server.connect("carol");
  REQUIRE_EQ(alice.ask({{"type", "conversation.create"},
                        {"clientMsgId", "g"},
                        {"conversationId", "group"},
                        {"members", {"bob", "carol"}}})["type"],
             "conversation.created");
  send_some(alice, message_in("group", ""), 1);
  send_some(carol, message_in("group", ""), 100);
  CHECK_EQ(bob.ask({{"type", "message.received"}, {"conversationId", "group"}, {"seq", 2}})["type"], "ok");
  CHECK_EQ(alice.expect_type("message.delivered")["seq"], 2);
  CHECK_FALSE(carol.has_seen("message.delivered"));
}

TEST_CASE("a receipt that could not be stored is stored and told when it is said again") {
  for (const bool answered : {true, false})
    for (const Fault fault : {Fault::refused, Fault::unknown_but_written}) {
      CAPTURE(answered);
      CAPTURE(static_cast<int>(fault));
      TestServer server(1, PortCall::advance);
      be_patient(server);
      server.start();
      TestClient alice = server.connect("alice");
      TestClient bob = server.connect("bob");
      TestClient tablet = server.connect("bob", "tablet");
      send_some(alice, message_to("bob", ""), 2);
      const std::string conversation = bob.expect_type("message.new")["data"]["conversationId"];
      const auto read = [&](std::uint64_t id) {
        Json command{{"type", "message.read"}, {"conversationId", conversation}, {"seq", 2}};
        if (answered) command["id"] = id;
        bob.send(command);
      };
      server.plan.fail(server.plan.calls() + 1, fault);
      read(1);
      CHECK_EQ(bob.expect_type("error")["temporary"], true);
      CHECK_FALSE(alice.has_seen("message.read"));
      read(2);
      if (answered) CHECK_EQ(bob.expect_answer(2)["type"], "ok");
      CHECK_EQ(alice.expect_type("message.read")["seq"], 2);
      CHECK_EQ(tablet.expect_type("sync.read")["unread"], 0);
      REQUIRE(server.stop());
      using Answer = std::vector<Result<Cursor>>;
      const auto stored = server.executor.wait<Answer>([&](Executor& here, Completion<Answer> done) {
        server.store.advance({{conversation, "bob", {}}}, here, std::move(done));
      });
      CHECK_EQ(stored.at(0)->readSeq, 2);
    }
}

TEST_CASE("what a receipt could not store, the next one tells") {
  TestServer server(1, PortCall::advance);
  be_patient(server);
  server.start();
  TestClient alice = server.connect("alice");
  TestClient bob = server.connect("bob");
  REQUIRE_EQ(alice.ask({{"type", "conversation.create"},
                        {"clientMsgId", "g"},
                        {"conversationId", "group"},
                        {"members", {"bob", "carol"}}})["type"],
             "conversation.created");
  TestClient carol = server.connect("carol");
  send_some(alice, message_in("group", ""), 1);
  send_some(carol, message_in("group", ""), 1);
  const auto read = [&](int seq) {
    return Json{{"type", "message.read"}, {"conversationId", "group"}, {"seq", seq}};
  };
  server.plan.fail(server.plan.calls() + 1, Fault::refused);
  bob.send(read(2));
  CHECK_EQ(bob.expect_type("error")["temporary"], true);
  bob.send(read(3));
  CHECK_EQ(alice.expect_type("message.read")["seq"], 3);
  CHECK_EQ(carol.expect_type("message.read")["seq"], 3);
}

TEST_CASE("what somebody has read is shown to nobody before it is stored") {
  TestServer server(1, PortCall::advance);
  be_patient(server);
  server.start();
  TestClient alice = server.connect("alice");
  TestClient bob = server.connect("bob");
  const std::string chat = read_while_held(server, alice, bob);
  const Json ask{{"type", "receipts.get"}, {"conversationId", chat}};
  CHECK_EQ(alice.ask(ask)["members"][0]["readSeq"], 0);
  CHECK_FALSE(alice.has_seen("message.read"));
  server.plan.release();
  CHECK_EQ(alice.expect_type("message.read")["seq"], 2);
  CHECK_EQ(alice.ask(ask)["members"][0]["readSeq"], 2);
}

TEST_CASE("what was being stored of a receipt when its conversation's place in memory was wanted is told") {
  TestServer server(1, PortCall::advance);
  be_patient(server);
  server.options.engine.maxLoadedConversations = 1;
  server.start();
  TestClient alice = server.connect("alice");
  TestClient bob = server.connect("bob");
  TestClient tablet = server.connect("bob", "tablet");
  TestClient carol = server.connect("carol");
  read_while_held(server, alice, bob);
  // Who is seen to have stopped typing has been so by the turn that makes room in memory.
  const Json other = carol.ask(message_to("bob", "c"));
  carol.ask({{"type", "typing.start"}, {"conversationId", other["conversationId"]}});
  bob.expect_type("typing.indicator");
  server.clock.advance(1min);
  bob.expect_type("typing.indicator");
  server.plan.release();
  CHECK_EQ(alice.expect_type("message.read")["seq"], 2);
  CHECK_EQ(tablet.expect_type("sync.read")["lastReadSeq"], 2);
}

TEST_CASE("what was being stored of a receipt when its log was claimed anew is told once") {
  TestServer server(1, PortCall::any);
  be_patient(server);
  server.start();
  TestClient alice = server.connect("alice");
  TestClient bob = server.connect("bob");
  TestClient tablet = server.connect("bob", "tablet");
  const std::string chat = read_while_held(server, alice, bob);
  server.plan.fail(server.plan.calls() + 1, Fault::unknown_but_written);
  CHECK_EQ(alice.ask(message_in(chat, "unknown"))["type"], "message.sent");
  CHECK_EQ(server.plan.failed(), 2);
  CHECK_EQ(alice.expect_type("message.read")["seq"], 2);
  CHECK_EQ(tablet.expect_type("sync.read")["lastReadSeq"], 2);
  server.plan.release();
  server.clock.advance(10 * server.options.engine.directReceiptInterval);
  CHECK_FALSE(alice.has_seen("message.read"));
  CHECK_FALSE(tablet.has_seen("sync.read"));
}

TEST_CASE("how much is unread is counted again where the store did not answer") {
  TestServer server(1, PortCall::conversations_of);
  be_patient(server);
  server.start();
  TestClient alice = server.connect("alice");
  TestClient bob = server.connect("bob");
  TestClient tablet = server.connect("bob", "tablet");
  send_some(alice, message_to("bob", ""), 4);
  const Json last = bob.expect("the fourth", [](const Json& frame) {
    return frame["type"] == "message.new" && frame["data"]["seq"] == 4;
  });
  const std::string conversation = last["data"]["conversationId"];
  // The first looks the message up.
  server.plan.fail(server.plan.calls() + 2, Fault::refused);
  CHECK_EQ(bob.ask({{"type", "message.delete"},
                    {"conversationId", conversation},
                    {"messageId", last["data"]["messageId"]},
                    {"scope", "me"}})["type"],
           "ok");
  CHECK_EQ(tablet.expect_type("sync.deleted")["unread"], 3);
  server.plan.fail(server.plan.calls() + 1, Fault::refused);
  CHECK_EQ(bob.ask({{"type", "message.read"}, {"conversationId", conversation}, {"seq", 2}})["type"], "ok");
  CHECK_EQ(tablet.expect_type("sync.read")["unread"], 1);
}

}  // namespace chatcore::faulttest
