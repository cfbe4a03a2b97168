#pragma once

#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "chatcore/ports/log_store.hpp"

namespace chatcore::memory {

/// All users' timelines, and who was given a position when.
class Timelines {
 public:
  explicit Timelines(std::uint64_t origin) : origin_(origin) {}

  TimelineMark mark(const UserId& user);
  [[nodiscard]] std::vector<TimelineEntry> entries(const TimelineRequest& request) const;

  /// The position of a change that is about to be told.
  TimelinePosition next() { return ++position_; }
  /// Whether anybody was given a position at or after `position`.
  [[nodiscard]] bool asked_since(TimelinePosition position) const { return newestMark_ >= position; }
  /// Tells one user of a change of `log`.
  void tell(const UserId& user, const ConversationId& log, TimelinePosition position,
            const TimelineChange& change);

 private:
  std::uint64_t origin_;
  TimelinePosition position_ = 1;
  TimelinePosition newestMark_ = 0;
  std::unordered_map<UserId, TimelinePosition> marks_;
  std::unordered_map<UserId, std::map<ConversationId, TimelineRow>> rows_;
};

}  // namespace chatcore::memory
