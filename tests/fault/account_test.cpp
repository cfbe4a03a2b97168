#include <doctest/doctest.h>

#include "test_server.hpp"

namespace chatcore::faulttest {

namespace {

Json change(const std::string& type, const std::vector<std::string>& users) {
  return {{"type", type}, {"users", users}};
}

Json list_of(TestClient& client, const std::string& list) {
  const Json page = client.ask({{"type", list + ".list"}});
  REQUIRE_EQ(page["type"], list + ".page");
  return page["users"];
}

/// From where a device that goes now will go on.
std::string token_of(TestClient& client) {
  return client.ask({{"type", "sync"}, {"watermarks", Json::object()}})["token"];
}

Json page_since(TestClient& client, const std::string& token) {
  const Json page = client.ask({{"type", "sync"}, {"since", token}});
  REQUIRE_EQ(page["type"], "sync.page");
  return page;
}

Json sections_since(TestClient& client, const std::string& token) {
  return page_since(client, token).value("account", Json::array());
}

std::vector<std::string> many(std::size_t count) {
  std::vector<std::string> users;
  for (std::size_t i = 0; i < count; ++i) users.push_back("u" + std::to_string(1'000 + i));
  return users;
}

}  // namespace

TEST_CASE("contacts and blocks are lists of one's own, and the user's other devices hear what changes") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards);
    server.start();
    TestClient phone = server.connect("alice", "phone");
    TestClient tablet = server.connect("alice", "tablet");
    TestClient bob = server.connect("bob");
    for (const std::string list : {"contacts", "blocks"}) {
      CHECK_EQ(phone.ask(change(list + ".add", {"dave", "bob"}))["type"], "ok");
      CHECK_EQ(tablet.expect_type(list + ".changed"),
               Json{{"type", list + ".changed"}, {"added", {"bob", "dave"}}});
      CHECK_EQ(list_of(tablet, list), Json{"bob", "dave"});
      CHECK_EQ(tablet.ask(change(list + ".remove", {"dave", "eve"}))["type"], "ok");
      CHECK_EQ(phone.expect_type(list + ".changed")["removed"], Json{"dave", "eve"});
      CHECK_EQ(list_of(phone, list), Json{"bob"});
      CHECK_FALSE(tablet.has_seen(list + ".changed"));
    }
    CHECK(bob.settle().empty());
  }
}

TEST_CASE("a list is told page by page") {
  TestServer server(1);
  server.start();
  TestClient alice = server.connect("alice");
  CHECK_EQ(alice.ask(change("contacts.add", {"a", "b", "c"}))["type"], "ok");
  Json page = alice.ask({{"type", "contacts.list"}, {"limit", 2}});
  CHECK_EQ(page["users"], Json{"a", "b"});
  CHECK_EQ(page["more"], true);
  page = alice.ask({{"type", "contacts.list"}, {"limit", 1}, {"cursor", page["cursor"]}});
  CHECK_EQ(page["users"], Json{"c"});
  CHECK_EQ(page["more"], false);
  CHECK_FALSE(page.contains("cursor"));
}

TEST_CASE("a profile is shown to everybody and changed by its user") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards);
    server.start();
    TestClient phone = server.connect("alice", "phone");
    TestClient tablet = server.connect("alice", "tablet");
    TestClient bob = server.connect("bob");
    CHECK_EQ(phone.ask({{"type", "profile.get"}})["displayName"], "");
    CHECK_EQ(phone.ask({{"type", "profile.update"}, {"displayName", "Alice \"A\" ☀"}})["type"], "ok");
    const Json profile{{"type", "profile"}, {"userId", "alice"}, {"displayName", "Alice \"A\" ☀"}};
    CHECK_EQ(tablet.expect_type("profile"), profile);
    CHECK_EQ(bob.ask({{"type", "profile.get"}, {"userId", "alice"}})["displayName"], "Alice \"A\" ☀");
    CHECK_EQ(phone.ask({{"type", "settings.get"}})["readReceipts"], true);
    CHECK_EQ(phone.ask({{"type", "profile.update"}, {"displayName", std::string(257, 'a')}})["code"],
             "bad_request");
  }
}

