#include "client/decode_account.hpp"

#include <algorithm>

namespace chatcore::client {

Settings decode_settings(const Json& frame) {
  const auto audience = [&](const char* name) {
    const std::string value = text_field(frame, name);
    if (value == "everyone") return Audience::everyone;
    return value == "contacts" ? Audience::contacts : Audience::nobody;
  };
  return Settings{flag_field(frame, "readReceipts", true), audience("lastSeen"), audience("online")};
}

DeviceChange decode_device_change(std::string_view type, const Json& frame) {
  return {type == "device.added", text_field(frame, "deviceId"), text_field(frame, "platform"),
          static_cast<Timestamp>(number_field(frame, "timestamp"))};
}

DeviceEntry decode_device(const Json& entry) {
  return {text_field(entry, "deviceId"),
          text_field(entry, "platform"),
          static_cast<Timestamp>(number_field(entry, "lastActive")),
          flag_field(entry, "online"),
          flag_field(entry, "current"),
          flag_field(entry, "primary")};
}

Profile decode_profile(const Json& frame) {
  return {text_field(frame, "userId"), text_field(frame, "displayName")};
}

std::vector<UserId> users_field(const Json& frame, const char* name) {
  std::vector<UserId> users;
  if (const auto listed = frame.find(name); listed != frame.end() && listed->is_array())
    for (const Json& user : *listed)
      if (user.is_string()) users.push_back(user.get<UserId>());
  return users;
}

UsersChange decode_users_change(std::string_view type, const Json& frame) {
  const bool added = frame.contains("added");
  return {type == "contacts.changed" ? AccountSection::contacts : AccountSection::blocks, added,
          users_field(frame, added ? "added" : "removed")};
}

AccountChanges decode_account(const Json& frame) {
  AccountChanges changes;
  const auto names = frame.find("account");
  if (names == frame.end() || !names->is_array()) return changes;
  for (std::size_t i = 0; i < kAccountSections; ++i) {
    const auto section = static_cast<AccountSection>(i);
    if (std::find(names->begin(), names->end(), to_string(section)) != names->end())
      changes.sections.push_back(section);
  }
  return changes;
}

Preferences decode_preferences(const Json& entry) {
  return {static_cast<Timestamp>(number_field(entry, "mutedUntil")), flag_field(entry, "archived"),
          flag_field(entry, "pinned")};
}

HistoryCleared decode_cleared(const Json& frame) {
  return {text_field(frame, "conversationId"), epoch_field(frame), number_field(frame, "seq"),
          number_field(frame, "unread")};
}

ReadPosition decode_read_position(const Json& frame) {
  return {text_field(frame, "conversationId"), epoch_field(frame), number_field(frame, "lastReadSeq"),
          number_field(frame, "unread")};
}

PresenceChange decode_presence(const Json& entry) {
  const std::string status = text_field(entry, "status");
  PresenceChange change;
  change.userId = text_field(entry, "userId");
  change.online = status != "offline" && !status.empty();
  change.lastSeen = static_cast<Timestamp>(number_field(entry, "lastSeen"));
  if (status == "away") change.availability = Availability::away;
  if (status == "dnd") change.availability = Availability::dnd;
  change.text = text_field(entry, "text");
  return change;
}

}  // namespace chatcore::client
