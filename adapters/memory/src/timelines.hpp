#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "chatcore/ports/log_store.hpp"

namespace chatcore::memory {

/// All users' timelines, and who was given a position when.
class Timelines {
 public:
  explicit Timelines(std::uint64_t origin) : origin_(origin) {}

  TimelineMark mark(TimelineMarkRequest request);
  [[nodiscard]] Result<std::vector<TimelineEntry>> entries(const TimelineRequest& request) const;

  [[nodiscard]] std::optional<std::string> kept_token(const DeviceKey& device) const;
  void forget_token(const DeviceKey& device) { tokens_.erase({device.userId, device.deviceId}); }

  /// The position of a change that is about to be told.
  TimelinePosition next() { return ++position_; }
  /// Whether anybody was given a position at or after `position`.
  [[nodiscard]] bool asked_since(TimelinePosition position) const { return newestMark_ >= position; }
  /// Tells one user of a change of `log`.
  void tell(const UserId& user, const ConversationId& log, TimelinePosition position,
            const TimelineChange& change);

 private:
  struct OfUser {
    std::map<ConversationId, TimelineRow> rows;
    std::size_t departed = 0;          ///< of `rows`
    TimelinePosition forgottenTo = 0;  ///< older positions are out of range
  };
  static void forget_departed(OfUser& user);

  std::uint64_t origin_;
  TimelinePosition position_ = 1;
  TimelinePosition newestMark_ = 0;
  std::unordered_map<UserId, TimelinePosition> marks_;
  std::unordered_map<UserId, OfUser> users_;
  std::map<std::pair<UserId, DeviceId>, std::string> tokens_;
};

}  // namespace chatcore::memory
