#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "chatcore/model/conversation.hpp"
#include "chatcore/model/ids.hpp"
#include "chatcore/model/timeline.hpp"
#include "chatcore/model/user.hpp"

/// What concerns this user alone: settings, devices, and what is wanted of a conversation.
namespace chatcore::client {

/// What this user lets others see.
struct Settings {
  bool readReceipts = true;  ///< false: nor does this user see others'
  Audience lastSeen = Audience::everyone;
  Audience online = Audience::everyone;
};

/// What is to change; the rest stays.
struct SettingsChange {
  std::optional<bool> readReceipts;
  std::optional<Audience> lastSeen;
  std::optional<Audience> online;
};

/// Sections of this user's account that are to be fetched anew.
struct AccountChanges {
  std::vector<AccountSection> sections;
};

struct Profile {
  UserId userId;
  std::string displayName;  ///< empty: none
};

/// Another device of this user has changed its contacts, or whom it blocks.
struct UsersChange {
  AccountSection section = AccountSection::contacts;  ///< or blocks
  bool added = false;                                 ///< false: removed
  std::vector<UserId> users;
};

/// Of contacts, or of those whom this user blocks.
struct UsersPage {
  std::vector<UserId> users;  ///< ascending
  bool more = false;          ///< behind the last of them
};

/// One of this user's devices.
struct DeviceEntry {
  DeviceId deviceId;
  std::string platform;      ///< empty: not said
  Timestamp lastActive = 0;  ///< exact to the hour; 0: not known
  bool online = false;
  bool current = false;  ///< the one that asks
  bool primary = false;  ///< where the server has a primary device: the others go with it
};

/// Another device of this user was registered, or was removed.
struct DeviceChange {
  bool added = false;  ///< false: removed
  DeviceId deviceId;
  std::string platform;  ///< `added`; empty: not said
  Timestamp timestamp = 0;
};

/// Until when a conversation is muted that is muted without an end.
inline constexpr Timestamp kMutedForever = Timestamp{1} << 53;

/// What this user wants of a conversation, all of it, as the server has it.
struct PreferencesChange {
  ConversationId conversationId;
  Preferences now;
};

/// Up to `seq` this user has nothing of a conversation: it was cleared, or is from before this membership.
struct HistoryCleared {
  ConversationId conversationId;
  Epoch epoch = 1;
  Seq seq = 0;
  std::optional<std::uint64_t> unread = {};  ///< what is left; only where another device clears it now
};

/// How far this user has read, on whatever device.
struct ReadPosition {
  ConversationId conversationId;
  Epoch epoch = 1;
  Seq seq = 0;
  std::uint64_t unread = 0;  ///< what is left
};

}  // namespace chatcore::client
