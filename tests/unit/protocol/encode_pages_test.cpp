#include <doctest/doctest.h>

#include <array>
#include <nlohmann/json.hpp>

#include "protocol/encode.hpp"

using namespace chatcore;
using namespace chatcore::protocol;
using nlohmann::json;

namespace {

const RequestId kSeven = RequestId::number(7);

Event message(Seq seq) {
  Event event;
  event.seq = seq;
  event.messageId = seq + 100;
  event.senderId = "alice";
  event.senderDeviceId = "phone";
  event.clientMsgId = "u";
  event.content = "[1]";
  return event;
}

json as_json(const Event& event) {
  std::string out;
  append_event_data(out, "c1", event);
  return json::parse(out);
}

}  // namespace

TEST_CASE("a sync page holds conversations, removed ones, and where to go on") {
  const std::array<MemberCursor, 2> cursors = {MemberCursor{"bob", 41, 40}, MemberCursor{"carol", 9, 8}};
  const std::array<Seq, 2> hidden = {3, 5};
  std::string out;
  begin_sync_page(out, kSeven);
  begin_sync_conversation(out, "c1");
  append_page_event(out, "c1", message(42));
  append_page_event(out, "c1", message(43));
  end_sync_conversation(out, {60, 42, 43, 1, 1, true, 40, 3, {}, {}, cursors, {}});
  append_removed_conversation(out, "gone");
  begin_sync_conversation(out, "c2");
  end_sync_conversation(out, {0, 1, 0, 1, 2, false, 0, 0, {99, true, true}, {}, {}, hidden});
  end_sync_page(out, "t\"1", true);
  CHECK(json::parse(out) == json{{"type", "sync.page"},
                                 {"id", 7},
                                 {"conversations",
                                  {{{"conversationId", "c1"},
                                    {"headSeq", 60},
                                    {"fromSeq", 42},
                                    {"toSeq", 43},
                                    {"floorSeq", 1},
                                    {"events", {as_json(message(42)), as_json(message(43))}},
                                    {"more", true},
                                    {"readSeq", 40},
                                    {"unread", 3},
                                    {"cursors",
                                     {{"bob", {{"deliveredSeq", 41}, {"readSeq", 40}}},
                                      {"carol", {{"deliveredSeq", 9}, {"readSeq", 8}}}}}},
                                   {{"conversationId", "gone"}, {"removed", true}},
                                   {{"conversationId", "c2"},
                                    {"headSeq", 0},
                                    {"fromSeq", 1},
                                    {"toSeq", 0},
                                    {"floorSeq", 1},
                                    {"epoch", 2},
                                    {"events", json::array()},
                                    {"more", false},
                                    {"readSeq", 0},
                                    {"unread", 0},
                                    {"mutedUntil", 99},
                                    {"archived", true},
                                    {"pinned", true},
                                    {"deletedForMe", {3, 5}}}}},
                                 {"token", "t\"1"},
                                 {"more", true}});
}

TEST_CASE("an empty sync page is a page") {
  std::string out;
  begin_sync_page(out, {});
  end_sync_page(out, {}, false);
  CHECK(json::parse(out) == json{{"type", "sync.page"}, {"conversations", json::array()}, {"more", false}});
}

TEST_CASE("a sync page names the sections of the account that have changed") {
  const std::array<AccountSection, 2> account = {AccountSection::blocks, AccountSection::settings};
  std::string out;
  begin_sync_page(out, {});
  end_sync_page(out, "t", false, account);
  CHECK(json::parse(out) == json{{"type", "sync.page"},
                                 {"conversations", json::array()},
                                 {"account", {"blocks", "settings"}},
                                 {"token", "t"},
                                 {"more", false}});
}

