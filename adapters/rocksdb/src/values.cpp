#include "values.hpp"

#include <algorithm>

#include "bytes.hpp"
#include "checksum.hpp"

namespace chatcore::rocks {

namespace {

constexpr std::uint8_t kHidden = 0x80;
constexpr std::uint8_t kExpires = 0x40;
constexpr std::size_t kMaxStoredDevices = 32;
// In place of the position at which a timeline's row became a large group's: those of this store are greater.
constexpr std::uint64_t kDeparted = 1;
constexpr std::uint8_t kArchived = 0x01;
constexpr std::uint8_t kPinned = 0x02;
// Of a group's settings: who may do what, where it is admins only; and the whole history.
constexpr std::uint8_t kSendByAdmins = 0x01;
constexpr std::uint8_t kAddByAdmins = 0x02;
constexpr std::uint8_t kEditByAdmins = 0x04;
constexpr std::uint8_t kPinByAdmins = 0x08;
constexpr std::uint8_t kWholeHistory = 0x10;
// Of a user; rows without it are as they always were.
constexpr std::uint8_t kHidesReading = 0x01;
// Of a user's devices: when each was registered follows.
constexpr std::uint8_t kRegistrations = 0x01;

template <class Enum>
bool to_enum(std::uint8_t raw, Enum last, Enum& out) {
  out = static_cast<Enum>(raw);
  return raw <= static_cast<std::uint8_t>(last);
}

}  // namespace

void encode_event(std::string_view key, const EventView& event, std::string& value) {
  begin_value(value);
  value.push_back(static_cast<char>(static_cast<std::uint8_t>(event.kind) |
                                    (event.hiddenFromOthers ? kHidden : 0) |
                                    (event.expiresAt != 0 ? kExpires : 0)));
  value.push_back(static_cast<char>(event.messageType));
  put_fixed64(value, event.messageId);
  put_fixed64(value, event.payloadHash);
  put_varint(value, event.epoch);
  put_varint(value, static_cast<std::uint64_t>(event.timestamp));
  put_varint(value, event.ordinal);
  put_varint(value, event.targetId);
  if (changes_message(event.kind)) put_varint(value, event.targetSeq);
  if (event.expiresAt != 0) put_varint(value, static_cast<std::uint64_t>(event.expiresAt));
  put_string(value, event.senderId);
  put_string(value, event.senderDeviceId);
  put_string(value, event.clientMsgId);
  value.append(event.content);
  seal_value(key, value);
}

bool decode_event(std::string_view key, std::string_view value, EventView& event) {
  ByteReader reader = body_of(key, value);
  const std::uint8_t kind = reader.byte();
  event.hiddenFromOthers = (kind & kHidden) != 0;
  const bool known = to_enum(kind & ~(kHidden | kExpires), EventKind::reaction, event.kind) &&
                     to_enum(reader.byte(), MessageType::custom, event.messageType);
  event.seq = key.size() < 8 ? 0 : get_ordered64(key.data() + key.size() - 8);
  event.messageId = reader.fixed64();
  event.payloadHash = reader.fixed64();
  event.epoch = reader.varint32();
  event.timestamp = static_cast<Timestamp>(reader.varint());
  event.ordinal = reader.varint();
  event.targetId = reader.varint();
  event.targetSeq = changes_message(event.kind) ? reader.varint() : 0;
  const bool expires = (kind & kExpires) != 0;
  event.expiresAt = expires ? static_cast<Timestamp>(reader.varint()) : 0;
  event.senderId = reader.string();
  event.senderDeviceId = reader.string();
  event.clientMsgId = reader.string();
  event.content = reader.rest();
  return known && expires == (event.expiresAt != 0) && reader.done();
}

std::string encode_number(std::string_view key, std::uint64_t number) {
  std::string value;
  begin_value(value);
  put_varint(value, number);
  seal_value(key, value);
  return value;
}

bool decode_number(std::string_view key, std::string_view value, std::uint64_t& number) {
  ByteReader reader = body_of(key, value);
  number = reader.varint();
  return reader.done();
}

std::string encode_text(std::string_view key, std::string_view text) {
  std::string value;
  begin_value(value);
  value.append(text);
  seal_value(key, value);
  return value;
}

bool decode_text(std::string_view key, std::string_view value, std::string& text) {
  ByteReader reader = body_of(key, value);
  text = reader.rest();
  return reader.done();
}

std::string encode_timeline(std::string_view key, const TimelineRow& row) {
  std::string value;
  begin_value(value);
  put_varint(value, row.departed ? kDeparted : row.largeSince);
  // Newest first: whoever looks for what is new need not read further.
  const auto& checkpoints = row.checkpoints();
  const TimelineCheckpoint newest = checkpoints.empty() ? TimelineCheckpoint{} : checkpoints.back();
  put_varint(value, newest.position);
  put_varint(value, newest.head);
  put_varint(value, row.hiddenAt);
  TimelineCheckpoint after = newest;
  for (std::size_t i = checkpoints.size(); i-- > 1;) {
    const TimelineCheckpoint& one = checkpoints[i - 1];
    put_varint(value, after.position - one.position);
    put_varint(value, after.head - one.head);
    after = one;
  }
  seal_value(key, value);
  return value;
}

bool decode_timeline(std::string_view key, std::string_view value, TimelineRow& row) {
  ByteReader reader = body_of(key, value);
  row.largeSince = reader.varint();
  row.departed = row.largeSince == kDeparted;
  if (row.departed) row.largeSince = 0;
  std::vector<TimelineCheckpoint> checkpoints(1);
  checkpoints[0].position = reader.varint();
  checkpoints[0].head = reader.varint();
  row.hiddenAt = reader.varint();
  while (reader.ok() && !reader.done() && checkpoints.size() <= TimelineRow::kMaxCheckpoints) {
    TimelineCheckpoint before = checkpoints.back();
    before.position -= reader.varint();
    before.head -= reader.varint();
    checkpoints.push_back(before);
  }
  std::reverse(checkpoints.begin(), checkpoints.end());
  const bool none = checkpoints.size() == 1 && checkpoints[0] == TimelineCheckpoint{};
  if (none) checkpoints.clear();
  return reader.done() && row.restore(std::move(checkpoints));
}

TimelineGlance glance_at_timeline(std::string_view key, std::string_view value) {
  ByteReader reader = body_of(key, value);
  const std::uint64_t largeSince = reader.varint();
  const TimelinePosition newest = reader.varint();
  if (!reader.ok()) return {};
  return {newest, largeSince > kDeparted, largeSince == kDeparted};
}

std::string encode_preferences(std::string_view key, const Preferences& preferences) {
  std::string value;
  begin_value(value);
  put_varint(value, static_cast<std::uint64_t>(preferences.mutedUntil));
  const int flags = (preferences.archived ? kArchived : 0) | (preferences.pinned ? kPinned : 0);
  if (flags != 0) value.push_back(static_cast<char>(flags));
  seal_value(key, value);
  return value;
}

bool decode_preferences(std::string_view key, std::string_view value, Preferences& preferences) {
  ByteReader reader = body_of(key, value);
  preferences = {};
  preferences.mutedUntil = static_cast<Timestamp>(reader.varint());
  if (reader.done()) return true;
  const std::uint8_t flags = reader.byte();
  preferences.archived = (flags & kArchived) != 0;
  preferences.pinned = (flags & kPinned) != 0;
  return flags != 0 && (flags & ~(kArchived | kPinned)) == 0 && reader.done();
}

namespace {

std::uint8_t flags_of(const GroupSettings& settings) {
  const auto flag = [](Permission permission, std::uint8_t bit) {
    return permission == Permission::admins ? bit : 0;
  };
  const GroupPermissions& may = settings.permissions;
  return static_cast<std::uint8_t>(flag(may.send, kSendByAdmins) | flag(may.add, kAddByAdmins) |
                                   flag(may.edit, kEditByAdmins) | flag(may.pin, kPinByAdmins) |
                                   (settings.history == HistoryVisibility::all ? kWholeHistory : 0));
}

bool to_settings(std::uint8_t flags, GroupSettings& settings) {
  const auto permission = [&](std::uint8_t bit) {
    return (flags & bit) != 0 ? Permission::admins : Permission::everyone;
  };
  settings.permissions = {permission(kSendByAdmins), permission(kAddByAdmins), permission(kEditByAdmins),
                          permission(kPinByAdmins)};
  settings.history = (flags & kWholeHistory) != 0 ? HistoryVisibility::all : HistoryVisibility::joined;
  return flags < 2 * kWholeHistory;
}

void put_pins(std::string& value, const std::vector<PinnedMessage>& pins) {
  put_varint(value, pins.size());
  for (const PinnedMessage& pin : pins) {
    put_fixed64(value, pin.messageId);
    put_varint(value, pin.seq);
    put_varint(value, static_cast<std::uint64_t>(pin.expiresAt));
  }
}

/// They are the last, and there is one at least.
bool get_pins(ByteReader& reader, std::vector<PinnedMessage>& pins) {
  const std::uint64_t count = reader.varint();
  if (count == 0 || count > kMaxPinnedMessages) return false;
  for (std::uint64_t i = 0; i < count; ++i) {
    PinnedMessage& pin = pins.emplace_back();
    pin.messageId = reader.fixed64();
    pin.seq = reader.varint();
    pin.expiresAt = static_cast<Timestamp>(reader.varint());
  }
  return reader.done();
}

}  // namespace

std::string encode_info(std::string_view key, const ConversationInfo& info) {
  std::string value;
  begin_value(value);
  value.push_back(static_cast<char>(info.kind));
  put_varint(value, static_cast<std::uint64_t>(info.createdAt));
  put_string(value, info.createdBy);
  put_string(value, info.name);
  // What is as it is by default is left out, from the end.
  const GroupSettings& settings = info.settings;
  const bool set = settings != GroupSettings{};
  const bool pins = !info.pins.empty();
  if (info.expiresInSeconds != 0 || set || pins) put_varint(value, info.expiresInSeconds);
  if (set || pins) value.push_back(static_cast<char>(flags_of(settings)));
  if (settings.slowModeSeconds != 0 || pins) put_varint(value, settings.slowModeSeconds);
  if (pins) put_pins(value, info.pins);
  seal_value(key, value);
  return value;
}

bool decode_info(std::string_view key, std::string_view value, ConversationInfo& info) {
  ByteReader reader = body_of(key, value);
  const bool known = to_enum(reader.byte(), ConversationKind::group, info.kind);
  info.createdAt = static_cast<Timestamp>(reader.varint());
  info.createdBy = reader.string();
  info.name = reader.string();
  info.expiresInSeconds = 0;
  info.settings = {};
  info.pins.clear();
  if (reader.done()) return known;
  info.expiresInSeconds = reader.varint32();
  if (reader.done()) return known && info.expiresInSeconds != 0;
  const bool sane = to_settings(reader.byte(), info.settings);
  if (reader.done()) return known && sane && info.settings != GroupSettings{};
  info.settings.slowModeSeconds = reader.varint32();
  if (reader.done()) return known && sane && info.settings.slowModeSeconds != 0;
  return known && sane && get_pins(reader, info.pins);
}

std::string encode_member(std::string_view key, const Member& member) {
  std::string value;
  begin_value(value);
  value.push_back(static_cast<char>(member.role));
  put_varint(value, member.joinSeq);
  put_varint(value, member.joinOrdinal);
  seal_value(key, value);
  return value;
}

bool decode_member(std::string_view key, std::string_view value, Member& member) {
  ByteReader reader = body_of(key, value);
  const bool known = to_enum(reader.byte(), Role::owner, member.role);
  member.joinSeq = reader.varint();
  member.joinOrdinal = reader.varint();
  return known && reader.done();
}

std::string encode_cursor(std::string_view key, const Cursor& cursor) {
  std::string value;
  begin_value(value);
  put_varint(value, cursor.deliveredSeq);
  put_varint(value, cursor.readSeq);
  put_varint(value, cursor.readOrdinal);
  put_varint(value, cursor.sentOrdinal);
  if (cursor.clearedSeq != 0) {
    put_varint(value, cursor.clearedSeq);
    put_varint(value, cursor.clearedOrdinal);
  }
  seal_value(key, value);
  return value;
}

bool decode_cursor(std::string_view key, std::string_view value, Cursor& cursor) {
  ByteReader reader = body_of(key, value);
  cursor.deliveredSeq = reader.varint();
  cursor.readSeq = reader.varint();
  cursor.readOrdinal = reader.varint();
  cursor.sentOrdinal = reader.varint();
  cursor.clearedSeq = cursor.clearedOrdinal = 0;
  if (reader.done()) return true;
  cursor.clearedSeq = reader.varint();
  cursor.clearedOrdinal = reader.varint();
  return cursor.clearedSeq != 0 && reader.done();
}

void encode_send(std::string_view key, const OriginalSend& send, std::string& value) {
  begin_value(value);
  put_fixed64(value, static_cast<std::uint64_t>(send.timestamp));
  put_fixed64(value, send.messageId);
  put_fixed64(value, send.payloadHash);
  put_varint(value, send.seq);
  put_varint(value, send.epoch);
  seal_value(key, value);
}

bool decode_send(std::string_view key, std::string_view value, OriginalSend& send) {
  ByteReader reader = body_of(key, value);
  send.timestamp = static_cast<Timestamp>(reader.fixed64());
  send.messageId = reader.fixed64();
  send.payloadHash = reader.fixed64();
  send.seq = reader.varint();
  send.epoch = reader.varint32();
  return reader.done();
}

std::string encode_user(std::string_view key, const User& user) {
  std::string value;
  begin_value(value);
  value.push_back(static_cast<char>(user.lastSeenAudience));
  value.push_back(static_cast<char>(user.onlineAudience));
  put_string(value, user.displayName);
  if (!user.readReceipts) value.push_back(static_cast<char>(kHidesReading));
  seal_value(key, value);
  return value;
}

bool decode_user(std::string_view key, std::string_view value, User& user) {
  ByteReader reader = body_of(key, value);
  const bool lastSeen = to_enum(reader.byte(), Audience::nobody, user.lastSeenAudience);
  const bool online = to_enum(reader.byte(), Audience::nobody, user.onlineAudience);
  user.displayName = reader.string();
  user.readReceipts = reader.done();
  if (user.readReceipts) return lastSeen && online;
  return lastSeen && online && reader.byte() == kHidesReading && reader.done();
}

namespace {

/// Behind the devices, so that rows from before they were kept stay readable.
void put_registrations(std::string& value, const std::vector<Device>& devices) {
  const bool any = std::any_of(devices.begin(), devices.end(),
                               [](const Device& device) { return device.registeredAt != 0; });
  if (!any) return;
  value.push_back(static_cast<char>(kRegistrations));
  for (const Device& device : devices) put_varint(value, static_cast<std::uint64_t>(device.registeredAt));
}

bool read_registrations(ByteReader& reader, std::vector<Device>& devices) {
  if (reader.byte() != kRegistrations) return false;
  bool any = false;
  for (Device& device : devices) {
    device.registeredAt = static_cast<Timestamp>(reader.varint());
    any = any || device.registeredAt != 0;
  }
  return any && reader.done();
}

}  // namespace

std::string encode_devices(std::string_view key, const std::vector<Device>& devices) {
  std::string value;
  begin_value(value);
  put_varint(value, devices.size());
  for (const Device& device : devices) {
    put_string(value, device.deviceId);
    put_string(value, device.platform);
    put_string(value, device.pushToken);
    put_varint(value, static_cast<std::uint64_t>(device.lastActive));
  }
  put_registrations(value, devices);
  seal_value(key, value);
  return value;
}

bool decode_devices(std::string_view key, std::string_view value, std::vector<Device>& devices) {
  devices.clear();
  ByteReader reader = body_of(key, value);
  const std::uint64_t count = reader.varint();
  if (count > kMaxStoredDevices) return false;
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    Device& device = devices.emplace_back();
    device.deviceId = reader.string();
    device.platform = reader.string();
    device.pushToken = reader.string();
    device.lastActive = static_cast<Timestamp>(reader.varint());
  }
  return reader.done() || (reader.ok() && read_registrations(reader, devices));
}

}  // namespace chatcore::rocks
