#pragma once

#include <string_view>
#include <vector>

#include "chatcore/client/account.hpp"
#include "chatcore/client/events.hpp"
#include "client/decode.hpp"

/// What the server says of users: this one's settings, devices and preferences, and others' presence.
namespace chatcore::client {

Settings decode_settings(const Json& frame);
/// `device.added` or `device.removed`.
DeviceChange decode_device_change(std::string_view type, const Json& frame);
Profile decode_profile(const Json& frame);
/// `contacts.changed` or `blocks.changed`.
UsersChange decode_users_change(std::string_view type, const Json& frame);
/// Those of a list that are users.
std::vector<UserId> users_field(const Json& frame, const char* name);
/// The sections that `account` names, as far as they are known.
AccountChanges decode_account(const Json& frame);
DeviceEntry decode_device(const Json& entry);
/// `sync.preferences`, or an entry of a page: what is not there is not set.
Preferences decode_preferences(const Json& entry);
/// `sync.cleared`.
HistoryCleared decode_cleared(const Json& frame);
ReadPosition decode_read_position(const Json& frame);
PresenceChange decode_presence(const Json& entry);

}  // namespace chatcore::client
