#include <doctest/doctest.h>

#include <array>
#include <nlohmann/json.hpp>

#include "protocol/encode.hpp"
#include "protocol/event_content.hpp"

using namespace chatcore;
using namespace chatcore::protocol;
using nlohmann::json;

namespace {

template <class Encode>
json written(Encode&& encode) {
  // What stands in the buffer already must be left alone.
  std::string out = "before";
  encode(out);
  REQUIRE(out.starts_with("before"));
  return json::parse(out.substr(6));
}

const RequestId kSeven = RequestId::number(7);

Event message() {
  Event event;
  event.seq = 42;
  event.messageId = 18446744073709551615ULL;
  event.timestamp = 1700000000123;
  event.senderId = "alice";
  event.senderDeviceId = "phone";
  event.clientMsgId = "u-1";
  event.content = R"({ "a" : "\u00e9" })";
  return event;
}

json message_data() {
  return {{"conversationId", "c1"}, {"messageId", "18446744073709551615"}, {"seq", 42},
          {"senderId", "alice"},    {"senderDeviceId", "phone"},           {"clientMsgId", "u-1"},
          {"messageType", "text"},  {"content", {{"a", "\xC3\xA9"}}},      {"timestamp", 1700000000123}};
}

}  // namespace

TEST_CASE("welcome") {
  const std::array<std::string_view, 2> features = {"sync", "history"};
  const Welcome welcome{"alice", "phone", "s\"1", "srv", 99, features, 30, 16384, 65536};
  CHECK(written([&](auto& out) { append_welcome(out, kSeven, welcome); }) ==
        json{{"type", "welcome"},
             {"id", 7},
             {"userId", "alice"},
             {"deviceId", "phone"},
             {"sessionId", "s\"1"},
             {"serverId", "srv"},
             {"serverTime", 99},
             {"protocol", 1},
             {"features", {"sync", "history"}},
             {"heartbeatSeconds", 30},
             {"limits", {{"contentBytes", 16384}, {"frameBytes", 65536}}}});
}

TEST_CASE("welcome says of which types of message more or less is taken") {
  Welcome welcome{"alice", "phone", "s", "srv", 99, {}, 30, 16384, 65536};
  welcome.contentBytesOf = {16384, 4096, 0, 0, 0, 0, 0, 60000};
  CHECK(written([&](auto& out) { append_welcome(out, {}, welcome); })["limits"] ==
        json{{"contentBytes", 16384},
             {"frameBytes", 65536},
             {"contentBytesByType", {{"image", 4096}, {"custom", 60000}}}});
}

TEST_CASE("pong and ok repeat the id if there is one") {
  CHECK(written([](auto& out) { append_presence_pong(out, {}); }) == json{{"type", "presence.pong"}});
  CHECK(written([](auto& out) { append_presence_pong(out, kSeven); }) ==
        json{{"type", "presence.pong"}, {"id", 7}});
  CHECK(written([](auto& out) { append_ok(out, RequestId::text("a\"")); }) ==
        json{{"type", "ok"}, {"id", "a\""}});
}

TEST_CASE("an error says what, whether to retry, and when") {
  const Error limited{ErrorCode::rate_limited, "slow \"down\"\n", std::chrono::milliseconds(500)};
  CHECK(written([&](auto& out) { append_error(out, kSeven, "u-1", limited); }) ==
        json{{"type", "error"},
             {"id", 7},
             {"clientMsgId", "u-1"},
             {"code", "rate_limited"},
             {"message", "slow \"down\"\n"},
             {"temporary", true},
             {"retryAfterMs", 500}});
  const Error conflict{ErrorCode::idempotency_conflict, "m", {}};
  CHECK(written([&](auto& out) { append_error(out, {}, {}, conflict, original_details({5, 2, 77, 88})); }) ==
        json{{"type", "error"},
             {"code", "idempotency_conflict"},
             {"message", "m"},
             {"temporary", false},
             {"details", {{"messageId", "77"}, {"seq", 5}, {"epoch", 2}, {"timestamp", 88}}}});
}

TEST_CASE("what goes wrong inside is not told outside") {
  const auto told = [](ErrorCode code) {
    return written([&](auto& out) { append_error(out, {}, {}, Error{code, "/var/lib/secret", {}}); });
  };
  for (ErrorCode code :
       {ErrorCode::invalid_argument, ErrorCode::io_error, ErrorCode::corrupted, ErrorCode::out_of_range}) {
    CHECK(told(code) ==
          json{{"type", "error"}, {"code", "internal"}, {"message", "internal error"}, {"temporary", false}});
  }
  for (ErrorCode code : {ErrorCode::fenced, ErrorCode::cancelled}) {
    CHECK(told(code) ==
          json{{"type", "error"}, {"code", "unavailable"}, {"message", "try again"}, {"temporary", true}});
  }
}

