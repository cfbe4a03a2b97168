#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace chatcore::protocol {

/// The envelope's keys that mean something to some command.
enum class Field : std::uint8_t {
  id,
  to,
  op,
  raw,
  type,
  role,
  name,
  seq,
  epoch,
  users,
  since,
  limit,
  after,
  until,
  emoji,
  scope,
  online,
  token,
  state,
  status,
  text,
  before,
  cursor,
  silent,
  sendAt,
  userId,
  cursors,
  lastSeen,
  content,
  members,
  replyTo,
  deviceId,
  platform,
  protocol,
  messageId,
  envelopes,
  watermarks,
  encryption,
  clientMsgId,
  messageType,
  readReceipts,
  conversationId,
  expiresInSeconds,
  pinned,
  history,
  archived,
  permissions,
  slowModeSeconds,
  newest,
  resume,
  displayName,
};
inline constexpr std::size_t kFieldCount = static_cast<std::size_t>(Field::displayName) + 1;

[[nodiscard]] std::string_view to_string(Field field) noexcept;
[[nodiscard]] std::optional<Field> field_of(std::string_view key) noexcept;

enum class CommandType : std::uint8_t {
  hello,
  sync,
  history,
  presence_ping,
  presence_get,
  presence_subscribe,
  presence_unsubscribe,
  presence_set,
  client_state,
  message_send,
  message_edit,
  message_delete,
  message_react,
  message_received,
  message_read,
  typing_start,
  typing_stop,
  conversation_create,
  conversation_update,
  conversation_add_members,
  conversation_remove_members,
  conversation_set_role,
  conversation_leave,
  conversation_mute,
  conversation_members,
  conversations_list,
  auth_refresh,
  devices_list,
  devices_remove,
  receipts_get,
  conversation_delete,
  settings_get,
  settings_update,
  conversation_archive,
  conversation_pin,
  message_pin,
  contacts_add,
  contacts_remove,
  contacts_list,
  blocks_add,
  blocks_remove,
  blocks_list,
  profile_get,
  profile_update,
  conversation_clear,
};
inline constexpr std::size_t kCommandTypeCount =
    static_cast<std::size_t>(CommandType::conversation_clear) + 1;

[[nodiscard]] std::string_view to_string(CommandType type) noexcept;
[[nodiscard]] std::optional<CommandType> command_type_of(std::string_view name) noexcept;

}  // namespace chatcore::protocol
