#include "folder.hpp"

#include <rocksdb/sst_file_writer.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <future>

#include "chatcore/testing/kill_point.hpp"
#include "values.hpp"

namespace chatcore::rocks {

namespace {

constexpr auto kRetryAfter = std::chrono::seconds(1);

using Sends = absl::flat_hash_map<SendHash, OriginalSend>;
using Cursors = absl::flat_hash_map<std::string, HeldCursor>;

/// In the order of their keys. Copied: what is small and lies scattered is touched once.
std::vector<std::pair<SendHash, OriginalSend>> sorted(const Sends& sends) {
  std::vector<std::pair<SendHash, OriginalSend>> entries(sends.begin(), sends.end());
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return entries;
}

/// In the order of their keys, without copying them.
std::vector<const Cursors::value_type*> sorted(const Cursors& table) {
  std::vector<const Cursors::value_type*> entries;
  entries.reserve(table.size());
  for (const auto& entry : table) entries.push_back(&entry);
  std::sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) { return a->first < b->first; });
  return entries;
}

/// A file of one column family, to be ingested.
class NewFile {
 public:
  NewFile(Database& database, Column column)
      : writer_(rocksdb::EnvOptions(), database.db().GetOptions(database.column(column)),
                database.column(column)) {}
  rocksdb::SstFileWriter* operator->() { return &writer_; }

 private:
  rocksdb::SstFileWriter writer_;
};

rocksdb::IngestExternalFileArg ingestion(Database& database, Column column, const std::string& path) {
  rocksdb::IngestExternalFileArg arg;
  arg.column_family = database.column(column);
  arg.external_files = {path};
  arg.options.move_files = true;
  // The writer has just computed the blocks' checksums; reading all back would find nothing new.
  arg.options.verify_checksums_before_ingest = false;
  return arg;
}

}  // namespace

Folder::Folder(Database& database, Journal& journal, Hooks hooks)
    : database_(database), journal_(journal), hooks_(std::move(hooks)), thread_([this] { run(); }) {}

void Folder::fold(std::shared_ptr<const JournalPart> part) {
  {
    std::lock_guard lock(mutex_);
    part_ = std::move(part);
  }
  wake_.notify_one();
}

void Folder::discard(std::shared_ptr<const void> garbage) {
  if (garbage == nullptr) return;
  {
    std::lock_guard lock(mutex_);
    garbage_.push_back(std::move(garbage));
  }
  wake_.notify_one();
}

void Folder::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Folder::lower_priority() {
  // Linux counts niceness per thread. Best effort: folding late is only memory.
  const auto thread = static_cast<id_t>(::syscall(SYS_gettid));
  if (::setpriority(PRIO_PROCESS, thread, 10) != 0) return;
}

void Folder::run() {
  lower_priority();
  std::string said;
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || part_ != nullptr || !garbage_.empty(); });
    auto garbage = std::exchange(garbage_, {});
    const auto part = part_;
    if (stopping_ && part == nullptr) return;
    lock.unlock();
    garbage.clear();
    const rocksdb::Status folded = part != nullptr ? fold_once(*part) : rocksdb::Status::OK();
    lock.lock();
    if (part == nullptr) continue;
    if (folded.ok()) {
      part_ = nullptr;
      said.clear();
      lock.unlock();
      CHATCORE_KILL_POINT("fold.stored");
      hooks_.done(part->lastRow);
      lock.lock();
    } else {
      if (stopping_) return;
      // Once: a full disk stays full for a while.
      std::string why = folded.ToString();
      if (why != said && database_.options().log != nullptr)
        database_.options().log->write(LogLevel::warn, "rocksdb", "folding the journal failed: " + why);
      said = std::move(why);
      if (wake_.wait_for(lock, kRetryAfter, [this] { return stopping_; })) return;
    }
  }
}

rocksdb::Status Folder::make_durable() {
  // A folded send must never outlive the event it speaks of: a retry would be told of an event that is lost.
  switch (database_.options().durability) {
    case Durability::sync:
      return rocksdb::Status::OK();  // What has been committed has been synced.
    case Durability::os:
      return sync_log();
    case Durability::memory:
      break;
  }
  std::vector<rocksdb::ColumnFamilyHandle*> all;
  for (std::size_t i = 0; i < kColumns; ++i) all.push_back(database_.column(static_cast<Column>(i)));
  return database_.db().Flush(rocksdb::FlushOptions(), all);
}

bool Folder::is_stopping() {
  std::lock_guard lock(mutex_);
  return stopping_;
}

