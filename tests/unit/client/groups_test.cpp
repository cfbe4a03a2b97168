#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "client/decode_groups.hpp"
#include "client/encode.hpp"
#include "driver.hpp"

using namespace chatcore;
using namespace chatcore::client;
using nlohmann::json;

TEST_CASE("a new group names the settings that are not the default ones") {
  NewGroup group{"g", "Family", {"bob"}};
  const json plain = json::parse(encode_create(group, "u"));
  CHECK(plain == json{{"type", "conversation.create"},
                      {"clientMsgId", "u"},
                      {"conversationId", "g"},
                      {"name", "Family"},
                      {"members", {"bob"}}});
  group.settings.permissions.send = Permission::admins;
  group.settings.history = HistoryVisibility::all;
  group.settings.slowModeSeconds = 30;
  group.expiresInSeconds = 60;
  json wanted = plain;
  wanted["permissions"] = {{"send", "admins"}, {"add", "admins"}, {"edit", "admins"}, {"pin", "admins"}};
  wanted["history"] = "all";
  wanted["slowModeSeconds"] = 30;
  wanted["expiresInSeconds"] = 60;
  CHECK(json::parse(encode_create(group, "u")) == wanted);
}

TEST_CASE("a change of a group names what changes") {
  const json head{{"type", "conversation.update"}, {"conversationId", "g"}, {"clientMsgId", "u"}};
  const auto check = [&](const GroupChange& change, const json& more) {
    json wanted = head;
    wanted.update(more);
    CHECK(json::parse(encode_update("g", change, "u")) == wanted);
  };
  check({}, json::object());
  check({.name = "a \"b\""}, {{"name", "a \"b\""}});
  check({.expiresInSeconds = 0}, {{"expiresInSeconds", 0}});
  check(
      {.permissions = GroupPermissions{Permission::everyone, Permission::everyone}},
      {{"permissions", {{"send", "everyone"}, {"add", "everyone"}, {"edit", "admins"}, {"pin", "admins"}}}});
  check({.history = HistoryVisibility::joined, .slowModeSeconds = 0},
        {{"history", "joined"}, {"slowModeSeconds", 0}});
}

TEST_CASE("roles, the end of a group, and what one wants of a conversation") {
  CHECK(json::parse(encode_set_role("g", "bob", Role::owner, "u")) == json{{"type", "conversation.setRole"},
                                                                           {"conversationId", "g"},
                                                                           {"clientMsgId", "u"},
                                                                           {"userId", "bob"},
                                                                           {"role", "owner"}});
  CHECK(json::parse(encode_delete_group("g", "u")) ==
        json{{"type", "conversation.delete"}, {"conversationId", "g"}, {"clientMsgId", "u"}});
  CHECK(json::parse(encode_archive("g", false)) ==
        json{{"type", "conversation.archive"}, {"conversationId", "g"}, {"archived", false}});
  CHECK(json::parse(encode_pin("g", true)) ==
        json{{"type", "conversation.pin"}, {"conversationId", "g"}, {"pinned", true}});
}

TEST_CASE("members, receipts, devices and mutes are asked for by name") {
  CHECK(json::parse(encode_members_change("conversation.addMembers", "g", {"bob"}, "u")) ==
        json{{"type", "conversation.addMembers"},
             {"conversationId", "g"},
             {"clientMsgId", "u"},
             {"members", {"bob"}}});
  CHECK(json::parse(encode_leave("g", "u")) ==
        json{{"type", "conversation.leave"}, {"conversationId", "g"}, {"clientMsgId", "u"}});
  CHECK(json::parse(encode_clear({"g", 1, 7})) ==
        json{{"type", "conversation.clear"}, {"conversationId", "g"}, {"seq", 7}});
  CHECK(json::parse(encode_clear({"g", 2, 7}))["epoch"] == 2);
  CHECK(json::parse(encode_mute("g", 0)) ==
        json{{"type", "conversation.mute"}, {"conversationId", "g"}, {"until", 0}});
  CHECK(json::parse(encode_remove_device("tablet")) ==
        json{{"type", "devices.remove"}, {"deviceId", "tablet"}});
  CHECK(json::parse(encode_conversations({})) == json{{"type", "conversations.list"}, {"limit", 50}});
  CHECK(json::parse(encode_conversations({"next", 3})) ==
        json{{"type", "conversations.list"}, {"limit", 3}, {"cursor", "next"}});
  CHECK(json::parse(encode_receipts({"g", 7, {}, 9})) ==
        json{{"type", "receipts.get"}, {"conversationId", "g"}, {"limit", 9}, {"seq", 7}});
  CHECK(json::parse(encode_members({"g", "bob", 9})) ==
        json{{"type", "conversation.members"}, {"conversationId", "g"}, {"limit", 9}, {"cursor", "bob"}});
}

