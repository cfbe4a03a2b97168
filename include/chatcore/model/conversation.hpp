#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "chatcore/model/ids.hpp"

namespace chatcore {

/// Stored: never renumber.
enum class ConversationKind : std::uint8_t { direct = 0, group = 1 };
/// Stored: never renumber.
enum class Role : std::uint8_t { member = 0, admin = 1 };

[[nodiscard]] CHATCORE_API std::string_view to_string(ConversationKind kind) noexcept;
[[nodiscard]] CHATCORE_API std::string_view to_string(Role role) noexcept;

/// From this many members on: receipts are counts, no typing, member lists are paged.
inline constexpr std::size_t kLargeGroupSize = 256;

/// What a conversation is called and who began it. Changes only together with an event.
struct ConversationInfo {
  ConversationKind kind = ConversationKind::direct;
  std::string name;  ///< groups only; at most 256 bytes of UTF-8
  UserId createdBy;
  Timestamp createdAt = 0;
  std::uint32_t expiresInSeconds = 0;  ///< of messages that do not say it themselves; 0: never
};

/// A user's receipts in a conversation. Every field only grows.
struct Cursor {
  Seq deliveredSeq = 0;
  Seq readSeq = 0;
  /// Ordinal of the last countable message at or below readSeq, so that unread is a subtraction.
  std::uint64_t readOrdinal = 0;
  /// Ordinal of the last message this user sent: unread counts begin after it too.
  std::uint64_t sentOrdinal = 0;
  friend bool operator==(const Cursor&, const Cursor&) = default;
};

/// Cursors only move forward: each field becomes the larger of the two.
inline void raise(Cursor& to, const Cursor& from) {
  to.deliveredSeq = std::max(to.deliveredSeq, from.deliveredSeq);
  to.readSeq = std::max(to.readSeq, from.readSeq);
  to.readOrdinal = std::max(to.readOrdinal, from.readOrdinal);
  to.sentOrdinal = std::max(to.sentOrdinal, from.sentOrdinal);
}

/// The last countable message that its user knows of: read, or older than something the user sent, or than
/// the user's membership.
[[nodiscard]] inline std::uint64_t seen_ordinal(const Cursor& cursor, std::uint64_t joinOrdinal) {
  return std::max({cursor.readOrdinal, cursor.sentOrdinal, joinOrdinal});
}

struct Member {
  UserId userId;
  Role role = Role::member;
  /// The first event this member may see.
  Seq joinSeq = 1;
  /// Ordinal before joinSeq: what was countable before the member came.
  std::uint64_t joinOrdinal = 0;
};

}  // namespace chatcore
