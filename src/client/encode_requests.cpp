#include <nlohmann/json.hpp>

#include "client/encode.hpp"

namespace chatcore::client {

namespace {

using nlohmann::json;

constexpr const char* kAudiences[] = {"everyone", "contacts", "nobody"};

json permissions_value(const GroupPermissions& may) {
  return json{{"send", to_string(may.send)},
              {"add", to_string(may.add)},
              {"edit", to_string(may.edit)},
              {"pin", to_string(may.pin)}};
}

/// `type` of a conversation's, page by page.
json page_request(std::string_view type, const ConversationId& conversation, const std::string& cursor,
                  std::size_t limit) {
  json frame{{"type", type}, {"conversationId", conversation}, {"limit", limit}};
  if (!cursor.empty()) frame["cursor"] = cursor;
  return frame;
}

}  // namespace

std::string encode_settings_change(const SettingsChange& change) {
  json frame{{"type", "settings.update"}};
  if (change.readReceipts) frame["readReceipts"] = *change.readReceipts;
  if (change.lastSeen) frame["lastSeen"] = kAudiences[static_cast<std::size_t>(*change.lastSeen)];
  if (change.online) frame["online"] = kAudiences[static_cast<std::size_t>(*change.online)];
  return frame.dump();
}

std::string encode_remove_device(const DeviceId& device) {
  return json{{"type", "devices.remove"}, {"deviceId", device}}.dump();
}

std::string encode_conversations(const ConversationsQuery& query) {
  json frame{{"type", "conversations.list"}, {"limit", query.limit}};
  if (!query.cursor.empty()) frame["cursor"] = query.cursor;
  return frame.dump();
}

std::string encode_receipts(const ReceiptsQuery& query) {
  json frame = page_request("receipts.get", query.conversationId, query.cursor, query.limit);
  if (query.seq != 0) frame["seq"] = query.seq;
  return frame.dump();
}

std::string encode_members(const MembersQuery& query) {
  return page_request("conversation.members", query.conversationId, query.cursor, query.limit).dump();
}

std::string encode_history(const HistoryQuery& query) {
  json frame{{"type", "history"}, {"conversationId", query.conversationId}, {"limit", query.limit}};
  if (query.after) frame["after"] = *query.after;
  if (query.before) frame["before"] = *query.before;
  if (query.raw) frame["raw"] = true;
  return frame.dump();
}

std::string encode_delete_for_me(const ConversationId& conversation, MessageId message) {
  return json{{"type", "message.delete"},
              {"conversationId", conversation},
              {"messageId", std::to_string(message)},
              {"scope", "me"}}
      .dump();
}

std::string encode_create(const NewGroup& group, const ClientMsgId& id) {
  json frame{
      {"type", "conversation.create"}, {"clientMsgId", id}, {"name", group.name}, {"members", group.members}};
  if (!group.conversationId.empty()) frame["conversationId"] = group.conversationId;
  if (group.expiresInSeconds != 0) frame["expiresInSeconds"] = group.expiresInSeconds;
  // What is as it is by default is left out: a server that knows no settings drops them.
  const GroupSettings& settings = group.settings;
  if (settings.permissions != GroupPermissions{})
    frame["permissions"] = permissions_value(settings.permissions);
  if (settings.history != HistoryVisibility::joined) frame["history"] = to_string(settings.history);
  if (settings.slowModeSeconds != 0) frame["slowModeSeconds"] = settings.slowModeSeconds;
  return frame.dump();
}

std::string encode_update(const ConversationId& group, const GroupChange& change, const ClientMsgId& id) {
  json frame{{"type", "conversation.update"}, {"conversationId", group}, {"clientMsgId", id}};
  if (change.name) frame["name"] = *change.name;
  if (change.expiresInSeconds) frame["expiresInSeconds"] = *change.expiresInSeconds;
  if (change.permissions) frame["permissions"] = permissions_value(*change.permissions);
  if (change.history) frame["history"] = to_string(*change.history);
  if (change.slowModeSeconds) frame["slowModeSeconds"] = *change.slowModeSeconds;
  return frame.dump();
}

std::string encode_set_role(const ConversationId& group, const UserId& user, Role role,
                            const ClientMsgId& id) {
  return json{{"type", "conversation.setRole"},
              {"conversationId", group},
              {"clientMsgId", id},
              {"userId", user},
              {"role", to_string(role)}}
      .dump();
}

std::string encode_delete_group(const ConversationId& group, const ClientMsgId& id) {
  return json{{"type", "conversation.delete"}, {"conversationId", group}, {"clientMsgId", id}}.dump();
}

std::string encode_archive(const ConversationId& conversation, bool archived) {
  return json{{"type", "conversation.archive"}, {"conversationId", conversation}, {"archived", archived}}
      .dump();
}

std::string encode_pin(const ConversationId& conversation, bool pinned) {
  return json{{"type", "conversation.pin"}, {"conversationId", conversation}, {"pinned", pinned}}.dump();
}

std::string encode_pin_message(const ConversationId& conversation, MessageId message, bool add,
                               const ClientMsgId& id) {
  return json{{"type", "message.pin"},
              {"conversationId", conversation},
              {"messageId", std::to_string(message)},
              {"op", add ? "add" : "remove"},
              {"clientMsgId", id}}
      .dump();
}

std::string encode_members_change(std::string_view type, const ConversationId& group,
                                  const std::vector<UserId>& users, const ClientMsgId& id) {
  return json{{"type", type}, {"conversationId", group}, {"clientMsgId", id}, {"members", users}}.dump();
}

std::string encode_leave(const ConversationId& group, const ClientMsgId& id) {
  return json{{"type", "conversation.leave"}, {"conversationId", group}, {"clientMsgId", id}}.dump();
}

std::string encode_clear(const Watermark& upTo) {
  json frame{{"type", "conversation.clear"}, {"conversationId", upTo.conversationId}, {"seq", upTo.seq}};
  if (upTo.epoch != 1) frame["epoch"] = upTo.epoch;
  return frame.dump();
}

std::string encode_mute(const ConversationId& conversation, Timestamp until) {
  return json{{"type", "conversation.mute"}, {"conversationId", conversation}, {"until", until}}.dump();
}

}  // namespace chatcore::client