TEST_CASE("a list has a bound, and so has a change of it") {
  TestServer server(1);
  server.start();
  TestClient alice = server.connect("alice");
  CHECK_EQ(alice.ask(change("blocks.add", many(101)))["code"], "too_large");
  CHECK_EQ(alice.ask(change("blocks.add", {}))["code"], "bad_request");
  CHECK_EQ(alice.ask(change("blocks.add", {"bob", "alice"}))["code"], "bad_request");
  CHECK_EQ(alice.ask(change("contacts.add", {"alice"}))["code"], "bad_request");
  CHECK(list_of(alice, "blocks").empty());
  REQUIRE(server.executor.wait<chatcore::Status>([&](Executor& here, Completion<chatcore::Status> done) {
    server.directory.set_blocks("alice", many(kMaxBlocks - 1), true, here, std::move(done));
  }));
  CHECK_EQ(alice.ask(change("blocks.add", {"x", "y"}))["code"], "too_large");
  CHECK_EQ(alice.ask(change("blocks.add", {"x"}))["type"], "ok");
  CHECK_EQ(alice.ask(change("blocks.add", {"y"}))["code"], "too_large");
}

TEST_CASE("a host whose own application keeps the account refuses the commands of a section") {
  TestServer server(1);
  server.options.engine.accountCommands = {false, false, false};
  server.start();
  TestClient alice = server.connect("alice");
  for (const char* list : {"contacts", "blocks"}) {
    for (const char* op : {".add", ".remove"})
      CHECK_EQ(alice.ask(change(std::string(list) + op, {"bob"}))["code"], "unsupported");
    CHECK_EQ(alice.ask({{"type", std::string(list) + ".list"}})["code"], "unsupported");
  }
  CHECK_EQ(alice.ask({{"type", "profile.get"}})["code"], "unsupported");
  CHECK_EQ(alice.ask({{"type", "profile.update"}, {"displayName", "A"}})["code"], "unsupported");
  CHECK_EQ(alice.ask({{"type", "settings.get"}})["type"], "settings");
  CHECK(alice.settle().empty());  // each was answered once
}

TEST_CASE("a block by command holds once it is answered, and so does its end") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards);
    server.start();
    TestClient alice = server.connect("alice");
    TestClient bob = server.connect("bob");
    REQUIRE_EQ(alice.ask(message_to("bob", "m1"))["seq"], 1);
    bob.expect_type("message.new");
    CHECK_EQ(alice.ask({{"type", "presence.subscribe"}, {"users", {"bob"}}})["users"][0]["status"], "online");
    CHECK_EQ(bob.ask(change("blocks.add", {"alice", "carol"}))["type"], "ok");
    const Json gone = alice.expect_type("presence.update");
    CHECK_EQ(gone["status"], "offline");
    CHECK_FALSE(gone.contains("lastSeen"));
    CHECK_EQ(alice.ask(message_to("bob", "m2"))["type"], "message.sent");
    CHECK_EQ(bob.expect_type("event.void")["data"]["seq"], 2);
    CHECK_EQ(bob.ask(message_to("alice", "b1"))["code"], "blocked");
    CHECK(alice.settle().empty());
    CHECK_EQ(bob.ask(change("blocks.remove", {"alice"}))["type"], "ok");
    CHECK_EQ(alice.expect_type("presence.update")["status"], "online");
    CHECK_EQ(alice.ask(message_to("bob", "m3"))["type"], "message.sent");
    CHECK_EQ(bob.expect_type("message.new")["data"]["seq"], 3);
  }
}

TEST_CASE("an answer from before a block does not undo it") {
  TestServer server(1, PortCall::blocks);
  server.start();
  TestClient alice = server.connect("alice");
  TestClient bob = server.connect("bob");
  REQUIRE_EQ(alice.ask(message_to("bob", "m1"))["seq"], 1);
  bob.expect_type("message.new");
  server.plan.fail(server.plan.calls() + 1, Fault::delayed);
  server.server->blocks_changed("bob", "alice");
  alice.settle();
  CHECK_EQ(bob.ask(change("blocks.add", {"alice"}))["type"], "ok");
  server.plan.fail_from(server.plan.calls() + 1, Fault::refused);
  server.plan.release();
  alice.settle();
  CHECK_EQ(alice.ask(message_to("bob", "m2"))["type"], "message.sent");
  CHECK_EQ(bob.expect_type("event.void")["data"]["seq"], 2);
}