TEST_CASE("message.sent") {
  CHECK(written([](auto& out) { append_message_sent(out, kSeven, "u-1", "c1", {42, 1, 9, 5}, false); }) ==
        json{{"type", "message.sent"},
             {"id", 7},
             {"clientMsgId", "u-1"},
             {"conversationId", "c1"},
             {"messageId", "9"},
             {"seq", 42},
             {"timestamp", 5},
             {"duplicate", false}});
  const json again =
      written([](auto& out) { append_message_sent(out, {}, "u-1", "c1", {42, 3, 9, 5}, true); });
  CHECK(again["duplicate"] == true);
  CHECK(again["epoch"] == 3);
  CHECK_FALSE(again.contains("id"));
}

TEST_CASE("message.new carries the content's bytes as they are stored") {
  std::string out;
  append_live_frame_payload(out, "c1", message());
  CHECK(out.find(R"("content":{ "a" : "\u00e9" },)") != std::string::npos);
  CHECK(json::parse(out) == json{{"type", "message.new"}, {"data", message_data()}});
}

TEST_CASE("reply, end and epoch appear where they are set, and the kind in pages") {
  Event event = message();
  event.targetId = 12;
  event.epoch = 2;
  event.expiresAt = 99;
  event.messageType = MessageType::custom;
  json expected = message_data();
  expected["replyTo"] = "12";
  expected["epoch"] = 2;
  expected["expiresAt"] = 99;
  expected["messageType"] = "custom";
  CHECK(written([&](auto& out) { append_live_frame_payload(out, "c1", event); })["data"] == expected);
  expected["event"] = "message";
  CHECK(written([&](auto& out) { append_event_data(out, "c1", event); }) == expected);
}

TEST_CASE("the first event of a group is created, later ones are updates") {
  Event event;
  event.kind = EventKind::conversation;
  event.seq = 1;
  event.messageId = 3;
  event.timestamp = 4;
  event.senderId = "alice";
  event.clientMsgId = "u";
  const std::vector<UserId> members = {"alice", "bob"};
  event.content = conversation_event_content(ConversationKind::group, "Fam", members, "alice");
  const json data = {
      {"conversationId", "g"},
      {"messageId", "3"},
      {"seq", 1},
      {"clientMsgId", "u"},
      {"timestamp", 4},
      {"conversationType", "group"},
      {"name", "Fam"},
      {"createdBy", "alice"},
      {"memberCount", 2},
      {"members", members},
      {"history", "joined"},
      {"permissions", {{"send", "everyone"}, {"add", "admins"}, {"edit", "admins"}, {"pin", "admins"}}}};
  CHECK(written([&](auto& out) { append_live_frame_payload(out, "g", event, kSeven); }) ==
        json{{"type", "conversation.created"}, {"id", 7}, {"data", data}});
  event.seq = 2;
  event.content = conversation_update_content("New", {}, "bob");
  const json updated = written([&](auto& out) { append_live_frame_payload(out, "g", event); });
  CHECK(updated["type"] == "conversation.updated");
  CHECK(updated["data"]["name"] == "New");
  CHECK(written([&](auto& out) { append_event_data(out, "g", event); })["event"] == "conversation");
}

TEST_CASE("what a user now wants of a conversation is told whole") {
  CHECK(written([](auto& out) { append_sync_preferences(out, "c1", {}); }) ==
        json{{"type", "sync.preferences"},
             {"conversationId", "c1"},
             {"mutedUntil", 0},
             {"archived", false},
             {"pinned", false}});
  const json all = written([](auto& out) { append_sync_preferences(out, "c1", {7, true, true}); });
  CHECK(all["mutedUntil"] == 7);
  CHECK(all["archived"] == true);
  CHECK(all["pinned"] == true);
}

TEST_CASE("every other kind has its live type and its name in pages") {
  struct Row {
    EventKind kind;
    const char* live;
    const char* inPage;
  };
  for (const Row& row : {Row{EventKind::member, "conversation.member", "member"},
                         Row{EventKind::tombstone, "message.deleted", "delete"},
                         Row{EventKind::reaction, "message.reaction", "reaction"}}) {
    Event event;
    event.kind = row.kind;
    event.seq = 5;
    event.content = R"("op":"added","userIds":["bob"],"by":"alice")";
    const json live = written([&](auto& out) { append_live_frame_payload(out, "g", event); });
    CHECK(live["type"] == row.live);
    CHECK(live["data"]["userIds"] == json{"bob"});
    CHECK(live["data"]["seq"] == 5);
    CHECK(written([&](auto& out) { append_event_data(out, "g", event); })["event"] == row.inPage);
    event.content.clear();
    CHECK(written([&](auto& out) { append_event_data(out, "g", event); })["seq"] == 5);
  }
}

