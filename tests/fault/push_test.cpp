#include <doctest/doctest.h>

#include <set>
#include <stdexcept>

#include "test_server.hpp"

namespace chatcore::faulttest {

namespace {

/// A server with a phone of bob's that can be pushed to.
struct PushServer : TestServer {
  explicit PushServer(std::uint32_t shards, bool startNow = true) : TestServer(shards) {
    with_push();
    put_device("bob", "phone", "token-phone");
    if (startNow) begin();
  }

  /// The store is gone through for what an earlier run left unpublished; over before anybody sends, so that
  /// it does not find what is sent here.
  void begin() {
    start();
    if (!eventually([&] { return faultyStore.recovered() >= kPartitions; }))
      throw std::runtime_error("no recovery");
  }

  /// Lets the grace pass; true once every job has been dealt with.
  bool pass_grace() {
    eventually([&] { return queue.size() > 0; });
    clock.advance(options.engine.pushGrace + 1s);
    return eventually([&] {
      queue.run_due();
      return queue.size() == 0;
    });
  }
};

}  // namespace

TEST_CASE("a device of somebody who is away is told once, after the grace") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    PushServer server(shards);
    TestClient alice = server.connect("alice");
    server.put_device("alice", "phone", "token-alice");
    const Json sent = alice.ask(message_to("bob", "m1"));
    REQUIRE(PushServer::eventually([&] { return server.queue.size() == 1; }));
    server.clock.advance(server.options.engine.pushGrace - 1s);
    server.queue.run_due();
    CHECK(server.push.sent().empty());
    REQUIRE(server.pass_grace());
    const std::vector<Notification> told = server.push.sent();
    REQUIRE_EQ(told.size(), 1);  // and the sender is not told
    CHECK_EQ(told[0].device.pushToken, "token-phone");
    CHECK_EQ(told[0].seq, 1);
    CHECK_EQ(std::to_string(told[0].messageId), sent["messageId"].get<std::string>());
    CHECK_EQ(told[0].senderId, "alice");
    CHECK_EQ(told[0].content, "\"m1\"");
    server.clock.advance(120s);
    server.queue.run_due();
    CHECK_EQ(server.push.sent().size(), 1);
  }
}

TEST_CASE("who has cleared a message is not told of it any more") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    PushServer server(shards);
    TestClient alice = server.connect("alice");
    TestClient laptop = server.connect("bob", "laptop");
    const Json sent = alice.ask(message_to("bob", "m1"));
    REQUIRE(PushServer::eventually([&] { return server.queue.size() == 1; }));
    CHECK_EQ(
        laptop.ask(
            {{"type", "conversation.clear"}, {"conversationId", sent["conversationId"]}, {"seq", 1}})["type"],
        "ok");
    REQUIRE(server.pass_grace());
    CHECK(server.push.sent().empty());
  }
}

TEST_CASE("a device that acknowledged the message is not told, another one is") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    PushServer server(shards);
    server.put_device("bob", "tablet", "token-tablet");
    TestClient alice = server.connect("alice");
    TestClient phone = server.connect("bob");
    const Json sent = alice.ask(message_to("bob", "m1"));
    phone.expect_type("message.new");
    CHECK_EQ(phone.ask({{"type", "message.received"}, {"cursors", {{sent["conversationId"], 1}}}})["type"],
             "ok");
    REQUIRE(server.pass_grace());
    const std::vector<Notification> told = server.push.sent();
    REQUIRE_EQ(told.size(), 1);
    CHECK_EQ(told[0].device.deviceId, "tablet");
  }
}

TEST_CASE("who has read the message is told on no device") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    PushServer server(shards);
    TestClient alice = server.connect("alice");
    TestClient web = server.connect("bob", "web");
    const Json sent = alice.ask(message_to("bob", "m1"));
    web.expect_type("message.new");
    CHECK_EQ(
        web.ask({{"type", "message.read"}, {"conversationId", sent["conversationId"]}, {"seq", 1}})["type"],
        "ok");
    REQUIRE(server.pass_grace());
    CHECK(server.push.sent().empty());
  }
}