TEST_CASE("who is in somebody's contacts sees at once what is for contacts, and no longer than that") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards);
    server.start();
    TestClient alice = server.connect("alice");
    TestClient bob = server.connect("bob");
    CHECK_EQ(bob.ask({{"type", "settings.update"}, {"online", "contacts"}})["type"], "ok");
    CHECK_EQ(alice.ask({{"type", "presence.subscribe"}, {"users", {"bob"}}})["users"][0]["status"],
             "offline");
    CHECK_EQ(alice.ask(change("contacts.add", {"bob"}))["type"], "ok");
    CHECK(alice.settle().empty());  // it is bob's list that counts
    CHECK_EQ(bob.ask(change("contacts.add", {"alice"}))["type"], "ok");
    CHECK_EQ(alice.expect_type("presence.update")["status"], "online");
    CHECK_EQ(bob.ask(change("contacts.remove", {"alice"}))["type"], "ok");
    CHECK_EQ(alice.expect_type("presence.update")["status"], "offline");
  }
}

TEST_CASE("watchers of whom it cannot be found out what they may see are told when it can") {
  TestServer server(1, PortCall::blocks);
  server.options.gateway.idleTimeout = 1h;
  server.options.gateway.heartbeat = 1h;
  server.start();
  TestClient alice = server.connect("alice");
  TestClient bob = server.connect("bob");
  CHECK_EQ(alice.ask({{"type", "presence.subscribe"}, {"users", {"bob"}}})["users"][0]["status"], "online");
  server.plan.fail_from(server.plan.calls() + 1, Fault::refused);
  CHECK_EQ(bob.ask(change("contacts.add", {"carol"}))["type"], "ok");
  REQUIRE(TestServer::eventually([&] { return server.plan.failed() > 0; }));
  CHECK(alice.settle().empty());
  CHECK_EQ(bob.ask({{"type", "presence.set"}, {"status", "away"}})["type"], "ok");
  CHECK(alice.settle().empty());
  server.plan.heal();
  server.clock.advance(2s);
  CHECK_EQ(alice.expect_type("presence.update")["status"], "away");
  CHECK_FALSE(alice.has_seen("presence.update"));
}

TEST_CASE("a change is answered when it is noted for the devices that are away, and not before") {
  TestServer server(1, PortCall::tell_timelines);
  server.start();
  TestClient phone = server.connect("alice", "phone");
  TestClient tablet = server.connect("alice", "tablet");
  phone.expect_type("device.added");
  server.plan.fail(server.plan.calls() + 1, Fault::delayed);
  Json add = change("contacts.add", {"bob"});
  add["id"] = 7;
  phone.send(add);
  tablet.expect_type("contacts.changed");
  CHECK(phone.settle().empty());
  server.plan.release();
  CHECK_EQ(phone.expect_answer(7)["type"], "ok");
}

TEST_CASE("a change whose note fails is made, answered as unavailable, and noted when it is sent again") {
  for (const Json& command : {change("contacts.add", {"bob"}), change("blocks.add", {"bob"}),
                              Json{{"type", "profile.update"}, {"displayName", "A"}},
                              Json{{"type", "settings.update"}, {"readReceipts", false}}}) {
    CAPTURE(command.dump());
    TestServer server(1, PortCall::tell_timelines);
    server.start();
    TestClient phone = server.connect("alice", "phone");
    TestClient tablet = server.connect("alice", "tablet");
    const std::string token = token_of(phone);
    server.plan.fail(server.plan.calls() + 1, Fault::refused);
    const Json answer = phone.ask(command);
    CHECK_EQ(answer["code"], "unavailable");
    CHECK_EQ(answer["temporary"], true);
    CHECK_EQ(tablet.settle().size(), 1);
    CHECK(sections_since(tablet, token).empty());
    CHECK_EQ(phone.ask(command)["type"], "ok");
    CHECK_EQ(sections_since(tablet, token).size(), 1);
  }
}

TEST_CASE("what may have been written all the same holds, and is noted when it is sent again") {
  TestServer server(1, PortCall::set_blocks);
  server.start();
  TestClient alice = server.connect("alice");
  TestClient bob = server.connect("bob");
  const std::string token = token_of(bob);
  REQUIRE_EQ(alice.ask(message_to("bob", "m1"))["seq"], 1);
  bob.expect_type("message.new");
  server.plan.fail(1, Fault::unknown_but_written);
  CHECK_EQ(bob.ask(change("blocks.add", {"alice"}))["code"], "unavailable");
  CHECK_EQ(alice.ask(message_to("bob", "m2"))["type"], "message.sent");
  CHECK_EQ(bob.expect_type("event.void")["data"]["seq"], 2);
  CHECK_EQ(bob.ask(change("blocks.add", {"alice"}))["type"], "ok");
  CHECK_EQ(sections_since(bob, token), Json{"blocks"});
}

