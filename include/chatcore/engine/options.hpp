#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "chatcore/model/event.hpp"

namespace chatcore {

/// Tokens that come back each second, and how many may be saved up for a burst.
struct Rate {
  std::uint32_t perSecond = 0;  ///< 0: no limit
  std::uint32_t burst = 0;      ///< 0: twice `perSecond`

  friend bool operator==(const Rate&, const Rate&) = default;
};

/// A command is taken when the device, the user and the remote address all have a token for its kind.
struct CommandRates {
  Rate device;
  Rate user;
  /// IPv6 addresses count by their first 64 bits. Off by default: behind a proxy all clients have its
  /// address.
  Rate address;

  friend bool operator==(const CommandRates&, const CommandRates&) = default;
};

/// What one may send. A command beyond is answered `rate_limited` with `retryAfterMs`. Counted exactly within
/// the process, whichever shards a user's sessions are on, and not across servers. With every rate 0 nothing
/// is counted at all.
struct RateLimitOptions {
  /// Messages and changes of groups: what is written to a log.
  CommandRates events{{50, 100}, {200, 400}, {}};
  /// Sixteen conversations in one command cost a token more. Devices that confirm every message of a busy
  /// group one by one need a lot of these.
  CommandRates receipts{{500, 5'000}, {2'000, 20'000}, {}};
  CommandRates typing{{10, 50}, {40, 200}, {}};
  /// sync, history, lists, members, mute and all else that is not named here.
  CommandRates queries{{50, 500}, {200, 2'000}, {}};
  /// Pings, and asking for others; sixteen users in one command cost a token more.
  CommandRates presence{{20, 200}, {80, 800}, {}};
  /// Frames that are no command.
  CommandRates malformed{{10, 100}, {40, 400}, {}};

  /// Refused commands by which a session may outnumber those that were taken while it was told to wait.
  /// Beyond: 4504.
  std::uint32_t maxIgnored = 1'000;
  /// Buckets kept, at some 20 bytes each: those that are full again are forgotten, so what counts is how
  /// many were used lately. When all of them were, a newcomer goes uncounted.
  std::uint32_t maxTracked = 1'000'000;

  [[nodiscard]] static RateLimitOptions off() {
    RateLimitOptions none;
    none.events = none.receipts = none.typing = none.queries = none.presence = none.malformed = {};
    return none;
  }
};

/// What becomes of a device that is one too many.
enum class DeviceOverflow : std::uint8_t {
  /// It takes the place of the one that was inactive for longest and is not connected, or else of the
  /// connected one that was: that one is removed and closed 4503. Never of the primary device.
  evict_oldest_companion,
  refuse,  ///< it is closed 4505 (`too_many_devices`)
};
enum class DeviceRoles : std::uint8_t {
  all_equal,
  /// The device registered first is the user's primary one; with it, its companions are removed.
  primary_and_companions,
};

/// What counts where a deciding hook throws, fails, or does not answer in time, and where so many questions
/// are out that no more are asked.
enum class HookFailure : std::uint8_t {
  /// Refused for the time being. A connection is closed 4003 (the hook threw) or 4004 and comes back; a
  /// message is answered `unavailable`, or `overloaded`, and sent again, ahead of the session's later ones
  /// there: a hook that throws at a message whenever it sees it keeps them back until the session ends.
  closed,
  open,  ///< accepted as it is
};

/// What is asked of the host's Hooks and answered later.
struct HookOptions {
  /// From the question to the answer, looked at every 100 ms. Above 0. A connection is given up after
  /// `GatewayOptions::handshakeTimeout` in any case.
  std::chrono::milliseconds connectDeadline{5'000};
  HookFailure connectFailure = HookFailure::closed;
  std::chrono::milliseconds persistDeadline{2'000};
  HookFailure persistFailure = HookFailure::closed;
  /// Questions that the host owes an answer, those included whose deadline is over; of each shard and of
  /// either hook.
  std::uint32_t maxQuestions = 10'000;
};

/// Sections of the account that devices may read and change by commands. Without, those commands are
/// `unsupported`: where the host's own application does it. What the Directory says counts all the same.
struct AccountCommands {
  bool contacts = true;  ///< contacts.*
  bool blocks = true;    ///< blocks.*
  bool profile = true;   ///< profile.*
};

/// Bounds and times of the engine. Per shard where it says so, otherwise per session or conversation.
struct EngineOptions {
  /// Bytes of one message's content, as written by the client; what hooks put in its place is not held to it.
  std::uint32_t contentBytes = 16 * 1024;
  /// The same for messages of one type, by `MessageType`; 0: `contentBytes`. An edit counts as its message.
  std::array<std::uint32_t, kMessageTypes> contentBytesOf = {};
  [[nodiscard]] std::uint32_t content_bytes(MessageType type) const noexcept {
    const std::uint32_t own = contentBytesOf[static_cast<std::size_t>(type)];
    return own != 0 ? own : contentBytes;
  }
  /// Bytes of one frame: what no content gets past, whatever its type may have.
  std::uint32_t frameBytes = 64 * 1024;

  /// How long after it was sent a message may be edited, and deleted for everyone, by its author; 0: for
  /// ever. Admins of a group may delete whenever they like.
  std::chrono::milliseconds editWindow = std::chrono::minutes(15);
  std::chrono::milliseconds deleteWindow = std::chrono::hours(48);

  /// A device's presence lease. Renewed at a third of it while the connection lives.
  std::chrono::milliseconds presenceTtl{60'000};
  /// How long a user is still online after the last device has gone.
  std::chrono::milliseconds presenceDebounce{30'000};
  /// How often clients are told to send something.
  std::chrono::milliseconds heartbeat{30'000};
  std::chrono::milliseconds typingTtl{6'000};
  /// Those who sent what a member has received, or read, are told at once, and again when the interval is
  /// over and the cursor has moved meanwhile: of the last position. 0: of every one. In groups a push per
  /// member and kind and interval is the most there is; a process that ends keeps the cursor and loses the
  /// push.
  std::chrono::milliseconds receiptInterval{1'000};
  std::chrono::milliseconds directReceiptInterval{250};
  /// A conversation this long without an event says its head once more, for whoever lost the last one.
  std::chrono::milliseconds headAfterQuiet{5'000};
  /// Between an event and its notifications: connections flap.
  std::chrono::milliseconds pushGrace{5'000};
  /// How long a conversation whose members have no device with a push token is not asked about again: a first
  /// token counts after this long at the latest.
  std::chrono::milliseconds pushTokenCache{10'000};

  /// How long a shard remembers whether a user shows read receipts. A change made by `settings.update` on
  /// this server, or told by `Server::settings_changed`, counts at once; any other one after this long at the
  /// latest.
  std::chrono::milliseconds settingsCache{60'000};
  /// Users remembered so, per shard.
  std::uint32_t maxCachedSettings = 50'000;

  HookOptions hooks;

  RateLimitOptions rateLimits;
  /// Devices of one user, connected or not: 1 to 32, which is what a Directory holds.
  std::uint32_t maxDevicesPerUser = 10;
  DeviceOverflow deviceOverflow = DeviceOverflow::evict_oldest_companion;
  DeviceRoles deviceRoles = DeviceRoles::all_equal;
  /// A device not connected for so long is removed when the user's devices are looked at: a new one comes, or
  /// they are listed. When it comes back itself it is registered as a new one. 0: never.
  std::uint32_t deviceInactivityDays = 30;

  AccountCommands accountCommands;

  /// A user's status (`presence.set`) is told to watchers at once, and again no sooner than this.
  std::chrono::milliseconds statusInterval{30'000};

  /// Conversations kept in memory per shard; the longest unused go first.
  std::uint32_t maxLoadedConversations = 200'000;
  /// Commands that may wait for one conversation, while it loads or its store is slow. Beyond: overloaded.
  std::uint32_t maxWaitingPerConversation = 4'096;
  /// Frames of one connection that may wait until it is admitted. Beyond: 4004.
  std::uint32_t maxFramesBeforeWelcome = 32;
  /// Appends per call to the store.
  std::uint32_t maxAppendBatch = 256;
  /// Members of a group, all told.
  std::uint32_t maxGroupMembers = 100'000;
  /// Members that a group may have when it is deleted: they are removed by one append, and told in one turn.
  std::uint32_t maxMembersOfDeleted = 10'000;
  /// Users one session may watch.
  std::uint32_t maxWatchedUsers = 5'000;
  /// Conversations of one user that list and sync look at.
  std::uint32_t maxConversationsPerUser = 20'000;
};

}  // namespace chatcore
