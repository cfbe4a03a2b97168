#include "journal.hpp"

#include "keys.hpp"
#include "values.hpp"

namespace chatcore::rocks {

Status Journal::load() {
  rocksdb::DB& db = database_.db();
  const std::unique_ptr<rocksdb::Iterator> sends(
      db.NewIterator(rocksdb::ReadOptions(), database_.column(Column::sends)));
  sends->SeekToFirst();
  sendsEmpty_.store(!sends->Valid());

  const std::unique_ptr<rocksdb::Iterator> rows(
      db.NewIterator(rocksdb::ReadOptions(), database_.column(Column::journal)));
  JournalRow row;
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
    if (!decode_journal_row(rows->key().ToStringView(), rows->value().ToStringView(), row) ||
        rows->key().size() != 8)
      return Error{.code = ErrorCode::corrupted, .message = "a row of the journal of sends is damaged"};
    nextRow_ = seq_of_event_key(rows->key().ToStringView());
    committed(std::move(row));
  }
  if (!rows->status().ok()) return to_error(rows->status());
  if (!sends->status().ok()) return to_error(sends->status());
  return {};
}

std::optional<OriginalSend> Journal::send_in_memory(const SendHash& hash) const {
  if (const auto found = current_->sends.find(hash); found != current_->sends.end()) return found->second;
  if (frozen_ != nullptr) {
    if (const auto found = frozen_->sends.find(hash); found != frozen_->sends.end()) return found->second;
  }
  return std::nullopt;
}

Result<std::optional<OriginalSend>> Journal::stored_send(const SendHash& hash) {
  if (sendsEmpty_.load()) return std::optional<OriginalSend>();
  const std::string key = hash.key();
  auto row = database_.get(Column::sends, key);
  if (!row) return std::move(row).error();
  if (!*row) return std::optional<OriginalSend>();
  OriginalSend send;
  if (!decode_send(key, **row, send))
    return Error{.code = ErrorCode::corrupted, .message = "a remembered send is damaged"};
  return std::optional<OriginalSend>(send);
}

Result<std::optional<OriginalSend>> Journal::find_send(const SendHash& hash) {
  {
    std::lock_guard lock(mutex_);
    if (auto found = send_in_memory(hash)) return found;
  }
  return stored_send(hash);
}

Result<std::optional<OriginalSend>> Journal::committer_find_send(const SendHash& hash) {
  if (auto found = send_in_memory(hash)) return found;
  return stored_send(hash);
}

Cursor Journal::held_cursor(const std::string& key) {
  std::lock_guard lock(mutex_);
  Cursor held;
  if (const auto found = current_->cursors.find(key); found != current_->cursors.end())
    raise(held, found->second.cursor);
  if (frozen_ == nullptr) return held;
  if (const auto found = frozen_->cursors.find(key); found != frozen_->cursors.end())
    raise(held, found->second.cursor);
  return held;
}

Result<Cursor> Journal::committer_whole_cursor(const std::string& key) {
  Cursor merged;
  for (const JournalPart* part :
       {const_cast<const JournalPart*>(current_.get()), frozen_.get(), previous_.get()}) {
    if (part == nullptr) continue;
    const auto found = part->cursors.find(key);
    if (found == part->cursors.end()) continue;
    raise(merged, found->second.cursor);
    if (found->second.whole) return merged;
  }
  auto row = database_.get(Column::cursors, key);
  if (!row) return std::move(row).error();
  if (!*row) return merged;
  Cursor stored;
  if (!decode_cursor(key, **row, stored))
    return Error{.code = ErrorCode::corrupted, .message = "a cursor is damaged"};
  raise(merged, stored);
  return merged;
}

void Journal::committed(JournalRow&& row) {
  std::lock_guard lock(mutex_);
  for (const auto& [hash, send] : row.sends) current_->sends.emplace(hash, send);
  for (auto& [key, held] : row.cursors) {
    HeldCursor& mine = current_->cursors[std::move(key)];
    raise(mine.cursor, held.cursor);
    mine.whole |= held.whole;
  }
  current_->lastRow = nextRow_++;
}

std::shared_ptr<const JournalPart> Journal::freeze() {
  std::lock_guard lock(mutex_);
  frozen_ = std::move(current_);
  current_ = std::make_shared<JournalPart>();
  return frozen_;
}

std::shared_ptr<const void> Journal::folded() {
  std::lock_guard lock(mutex_);
  std::shared_ptr<const void> garbage = std::move(previous_);
  previous_ = std::move(frozen_);
  frozen_ = nullptr;
  return garbage;
}

}  // namespace chatcore::rocks
