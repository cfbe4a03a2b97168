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

void Journal::stored_sends(std::span<const SendHash> hashes, const std::vector<std::size_t>& wanted,
                           Sends& into) {
  if (wanted.empty() || sendsEmpty_.load()) return;
  std::vector<SendHash::Bytes> keys;
  keys.reserve(wanted.size());
  for (const std::size_t i : wanted) keys.push_back(hashes[i].key());
  std::vector<rocksdb::Slice> slices;
  slices.reserve(keys.size());
  for (const auto& key : keys) slices.emplace_back(key.data(), key.size());
  std::vector<rocksdb::PinnableSlice> rows(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  database_.db().MultiGet({}, database_.column(Column::sends), keys.size(), slices.data(), rows.data(),
                          statuses.data());
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    if (statuses[k].IsNotFound()) continue;
    auto& answer = into[wanted[k]];
    OriginalSend send;
    if (!statuses[k].ok())
      answer = to_error(statuses[k]);
    else if (!decode_send(slices[k].ToStringView(), rows[k].ToStringView(), send))
      answer = Error{.code = ErrorCode::corrupted, .message = "a remembered send is damaged"};
    else
      answer = std::optional(send);
  }
}

Result<std::optional<OriginalSend>> Journal::find_send(const SendHash& hash) {
  {
    std::lock_guard lock(mutex_);
    if (auto found = send_in_memory(hash)) return found;
  }
  Sends found(1, std::optional<OriginalSend>());
  stored_sends({&hash, 1}, {0}, found);
  return std::move(found[0]);
}

Journal::Sends Journal::committer_find_sends(std::span<const SendHash> hashes) {
  Sends found(hashes.size(), std::optional<OriginalSend>());
  std::vector<std::size_t> elsewhere;
  elsewhere.reserve(hashes.size());
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    if (auto here = send_in_memory(hashes[i]))
      found[i] = std::move(here);
    else
      elsewhere.push_back(i);
  }
  stored_sends(hashes, elsewhere, found);
  return found;
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