namespace {

Event change_of(EventKind kind, std::string content) {
  Event event = message();
  event.kind = kind;
  event.targetId = 12;
  event.targetSeq = 3;
  event.content = std::move(content);
  return event;
}

json change_data() {
  json data = message_data();
  data.erase("content");
  data.erase("messageType");
  data["targetId"] = "12";
  data["targetSeq"] = 3;
  return data;
}

}  // namespace

TEST_CASE("an edit, a deletion and a reaction say who changes which message into what") {
  json data = change_data();
  data["content"] = {{"a", 1}};
  CHECK(written([](auto& out) {
          append_live_frame_payload(out, "c1", change_of(EventKind::edit, R"({ "a" :1})"));
        }) == json{{"type", "message.edited"}, {"data", data}});
  CHECK(written([](auto& out) {
          append_live_frame_payload(out, "c1", change_of(EventKind::tombstone, {}));
        }) == json{{"type", "message.deleted"}, {"data", change_data()}});
  data = change_data();
  data["emoji"] = "a\"b";
  data["op"] = "remove";
  CHECK(written([](auto& out) {
          append_live_frame_payload(out, "c1",
                                    change_of(EventKind::reaction, reaction_event_content("a\"b", false)));
        }) == json{{"type", "message.reaction"}, {"data", data}});
}

TEST_CASE("what is deleted has no content, whether it was a message or an edit") {
  Event event = message();
  event.content.clear();
  json expected = message_data();
  expected.erase("content");
  expected["deleted"] = true;
  CHECK(written([&](auto& out) { append_live_frame_payload(out, "c1", event); })["data"] == expected);
  const json edit = written([](auto& out) { append_event_data(out, "c1", change_of(EventKind::edit, {})); });
  CHECK(edit["deleted"] == true);
  CHECK_FALSE(edit.contains("content"));
}

TEST_CASE("a page shows a message as it is now") {
  MessageView view;
  json expected = message_data();
  expected["event"] = "message";
  const auto shown = [&] {
    return written([&](auto& out) { append_event_data(out, "c1", message(), &view); });
  };
  CHECK(shown() == expected);
  view.state.content = "[7]";
  view.state.editedAt = 9;
  view.state.reactions = {{"+", 2}, {"x", 1}};
  view.ownReactions = {"x"};
  expected["content"] = {7};
  expected["editedAt"] = 9;
  expected["reactions"] = {{{"emoji", "+"}, {"count", 2}}, {{"emoji", "x"}, {"count", 1}, {"mine", true}}};
  CHECK(shown() == expected);
  view.state.deletedAt = 10;
  view.state.deletedBy = "bob";
  for (const char* gone : {"content", "editedAt", "reactions"}) expected.erase(gone);
  expected.update({{"deleted", true}, {"deletedAt", 10}, {"deletedBy", "bob"}});
  CHECK(shown() == expected);
}

TEST_CASE("event.void") {
  CHECK(written([](auto& out) { append_event_void(out, "c1", 8, 1); }) ==
        json{{"type", "event.void"}, {"data", {{"conversationId", "c1"}, {"seq", 8}}}});
  CHECK(written([](auto& out) { append_event_void(out, "c1", 8, 2); })["data"]["epoch"] == 2);
}

