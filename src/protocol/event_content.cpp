#include "protocol/event_content.hpp"

#include "protocol/json_write.hpp"

namespace chatcore::protocol {

namespace {

std::string_view to_string(MemberOp op) {
  switch (op) {
    case MemberOp::added:
      return "added";
    case MemberOp::removed:
      return "removed";
    case MemberOp::left:
      return "left";
    case MemberOp::role:
      return "role";
    case MemberOp::deleted:
      return "deleted";
  }
  return "role";
}

void append_ids(std::string& out, std::string_view key, std::span<const UserId> ids) {
  append_plain(out, key);
  out += ":[";
  for (const UserId& id : ids) {
    separate(out);
    append_plain(out, id);
  }
  out += ']';
}

}  // namespace

std::string member_event_content(MemberOp op, std::span<const UserId> userIds, std::string_view by,
                                 std::optional<Role> role, std::string_view newOwner) {
  std::string out = "\"op\":";
  append_plain(out, to_string(op));
  if (op != MemberOp::deleted) {
    out += ',';
    append_ids(out, "userIds", userIds);
  }
  out += ",\"by\":";
  append_plain(out, by);
  if (!newOwner.empty()) {
    out += ",\"newOwner\":";
    append_plain(out, newOwner);
  }
  if (role) {
    out += ",\"role\":";
    append_plain(out, chatcore::to_string(*role));
  }
  return out;
}

std::string conversation_event_content(ConversationKind kind, std::string_view name,
                                       std::span<const UserId> members, std::string_view createdBy,
                                       std::uint32_t expiresInSeconds, const GroupSettings& settings) {
  std::string out = "\"conversationType\":";
  append_plain(out, chatcore::to_string(kind));
  out += ",\"name\":";
  append_quoted(out, name);
  out += ",\"createdBy\":";
  append_plain(out, createdBy);
  if (expiresInSeconds != 0) {
    out += ",\"expiresInSeconds\":";
    append_number(out, expiresInSeconds);
  }
  append_settings(out, settings);
  out += ",\"memberCount\":";
  append_number(out, members.size());
  if (members.size() <= kLargeGroupSize) {
    out += ',';
    append_ids(out, "members", members);
  }
  return out;
}

std::string conversation_update_content(const std::optional<std::string>& name,
                                        std::optional<std::uint32_t> expiresInSeconds, std::string_view by,
                                        const SettingsChange& change, const GroupSettings& now) {
  std::string out = "\"by\":";
  append_plain(out, by);
  if (name) {
    out += ",\"name\":";
    append_quoted(out, *name);
  }
  if (expiresInSeconds) {
    out += ",\"expiresInSeconds\":";
    append_number(out, *expiresInSeconds);
  }
  if (change.permissions()) append_permissions(out, now.permissions);
  if (change.history) append_history(out, now.history);
  if (change.slowModeSeconds) append_slow_mode(out, now.slowModeSeconds);
  return out;
}

std::string pin_event_content(bool add, MessageId messageId, Seq seq, std::string_view by) {
  std::string out = "\"by\":";
  append_plain(out, by);
  out += add ? ",\"pinnedMessage\":{\"op\":\"add\",\"messageId\":\""
             : ",\"pinnedMessage\":{\"op\":\"remove\",\"messageId\":\"";
  append_number(out, messageId);
  out += '"';
  if (seq != 0) {
    out += ",\"seq\":";
    append_number(out, seq);
  }
  out += '}';
  return out;
}

std::string reaction_event_content(std::string_view emoji, bool add) {
  std::string out = "\"emoji\":";
  append_quoted(out, emoji);
  out += add ? ",\"op\":\"add\"" : ",\"op\":\"remove\"";
  return out;
}

}  // namespace chatcore::protocol
