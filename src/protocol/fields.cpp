#include "protocol/fields.hpp"

#include <array>

namespace chatcore::protocol {

namespace {

constexpr std::array<std::string_view, kFieldCount> kFields = {
    "id",
    "to",
    "op",
    "raw",
    "type",
    "role",
    "name",
    "seq",
    "epoch",
    "users",
    "since",
    "limit",
    "after",
    "until",
    "emoji",
    "scope",
    "online",
    "token",
    "state",
    "status",
    "text",
    "before",
    "cursor",
    "silent",
    "sendAt",
    "userId",
    "cursors",
    "lastSeen",
    "content",
    "members",
    "replyTo",
    "deviceId",
    "platform",
    "protocol",
    "messageId",
    "envelopes",
    "watermarks",
    "encryption",
    "clientMsgId",
    "messageType",
    "readReceipts",
    "conversationId",
    "expiresInSeconds",
    "pinned",
    "history",
    "archived",
    "permissions",
    "slowModeSeconds",
    "newest",
    "resume",
    "displayName",
};

constexpr std::array<std::string_view, kCommandTypeCount> kCommandTypes = {
    "hello",
    "sync",
    "history",
    "presence.ping",
    "presence.get",
    "presence.subscribe",
    "presence.unsubscribe",
    "presence.set",
    "client.state",
    "message.send",
    "message.edit",
    "message.delete",
    "message.react",
    "message.received",
    "message.read",
    "typing.start",
    "typing.stop",
    "conversation.create",
    "conversation.update",
    "conversation.addMembers",
    "conversation.removeMembers",
    "conversation.setRole",
    "conversation.leave",
    "conversation.mute",
    "conversation.members",
    "conversations.list",
    "auth.refresh",
    "devices.list",
    "devices.remove",
    "receipts.get",
    "conversation.delete",
    "settings.get",
    "settings.update",
    "conversation.archive",
    "conversation.pin",
    "message.pin",
    "contacts.add",
    "contacts.remove",
    "contacts.list",
    "blocks.add",
    "blocks.remove",
    "blocks.list",
    "profile.get",
    "profile.update",
    "conversation.clear",
};

/// A perfect hash over a fixed set of names, found at compile time: one probe, one comparison.
template <std::size_t N>
class NameTable {
 public:
  explicit constexpr NameTable(const std::array<std::string_view, N>& names) : names_(names) {
    while (!place()) multiplier_ += 2;
  }

  [[nodiscard]] constexpr int find(std::string_view name) const noexcept {
    if (name.size() < 2) return -1;
    const int index = slots_[slot_of(name)];
    return index >= 0 && names_[static_cast<std::size_t>(index)] == name ? index : -1;
  }

 private:
  static constexpr std::size_t kSlots = 512;

  [[nodiscard]] constexpr std::size_t slot_of(std::string_view name) const noexcept {
    const auto byte = [&](std::size_t at) {
      return static_cast<std::uint32_t>(static_cast<unsigned char>(name[at]));
    };
    const std::size_t size = name.size();
    const std::uint32_t inner =
        byte(size - 2) + 5 * byte(size * 3 / 4) + 13 * static_cast<std::uint32_t>(size);
    const std::uint32_t mixed = byte(0) | byte(size - 1) << 8 | byte(size / 2) << 16 | inner << 24;
    return mixed * multiplier_ >> 23;
  }

  constexpr bool place() {
    slots_.fill(-1);
    for (std::size_t i = 0; i < N; ++i) {
      auto& slot = slots_[slot_of(names_[i])];
      if (slot >= 0) return false;
      slot = static_cast<std::int8_t>(i);
    }
    return true;
  }

  const std::array<std::string_view, N>& names_;
  std::array<std::int8_t, kSlots> slots_{};
  std::uint32_t multiplier_ = 0x9E3779B1U;
};

constexpr NameTable<kFieldCount> kFieldTable(kFields);
constexpr NameTable<kCommandTypeCount> kCommandTypeTable(kCommandTypes);

}  // namespace

std::string_view to_string(Field field) noexcept { return kFields[static_cast<std::size_t>(field)]; }

std::optional<Field> field_of(std::string_view key) noexcept {
  const int index = kFieldTable.find(key);
  if (index < 0) return std::nullopt;
  return static_cast<Field>(index);
}

std::string_view to_string(CommandType type) noexcept {
  return kCommandTypes[static_cast<std::size_t>(type)];
}

std::optional<CommandType> command_type_of(std::string_view name) noexcept {
  const int index = kCommandTypeTable.find(name);
  if (index < 0) return std::nullopt;
  return static_cast<CommandType>(index);
}

}  // namespace chatcore::protocol
