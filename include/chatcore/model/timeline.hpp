#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "chatcore/model/ids.hpp"
#include "chatcore/version.hpp"

/// A user's timeline: which conversations have changed for the user since a position. One entry per
/// conversation, however much happens there, so its length is bounded by what the user has.
namespace chatcore {

/// A place in the order of everything a store has committed; grows, and never runs back over a restart.
using TimelinePosition = std::uint64_t;

/// What of a user's account may have changed while a device was away. On the wire, and in the ids of stored
/// rows, by name.
enum class AccountSection : std::uint8_t { settings, contacts, blocks, profile, devices };
inline constexpr std::size_t kAccountSections = 5;

[[nodiscard]] CHATCORE_API std::string_view to_string(AccountSection section) noexcept;

/// A section is an entry of the timeline like a conversation, under an id that no conversation can have:
/// `sys.contacts`.
[[nodiscard]] CHATCORE_API ConversationId timeline_id(AccountSection section);
/// Nothing for the id of a conversation.
[[nodiscard]] CHATCORE_API std::optional<AccountSection> account_section_of(
    std::string_view timelineId) noexcept;

/// One user's section has changed.
struct AccountChange {
  UserId userId;
  AccountSection section = AccountSection::settings;
};

/// Where a device that knows everything as of now continues from.
struct TimelineMark {
  std::uint64_t origin = 0;  ///< of the store: positions of another origin mean nothing
  TimelinePosition position = 0;
};

/// A conversation's members, as far as their timelines are to hear of what changes in it. Shared by all
/// appends between two changes of the members.
using SharedUsers = std::shared_ptr<const std::vector<UserId>>;

/// At `position` something happened, until when the log's head had been `head`.
struct TimelineCheckpoint {
  TimelinePosition position = 0;
  Seq head = 0;
  friend bool operator==(const TimelineCheckpoint&, const TimelineCheckpoint&) = default;
};

/// A conversation to look at again, or a section of the account.
struct TimelineEntry {
  ConversationId conversationId;  ///< of a section: its timeline_id
  bool large = false;             ///< a large group: named whether it has changed or not
  bool changed = false;           ///< something has been noted since the position asked about
  /// How far the user's devices had seen its log then; none: it was a large group, of which they say that
  /// themselves.
  std::optional<Seq> seen;
  bool hides = false;  ///< the user has taken messages out of sight since
};

/// Something that has happened in a conversation, as far as timelines are concerned.
struct TimelineChange {
  Seq head = 0;                      ///< of the log, before it
  std::optional<bool> large = {};    ///< whether the conversation is a large group, where that is decided
  bool hides = false;                ///< the user took a message out of sight
  std::optional<bool> departs = {};  ///< whether the user has left it, where that is decided
};

/// Conversations that a user has left are remembered in the user's timeline, so that a device that was away
/// is told: at least the newest this many, and at most twice as many.
inline constexpr std::size_t kMaxDepartedKept = 1000;
/// Given when each of a user's departed conversations last changed: those at or before the answer are to be
/// forgotten, and the newest kMaxDepartedKept are kept.
[[nodiscard]] CHATCORE_API TimelinePosition departed_to_forget(std::vector<TimelinePosition> lastChanges);

/// The newest of what is remembered of a conversation in a user's timeline.
struct CHATCORE_API TimelineSummary {
  TimelinePosition last = 0;  ///< 0: nothing yet
  TimelinePosition hiddenAt = 0;
  bool large = false;
  bool departed = false;

  /// Whether a change need not be noted: another has been since `mark`, the last position given.
  [[nodiscard]] bool covers(const TimelineChange& change, TimelinePosition mark) const noexcept;
};

/// What is remembered of one conversation in one user's timeline. Written only by the first change since the
/// user was last given a position: until the next one nobody can ask about any later change but together
/// with it.
class CHATCORE_API TimelineRow {
 public:
  static constexpr std::size_t kMaxCheckpoints = 8;

  /// Since when it has been a group whose events are not told to every member's timeline: what a device knows
  /// of it stands in the token. 0: it is none.
  TimelinePosition largeSince = 0;
  TimelinePosition hiddenAt = 0;  ///< when the user last took a message out of sight
  bool departed = false;          ///< the user has left the conversation

  /// Notes a change at `position`; positions and heads only grow. Beyond kMaxCheckpoints two neighbours
  /// become one: who continues from between them is told more than is new, by the smallest part of what there
  /// is to tell.
  void note(const TimelineChange& change, TimelinePosition position);
  /// The head when `position` was given, or one before it; none: nothing has changed since.
  [[nodiscard]] std::optional<Seq> head_at(TimelinePosition position) const;
  [[nodiscard]] TimelineSummary summary() const noexcept {
    return {checkpoints_.empty() ? 0 : checkpoints_.back().position, hiddenAt, largeSince != 0, departed};
  }

  /// What there is to tell who continues from `since`; none: nothing.
  [[nodiscard]] std::optional<TimelineEntry> entry(std::optional<TimelinePosition> since) const;

  [[nodiscard]] const std::vector<TimelineCheckpoint>& checkpoints() const noexcept { return checkpoints_; }
  /// As stored; false unless both numbers ascend and there are few enough.
  [[nodiscard]] bool restore(std::vector<TimelineCheckpoint> checkpoints);

 private:
  std::vector<TimelineCheckpoint> checkpoints_;  ///< ascending
};

}  // namespace chatcore
