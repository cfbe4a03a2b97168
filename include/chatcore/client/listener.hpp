#pragma once

#include <functional>
#include <string_view>

#include "chatcore/client/account.hpp"
#include "chatcore/client/events.hpp"
#include "chatcore/client/groups.hpp"
#include "chatcore/error.hpp"

namespace chatcore::client {

/// Called one at a time, on one thread or executor. Any may be empty. None may throw or block for long.
struct Listener {
  std::function<void(const StateChange&)> on_state;
  /// In seq order per conversation, each message once. Messages sent by this client are not among them.
  std::function<void(const Message&)> on_message;
  /// Edits, deletions and reactions, in seq order among the messages, each once; those that this client made
  /// are not among them. `deleted_for_me` comes when this user deleted a message for themselves on another
  /// device; to a device that was away with its next sync, then with `targetSeq` alone, and perhaps again.
  std::function<void(const MessageChange&)> on_change;
  std::function<void(const Receipt&)> on_receipt;
  std::function<void(const Typing&)> on_typing;
  std::function<void(const PresenceChange&)> on_presence;
  /// Made, changed, entered, left, deleted: in seq order among the messages, each once. What this client
  /// asked for is among them.
  std::function<void(const ConversationChange&)> on_conversation;
  /// What the application kept of a conversation is worth nothing, or is not to be shown any more.
  std::function<void(const ConversationReset&)> on_reset;
  /// Another device of this user has read something.
  std::function<void(const ReadPosition&)> on_read;
  /// Another device of this user has cleared a conversation: what the application kept up to there is not to
  /// be shown any more. To a device that was away with its next sync, and with every later one again.
  std::function<void(const HistoryCleared&)> on_cleared;
  /// Muted, archived, pinned: by another device. To a device that was away with its next sync, and perhaps
  /// again. What this client asked for is not among them.
  std::function<void(const PreferencesChange&)> on_preferences;
  /// What another device made of this user's settings. A device that was away asks: Client::settings().
  std::function<void(const Settings&)> on_settings;
  /// What another device called this user.
  std::function<void(const Profile&)> on_profile;
  std::function<void(const UsersChange&)> on_users_changed;
  /// To devices that are connected; others ask: Client::devices().
  std::function<void(const DeviceChange&)> on_device;
  /// What is not what it was when this client last knew: after a sync what changed while it was away, all of
  /// it where the sync did not go on from an earlier one (the first does not); live what the host has
  /// changed. Perhaps more than did change, never less. What this user's other devices change live comes to
  /// on_settings, on_device, on_profile and on_users_changed.
  std::function<void(const AccountChanges&)> on_account_changed;
  /// What the host tells everybody who is connected: a JSON object.
  std::function<void(std::string_view json)> on_alert;
  /// What this client does not know, as the server's JSON; events of a log in seq order among the messages.
  std::function<void(std::string_view json)> on_event;
  /// What no completion stands for; informational.
  std::function<void(const Error&)> on_error;
};

}  // namespace chatcore::client
