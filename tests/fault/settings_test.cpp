#include <doctest/doctest.h>

#include "test_server.hpp"

namespace chatcore::faulttest {

namespace {

Json settings(const Json& change) {
  Json command = change;
  command["type"] = "settings.update";
  return command;
}

/// Alice has written, and bob has it.
std::string chat_of(TestClient& alice, TestClient& bob, const std::string& clientMsgId = "m1") {
  REQUIRE_EQ(alice.ask(message_to("bob", clientMsgId))["type"], "message.sent");
  return bob.expect_type("message.new")["data"]["conversationId"];
}

Json read_up_to(const std::string& chat, int seq) {
  return {{"type", "message.read"}, {"conversationId", chat}, {"seq", seq}};
}

Json receipt_of(TestClient& asker, const std::string& chat) {
  return asker.ask({{"type", "receipts.get"}, {"conversationId", chat}})["members"][0];
}

Json cursors_of(TestClient& asker, const std::string& chat) {
  const Json page = asker.ask({{"type", "sync"}, {"watermarks", Json::object()}});
  for (const Json& entry : page["conversations"])
    if (entry["conversationId"] == chat) return entry["cursors"];
  return {};
}

void put_user(TestServer& server, const User& user) {
  REQUIRE(server.executor.wait<chatcore::Status>([&](Executor& here, Completion<chatcore::Status> done) {
    server.directory.put_user(user, here, std::move(done));
  }));
}

}  // namespace

TEST_CASE("who hides what they have read tells it to nobody but their own devices") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards);
    server.start();
    TestClient alice = server.connect("alice");
    TestClient bob = server.connect("bob");
    TestClient laptop = server.connect("bob", "laptop");
    const std::string chat = chat_of(alice, bob);
    CHECK_EQ(bob.ask(settings({{"readReceipts", false}}))["type"], "ok");
    CHECK_EQ(laptop.expect_type("settings")["readReceipts"], false);
    CHECK_EQ(bob.ask({{"type", "settings.get"}})["readReceipts"], false);
    CHECK_EQ(bob.ask(read_up_to(chat, 1))["type"], "ok");
    CHECK_EQ(laptop.expect_type("sync.read")["lastReadSeq"], 1);
    // What is read has been delivered, and nothing had said so.
    CHECK_EQ(alice.expect_type("message.delivered")["seq"], 1);
    CHECK_FALSE(alice.has_seen("message.read"));
    CHECK_EQ(receipt_of(alice, chat), Json{{"userId", "bob"}, {"deliveredSeq", 1}});
    CHECK_EQ(cursors_of(alice, chat)["bob"], Json{{"deliveredSeq", 1}});
  }
}

TEST_CASE("who hides what they have read does not see what others have") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards);
    server.start();
    TestClient alice = server.connect("alice");
    TestClient bob = server.connect("bob");
    const std::string chat = chat_of(alice, bob);
    CHECK_EQ(alice.ask(settings({{"readReceipts", false}}))["type"], "ok");
    bob.ask({{"type", "message.received"}, {"conversationId", chat}, {"seq", 1}});
    CHECK_EQ(alice.expect_type("message.delivered")["seq"], 1);
    bob.ask(read_up_to(chat, 1));
    CHECK_FALSE(alice.has_seen("message.read"));
    CHECK_FALSE(alice.has_seen("message.delivered"));
    CHECK_FALSE(receipt_of(alice, chat).contains("readSeq"));
    CHECK_FALSE(cursors_of(alice, chat)["bob"].contains("readSeq"));
    CHECK_EQ(alice.ask(settings({{"readReceipts", true}}))["type"], "ok");
    CHECK_EQ(receipt_of(alice, chat)["readSeq"], 1);
    CHECK_EQ(cursors_of(alice, chat)["bob"]["readSeq"], 1);
  }
}

TEST_CASE("what the host changes holds at once when it tells, and otherwise when what was known runs out") {
  TestServer server(2);
  server.options.gateway.idleTimeout = 1h;
  server.options.gateway.heartbeat = 1h;
  server.start();
  TestClient alice = server.connect("alice");
  TestClient bob = server.connect("bob");
  const std::string chat = chat_of(alice, bob);
  bob.ask(read_up_to(chat, 1));
  CHECK_EQ(alice.expect_type("message.read")["seq"], 1);
  User user;
  user.userId = "bob";
  user.readReceipts = false;
  put_user(server, user);
  server.server->settings_changed("bob");
  server.clock.advance(1s);
  chat_of(alice, bob, "m2");
  bob.ask(read_up_to(chat, 2));
  CHECK_EQ(alice.expect_type("message.delivered")["seq"], 2);
  CHECK_FALSE(alice.has_seen("message.read"));
  user.readReceipts = true;
  put_user(server, user);
  CHECK_FALSE(receipt_of(alice, chat).contains("readSeq"));
  server.clock.advance(server.options.engine.settingsCache + 1s);
  CHECK_EQ(receipt_of(alice, chat)["readSeq"], 2);
}