TEST_CASE("receipts") {
  const Receipt receipt{"c1", "bob", 42, 1, 9, 5};
  CHECK(written([&](auto& out) { append_message_delivered(out, receipt); }) ==
        json{{"type", "message.delivered"},
             {"conversationId", "c1"},
             {"seq", 42},
             {"messageId", "9"},
             {"userId", "bob"},
             {"timestamp", 5}});
  CHECK(written([&](auto& out) { append_message_read(out, receipt); }) == json{{"type", "message.read"},
                                                                               {"conversationId", "c1"},
                                                                               {"seq", 42},
                                                                               {"messageId", "9"},
                                                                               {"readBy", "bob"},
                                                                               {"timestamp", 5}});
  CHECK_FALSE(
      written([](auto& out) { append_message_read(out, {"c1", "bob", 42, 1, 0, 5}); }).contains("messageId"));
  CHECK(written([](auto& out) { append_sync_deleted(out, "c1", 42, 1, 9, 3); }) ==
        json{{"type", "sync.deleted"},
             {"conversationId", "c1"},
             {"seq", 42},
             {"messageId", "9"},
             {"unread", 3}});
  CHECK(written([](auto& out) { append_sync_cleared(out, "c1", 42, 2, 3); }) ==
        json{{"type", "sync.cleared"}, {"conversationId", "c1"}, {"seq", 42}, {"epoch", 2}, {"unread", 3}});
  CHECK(written([](auto& out) { append_sync_read(out, "c1", 42, 2, 9, 3); }) ==
        json{{"type", "sync.read"},
             {"conversationId", "c1"},
             {"lastReadSeq", 42},
             {"epoch", 2},
             {"lastReadMessageId", "9"},
             {"unread", 3}});
}

TEST_CASE("typing and presence") {
  CHECK(
      written([](auto& out) { append_typing_indicator(out, "c1", "alice", true); }) ==
      json{{"type", "typing.indicator"}, {"conversationId", "c1"}, {"userId", "alice"}, {"state", "start"}});
  CHECK(written([](auto& out) { append_typing_indicator(out, "c1", "alice", false); })["state"] == "stop");
  const std::array<PresenceStatus, 2> users = {PresenceStatus{"bob", true, 0},
                                               PresenceStatus{"carol", false, 99}};
  CHECK(written([&](auto& out) { append_presence_state(out, kSeven, users); }) ==
        json{{"type", "presence.state"},
             {"id", 7},
             {"users",
              {{{"userId", "bob"}, {"status", "online"}},
               {{"userId", "carol"}, {"status", "offline"}, {"lastSeen", 99}}}}});
  CHECK(written([](auto& out) { append_presence_state(out, {}, {}); }) ==
        json{{"type", "presence.state"}, {"users", json::array()}});
  CHECK(written([&](auto& out) { append_presence_update(out, users[1]); }) ==
        json{{"type", "presence.update"}, {"userId", "carol"}, {"status", "offline"}, {"lastSeen", 99}});
}

TEST_CASE("a status stands beside who is online only") {
  PresenceStatus bob{"bob", true, 0, Availability::dnd, "a\"b"};
  CHECK(written([&](auto& out) { append_presence_update(out, bob); }) ==
        json{{"type", "presence.update"}, {"userId", "bob"}, {"status", "dnd"}, {"text", "a\"b"}});
  bob.online = false;
  CHECK(written([&](auto& out) { append_presence_update(out, bob); }) ==
        json{{"type", "presence.update"}, {"userId", "bob"}, {"status", "offline"}});
}

TEST_CASE("contacts, blocks, profile, and what of an account has changed") {
  const std::vector<UserId> users{"bob", "carol"};
  CHECK(written([&](auto& out) {
          append_users_page(out, RequestId::number(7), "contacts", users, "carol", true);
        }) ==
        json{{"type", "contacts.page"}, {"id", 7}, {"users", users}, {"cursor", "carol"}, {"more", true}});
  CHECK(written([&](auto& out) { append_users_page(out, {}, "blocks", {}, {}, false); }) ==
        json{{"type", "blocks.page"}, {"users", json::array()}, {"more", false}});
  CHECK(written([&](auto& out) { append_users_changed(out, "blocks", true, users); }) ==
        json{{"type", "blocks.changed"}, {"added", users}});
  CHECK(written([&](auto& out) { append_users_changed(out, "contacts", false, users); }) ==
        json{{"type", "contacts.changed"}, {"removed", users}});
  CHECK(written([&](auto& out) { append_profile(out, {}, "bob", "B\"b\n"); }) ==
        json{{"type", "profile"}, {"userId", "bob"}, {"displayName", "B\"b\n"}});
  CHECK(written([&](auto& out) { append_account_changed(out, AccountSection::devices); }) ==
        json{{"type", "account.changed"}, {"account", {"devices"}}});
}

TEST_CASE("settings") {
  CHECK(written([](auto& out) { append_settings(out, {}, {false, Audience::contacts, Audience::nobody}); }) ==
        json{{"type", "settings"}, {"readReceipts", false}, {"lastSeen", "contacts"}, {"online", "nobody"}});
}

TEST_CASE("system.alert") {
  CHECK(written([](auto& out) { append_system_alert(out, R"({"text":"x"})"); }) ==
        json{{"type", "system.alert"}, {"data", {{"text", "x"}}}});
}
