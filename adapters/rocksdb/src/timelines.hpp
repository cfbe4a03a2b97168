#pragma once

#include <absl/container/flat_hash_map.h>
#include <rocksdb/write_batch.h>

#include <optional>
#include <string>
#include <vector>

#include "chatcore/model/timeline.hpp"
#include "database.hpp"

namespace chatcore::rocks {

/// Users' timelines as the committer writes them: which users were given a position since a conversation was
/// last told of. What is in memory may forget, and then tells more often than need be. Used by the committer
/// thread alone.
class Timelines {
 public:
  explicit Timelines(Database& database);

  TimelineMark mark(const UserId& user);

  /// The position of a change that is about to be told.
  TimelinePosition next() { return ++position_; }
  /// Whether anybody was given a position at or after `position`.
  [[nodiscard]] bool asked_since(TimelinePosition position) const { return newestMark_ >= position; }
  /// Tells one user of a change of `log`.
  Status tell(rocksdb::WriteBatch& batch, const UserId& user, const ConversationId& log,
              TimelinePosition position, const TimelineChange& change);

  /// Takes the oldest of the conversations that a user has left out of the timeline. O(entries of the user).
  Status forget_departed(rocksdb::WriteBatch& batch, const UserId& user);

  /// The batch is written: what stands in it can be read.
  void committed() { pending_.clear(); }
  /// What was told may not be stored.
  void failed();

 private:
  struct Known {
    std::uint64_t pair = 0;  ///< hash of user and log
    TimelineSummary summary;
  };

  [[nodiscard]] TimelinePosition& mark_of(const UserId& user);
  Result<TimelineRow> row(const std::string& key);

  Database& database_;
  std::uint64_t origin_;
  TimelinePosition position_;
  TimelinePosition newestMark_;
  std::vector<TimelinePosition> marks_;  ///< by hash of the user: the newest of all who share a place
  std::vector<Known> known_;             ///< by hash of user and log: the last to have come there
  absl::flat_hash_map<std::string, TimelineRow> pending_;
};

}  // namespace chatcore::rocks
