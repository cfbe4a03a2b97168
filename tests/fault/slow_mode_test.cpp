#include <doctest/doctest.h>

#include "test_server.hpp"

namespace chatcore::faulttest {

namespace {

Json in_group(const char* type, const std::string& clientMsgId, const Json& fields) {
  Json command = fields;
  command["type"] = type;
  command["conversationId"] = "group";
  command["clientMsgId"] = clientMsgId;
  return command;
}

void create_slow(TestClient& alice) {
  REQUIRE_EQ(alice.ask(in_group("conversation.create", "g",
                                {{"members", {"bob"}}, {"slowModeSeconds", 60}}))["type"],
             "conversation.created");
}

}  // namespace

TEST_CASE("slow mode that was off in between begins anew") {
  TestServer server(1);
  server.start();
  TestClient alice = server.connect("alice");
  TestClient bob = server.connect("bob");
  create_slow(alice);
  CHECK_EQ(bob.ask(message_in("group", "m1"))["type"], "message.sent");
  CHECK_EQ(bob.ask(message_in("group", "m2"))["code"], "rate_limited");
  for (const int seconds : {0, 60})
    CHECK_EQ(alice.ask(in_group("conversation.update", "u" + std::to_string(seconds),
                                {{"slowModeSeconds", seconds}}))["type"],
             "conversation.updated");
  CHECK_EQ(bob.ask(message_in("group", "m2"))["type"], "message.sent");
  CHECK_EQ(bob.ask(message_in("group", "m3"))["code"], "rate_limited");
}

TEST_CASE("what an admin has sent is not held against who is an admin no more") {
  TestServer server(1);
  server.start();
  TestClient alice = server.connect("alice");
  TestClient bob = server.connect("bob");
  create_slow(alice);
  const auto make = [&](const char* role) {
    return alice.ask(in_group("conversation.setRole", role, {{"userId", "bob"}, {"role", role}}))["type"];
  };
  CHECK_EQ(make("admin"), "conversation.member");
  CHECK_EQ(bob.ask(message_in("group", "m1"))["type"], "message.sent");
  CHECK_EQ(bob.ask(message_in("group", "m2"))["type"], "message.sent");
  CHECK_EQ(make("member"), "conversation.member");
  CHECK_EQ(bob.ask(message_in("group", "m3"))["type"], "message.sent");
  CHECK_EQ(bob.ask(message_in("group", "m4"))["code"], "rate_limited");
}

}  // namespace chatcore::faulttest