TEST_CASE("who has muted the conversation is told nothing of it") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    PushServer server(shards);
    TestClient alice = server.connect("alice");
    TestClient web = server.connect("bob", "web");
    const Json sent = alice.ask(message_to("bob", "m1"));
    const Json muted = web.ask({{"type", "conversation.mute"},
                                {"conversationId", sent["conversationId"]},
                                {"until", server.clock.now() + 3'600'000}});
    CHECK_EQ(muted["type"], "ok");
    REQUIRE(server.pass_grace());
    CHECK(server.push.sent().empty());
    server.clock.advance(3600s);
    alice.ask(message_to("bob", "m2"));
    REQUIRE(server.pass_grace());
    CHECK_EQ(server.push.sent().size(), 1);
  }
}

TEST_CASE("a token that the push service calls dead is forgotten") {
  PushServer server(1);
  server.push.answer_token("token-phone", PushOutcome::dead_token);
  TestClient alice = server.connect("alice");
  alice.ask(message_to("bob", "m1"));
  REQUIRE(server.pass_grace());
  CHECK_EQ(server.push.take().size(), 1);
  CHECK(PushServer::eventually([&] { return server.token_of("bob", "phone").empty(); }));
  alice.ask(message_to("bob", "m2"));
  REQUIRE(server.pass_grace());
  CHECK(server.push.sent().empty());
}

TEST_CASE("a busy push service is asked again") {
  PushServer server(1);
  server.push.answer(PushOutcome::retry);
  TestClient alice = server.connect("alice");
  alice.ask(message_to("bob", "m1"));
  REQUIRE(PushServer::eventually([&] { return server.queue.size() == 1; }));
  server.clock.advance(server.options.engine.pushGrace + 1s);
  CHECK(PushServer::eventually([&] {
    server.queue.run_due();
    return server.push.sent().size() == 1;
  }));
  server.push.answer(PushOutcome::sent);
  server.clock.advance(60s);
  REQUIRE(server.pass_grace());
  CHECK_EQ(server.push.sent().size(), 2);
}

TEST_CASE("a message of somebody who is blocked makes no notification") {
  PushServer server(1, false);
  server.block("bob", "alice");
  server.begin();
  TestClient alice = server.connect("alice");
  REQUIRE_EQ(alice.ask(message_to("bob", "m1"))["type"], "message.sent");
  alice.settle();
  CHECK_EQ(server.queue.size(), 0);
}

TEST_CASE("a message that was deleted or has expired by then makes no notification") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    PushServer server(shards);
    TestClient alice = server.connect("alice");
    const Json sent = alice.ask(message_to("bob", "m1"));
    CHECK_EQ(alice.ask({{"type", "message.delete"},
                        {"conversationId", sent["conversationId"]},
                        {"messageId", sent["messageId"]},
                        {"clientMsgId", "d1"},
                        {"scope", "everyone"}})["type"],
             "message.sent");
    Json brief = message_to("bob", "m2");
    brief["expiresInSeconds"] = 1;
    CHECK_EQ(alice.ask(brief)["type"], "message.sent");
    alice.ask(message_to("bob", "m3"));
    REQUIRE(PushServer::eventually([&] { return server.queue.size() == 3; }));
    REQUIRE(server.pass_grace());
    const std::vector<Notification> told = server.push.sent();
    REQUIRE_EQ(told.size(), 1);
    CHECK_EQ(told[0].content, "\"m3\"");
  }
}

TEST_CASE("who was added since may read what was said before, and is not told of it") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    PushServer server(shards);
    server.put_device("carol", "phone", "token-carol");
    TestClient alice = server.connect("alice");
    REQUIRE_EQ(alice.ask({{"type", "conversation.create"},
                          {"clientMsgId", "g"},
                          {"conversationId", "group"},
                          {"history", "all"},
                          {"members", {"bob"}}})["type"],
               "conversation.created");
    alice.ask(message_in("group", "before"));
    REQUIRE_EQ(alice.ask({{"type", "conversation.addMembers"},
                          {"clientMsgId", "a"},
                          {"conversationId", "group"},
                          {"members", {"carol"}}})["type"],
               "conversation.member");
    alice.ask(message_in("group", "after"));
    REQUIRE(PushServer::eventually([&] { return server.queue.size() == 2; }));
    REQUIRE(server.pass_grace());
    std::multiset<std::string> told;
    for (const Notification& one : server.push.sent()) told.insert(one.device.userId + one.content);
    CHECK(told == std::multiset<std::string>{"bob\"before\"", "bob\"after\"", "carol\"after\""});
  }
}

}  // namespace chatcore::faulttest