TEST_CASE("a change that the directory refuses is not told to anybody") {
  TestServer server(1, PortCall::set_contacts);
  server.start();
  TestClient phone = server.connect("alice", "phone");
  TestClient tablet = server.connect("alice", "tablet");
  const std::string token = token_of(phone);
  server.plan.fail(1, Fault::refused);
  CHECK_EQ(phone.ask(change("contacts.add", {"bob"}))["code"], "unavailable");
  CHECK(tablet.settle().empty());
  CHECK(sections_since(phone, token).empty());
  CHECK(list_of(phone, "contacts").empty());
}

TEST_CASE("a user's changes wait for one another, and not too many of them") {
  TestServer server(1, PortCall::tell_timelines);
  server.start();
  TestClient phone = server.connect("alice", "phone");
  server.plan.fail(server.plan.calls() + 1, Fault::delayed);
  std::vector<Json> commands;
  for (int i = 0; i < 17; ++i) {
    commands.push_back(change(i % 2 == 0 ? "contacts.add" : "contacts.remove", {"bob"}));
    commands.back()["id"] = i;
  }
  phone.send_all(commands);
  CHECK_EQ(phone.expect_answer(16)["code"], "overloaded");
  REQUIRE(TestServer::eventually([&] { return server.plan.failed() == 1; }));
  CHECK(phone.settle().empty());  // by now the first one's note is held
  server.plan.release();
  for (int i = 0; i < 16; ++i) CHECK_EQ(phone.expect_answer(static_cast<std::uint64_t>(i))["type"], "ok");
  CHECK(list_of(phone, "contacts").empty());
}

TEST_CASE("a device that was away hears which sections have changed, once") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards);
    server.start();
    TestClient phone = server.connect("alice", "phone");
    std::string token;
    {
      TestClient tablet = server.connect("alice", "tablet");
      token = token_of(tablet);
      CHECK(sections_since(tablet, token).empty());
    }
    for (const char* user : {"bob", "carol"}) phone.ask(change("contacts.add", {user}));
    phone.ask(change("blocks.add", {"dave"}));
    phone.ask({{"type", "profile.update"}, {"displayName", "A"}});
    phone.ask({{"type", "settings.update"}, {"online", "contacts"}});
    TestClient watch = server.connect("alice", "watch");
    TestClient tablet = server.connect("alice", "tablet");
    const Json page = page_since(tablet, token);
    CHECK_EQ(page["account"], Json{"blocks", "contacts", "devices", "profile", "settings"});
    CHECK(page["conversations"].empty());
    CHECK_FALSE(page_since(tablet, page["token"]).contains("account"));
    CHECK_EQ(phone.ask({{"type", "devices.remove"}, {"deviceId", "watch"}})["type"], "ok");
    CHECK_EQ(sections_since(tablet, page["token"]), Json{"devices"});
    TestClient bob = server.connect("bob");
    CHECK(sections_since(bob, token_of(bob)).empty());
  }
}

TEST_CASE("sections are told once, on the page that has come to them") {
  TestServer server(1);
  server.start();
  TestClient alice = server.connect("alice");
  const std::string token = token_of(alice);
  // Before and behind the sections by their ids.
  for (const char* group : {"a", "b", "z"})
    alice.ask({{"type", "conversation.create"},
               {"clientMsgId", group},
               {"conversationId", group},
               {"name", "g"},
               {"members", Json::array()}});
  alice.ask(change("contacts.add", {"bob"}));
  std::vector<std::string> told;
  std::string next = token;
  for (int page = 0; page < 3; ++page) {
    const Json answer = alice.ask({{"type", "sync"}, {"since", next}, {"limit", 1}});
    REQUIRE_EQ(answer["conversations"].size(), 1);
    told.push_back(answer["conversations"][0]["conversationId"].get<std::string>() +
                   answer.value("account", Json::array()).dump());
    CHECK_EQ(answer["more"], page < 2);
    next = answer["token"];
  }
  CHECK_EQ(told, std::vector<std::string>{"a[]", "b[]", "z[\"contacts\"]"});
}

