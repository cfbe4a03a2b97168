#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "chatcore/model/ids.hpp"

namespace chatcore {

/// Stored: never renumber.
enum class ConversationKind : std::uint8_t { direct = 0, group = 1 };
/// Stored: never renumber.
enum class Role : std::uint8_t { member = 0, admin = 1, owner = 2 };
/// Who may do something in a group; admins include the owner. Stored: never renumber.
enum class Permission : std::uint8_t { everyone = 0, admins = 1 };
/// What of a group's history is seen by who is added. Stored: never renumber.
enum class HistoryVisibility : std::uint8_t {
  joined = 0,  ///< what comes from then on
  all = 1,     ///< everything; what was before does not count as unread
};

[[nodiscard]] CHATCORE_API std::string_view to_string(ConversationKind kind) noexcept;
[[nodiscard]] CHATCORE_API std::string_view to_string(Role role) noexcept;
[[nodiscard]] CHATCORE_API std::string_view to_string(Permission permission) noexcept;
[[nodiscard]] CHATCORE_API std::string_view to_string(HistoryVisibility history) noexcept;

/// From this many members on: receipts are counts, no typing, member lists are paged.
inline constexpr std::size_t kLargeGroupSize = 256;

/// What members of a group may do. Everything else that changes a group is for its admins.
struct GroupPermissions {
  Permission send = Permission::everyone;  ///< messages; `admins` makes the group a broadcast channel
  Permission add = Permission::admins;     ///< members
  Permission edit = Permission::admins;    ///< the name, and how long messages last
  Permission pin = Permission::admins;     ///< messages, for everybody
  friend bool operator==(const GroupPermissions&, const GroupPermissions&) = default;
};

/// How a group is run.
struct GroupSettings {
  GroupPermissions permissions = {};
  HistoryVisibility history = HistoryVisibility::joined;
  /// How long a member waits between two messages; 0: not at all. At most kMaxSlowModeSeconds.
  std::uint32_t slowModeSeconds = 0;
  friend bool operator==(const GroupSettings&, const GroupSettings&) = default;
};

inline constexpr std::uint32_t kMaxSlowModeSeconds = 24 * 3600;

/// A message that is pinned for everybody in its conversation.
struct PinnedMessage {
  MessageId messageId = 0;
  Seq seq = 0;
  Timestamp expiresAt = 0;  ///< of the message, and of the pin with it; 0: never
  friend bool operator==(const PinnedMessage&, const PinnedMessage&) = default;
};

inline constexpr std::size_t kMaxPinnedMessages = 50;

/// What a conversation is called and who began it. Changes only together with an event.
struct ConversationInfo {
  ConversationKind kind = ConversationKind::direct;
  std::string name;  ///< groups only; at most 256 bytes of UTF-8
  UserId createdBy;
  Timestamp createdAt = 0;
  std::uint32_t expiresInSeconds = 0;  ///< of messages that do not say it themselves; 0: never
  GroupSettings settings = {};         ///< groups only
  /// In the order in which they were pinned, at most kMaxPinnedMessages; expired ones may be among them.
  std::vector<PinnedMessage> pins = {};
};

/// What one user wants of one conversation. Nobody else is told.
struct Preferences {
  Timestamp mutedUntil = 0;  ///< no notifications until then; 0: not muted
  bool archived = false;
  bool pinned = false;
  friend bool operator==(const Preferences&, const Preferences&) = default;
};

/// How far a user has come in a conversation. Every field only grows.
struct Cursor {
  Seq deliveredSeq = 0;
  Seq readSeq = 0;
  /// Ordinal of the last countable message at or below readSeq, so that unread is a subtraction.
  std::uint64_t readOrdinal = 0;
  /// Ordinal of the last message this user sent: unread counts begin after it too.
  std::uint64_t sentOrdinal = 0;
  /// Up to here the user has cleared the conversation: what is there is gone for this user alone.
  Seq clearedSeq = 0;
  std::uint64_t clearedOrdinal = 0;  ///< of the last countable message at or below clearedSeq
  friend bool operator==(const Cursor&, const Cursor&) = default;
};

/// Cursors only move forward: each field becomes the larger of the two.
inline void raise(Cursor& to, const Cursor& from) {
  to.deliveredSeq = std::max(to.deliveredSeq, from.deliveredSeq);
  to.readSeq = std::max(to.readSeq, from.readSeq);
  to.readOrdinal = std::max(to.readOrdinal, from.readOrdinal);
  to.sentOrdinal = std::max(to.sentOrdinal, from.sentOrdinal);
  to.clearedSeq = std::max(to.clearedSeq, from.clearedSeq);
  to.clearedOrdinal = std::max(to.clearedOrdinal, from.clearedOrdinal);
}

/// The last countable message that its user knows of or has cleared: read, or older than something the user
/// sent, or than the user's membership.
[[nodiscard]] inline std::uint64_t seen_ordinal(const Cursor& cursor, std::uint64_t joinOrdinal) {
  return std::max({cursor.readOrdinal, cursor.sentOrdinal, cursor.clearedOrdinal, joinOrdinal});
}

/// The first event that a member may see: none from before the join, and none that the member has cleared.
[[nodiscard]] inline Seq first_visible(Seq joinSeq, const Cursor& cursor) {
  return std::max(joinSeq, cursor.clearedSeq + 1);
}

struct Member {
  UserId userId;
  Role role = Role::member;
  /// The first event this member may see.
  Seq joinSeq = 1;
  /// Ordinal before the join: what was countable before the member came. Not 0 where joinSeq is 1 and the
  /// member was added later, to a group that shows its whole history.
  std::uint64_t joinOrdinal = 0;
};

}  // namespace chatcore
