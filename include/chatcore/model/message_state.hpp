#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "chatcore/model/event.hpp"
#include "chatcore/model/ids.hpp"

namespace chatcore {

/// Edits that one message may have; different emoji that may stand on one; and of one user on one.
inline constexpr std::size_t kMaxEdits = 100;
inline constexpr std::size_t kMaxEmojiPerMessage = 50;
inline constexpr std::size_t kMaxEmojiPerUser = 10;
inline constexpr std::size_t kMaxEmojiBytes = 64;

struct ReactionCount {
  std::string emoji;
  std::uint32_t users = 0;
  friend bool operator==(const ReactionCount&, const ReactionCount&) = default;
};

/// What the later events of a log have made of one of its messages. One that nothing has happened to has
/// none.
struct MessageState {
  Seq seq = 0;                ///< the message's
  std::uint64_t ordinal = 0;  ///< the message's, if it counts as unread; 0: it does not
  /// After the newest edit, as JSON; empty: as it was sent, or deleted.
  std::string content;
  std::vector<Seq> edits;  ///< the events, ascending
  Timestamp editedAt = 0;
  Timestamp deletedAt = 0;  ///< deleted for everyone; 0: it stands
  UserId deletedBy;
  std::vector<ReactionCount> reactions;  ///< by emoji, none of them of nobody

  [[nodiscard]] bool deleted() const noexcept { return deletedAt != 0; }
  friend bool operator==(const MessageState&, const MessageState&) = default;
};

/// A message's state and what one user has to do with it.
struct MessageView {
  MessageState state;
  std::vector<std::string> ownReactions;  ///< the user's emoji on it, ascending
};

}  // namespace chatcore
