#pragma once

#include <chrono>
#include <cstdint>

namespace chatcore {

/// Bounds and times of the engine. Per shard where it says so, otherwise per session or conversation.
struct EngineOptions {
  /// Bytes of one message's content, as written by the client.
  std::uint32_t contentBytes = 16 * 1024;
  std::uint32_t frameBytes = 64 * 1024;

  /// A device's presence lease. Renewed at a third of it while the connection lives.
  std::chrono::milliseconds presenceTtl{60'000};
  /// How long a user is still online after the last device has gone.
  std::chrono::milliseconds presenceDebounce{30'000};
  /// How often clients are told to send something.
  std::chrono::milliseconds heartbeat{30'000};
  std::chrono::milliseconds typingTtl{6'000};
  /// A conversation this long without an event says its head once more, for whoever lost the last one.
  std::chrono::milliseconds headAfterQuiet{5'000};
  /// Between an event and its notifications: connections flap.
  std::chrono::milliseconds pushGrace{5'000};
  /// How long a conversation whose members have no device with a push token is not asked about again: a first
  /// token counts after this long at the latest.
  std::chrono::milliseconds pushTokenCache{10'000};

  /// Commands a second that one device may send to make events, twice as many in a burst. 0: no limit.
  std::uint32_t eventsPerSecond = 50;

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
  /// Users one session may watch.
  std::uint32_t maxWatchedUsers = 5'000;
  /// Conversations of one user that list and sync look at.
  std::uint32_t maxConversationsPerUser = 20'000;
};

}  // namespace chatcore
