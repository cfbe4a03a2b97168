#include "client/decode_pages.hpp"

#include <doctest/doctest.h>

using namespace chatcore;
using namespace chatcore::client;

TEST_CASE("the list of devices") {
  const auto devices = decode_devices(
      R"({"type":"devices.page","id":1,"devices":[{"deviceId":"phone","lastActive":5,"online":true,"current":true},
          7,{"deviceId":"tablet","platform":"ios","online":false,"primary":true}]})");
  REQUIRE(devices);
  REQUIRE(devices->size() == 2);
  CHECK((*devices)[0].deviceId == "phone");
  CHECK((*devices)[0].lastActive == 5);
  CHECK((*devices)[0].online);
  CHECK((*devices)[0].current);
  CHECK_FALSE((*devices)[0].primary);
  CHECK((*devices)[1].platform == "ios");
  CHECK((*devices)[1].primary);
}

TEST_CASE("a page of receipts tells hidden from nothing") {
  const auto page = decode_receipts(
      R"({"type":"receipts.page","conversationId":"c","members":[{"userId":"bob","deliveredSeq":2,"readSeq":0},
          {"userId":"carol","deliveredSeq":1}],"cursor":"carol","more":true})");
  REQUIRE(page);
  REQUIRE(page->members.size() == 2);
  CHECK(page->members[0].deliveredSeq == 2);
  CHECK(page->members[0].readSeq == Seq{0});
  CHECK(page->members[1].userId == "carol");
  CHECK_FALSE(page->members[1].readSeq);
  CHECK(page->cursor == "carol");
  CHECK(page->more);
}

TEST_CASE("a page of members") {
  const auto page = decode_members(
      R"({"type":"members.page","conversationId":"c","members":[{"userId":"bob","role":"owner","joinSeq":4}],
          "more":false})");
  REQUIRE(page);
  CHECK(page->conversationId == "c");
  REQUIRE(page->members.size() == 1);
  CHECK(page->members[0].role == Role::owner);
  CHECK(page->members[0].joinSeq == 4);
  CHECK_FALSE(page->more);
}

TEST_CASE("a page of conversations") {
  const auto page = decode_conversations(R"({"type":"conversations.page","conversations":[
      {"conversationId":"dm.x","conversationType":"direct","peer":"alice","role":"member","headSeq":1,"readSeq":0,
       "unread":1,"lastMessage":{"event":"message","conversationId":"dm.x","messageId":"77","seq":1,
       "senderId":"alice","content":"hi","timestamp":5},"muted":true,"mutedUntil":9,"archived":false,"pinned":true},
      {"conversationId":"news","conversationType":"group","name":"News","role":"owner","headSeq":3,"readSeq":3,
       "unread":0,"expiresInSeconds":60,"permissions":{"send":"admins","add":"everyone","edit":"admins",
       "pin":"admins"},"history":"all","slowModeSeconds":30}],"cursor":"next","token":"t","more":true})");
  REQUIRE(page);
  REQUIRE(page->conversations.size() == 2);
  const ConversationEntry& direct = page->conversations[0];
  CHECK(direct.kind == ConversationKind::direct);
  CHECK(direct.peer == "alice");
  CHECK(direct.unread == 1);
  REQUIRE(direct.lastMessage);
  CHECK(direct.lastMessage->messageId == 77);
  CHECK(direct.lastMessage->text == "hi");
  CHECK(direct.preferences == Preferences{9, false, true});
  const ConversationEntry& group = page->conversations[1];
  CHECK(group.kind == ConversationKind::group);
  CHECK(group.name == "News");
  CHECK(group.role == Role::owner);
  CHECK_FALSE(group.lastMessage);
  CHECK(group.expiresInSeconds == 60);
  CHECK(group.settings ==
        GroupSettings{{Permission::admins, Permission::everyone}, HistoryVisibility::all, 30});
  CHECK(page->cursor == "next");
  CHECK(page->more);
}

TEST_CASE("how users are now") {
  const auto users = decode_presence_state(
      R"({"type":"presence.state","users":[{"userId":"bob","status":"dnd","text":"busy"},
          {"userId":"carol","status":"offline","lastSeen":5}]})");
  REQUIRE(users);
  REQUIRE(users->size() == 2);
  CHECK((*users)[0].availability == Availability::dnd);
  CHECK((*users)[0].text == "busy");
  CHECK_FALSE((*users)[1].online);
  CHECK((*users)[1].lastSeen == 5);
}

TEST_CASE("another answer is no page") {
  for (const char* text : {R"({"type":"ok"})", "nonsense", "[]", R"({"type":7})"}) {
    CAPTURE(text);
    CHECK_FALSE(decode_devices(text));
    CHECK_FALSE(decode_receipts(text));
    CHECK_FALSE(decode_members(text));
    CHECK_FALSE(decode_conversations(text));
    CHECK_FALSE(decode_presence_state(text));
    CHECK_FALSE(decode_settings_answer(text));
    CHECK_FALSE(decode_history(text));
  }
}

TEST_CASE("pages whose parts are of the wrong type are empty and do no harm") {
  CHECK(decode_devices(R"({"type":"devices.page","devices":{}})")->empty());
  CHECK(decode_receipts(R"({"type":"receipts.page","members":[1,null,[]]})")->members.empty());
  const auto page = decode_conversations(
      R"({"type":"conversations.page","conversations":[{"lastMessage":7,"permissions":[],"mutedUntil":-1}]})");
  REQUIRE(page->conversations.size() == 1);
  CHECK_FALSE(page->conversations[0].lastMessage);
  CHECK(page->conversations[0].preferences == Preferences{});
}