TEST_CASE("a device whose coming cannot be noted is let in all the same") {
  TestServer server(1, PortCall::tell_timelines);
  server.start();
  TestClient phone = server.connect("alice", "phone");
  server.plan.fail(server.plan.calls() + 1, Fault::refused);
  TestClient tablet = server.connect("alice", "tablet");
  CHECK_EQ(phone.expect_type("device.added")["deviceId"], "tablet");
  server.plan.fail(server.plan.calls() + 1, Fault::refused);
  CHECK_EQ(phone.ask({{"type", "devices.remove"}, {"deviceId", "tablet"}})["code"], "unavailable");
  CHECK_EQ(tablet.expect_close(), 4503);
  CHECK_EQ(phone.ask({{"type", "devices.remove"}, {"deviceId", "tablet"}})["type"], "ok");
}

TEST_CASE("a device that is forgotten for having been away too long is a change of the devices") {
  TestServer server(1);
  server.options.gateway.idleTimeout = server.options.gateway.heartbeat = 24h * 365;
  server.options.engine.deviceInactivityDays = 1;
  server.start();
  TestClient phone = server.connect("alice", "phone");
  server.connect("alice", "tablet").disconnect();
  REQUIRE(server.leaves("alice", 1));
  const std::string token = token_of(phone);
  server.clock.advance(48h);
  CHECK_EQ(phone.ask({{"type", "devices.list"}})["devices"].size(), 1);
  phone.expect_type("device.removed");
  CHECK(TestServer::eventually([&] { return sections_since(phone, token) == Json{"devices"}; }));
}

TEST_CASE("what the host changes is told to the devices that are there, and noted for those that are not") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards);
    server.start();
    TestClient alice = server.connect("alice");
    TestClient bob = server.connect("bob");
    const std::string token = token_of(bob);
    bob.ask({{"type", "settings.update"}, {"online", "contacts"}});
    const std::string later = page_since(bob, token)["token"];
    CHECK_EQ(alice.ask({{"type", "presence.subscribe"}, {"users", {"bob"}}})["users"][0]["status"],
             "offline");
    REQUIRE(server.executor.wait<chatcore::Status>([&](Executor& here, Completion<chatcore::Status> done) {
      server.directory.set_contact("bob", "alice", true, here, std::move(done));
    }));
    server.server->account_changed("bob", AccountSection::contacts);
    CHECK_EQ(alice.expect_type("presence.update")["status"], "online");
    CHECK_EQ(bob.expect_type("account.changed")["account"], Json{"contacts"});
    CHECK_EQ(sections_since(bob, later), Json{"contacts"});
    server.server->account_changed("not an id", AccountSection::contacts);
    CHECK(alice.settle().empty());
    CHECK_FALSE(server.log.contains("not noted"));
  }
}

TEST_CASE("who blocks somebody sees them no more either") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards);
    server.start();
    TestClient alice = server.connect("alice");
    TestClient bob = server.connect("bob");
    CHECK_EQ(bob.ask({{"type", "presence.subscribe"}, {"users", {"alice"}}})["users"][0]["status"], "online");
    CHECK_EQ(bob.ask(change("blocks.add", {"alice"}))["type"], "ok");
    CHECK_EQ(bob.expect_type("presence.update")["status"], "offline");
    CHECK_EQ(bob.ask(change("blocks.remove", {"alice"}))["type"], "ok");
    CHECK_EQ(bob.expect_type("presence.update")["status"], "online");
  }
}

TEST_CASE("settings that the host changes and tells hold for watchers at once") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards);
    server.start();
    TestClient alice = server.connect("alice");
    TestClient bob = server.connect("bob");
    CHECK_EQ(alice.ask({{"type", "presence.subscribe"}, {"users", {"bob"}}})["users"][0]["status"], "online");
    User hidden;
    hidden.userId = "bob";
    hidden.onlineAudience = Audience::nobody;
    REQUIRE(server.executor.wait<chatcore::Status>([&](Executor& here, Completion<chatcore::Status> done) {
      server.directory.put_user(hidden, here, std::move(done));
    }));
    server.server->account_changed("bob", AccountSection::settings);
    CHECK_EQ(alice.expect_type("presence.update")["status"], "offline");
  }
}

}  // namespace chatcore::faulttest
