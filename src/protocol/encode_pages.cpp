#include "protocol/encode.hpp"
#include "protocol/group_settings.hpp"
#include "protocol/json_write.hpp"

namespace chatcore::protocol {

namespace {

void append_id_member(std::string& out, std::string_view key, std::string_view id) {
  out += key;
  append_plain(out, id);
}

template <std::integral T>
void append_integer(std::string& out, std::string_view key, T value) {
  out += key;
  append_number(out, value);
}

void append_epoch(std::string& out, Epoch epoch) {
  if (epoch != 1) append_integer(out, ",\"epoch\":", epoch);
}

void append_more(std::string& out, bool more) { out += more ? ",\"more\":true" : ",\"more\":false"; }

void append_text_unless_empty(std::string& out, std::string_view key, std::string_view text) {
  if (text.empty()) return;
  out += key;
  append_quoted(out, text);
}

void append_cursors(std::string& out, std::span<const MemberCursor> cursors) {
  if (cursors.empty()) return;
  out += ",\"cursors\":{";
  for (const MemberCursor& cursor : cursors) {
    separate(out);
    append_plain(out, cursor.userId);
    append_integer(out, ":{\"deliveredSeq\":", cursor.deliveredSeq);
    if (cursor.readSeq) append_integer(out, ",\"readSeq\":", *cursor.readSeq);
    out += '}';
  }
  out += '}';
}

void append_pins(std::string& out, const VisiblePins& visible) {
  bool any = false;
  for (const PinnedMessage& pin : visible.pins) {
    if (pin.seq < visible.from || (pin.expiresAt != 0 && pin.expiresAt <= visible.now)) continue;
    out += any ? "," : ",\"pinnedMessages\":[";
    any = true;
    append_integer(out, "{\"messageId\":\"", pin.messageId);
    append_integer(out, "\",\"seq\":", pin.seq);
    out += '}';
  }
  if (any) out += ']';
}

}  // namespace

void begin_sync_page(std::string& out, const RequestId& id) {
  out += R"({"type":"sync.page")";
  id.append_member(out);
  out += ",\"conversations\":[";
}

void begin_sync_conversation(std::string& out, std::string_view conversationId) {
  separate(out);
  append_id_member(out, "{\"conversationId\":", conversationId);
  out += ",\"events\":[";
}

void append_page_event(std::string& out, std::string_view conversationId, const EventView& event,
                       const MessageView* view) {
  separate(out);
  append_event_data(out, conversationId, event, view);
}

void end_sync_conversation(std::string& out, const SyncConversation& conversation) {
  append_integer(out, "],\"headSeq\":", conversation.headSeq);
  append_integer(out, ",\"fromSeq\":", conversation.fromSeq);
  append_integer(out, ",\"toSeq\":", conversation.toSeq);
  append_integer(out, ",\"floorSeq\":", conversation.floorSeq);
  append_epoch(out, conversation.epoch);
  append_more(out, conversation.more);
  append_integer(out, ",\"readSeq\":", conversation.readSeq);
  append_integer(out, ",\"unread\":", conversation.unread);
  if (conversation.preferences.mutedUntil != 0)
    append_integer(out, ",\"mutedUntil\":", conversation.preferences.mutedUntil);
  if (conversation.preferences.archived) out += ",\"archived\":true";
  if (conversation.preferences.pinned) out += ",\"pinned\":true";
  append_pins(out, conversation.pins);
  append_cursors(out, conversation.cursors);
  if (!conversation.deletedForMe.empty()) {
    out += ",\"deletedForMe\":[";
    for (const Seq seq : conversation.deletedForMe) {
      separate(out);
      append_number(out, seq);
    }
    out += ']';
  }
  out += '}';
}

void append_removed_conversation(std::string& out, std::string_view conversationId) {
  separate(out);
  append_id_member(out, "{\"conversationId\":", conversationId);
  out += ",\"removed\":true}";
}

void end_sync_page(std::string& out, std::string_view token, bool more,
                   std::span<const AccountSection> account) {
  out += ']';
  if (!account.empty()) {
    out += ",\"account\":[";
    for (const AccountSection section : account) {
      separate(out);
      append_plain(out, to_string(section));
    }
    out += ']';
  }
  append_text_unless_empty(out, ",\"token\":", token);
  append_more(out, more);
  out += '}';
}

void append_sync_reset(std::string& out, const RequestId& id, std::string_view conversationId, Epoch epoch,
                       Seq headSeq) {
  out += R"({"type":"sync.reset")";
  id.append_member(out);
  if (!conversationId.empty()) {
    append_id_member(out, ",\"conversationId\":", conversationId);
    append_epoch(out, epoch);
    append_integer(out, ",\"headSeq\":", headSeq);
  }
  out += '}';
}

void append_sync_required(std::string& out, std::span<const Head> heads) {
  out += R"({"type":"sync.required","conversations":{)";
  for (const Head& head : heads) {
    separate(out);
    append_plain(out, head.conversationId);
    append_integer(out, ":", head.seq);
  }
  out += "}}";
}

void begin_history_page(std::string& out, const RequestId& id, std::string_view conversationId) {
  out += R"({"type":"history.page")";
  id.append_member(out);
  append_id_member(out, ",\"conversationId\":", conversationId);
  out += ",\"events\":[";
}

void end_history_page(std::string& out, Seq fromSeq, Seq toSeq, Epoch epoch, bool more) {
  append_integer(out, "],\"fromSeq\":", fromSeq);
  append_integer(out, ",\"toSeq\":", toSeq);
  append_epoch(out, epoch);
  append_more(out, more);
  out += '}';
}

void begin_conversations_page(std::string& out, const RequestId& id) {
  out += R"({"type":"conversations.page")";
  id.append_member(out);
  out += ",\"conversations\":[";
}

void append_conversation_entry(std::string& out, const ConversationEntry& entry) {
  separate(out);
  append_id_member(out, "{\"conversationId\":", entry.conversationId);
  append_id_member(out, ",\"conversationType\":", to_string(entry.kind));
  append_text_unless_empty(out, ",\"name\":", entry.name);
  append_text_unless_empty(out, ",\"peer\":", entry.peer);
  append_id_member(out, ",\"role\":", to_string(entry.role));
  append_integer(out, ",\"headSeq\":", entry.headSeq);
  append_epoch(out, entry.epoch);
  append_integer(out, ",\"readSeq\":", entry.readSeq);
  append_integer(out, ",\"unread\":", entry.unread);
  if (entry.lastMessage != nullptr) {
    out += ",\"lastMessage\":";
    append_event_data(out, entry.conversationId, *entry.lastMessage, entry.lastMessageView);
  }
  out += entry.mutedUntil != 0 ? ",\"muted\":true" : ",\"muted\":false";
  if (entry.mutedUntil != 0) append_integer(out, ",\"mutedUntil\":", entry.mutedUntil);
  out += entry.archived ? ",\"archived\":true" : ",\"archived\":false";
  out += entry.pinned ? ",\"pinned\":true" : ",\"pinned\":false";
  if (entry.expiresInSeconds != 0) append_integer(out, ",\"expiresInSeconds\":", entry.expiresInSeconds);
  if (entry.settings != nullptr) append_settings(out, *entry.settings);
  append_pins(out, entry.pins);
  out += '}';
}

void end_conversations_page(std::string& out, std::string_view cursor, std::string_view token, bool more) {
  out += ']';
  append_text_unless_empty(out, ",\"cursor\":", cursor);
  append_text_unless_empty(out, ",\"token\":", token);
  append_more(out, more);
  out += '}';
}

namespace {

/// A page of what `write(member)` says about each of a conversation's members, besides the user's id.
template <class Member, class Write>
void append_page_of_members(std::string& out, std::string_view type, const RequestId& id,
                            std::string_view conversationId, std::span<const Member> members,
                            std::string_view cursor, bool more, Write write) {
  append_id_member(out, "{\"type\":", type);
  id.append_member(out);
  append_id_member(out, ",\"conversationId\":", conversationId);
  out += ",\"members\":[";
  for (const Member& member : members) {
    separate(out);
    append_id_member(out, "{\"userId\":", member.userId);
    write(member);
    out += '}';
  }
  out += ']';
  append_text_unless_empty(out, ",\"cursor\":", cursor);
  append_more(out, more);
  out += '}';
}

}  // namespace

void append_members_page(std::string& out, const RequestId& id, std::string_view conversationId,
                         std::span<const MemberEntry> members, std::string_view cursor, bool more) {
  append_page_of_members(out, "members.page", id, conversationId, members, cursor, more,
                         [&](const MemberEntry& member) {
                           append_id_member(out, ",\"role\":", to_string(member.role));
                           append_integer(out, ",\"joinSeq\":", member.joinSeq);
                         });
}

void append_receipts_page(std::string& out, const RequestId& id, std::string_view conversationId,
                          std::span<const MemberReceipt> members, std::string_view cursor, bool more) {
  append_page_of_members(out, "receipts.page", id, conversationId, members, cursor, more,
                         [&](const MemberReceipt& member) {
                           append_integer(out, ",\"deliveredSeq\":", member.deliveredSeq);
                           if (member.readSeq) append_integer(out, ",\"readSeq\":", *member.readSeq);
                         });
}

namespace {

void append_users(std::string& out, std::span<const UserId> users) {
  out += '[';
  for (const UserId& user : users) {
    separate(out);
    append_plain(out, user);
  }
  out += ']';
}

}  // namespace

void append_users_page(std::string& out, const RequestId& id, std::string_view list,
                       std::span<const UserId> users, std::string_view cursor, bool more) {
  out.append("{\"type\":\"").append(list).append(".page\"");
  id.append_member(out);
  out += ",\"users\":";
  append_users(out, users);
  append_text_unless_empty(out, ",\"cursor\":", cursor);
  append_more(out, more);
  out += '}';
}

void append_users_changed(std::string& out, std::string_view list, bool added,
                          std::span<const UserId> users) {
  out.append("{\"type\":\"").append(list).append(added ? ".changed\",\"added\":" : ".changed\",\"removed\":");
  append_users(out, users);
  out += '}';
}

void append_account_changed(std::string& out, AccountSection section) {
  append_id_member(out, "{\"type\":\"account.changed\",\"account\":[", to_string(section));
  out += "]}";
}

void append_profile(std::string& out, const RequestId& id, std::string_view userId,
                    std::string_view displayName) {
  out += R"({"type":"profile")";
  id.append_member(out);
  append_id_member(out, ",\"userId\":", userId);
  out += ",\"displayName\":";
  append_quoted(out, displayName);
  out += '}';
}

void append_device_added(std::string& out, std::string_view deviceId, std::string_view platform,
                         Timestamp timestamp) {
  append_id_member(out, "{\"type\":\"device.added\",\"deviceId\":", deviceId);
  append_text_unless_empty(out, ",\"platform\":", platform);
  append_integer(out, ",\"timestamp\":", timestamp);
  out += '}';
}

void append_device_removed(std::string& out, std::string_view deviceId, Timestamp timestamp) {
  append_id_member(out, "{\"type\":\"device.removed\",\"deviceId\":", deviceId);
  append_integer(out, ",\"timestamp\":", timestamp);
  out += '}';
}

void append_devices_page(std::string& out, const RequestId& id, std::span<const DeviceEntry> devices) {
  out += R"({"type":"devices.page")";
  id.append_member(out);
  out += ",\"devices\":[";
  for (const DeviceEntry& device : devices) {
    separate(out);
    append_id_member(out, "{\"deviceId\":", device.deviceId);
    append_text_unless_empty(out, ",\"platform\":", device.platform);
    if (device.lastActive != 0) append_integer(out, ",\"lastActive\":", device.lastActive);
    out += device.online ? ",\"online\":true" : ",\"online\":false";
    if (device.current) out += ",\"current\":true";
    if (device.primary) out += ",\"primary\":true";
    out += '}';
  }
  out += "]}";
}

}  // namespace chatcore::protocol