TEST_CASE("a receipt asks the directory nothing once it is known who shows what") {
  TestServer server(1, PortCall::users);
  server.start();
  TestClient alice = server.connect("alice");
  TestClient bob = server.connect("bob");
  std::string chat;
  for (int seq = 1; seq <= 20; ++seq) {
    chat = chat_of(alice, bob, "m" + std::to_string(seq));
    const auto asked = server.plan.calls();
    bob.ask(read_up_to(chat, seq));
    alice.expect_type("message.read");
    if (seq > 1) CHECK_EQ(server.plan.calls(), asked);
    server.clock.advance(1s);
  }
}

TEST_CASE("what cannot be found out is not shown") {
  TestServer server(1, PortCall::users);
  server.start();
  TestClient alice = server.connect("alice");
  TestClient bob = server.connect("bob");
  const std::string chat = chat_of(alice, bob);
  server.plan.fail_from(server.plan.calls() + 1, Fault::refused);
  bob.ask(read_up_to(chat, 1));
  CHECK_EQ(alice.expect_type("message.delivered")["seq"], 1);
  CHECK_FALSE(alice.has_seen("message.read"));
}

TEST_CASE("what could not be found out at first is shown") {
  TestServer server(1, PortCall::users);
  server.start();
  TestClient alice = server.connect("alice");
  TestClient bob = server.connect("bob");
  const std::string chat = chat_of(alice, bob);
  const auto asked = server.plan.calls();
  for (const int call : {1, 2}) server.plan.fail(asked + call, Fault::refused);
  bob.ask(read_up_to(chat, 1));
  CHECK_EQ(alice.expect_type("message.read")["seq"], 1);
  CHECK_EQ(server.plan.failed(), 2);
}

TEST_CASE("settings that could not even be read make nobody look at the user anew") {
  TestServer server(1, PortCall::users);
  server.start();
  TestClient alice = server.connect("alice");
  TestClient bob = server.connect("bob");
  CHECK_EQ(alice.ask({{"type", "presence.subscribe"}, {"users", {"bob"}}})["users"][0]["status"], "online");
  const auto asked = server.plan.calls();
  server.plan.fail(asked + 1, Fault::refused);
  CHECK_EQ(bob.ask(settings({{"readReceipts", false}}))["code"], "unavailable");
  // Had the watchers been looked at while nothing could be read, bob would have been shown offline.
  CHECK_EQ(alice.ask({{"type", "presence.get"}, {"users", {"bob"}}})["users"][0]["status"], "online");
  CHECK_EQ(server.plan.calls(), asked + 2);
}

TEST_CASE("watchers are told what a change of the settings lets them see") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards);
    server.start();
    TestClient alice = server.connect("alice");
    TestClient bob = server.connect("bob");
    CHECK_EQ(alice.ask({{"type", "presence.subscribe"}, {"users", {"bob"}}})["users"][0]["status"], "online");
    bob.ask(settings({{"online", "nobody"}}));
    const Json gone = alice.expect_type("presence.update");
    CHECK_EQ(gone["status"], "offline");
    CHECK_FALSE(gone.contains("lastSeen"));
    CHECK_EQ(alice.ask({{"type", "presence.get"}, {"users", {"bob"}}})["users"][0]["status"], "offline");
    bob.ask(settings({{"online", "everyone"}, {"lastSeen", "contacts"}}));
    CHECK_EQ(alice.expect_type("presence.update")["status"], "online");
    // Only when bob was last seen is for contacts.
    CHECK_EQ(alice.ask({{"type", "presence.get"}, {"users", {"bob"}}})["users"][0]["status"], "online");
  }
}

TEST_CASE("two devices that change different settings do not undo each other's change") {
  TestServer server(2);
  server.start();
  TestClient phone = server.connect("alice", "phone");
  TestClient tablet = server.connect("alice", "tablet");
  std::vector<Json> changes;
  for (const char* audience : {"nobody", "contacts", "everyone"})
    changes.push_back({{"type", "settings.update"}, {"lastSeen", audience}});
  phone.send_all(changes);
  CHECK_EQ(tablet.ask(settings({{"readReceipts", false}}))["type"], "ok");
  CHECK_EQ(phone.ask(settings({{"lastSeen", "contacts"}}))["type"], "ok");
  const Json now = tablet.ask({{"type", "settings.get"}});
  CHECK_EQ(now["readReceipts"], false);
  CHECK_EQ(now["lastSeen"], "contacts");
  CHECK_EQ(now["online"], "everyone");
}

}  // namespace chatcore::faulttest
