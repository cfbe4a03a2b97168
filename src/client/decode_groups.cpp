#include "client/decode_groups.hpp"

#include <algorithm>
#include <array>

#include "client/decode_account.hpp"

namespace chatcore::client {

namespace {

using Kind = ConversationChange::Kind;

struct MemberOp {
  std::string_view op;
  Kind kind;
};
constexpr std::array<MemberOp, 5> kMemberOps{{{"added", Kind::added},
                                              {"removed", Kind::removed},
                                              {"left", Kind::left},
                                              {"role", Kind::role_changed},
                                              {"deleted", Kind::deleted}}};

std::optional<Kind> kind_of(std::string_view type, const Json& data) {
  if (type == "conversation.created") return Kind::created;
  if (type == "conversation.updated") {
    const Json* pin = object_field(data, "pinnedMessage");
    if (pin == nullptr) return Kind::updated;
    return text_field(*pin, "op") == "add" ? Kind::message_pinned : Kind::message_unpinned;
  }
  if (type != "conversation.member") return std::nullopt;
  const std::string op = text_field(data, "op");
  const auto known = std::find_if(kMemberOps.begin(), kMemberOps.end(),
                                  [&](const MemberOp& candidate) { return candidate.op == op; });
  return known == kMemberOps.end() ? std::nullopt : std::optional(known->kind);
}

std::optional<std::uint32_t> seconds_of(const Json& data, const char* name) {
  if (!data.contains(name)) return std::nullopt;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(number_field(data, name), UINT32_MAX));
}

Permission permission_of(const Json& permissions, const char* name, Permission otherwise) {
  const std::string value = text_field(permissions, name);
  for (const Permission known : {Permission::everyone, Permission::admins})
    if (value == to_string(known)) return known;
  return otherwise;
}

std::optional<GroupPermissions> permissions_of(const Json& data) {
  const Json* permissions = object_field(data, "permissions");
  if (permissions == nullptr) return std::nullopt;
  const GroupPermissions otherwise;
  return GroupPermissions{
      permission_of(*permissions, "send", otherwise.send), permission_of(*permissions, "add", otherwise.add),
      permission_of(*permissions, "edit", otherwise.edit), permission_of(*permissions, "pin", otherwise.pin)};
}

std::optional<HistoryVisibility> history_of(const Json& data) {
  const std::string value = text_field(data, "history");
  for (const HistoryVisibility known : {HistoryVisibility::joined, HistoryVisibility::all})
    if (value == to_string(known)) return known;
  return std::nullopt;
}

GroupChange decode_now(const Json& data) {
  GroupChange now;
  if (std::string name = text_field(data, "name"); !name.empty()) now.name = std::move(name);
  now.expiresInSeconds = seconds_of(data, "expiresInSeconds");
  now.permissions = permissions_of(data);
  now.history = history_of(data);
  now.slowModeSeconds = seconds_of(data, "slowModeSeconds");
  return now;
}

}  // namespace

GroupSettings decode_group_settings(const Json& entry) {
  GroupSettings settings;
  settings.permissions = permissions_of(entry).value_or(settings.permissions);
  settings.history = history_of(entry).value_or(settings.history);
  settings.slowModeSeconds = seconds_of(entry, "slowModeSeconds").value_or(0);
  return settings;
}

PinnedMessage decode_pinned(const Json& entry) {
  return {decimal_field(entry, "messageId"), number_field(entry, "seq"),
          static_cast<Timestamp>(number_field(entry, "expiresAt"))};
}

Role decode_role(const Json& entry) {
  const std::string name = text_field(entry, "role");
  for (const Role known : {Role::admin, Role::owner})
    if (name == to_string(known)) return known;
  return Role::member;
}

std::optional<ConversationChange> decode_conversation_change(std::string_view type, const Json& data) {
  const auto kind = kind_of(type, data);
  if (!kind) return std::nullopt;
  const bool created = *kind == Kind::created;
  ConversationChange change;
  change.kind = *kind;
  change.conversationId = text_field(data, "conversationId");
  change.messageId = decimal_field(data, "messageId");
  change.epoch = epoch_field(data);
  change.seq = number_field(data, "seq");
  change.clientMsgId = text_field(data, "clientMsgId");
  change.timestamp = static_cast<Timestamp>(number_field(data, "timestamp"));
  change.by = text_field(data, created ? "createdBy" : "by");
  change.users = users_field(data, created ? "members" : "userIds");
  change.role = decode_role(data);
  change.newOwner = text_field(data, "newOwner");
  change.memberCount = number_field(data, "memberCount");
  if (const Json* pin = object_field(data, "pinnedMessage")) change.pinned = decode_pinned(*pin);
  if (created || *kind == Kind::updated) change.now = decode_now(data);
  return change;
}

}  // namespace chatcore::client
