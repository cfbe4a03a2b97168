#include "scenario.hpp"

namespace chatcore::faulttest {

namespace {

Json in(const char* conversation, const char* type, Json fields = Json::object()) {
  fields["type"] = type;
  fields["conversationId"] = conversation;
  return fields;
}

Json say(const char* to, const char* id) {
  return {{"type", "message.send"}, {"to", to}, {"clientMsgId", id}, {"content", id}};
}

Json tell(const char* conversation, const char* id) {
  return in(conversation, "message.send", {{"clientMsgId", id}, {"content", id}});
}

Json create(const char* id, Json members, Json fields = Json::object()) {
  fields["clientMsgId"] = std::string("create-") + id;
  fields["name"] = "Family";
  fields["members"] = std::move(members);
  return in(id, "conversation.create", std::move(fields));
}

Json change(const char* conversation, const char* type, const char* id, Json fields = Json::object()) {
  fields["clientMsgId"] = id;
  return in(conversation, type, std::move(fields));
}

Json about(const char* type, Json fields) {
  fields["type"] = type;
  return fields;
}

constexpr const char* kDirect = "$dm:alice:bob";

Scenario direct_messages() {
  return {"direct messages, receipts and typing",
          {{"alice", say("bob", "m1")},
           {"bob", in(kDirect, "message.received", {{"seq", 1}})},
           {"bob", in(kDirect, "message.read", {{"messageId", "$m1"}})},
           {"bob", say("alice", "m2")},
           {"alice", change(kDirect, "message.send", "m3", {{"content", "an answer"}, {"replyTo", "$m2"}})},
           {"bob", in(kDirect, "typing.start")},
           {"alice", say("bob", "m1")},
           {"alice", in(kDirect, "receipts.get")},
           {"alice", in(kDirect, "message.read", {{"seq", 2}})}}};
}

Scenario message_life() {
  return {
      "what becomes of a message",
      {{"alice", say("bob", "m1")},
       {"alice", say("bob", "m2")},
       {"alice", say("bob", "m3")},
       {"alice", change(kDirect, "message.edit", "e1", {{"messageId", "$m1"}, {"content", "anew"}})},
       {"bob", change(kDirect, "message.react", "r1", {{"messageId", "$m1"}, {"emoji", "+"}, {"op", "add"}})},
       {"bob", change(kDirect, "message.react", "r2", {{"messageId", "$m2"}, {"emoji", "-"}, {"op", "add"}})},
       {"bob",
        change(kDirect, "message.react", "r3", {{"messageId", "$m2"}, {"emoji", "-"}, {"op", "remove"}})},
       {"bob", in(kDirect, "message.delete", {{"messageId", "$m3"}, {"scope", "me"}})},
       {"alice", change(kDirect, "message.pin", "p1", {{"messageId", "$m1"}, {"op", "add"}})},
       {"alice", change(kDirect, "message.pin", "p2", {{"messageId", "$m2"}, {"op", "add"}})},
       {"bob", change(kDirect, "message.pin", "p3", {{"messageId", "$m1"}, {"op", "remove"}})},
       {"alice", change(kDirect, "message.delete", "d1", {{"messageId", "$m2"}, {"scope", "everyone"}})},
       {"alice", change(kDirect, "message.send", "m4", {{"content", "brief"}, {"expiresInSeconds", 86400}})},
       {"bob", in(kDirect, "message.read", {{"seq", 2}})}}};
}

Scenario clearing() {
  return {"clearing, muting, archiving and pinning",
          {{"alice", say("bob", "m1")},
           {"alice", say("bob", "m2")},
           {"alice", say("bob", "m3")},
           {"bob", in(kDirect, "conversation.clear", {{"seq", 2}})},
           {"bob", in(kDirect, "conversation.mute", {{"until", 4102444800000}})},
           {"bob", in(kDirect, "conversation.archive", {{"archived", true}})},
           {"bob", in(kDirect, "conversation.pin", {{"pinned", true}})},
           {"bob", in(kDirect, "conversation.archive", {{"archived", false}})},
           {"alice", say("bob", "m4")}}};
}

Scenario groups() {
  return {"a group and its members",
          {{"alice", create("fam", {"bob"})},
           {"alice", tell("fam", "m1")},
           {"alice", change("fam", "conversation.addMembers", "a1", {{"members", {"carol"}}})},
           {"carol", tell("fam", "m2")},
           {"alice", change("fam", "conversation.setRole", "s1", {{"userId", "bob"}, {"role", "admin"}})},
           {"bob", change("fam", "conversation.removeMembers", "r1", {{"members", {"carol"}}})},
           {"alice", tell("fam", "m3")},
           {"bob", change("fam", "conversation.addMembers", "a2", {{"members", {"carol"}}})},
           {"carol", in("fam", "message.read", {{"seq", 7}})},
           {"alice", change("fam", "conversation.setRole", "s2", {{"userId", "carol"}, {"role", "owner"}})},
           {"alice", change("fam", "conversation.leave", "l1")},
           {"carol", tell("fam", "m4")},
           {"carol", in("fam", "conversation.members")}}};
}

Scenario group_settings() {
  return {"how a group is run",
          {{"alice", create("news", {"bob"}, {{"permissions", {{"send", "admins"}}}, {"history", "all"}})},
           {"alice", tell("news", "m1")},
           {"alice",
            change("news", "conversation.update", "u1", {{"name", "News"}, {"expiresInSeconds", 86400}})},
           {"alice", change("news", "conversation.update", "u2", {{"permissions", {{"send", "everyone"}}}})},
           {"bob", tell("news", "m2")},
           {"alice", change("news", "conversation.addMembers", "a1", {{"members", {"carol"}}})},
           {"carol", in("news", "history", {{"after", 0}, {"limit", 50}})},
           {"alice", create("gone", {"bob", "carol"})},
           {"bob", tell("gone", "m3")},
           {"alice", change("gone", "conversation.delete", "d1")}}};
}

Scenario accounts() {
  return {"contacts, blocks, profile and settings",
          {{"alice", about("contacts.add", {{"users", {"bob", "carol"}}})},
           {"alice", about("contacts.remove", {{"users", {"carol"}}})},
           {"alice", about("profile.update", {{"displayName", "Alice"}})},
           {"bob", about("blocks.add", {{"users", {"carol"}}})},
           {"carol", say("bob", "m1")},
           {"bob", about("blocks.remove", {{"users", {"carol"}}})},
           {"carol", say("bob", "m2")},
           {"bob", about("settings.update", {{"readReceipts", false}, {"lastSeen", "nobody"}})},
           {"bob", in("$dm:carol:bob", "message.read", {{"seq", 2}})},
           {"carol", in("$dm:carol:bob", "receipts.get")},
           {"alice", about("profile.get", {{"userId", "bob"}})}}};
}

Scenario devices() {
  return {"devices come and are removed",
          {{"alice", say("bob", "m1")},
           {"bob/laptop", in(kDirect, "message.read", {{"seq", 1}})},
           {"bob", about("devices.list", Json::object())},
           {"bob", about("devices.remove", {{"deviceId", "laptop"}})},
           {"bob", about("client.state", {{"state", "background"}})},
           {"bob/watch", about("settings.get", Json::object())},
           {"bob/watch"},
           {"bob/watch", in(kDirect, "history", {{"after", 0}, {"limit", 10}})}}};
}

Scenario presence() {
  return {"who is there",
          {{"alice", about("presence.subscribe", {{"users", {"bob", "carol"}}})},
           {"bob", about("presence.set", {{"status", "away"}, {"text", "Lunch"}})},
           {"carol", about("presence.ping", Json::object())},
           {"carol"},
           {"bob", about("presence.set", {{"status", "dnd"}})},
           {"alice", about("presence.get", {{"users", {"bob", "carol"}}})},
           {"alice", about("presence.unsubscribe", {{"users", {"carol"}}})}}};
}

Scenario catching_up() {
  return {"every way to catch up",
          {{"alice", create("fam", {"bob", "carol"})},
           {"bob", about("sync", {{"watermarks", Json::object()}, {"limit", 1000}})},
           {"alice", tell("fam", "m1")},
           {"alice", say("bob", "m2")},
           {"bob", about("sync", {{"since", "$token"}})},
           {"alice", tell("fam", "m3")},
           {"bob"},
           {"bob", about("sync", {{"resume", true}})},
           {"bob", about("sync", {{"watermarks", {{"fam", 2}}}})},
           {"carol", about("conversations.list", {{"limit", 1}})},
           {"carol", in("fam", "history", {{"before", 3}, {"limit", 1}, {"raw", true}})},
           {"carol", in("fam", "message.received", {{"seq", 3}})}}};
}

Scenario notifications() {
  return {"who is away is notified",
          {{"alice", say("bob", "m1")},
           {"alice", say("bob", "m2")},
           {"bob/laptop", in(kDirect, "message.read", {{"seq", 1}})},
           {"alice", create("fam", {"bob", "carol"})},
           {"carol/laptop", in("fam", "conversation.mute", {{"until", 4102444800000}})},
           {"alice", tell("fam", "m3")},
           {"carol/laptop", in("fam", "conversation.mute", {{"until", 0}})},
           {"alice", tell("fam", "m4")},
           {"alice", change("fam", "message.delete", "d1", {{"messageId", "$m4"}, {"scope", "everyone"}})},
           {"bob/laptop", tell("fam", "m5")}},
          {"bob m2", "bob m3", "carol m3", "carol m5"}};
}

}  // namespace

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> kAll{direct_messages(), message_life(), clearing(), groups(),
                                          group_settings(),  accounts(),     devices(),  presence(),
                                          catching_up(),     notifications()};
  return kAll;
}

}  // namespace chatcore::faulttest