TEST_CASE("sync.reset and sync.required") {
  std::string out;
  append_sync_reset(out, {}, "c1", 2, 60);
  CHECK(json::parse(out) ==
        json{{"type", "sync.reset"}, {"conversationId", "c1"}, {"epoch", 2}, {"headSeq", 60}});
  out.clear();
  append_sync_reset(out, kSeven);
  CHECK(json::parse(out) == json{{"type", "sync.reset"}, {"id", 7}});
  out.clear();
  const std::array<Head, 2> heads = {Head{"c1", 60}, Head{"c2", 7}};
  append_sync_required(out, heads);
  CHECK(json::parse(out) == json{{"type", "sync.required"}, {"conversations", {{"c1", 60}, {"c2", 7}}}});
}

TEST_CASE("a history page") {
  std::string out;
  begin_history_page(out, kSeven, "c1");
  append_page_event(out, "c1", message(5));
  append_page_event(out, "c1", message(4));
  end_history_page(out, 4, 5, 3, true);
  CHECK(json::parse(out) == json{{"type", "history.page"},
                                 {"id", 7},
                                 {"conversationId", "c1"},
                                 {"fromSeq", 4},
                                 {"toSeq", 5},
                                 {"epoch", 3},
                                 {"events", {as_json(message(5)), as_json(message(4))}},
                                 {"more", true}});
}

TEST_CASE("a page of conversations") {
  const Event last = message(9);
  const GroupSettings settings{{Permission::admins, Permission::everyone}, HistoryVisibility::all, 30};
  std::string out;
  begin_conversations_page(out, kSeven);
  append_conversation_entry(
      out, {"c1", ConversationKind::direct, {}, "bob", Role::member, 9, 1, 8, 1, 0, 60, &last});
  append_conversation_entry(out, {"g",
                                  ConversationKind::group,
                                  "A \"G\"",
                                  {},
                                  Role::owner,
                                  4,
                                  2,
                                  4,
                                  0,
                                  123,
                                  0,
                                  nullptr,
                                  nullptr,
                                  true,
                                  true,
                                  &settings});
  end_conversations_page(out, "next", "tok", true);
  CHECK(json::parse(out) ==
        json{{"type", "conversations.page"},
             {"id", 7},
             {"conversations",
              {{{"conversationId", "c1"},
                {"conversationType", "direct"},
                {"peer", "bob"},
                {"role", "member"},
                {"headSeq", 9},
                {"readSeq", 8},
                {"unread", 1},
                {"lastMessage", as_json(last)},
                {"muted", false},
                {"archived", false},
                {"pinned", false},
                {"expiresInSeconds", 60}},
               {{"conversationId", "g"},
                {"conversationType", "group"},
                {"name", "A \"G\""},
                {"role", "owner"},
                {"headSeq", 4},
                {"epoch", 2},
                {"readSeq", 4},
                {"unread", 0},
                {"muted", true},
                {"mutedUntil", 123},
                {"archived", true},
                {"pinned", true},
                {"permissions",
                 {{"send", "admins"}, {"add", "everyone"}, {"edit", "admins"}, {"pin", "admins"}}},
                {"history", "all"},
                {"slowModeSeconds", 30}}}},
             {"cursor", "next"},
             {"token", "tok"},
             {"more", true}});
}

TEST_CASE("what is pinned is told of what its reader may see, as long as it lasts") {
  const std::array<PinnedMessage, 4> pins = {PinnedMessage{77, 6, 0}, PinnedMessage{55, 4, 0},
                                             PinnedMessage{88, 8, 100}, PinnedMessage{99, 9, 101}};
  const auto told = [&](const VisiblePins& visible) {
    std::string out;
    begin_conversations_page(out, {});
    ConversationEntry entry;
    entry.conversationId = "c";
    entry.pins = visible;
    append_conversation_entry(out, entry);
    end_conversations_page(out, {}, {}, false);
    const json listed = json::parse(out)["conversations"][0];
    out.clear();
    begin_sync_page(out, {});
    begin_sync_conversation(out, "c");
    SyncConversation conversation;
    conversation.pins = visible;
    end_sync_conversation(out, conversation);
    end_sync_page(out, {}, false);
    const json synced = json::parse(out)["conversations"][0];
    CHECK(listed.value("pinnedMessages", json()) == synced.value("pinnedMessages", json()));
    return listed.value("pinnedMessages", json());
  };
  CHECK(told({pins, 5, 100}) == json{{{"messageId", "77"}, {"seq", 6}}, {{"messageId", "99"}, {"seq", 9}}});
  CHECK(told({pins, 1, 0}).size() == 4);
  CHECK(told({pins, 10, 0}) == json());
  CHECK(told({{}, 1, 0}) == json());
}