rocksdb::Status Folder::fold_once(const JournalPart& part) {
  const rocksdb::Status folded = database_.may_ingest() ? ingest(part) : commit(part);
  if (folded.ok() && !part.sends.empty()) journal_.sends_folded();
  return folded;
}

rocksdb::Status Folder::ingest(const JournalPart& part) {
  const std::string sends = database_.fold_folder() + "/sends.sst";
  const std::string cursors = database_.fold_folder() + "/cursors.sst";
  std::error_code ignored;
  std::filesystem::remove(sends, ignored);
  std::filesystem::remove(cursors, ignored);

  if (const rocksdb::Status durable = make_durable(); !durable.ok()) return durable;
  std::vector<rocksdb::IngestExternalFileArg> files;
  if (!part.sends.empty()) {
    if (const rocksdb::Status written = write_sends(part, sends); !written.ok()) return written;
    files.push_back(ingestion(database_, Column::sends, sends));
  }
  if (!part.cursors.empty()) {
    if (const rocksdb::Status written = write_cursors(part, cursors); !written.ok()) return written;
    files.push_back(ingestion(database_, Column::cursors, cursors));
  }
  CHATCORE_KILL_POINT("fold.written");
  if (!database_.may_ingest()) return rocksdb::Status::Busy("a write has failed meanwhile");
  return files.empty() ? rocksdb::Status::OK() : database_.db().IngestExternalFiles(files);
}

rocksdb::Status Folder::commit(const JournalPart& part) {
  // The log's order does here what `make_durable` does there: these rows come after the events they speak of,
  // and before the journal's rows are deleted.
  FoldPieceCall piece;
  const auto full = [&] { return piece.sends.size() + piece.cursors.size() >= database_.fold_piece(); };
  for (const auto& [hash, send] : sorted(part.sends)) {
    const SendHash::Bytes bytes = hash.key();
    std::string key(bytes.data(), bytes.size());
    std::string value;
    encode_send(key, send, value);
    piece.sends.emplace_back(std::move(key), std::move(value));
    if (!full()) continue;
    if (const rocksdb::Status done = commit_piece(piece); !done.ok()) return done;
  }
  for (const auto* entry : sorted(part.cursors)) {
    const std::string& key = entry->first;
    piece.cursors.emplace_back(key, encode_cursor(key, entry->second.cursor));
    if (!full()) continue;
    if (const rocksdb::Status done = commit_piece(piece); !done.ok()) return done;
  }
  return commit_piece(piece);
}

rocksdb::Status Folder::commit_piece(FoldPieceCall& piece) {
  if (piece.sends.empty() && piece.cursors.empty()) return rocksdb::Status::OK();
  const rocksdb::Status done = ask_committer(std::exchange(piece, {}));
  if (done.ok()) CHATCORE_KILL_POINT("fold.piece");
  return done;
}

rocksdb::Status Folder::sync_log() { return ask_committer(DurableCall{}); }

template <class Call>
rocksdb::Status Folder::ask_committer(Call call) {
  if (is_stopping()) return rocksdb::Status::ShutdownInProgress();
  std::promise<bool> answer;
  std::future<bool> done = answer.get_future();
  call.done = [answer = std::move(answer)](bool whether) mutable { answer.set_value(whether); };
  // The committer stops after this thread, and answers what it has taken.
  if (!hooks_.submit(std::move(call))) return rocksdb::Status::ShutdownInProgress();
  return done.get() ? rocksdb::Status::OK() : rocksdb::Status::Busy("the store cannot write yet");
}

rocksdb::Status Folder::write_sends(const JournalPart& part, const std::string& path) {
  NewFile file(database_, Column::sends);
  if (const rocksdb::Status opened = file->Open(path); !opened.ok()) return opened;
  std::string value;
  for (const auto& [hash, send] : sorted(part.sends)) {
    const SendHash::Bytes bytes = hash.key();
    const std::string_view key(bytes.data(), bytes.size());
    encode_send(key, send, value);
    if (const rocksdb::Status put = file->Put(key, value); !put.ok()) return put;
  }
  return file->Finish();
}

rocksdb::Status Folder::write_cursors(const JournalPart& part, const std::string& path) {
  NewFile file(database_, Column::cursors);
  if (const rocksdb::Status opened = file->Open(path); !opened.ok()) return opened;
  for (const auto* entry : sorted(part.cursors)) {
    // A cursor that was moved without reading it first is only a part of the maximum.
    const std::string& key = entry->first;
    if (const rocksdb::Status merged = file->Merge(key, encode_cursor(key, entry->second.cursor));
        !merged.ok())
      return merged;
  }
  return file->Finish();
}

}  // namespace chatcore::rocks