TEST_CASE("messages are pinned by request, and who is told hears which") {
  using Kind = ConversationChange::Kind;
  CHECK(json::parse(encode_pin_message("g", 42, true, "u")) == json{{"type", "message.pin"},
                                                                    {"conversationId", "g"},
                                                                    {"messageId", "42"},
                                                                    {"op", "add"},
                                                                    {"clientMsgId", "u"}});
  CHECK(json::parse(encode_pin_message("g", 42, false, "u")).at("op") == "remove");
  const auto decoded = [](const char* pin) {
    const json data{{"conversationId", "g"}, {"seq", 5}, {"by", "bob"}, {"pinnedMessage", json::parse(pin)}};
    return decode_conversation_change("conversation.updated", data);
  };
  const auto pinned = decoded(R"({"op":"add","messageId":"42","seq":3})");
  REQUIRE(pinned);
  CHECK(pinned->kind == Kind::message_pinned);
  CHECK(pinned->pinned == PinnedMessage{42, 3, 0});
  CHECK(pinned->by == "bob");
  const auto unpinned = decoded(R"({"op":"remove","messageId":"42"})");
  REQUIRE(unpinned);
  CHECK(unpinned->kind == Kind::message_unpinned);
  CHECK(unpinned->pinned == PinnedMessage{42, 0, 0});
}

TEST_CASE("what became of a group is told in order, each once") {
  using Kind = ConversationChange::Kind;
  testing::Driver driver;
  driver.go_online();
  const auto live = [&](const char* type, Seq seq, const char* more) {
    json data = json::parse(more);
    data.update(json{{"conversationId", "g"}, {"seq", seq}, {"messageId", "9"}, {"clientMsgId", "u"}});
    driver.reply(json{{"type", type}, {"data", data}});
  };
  live("conversation.created", 1,
       R"({"name":"Family","createdBy":"alice","permissions":{"send":"admins","add":"admins","edit":"admins",
           "pin":"admins"},"history":"all","memberCount":2,"members":["alice","bob"],"timestamp":5})");
  live("conversation.member", 2, R"({"op":"added","userIds":["carol","dave"],"by":"alice"})");
  live("conversation.member", 4, R"({"op":"left","userIds":["alice"],"by":"alice","newOwner":"bob"})");
  live("conversation.member", 3, R"({"op":"role","userIds":["bob"],"by":"alice","role":"admin"})");
  live("conversation.updated", 5, R"({"by":"bob","slowModeSeconds":30,"expiresInSeconds":0})");
  live("conversation.member", 6, R"({"op":"removed","userIds":["carol"],"by":"bob"})");
  live("conversation.member", 7, R"({"op":"deleted","by":"bob"})");
  live("conversation.member", 7, R"({"op":"deleted","by":"bob"})");
  CHECK(driver.events.empty());
  const auto& told = driver.conversationChanges;
  REQUIRE(told.size() == 7);
  CHECK(driver.shown["g"] == testing::Seqs{1, 2, 3, 4, 5, 6, 7});
  CHECK(told[0].kind == Kind::created);
  CHECK(told[0].by == "alice");
  CHECK(told[0].messageId == 9);
  CHECK(told[0].timestamp == 5);
  CHECK(told[0].memberCount == 2);
  CHECK(told[0].users == std::vector<UserId>{"alice", "bob"});
  CHECK(told[0].now.name == "Family");
  CHECK(told[0].now.permissions == GroupPermissions{Permission::admins});
  CHECK(told[0].now.history == HistoryVisibility::all);
  CHECK_FALSE(told[0].now.slowModeSeconds);
  CHECK(told[1].kind == Kind::added);
  CHECK(told[1].users.size() == 2);
  CHECK(told[2].kind == Kind::role_changed);
  CHECK(told[2].role == Role::admin);
  CHECK(told[3].kind == Kind::left);
  CHECK(told[3].newOwner == "bob");
  CHECK(told[4].kind == Kind::updated);
  CHECK(told[4].now.slowModeSeconds == 30);
  CHECK(told[4].now.expiresInSeconds == 0);
  CHECK_FALSE(told[4].now.name);
  CHECK(told[5].kind == Kind::removed);
  CHECK(told[6].kind == Kind::deleted);
}

TEST_CASE("what happens to a conversation is confirmed, but for the end of one's own part in it") {
  const auto confirmed = [](const char* op, const char* user) {
    testing::Driver driver;
    driver.go_online(json::array({testing::Driver::range(1, 1, 1)}));
    driver.take_all("message.received");
    driver.reply(json{
        {"type", "conversation.member"},
        {"data", {{"conversationId", "c1"}, {"seq", 2}, {"op", op}, {"userIds", {user}}, {"by", "bob"}}}});
    driver.pass(20);
    const auto frames = driver.take_all("message.received");
    return !frames.empty() && frames.back().at("seq") == 2;
  };
  CHECK(confirmed("added", "carol"));
  CHECK(confirmed("removed", "carol"));
  CHECK(confirmed("left", "bob"));
  CHECK_FALSE(confirmed("removed", "alice"));
  CHECK_FALSE(confirmed("left", "alice"));
  CHECK_FALSE(confirmed("deleted", ""));
}

TEST_CASE("what a later server does to members is handed on as it is, and its number counts") {
  testing::Driver driver;
  driver.go_online(json::array({testing::Driver::range(1, 1, 1)}));
  driver.from_server(
      R"({"type":"conversation.member","data":{"conversationId":"c1","seq":2,"op":"promoted","userIds":["bob"]}})");
  CHECK(driver.conversationChanges.empty());
  REQUIRE(driver.events.size() == 1);
  CHECK(driver.events[0].at("data").at("op") == "promoted");
  CHECK(driver.state.watermarks().front().seq == 2);
}
