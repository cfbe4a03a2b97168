#include "timelines.hpp"

#include "keys.hpp"
#include "row_scan.hpp"
#include "send_hash.hpp"
#include "values.hpp"

namespace chatcore::rocks {

namespace {

constexpr std::size_t kMarks = 65'536;
constexpr std::size_t kKnown = 65'536;
constexpr unsigned kChangesPerBoot = 40;  // bits

}  // namespace

// Who was given a position by an earlier boot is not known: so everybody was, just now.
Timelines::Timelines(Database& database)
    : database_(database),
      origin_(hash_send(database.hash_key(), "timeline", "", "").high),
      position_(database.boot() << kChangesPerBoot),
      newestMark_(position_),
      marks_(kMarks, position_),
      known_(kKnown) {}

TimelinePosition& Timelines::mark_of(const UserId& user) { return marks_[absl::HashOf(user) % kMarks]; }

TimelineMark Timelines::mark(const UserId& user) {
  mark_of(user) = newestMark_ = position_;
  return {origin_, position_};
}

Status Timelines::tell(rocksdb::WriteBatch& batch, const UserId& user, const ConversationId& log,
                       TimelinePosition position, const TimelineChange& change) {
  const TimelinePosition mark = mark_of(user);
  const std::uint64_t pair = absl::HashOf(user, log);
  Known& known = known_[pair % kKnown];
  if (known.pair == pair && known.summary.covers(change, mark)) return {};
  const std::string key = pair_key(user, log);
  auto stored = row(key);
  if (!stored) return std::move(stored).error();
  if (!stored->summary().covers(change, mark)) {
    stored->note(change, position);
    batch.Put(database_.column(Column::timeline), key, encode_timeline(key, *stored));
    pending_.insert_or_assign(key, *stored);
  }
  known = {pair, stored->summary()};
  return {};
}

Status Timelines::forget_departed(rocksdb::WriteBatch& batch, const UserId& user) {
  std::vector<std::pair<std::string, TimelinePosition>> departed;
  std::vector<TimelinePosition> lastChanges;
  RowScan rows(database_, Column::timeline, pair_key(user, "") + '\0', owner_end(user), {});
  for (TimelineRow row; rows.valid(); rows.next()) {
    // What this group has told of is newer than all that is to go.
    if (pending_.contains(std::string(rows.key())) || !decode_timeline(rows.key(), rows.value(), row) ||
        !row.departed)
      continue;
    departed.emplace_back(rows.key(), row.summary().last);
    lastChanges.push_back(row.summary().last);
  }
  if (!rows.status()) return rows.status();
  const TimelinePosition upTo = departed_to_forget(std::move(lastChanges));
  if (upTo == 0) return {};
  for (const auto& [key, last] : departed) {
    if (last > upTo) continue;
    batch.Delete(database_.column(Column::timeline), key);
    known_[absl::HashOf(user, ConversationId(second_of_pair(key))) % kKnown] = {};
  }
  const std::string key = forgotten_key(user);
  batch.Put(database_.column(Column::timeline), key, encode_number(key, upTo));
  return {};
}

Result<TimelineRow> Timelines::row(const std::string& key) {
  if (const auto pending = pending_.find(key); pending != pending_.end()) return pending->second;
  const auto stored = database_.get(Column::timeline, key);
  if (!stored) return stored.error();
  TimelineRow row;
  if (!*stored || decode_timeline(key, **stored, row)) return row;
  // It only says from where to tell: everything, then.
  if (database_.options().log != nullptr)
    database_.options().log->write(LogLevel::error, "rocksdb", "a timeline's row is damaged: written anew");
  row = {};
  row.note({}, 1);
  return row;
}

void Timelines::failed() {
  pending_.clear();
  known_.assign(kKnown, {});
}

}  // namespace chatcore::rocks
