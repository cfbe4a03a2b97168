#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "client/encode.hpp"

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