TEST_CASE("a page of members") {
  const std::array<MemberEntry, 2> members = {MemberEntry{"alice", Role::admin, 1},
                                              MemberEntry{"bob", Role::member, 7}};
  std::string out;
  append_members_page(out, kSeven, "g", members, "bob", true);
  CHECK(json::parse(out) == json{{"type", "members.page"},
                                 {"id", 7},
                                 {"conversationId", "g"},
                                 {"members",
                                  {{{"userId", "alice"}, {"role", "admin"}, {"joinSeq", 1}},
                                   {{"userId", "bob"}, {"role", "member"}, {"joinSeq", 7}}}},
                                 {"cursor", "bob"},
                                 {"more", true}});
  out.clear();
  append_members_page(out, {}, "g", {}, {}, false);
  CHECK(json::parse(out) ==
        json{{"type", "members.page"}, {"conversationId", "g"}, {"members", json::array()}, {"more", false}});
}

TEST_CASE("receipts and devices in pages") {
  const std::array<MemberReceipt, 2> members = {MemberReceipt{"bob", 5, 3}, MemberReceipt{"carol", 0, 0}};
  std::string out;
  append_receipts_page(out, kSeven, "c1", members, "carol", true);
  CHECK(json::parse(out) == json{{"type", "receipts.page"},
                                 {"id", 7},
                                 {"conversationId", "c1"},
                                 {"members",
                                  {{{"userId", "bob"}, {"deliveredSeq", 5}, {"readSeq", 3}},
                                   {{"userId", "carol"}, {"deliveredSeq", 0}, {"readSeq", 0}}}},
                                 {"cursor", "carol"},
                                 {"more", true}});
  out.clear();
  const std::array<MemberReceipt, 1> hidden = {MemberReceipt{"bob", 5, std::nullopt}};
  append_receipts_page(out, {}, "c1", hidden, {}, false);
  CHECK(json::parse(out)["members"] == json{{{"userId", "bob"}, {"deliveredSeq", 5}}});
  out.clear();
  append_receipts_page(out, {}, "c1", {}, {}, false);
  CHECK(
      json::parse(out) ==
      json{{"type", "receipts.page"}, {"conversationId", "c1"}, {"members", json::array()}, {"more", false}});
  const std::array<DeviceEntry, 2> devices = {DeviceEntry{"phone", "i\"os", 9, true, true},
                                              DeviceEntry{"web", {}, 0, false, false}};
  out.clear();
  append_devices_page(out, kSeven, devices);
  CHECK(json::parse(out) == json{{"type", "devices.page"},
                                 {"id", 7},
                                 {"devices",
                                  {{{"deviceId", "phone"},
                                    {"platform", "i\"os"},
                                    {"lastActive", 9},
                                    {"online", true},
                                    {"current", true}},
                                   {{"deviceId", "web"}, {"online", false}}}}});
}

TEST_CASE("devices that come and go") {
  std::string out;
  append_device_added(out, "phone", "i\"os", 9);
  CHECK(json::parse(out) ==
        json{{"type", "device.added"}, {"deviceId", "phone"}, {"platform", "i\"os"}, {"timestamp", 9}});
  out.clear();
  append_device_added(out, "phone", {}, 9);
  CHECK(json::parse(out) == json{{"type", "device.added"}, {"deviceId", "phone"}, {"timestamp", 9}});
  out.clear();
  append_device_removed(out, "phone", 9);
  CHECK(json::parse(out) == json{{"type", "device.removed"}, {"deviceId", "phone"}, {"timestamp", 9}});
}
