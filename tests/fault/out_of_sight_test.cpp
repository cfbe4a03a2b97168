#include <doctest/doctest.h>

#include <utility>

#include "test_server.hpp"

namespace chatcore::faulttest {

namespace {

void be_patient(TestServer& server) {
  server.options.gateway.idleTimeout = 24h;
  server.options.gateway.heartbeat = 24h;
}

Json hide(const std::string& chat, const Json& messageId) {
  return {{"type", "message.delete"}, {"conversationId", chat}, {"messageId", messageId}, {"scope", "me"}};
}

Json listed(TestClient& device) { return device.ask({{"type", "conversations.list"}})["conversations"][0]; }
Json synced(TestClient& device) {
  return device.ask({{"type", "sync"}, {"watermarks", Json::object()}})["conversations"][0];
}

/// Their conversation, in which `phone` has deleted the last of three messages for oneself.
std::string last_of_three_hidden(TestClient& alice, TestClient& phone) {
  Json last;
  for (const char* id : {"m1", "m2", "m3"}) last = alice.ask(message_to("bob", id));
  CHECK_EQ(phone.ask(hide(last["conversationId"], last["messageId"]))["type"], "ok");
  return last["conversationId"];
}

}  // namespace

TEST_CASE("what was deleted for oneself behind what is read is not told as unread") {
  TestServer server(1);
  server.start();
  TestClient alice = server.connect("alice");
  TestClient phone = server.connect("bob", "phone");
  TestClient laptop = server.connect("bob", "laptop");
  const std::string chat = last_of_three_hidden(alice, phone);
  CHECK_EQ(laptop.expect_type("sync.deleted")["unread"], 2);
  CHECK_EQ(phone.ask({{"type", "message.read"}, {"conversationId", chat}, {"seq", 1}})["type"], "ok");
  CHECK_EQ(laptop.expect_type("sync.read")["unread"], 1);
}

TEST_CASE("what takes long to count is not told behind what came after it") {
  for (const auto& [command, told] :
       {std::pair("message.read", "sync.read"), {"conversation.clear", "sync.cleared"}}) {
    CAPTURE(command);
    TestServer server(1, PortCall::conversations_of);
    server.start();
    TestClient alice = server.connect("alice");
    TestClient phone = server.connect("bob", "phone");
    TestClient laptop = server.connect("bob", "laptop");
    const std::string chat = last_of_three_hidden(alice, phone);
    laptop.expect_type("sync.deleted");
    server.plan.fail(server.plan.calls() + 1, Fault::delayed);
    for (const int seq : {1, 3})
      CHECK_EQ(phone.ask({{"type", command}, {"conversationId", chat}, {"seq", seq}})["type"], "ok");
    CHECK_EQ(laptop.expect_type(told)["unread"], 0);
    REQUIRE_EQ(server.plan.failed(), 1);
    server.plan.release();
    CHECK_FALSE(laptop.has_seen(told));
  }
}

TEST_CASE("what has expired is not counted when another message is deleted for oneself") {
  TestServer server(1);
  be_patient(server);
  server.start();
  TestClient alice = server.connect("alice");
  TestClient phone = server.connect("bob", "phone");
  TestClient laptop = server.connect("bob", "laptop");
  alice.ask(message_to("bob", "m1"));
  Json brief = message_to("bob", "m2");
  brief["expiresInSeconds"] = 60;
  CHECK_EQ(alice.ask(brief)["type"], "message.sent");
  const Json last = alice.ask(message_to("bob", "m3"));
  server.clock.advance(61s);
  CHECK_EQ(phone.ask(hide(last["conversationId"], last["messageId"]))["type"], "ok");
  CHECK_EQ(laptop.expect_type("sync.deleted")["unread"], 1);
}

TEST_CASE("only a message can be deleted for oneself") {
  TestServer server(1);
  server.start();
  TestClient alice = server.connect("alice");
  const Json sent = alice.ask(message_to("bob", "m1"));
  const Json edit = alice.ask({{"type", "message.edit"},
                               {"conversationId", sent["conversationId"]},
                               {"messageId", sent["messageId"]},
                               {"clientMsgId", "e1"},
                               {"content", "other"}});
  REQUIRE_EQ(edit["type"], "message.sent");
  CHECK_EQ(alice.ask(hide(sent["conversationId"], edit["messageId"]))["code"], "not_found");
  CHECK_EQ(alice.ask(hide(sent["conversationId"], sent["messageId"]))["type"], "ok");
}

TEST_CASE("a conversation is shown as muted until its time, and not after it") {
  TestServer server(1);
  be_patient(server);
  server.start();
  TestClient alice = server.connect("alice");
  const Json sent = alice.ask(message_to("bob", "m1"));
  const Timestamp until = server.clock.now() + 60'000;
  CHECK_EQ(alice.ask({{"type", "conversation.mute"},
                      {"conversationId", sent["conversationId"]},
                      {"until", until}})["type"],
           "ok");
  for (const auto& shown : {listed, synced}) CHECK_EQ(shown(alice)["mutedUntil"], until);
  CHECK_FALSE(alice.has_seen("sync.preferences"));  // it is the one that was answered
  server.clock.advance(60s);
  for (const auto& shown : {listed, synced}) CHECK_FALSE(shown(alice).contains("mutedUntil"));
}

}  // namespace chatcore::faulttest
