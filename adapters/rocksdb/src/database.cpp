#include "database.hpp"

#include <rocksdb/listener.h>
#include <rocksdb/sst_file_reader.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "chatcore/testing/kill_point.hpp"
#include "forwarded_log.hpp"
#include "values.hpp"

namespace chatcore::rocks {

namespace {

namespace fs = std::filesystem;

constexpr auto kFlushPoll = std::chrono::milliseconds(1);
constexpr int kFlushPolls = 60'000;
constexpr std::string_view kFormatKey = "format";
constexpr std::string_view kBootKey = "boot";
constexpr std::string_view kHashKey = "send-hash-key";

Error failure(ErrorCode code, std::string message) {
  return Error{.code = code, .message = std::move(message)};
}

/// What RocksDB would report obscurely, said before it is asked.
Status check_folder(const std::string& path) {
  if (path.empty()) return failure(ErrorCode::invalid_argument, "the store's path is empty");
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) {
    fs::create_directories(path, error);
    if (error) return failure(ErrorCode::io_error, "cannot make " + path + ": " + error.message());
    return {};
  }
  if (error) return failure(ErrorCode::io_error, "cannot look at " + path + ": " + error.message());
  if (!fs::is_directory(status)) return failure(ErrorCode::invalid_argument, path + " is not a folder");
  fs::directory_iterator listing(path, error);
  if (error) return failure(ErrorCode::io_error, "cannot read " + path + ": " + error.message());
  return {};
}

Error open_error(const std::string& path, const rocksdb::Status& status) {
  const std::string text = status.ToString();
  if (status.IsIOError() && text.find("lock") != std::string::npos)
    return failure(ErrorCode::unavailable, path + " is in use by another process: " + text);
  if (status.IsCorruption()) return failure(ErrorCode::corrupted, path + " is damaged: " + text);
  if (status.IsInvalidArgument()) return failure(ErrorCode::invalid_argument, path + ": " + text);
  return failure(ErrorCode::io_error, "cannot open " + path + ": " + text);
}

rocksdb::DBOptions database_options(const RocksdbOptions& options, const Tuning& tuning) {
  rocksdb::DBOptions database;
  if (tuning.env != nullptr) database.env = tuning.env;
  database.listeners = tuning.listeners;
  database.create_if_missing = true;
  database.create_missing_column_families = true;
  // The committer is the one writer: nothing to share a memtable insert with, and inserts may use hints.
  database.allow_concurrent_memtable_write = false;
  database.enable_pipelined_write = false;
  database.max_background_jobs = 2;
  database.max_total_wal_size = tuning.writeBufferBytes > 0 ? 2 * tuning.writeBufferBytes : 512U << 20;
  if (tuning.writeBufferBytes > 0) database.max_file_opening_threads = 1;
  // Resuming on a disk that is still full can fail for good (where the next log cannot be made): we ask
  // first.
  database.max_bgerror_resume_count = 0;
  database.bytes_per_sync = 1U << 20;
  database.info_log = std::make_shared<ForwardedLog>(options.log);
  // Without a log only a flush of all column families together is a consistent state.
  database.atomic_flush = options.durability == Durability::memory;
  return database;
}

}  // namespace

Error to_error(const rocksdb::Status& status) {
  const ErrorCode code = status.IsCorruption()                      ? ErrorCode::corrupted
                         : status.IsIOError() || status.IsNoSpace() ? ErrorCode::unavailable
                                                                    : ErrorCode::internal;
  return Error{.code = code, .message = "rocksdb: " + status.ToString()};
}

/// What RocksDB's own threads have to say.
class Database::Listener final : public rocksdb::EventListener {
 public:
  explicit Listener(Log* log) : log_(log) {}
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
    failed.store(true);
    broken.store(true);
    if (log_ != nullptr) log_->write(LogLevel::error, "rocksdb", status->ToString());
  }
  void OnErrorRecoveryEnd(const rocksdb::BackgroundErrorRecoveryInfo& info) override {
    if (info.new_bg_error.ok()) broken.store(false);
  }
  void OnFlushCompleted(rocksdb::DB*, const rocksdb::FlushJobInfo&) override { manifestGrew.store(true); }
  void OnCompactionCompleted(rocksdb::DB*, const rocksdb::CompactionJobInfo&) override {
    manifestGrew.store(true);
  }
  void OnExternalFileIngested(rocksdb::DB*, const rocksdb::ExternalFileIngestionInfo&) override {
    manifestGrew.store(true);
  }

  std::atomic<bool> broken{false};
  std::atomic<bool> failed{false};  ///< ever
  std::atomic<bool> manifestGrew{true};

 private:
  Log* log_;
};

Database::Database(const RocksdbOptions& options, Tuning tuning)
    : options_(options),
      tuning_(std::move(tuning)),
      clock_(options.clock != nullptr ? options.clock : &system_clock()),
      sendExpiry_(*clock_, std::chrono::duration_cast<Clock::Duration>(options.sendMemory)),
      eventExpiry_(*clock_) {}

Database::~Database() {
  if (db_ != nullptr && healthy()) close();
  for (rocksdb::ColumnFamilyHandle* handle : handles_) {
    if (handle != nullptr) db_->DestroyColumnFamilyHandle(handle);
  }
}

Result<std::unique_ptr<Database>> Database::open(const RocksdbOptions& options, Tuning tuning) {
  if (Status folder = check_folder(options.path); !folder) return std::move(folder).error();
  std::unique_ptr<Database> database(new Database(options, std::move(tuning)));
  if (Status opened = database->open_files(); !opened) return std::move(opened).error();
  CHATCORE_KILL_POINT("open.recovered");
  if (Status meta = database->read_meta(); !meta) return std::move(meta).error();
  CHATCORE_KILL_POINT("open.counted");
  std::error_code ignored;
  fs::remove_all(database->fold_folder(), ignored);
  fs::create_directories(database->fold_folder(), ignored);
  return database;
}

Status Database::open_files() {
  rocksdb::DBOptions options = database_options(options_, tuning_);
  if (tuning_.env == nullptr) {
    env_ = make_env_with_table_files();
    options.env = env_.get();
  }
  listener_ = std::make_shared<Listener>(options_.log);
  options.listeners.push_back(listener_);
  std::vector<std::string> present;
  // Fails for a folder without a database, which is fine: it is about to be made.
  if (rocksdb::DB::ListColumnFamilies(options, options_.path, &present).ok()) {
    for (const std::string& name : present) {
      if (std::find(kColumnNames.begin(), kColumnNames.end(), name) == kColumnNames.end())
        return failure(ErrorCode::unsupported, options_.path +
                                                   " was written by a newer version, or is no chatcore " +
                                                   "database: it has the unknown part '" + name + "'");
    }
  }
  rocksdb::FileSystem& files = *options.env->GetFileSystem();
  mark_ = std::make_unique<SyncedMark>(files, options_.path + "/SYNCED");
  // Read first: should another process have the database, it only gets further.
  const SyncedUpTo mark = mark_->read();
  if (Status whole = walCheck_.run(files, options_.path, mark); !whole) return whole;
  options.wal_filter = &walCheck_;
  const auto cache = rocksdb::NewLRUCache(options_.blockCacheBytes, -1, false, 0.3);
  auto columns = column_descriptors(cache, sendExpiry_, eventExpiry_);
  if (tuning_.writeBufferBytes > 0) {
    for (auto& column : columns) column.options.write_buffer_size = tuning_.writeBufferBytes;
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* raw = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options, options_.path, columns, &handles, &raw);
  if (!status.ok()) return open_error(options_.path, status);
  db_.reset(raw);
  std::copy(handles.begin(), handles.end(), handles_.begin());
  return check_tables();
}

Status Database::check_tables() {
  // RocksDB's compactions run already: no table may go while it is looked at.
  if (const rocksdb::Status kept = db_->DisableFileDeletions(); !kept.ok()) return to_error(kept);
  Status looked = look_at_tables();
  const rocksdb::Status going = db_->EnableFileDeletions(false);
  if (looked && !going.ok()) return to_error(going);
  return looked;
}

Status Database::look_at_tables() {
  // A table whose properties are damaged RocksDB reads as if it had the oldest format, and finds nothing.
  for (rocksdb::ColumnFamilyHandle* handle : handles_) {
    rocksdb::TablePropertiesCollection tables;
    if (const rocksdb::Status read = db_->GetPropertiesOfAllTables(handle, &tables); !read.ok())
      return to_error(read);
    for (const auto& [name, properties] : tables) {
      if (properties == nullptr)
        return failure(ErrorCode::corrupted, name + ": the table's properties are damaged");
      if (handle != column(Column::journal)) continue;
      // Where ranges have been deleted RocksDB 7.8 passes over a damaged block without a word.
      rocksdb::SstFileReader table(db_->GetOptions(handle));
      rocksdb::Status whole = table.Open(name);
      if (whole.ok()) whole = table.VerifyChecksum();
      if (!whole.ok()) return to_error(whole);
    }
  }
  return {};
}

Status Database::read_meta() {
  std::uint64_t format = 0;
  const auto stored = [&](std::string_view key, std::uint64_t& number) -> Status {
    auto row = get(Column::meta, key);
    if (!row) return std::move(row).error();
    if (*row && !decode_number(key, **row, number))
      return failure(ErrorCode::corrupted, options_.path + ": the row '" + std::string(key) + "' is damaged");
    return {};
  };
  if (Status read = stored(kFormatKey, format); !read) return read;
  if (format > kFormat)
    return failure(ErrorCode::unsupported, options_.path + " was written by a newer version (format " +
                                               std::to_string(format) + ", known " + std::to_string(kFormat) +
                                               ")");
  if (Status read = stored(kBootKey, boot_); !read) return read;
  auto hashKey = get(Column::meta, kHashKey);
  if (!hashKey) return std::move(hashKey).error();
  if (*hashKey && (*hashKey)->size() != 16)
    return failure(ErrorCode::corrupted, "the hash key row is damaged");
  hashKey_ = *hashKey ? **hashKey : std::string(16, '\0');
  if (!*hashKey) system_random().fill(std::as_writable_bytes(std::span(hashKey_.data(), hashKey_.size())));

  ++boot_;
  rocksdb::WriteBatch batch;
  next_.number = 1;
  stamp(batch);
  batch.Put(column(Column::meta), kFormatKey, encode_number(kFormatKey, kFormat));
  batch.Put(column(Column::meta), kBootKey, encode_number(kBootKey, boot_));
  batch.Put(column(Column::meta), kHashKey, hashKey_);
  if (const rocksdb::Status written = write_durably(batch); !written.ok()) return to_error(written);
  return {};
}

rocksdb::Status Database::write_durably(rocksdb::WriteBatch& batch) {
  rocksdb::WriteOptions options;
  if (options_.durability != Durability::memory) {
    options.sync = true;
    return write(batch, options);
  }
  // Not one write goes to a log: after one, the first memtable that is full makes a new log, and where the
  // disk fails at that RocksDB 7.8 keeps references to the column families that were to be flushed with it.
  // Closing then ends the process (an assertion; mended in 7.10). Flushing begins a new log where recovery
  // has written.
  options.disableWAL = true;
  if (const rocksdb::Status written = write(batch, options); !written.ok()) return written;
  const rocksdb::Status flushed = flush_all();
  if (flushed.ok()) mark_all(false);
  return flushed;
}

Result<std::optional<std::string>> Database::get(Column which, std::string_view key, const View& view) {
  std::string value;
  const rocksdb::Status status = db_->Get(view.options(), column(which), key, &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return to_error(status);
  return std::optional<std::string>(std::move(value));
}

void Database::stamp(rocksdb::WriteBatch& batch) const {
  if (const rocksdb::Status put = batch.PutLogData(next_.encode()); !put.ok()) std::abort();
}

rocksdb::Status Database::write(rocksdb::WriteBatch& batch, bool synced) {
  rocksdb::WriteOptions options;
  options.sync = synced && options_.durability == Durability::sync;
  options.disableWAL = options_.durability == Durability::memory;
  return write(batch, options);
}

rocksdb::Status Database::write(rocksdb::WriteBatch& batch, const rocksdb::WriteOptions& options) {
  const rocksdb::Status status = db_->Write(options, &batch);
  if (!status.ok()) {
    listener_->failed.store(true);
    listener_->broken.store(true);
    // Resuming flushes all there is: what comes then follows upon nothing in a log.
    next_.number = 1;
    return status;
  }
  if (!options.disableWAL) written(options.sync);
  return status;
}

void Database::written(bool synced) {
  ++next_.number;
  std::unique_ptr<rocksdb::LogFile> wal;
  // Nobody else writes: this is the log that the batch is in, and its end.
  if (!db_->GetCurrentWalFile(&wal).ok()) return;
  next_.previousWal = wal->LogNumber();
  if (!synced) return;
  synced_.wal = next_.synced.wal = wal->LogNumber();
  synced_.walBytes = next_.synced.walBytes = wal->SizeFileBytes();
  note_manifest();
  CHATCORE_KILL_POINT("commit.marking");
  mark_->write(synced_, false);
}

void Database::note_manifest() {
  if (!listener_->manifestGrew.exchange(false)) return;
  constexpr std::string_view kManifest = "/MANIFEST-";
  std::vector<std::string> files;
  std::uint64_t size = 0;
  if (!db_->GetLiveFiles(files, &size, false).ok()) return;
  for (const std::string& file : files) {
    if (file.rfind(kManifest, 0) != 0) continue;
    synced_.manifest = std::strtoull(file.c_str() + kManifest.size(), nullptr, 10);
    synced_.manifestBytes = size;
  }
}

void Database::close() {
  CHATCORE_KILL_POINT("close.begun");
  // Without a log closing flushes, and so does this: before the mark instead of after it.
  const rocksdb::Status durable = options_.durability == Durability::memory ? flush_all() : db_->SyncWAL();
  if (durable.ok()) mark_all(true);
}

rocksdb::Status Database::flush_all() {
  const std::vector<rocksdb::ColumnFamilyHandle*> all(handles_.begin(), handles_.end());
  const rocksdb::Status flushed = db_->Flush(rocksdb::FlushOptions(), all);
  // Once it has resumed RocksDB 7.8 does not wait for a flush, and drops what has not been flushed when it
  // closes.
  for (int i = 0; i < kFlushPolls && flushed.ok() && healthy() && is_flushing(); ++i)
    std::this_thread::sleep_for(kFlushPoll);
  return flushed;
}

void Database::mark_all(bool synced) {
  std::unique_ptr<rocksdb::LogFile> wal;
  if (!db_->GetCurrentWalFile(&wal).ok()) return;
  synced_.wal = wal->LogNumber();
  synced_.walBytes = wal->SizeFileBytes();
  note_manifest();
  mark_->write(synced_, synced);
}

bool Database::is_flushing() const {
  const auto waits = [this](rocksdb::ColumnFamilyHandle* column) {
    std::uint64_t memtables = 0;
    return db_->GetIntProperty(column, rocksdb::DB::Properties::kNumImmutableMemTable, &memtables) &&
           memtables > 0;
  };
  return std::any_of(handles_.begin(), handles_.end(), waits);
}

bool Database::may_ingest() const { return tuning_.foldPiece == 0 && !listener_->failed.load(); }

std::size_t Database::fold_piece() const {
  // Small enough that no append waits long behind it.
  constexpr std::size_t kUsual = 1000;
  return tuning_.foldPiece != 0 ? tuning_.foldPiece : kUsual;
}

bool Database::healthy() const { return !listener_->broken.load(); }

bool Database::has_room() {
  constexpr std::size_t kRoom = 1U << 20;
  rocksdb::FileSystem& files = *db_->GetFileSystem();
  const std::string path = fold_folder() + "/room";
  std::unique_ptr<rocksdb::FSWritableFile> file;
  bool room = files.NewWritableFile(path, {}, &file, nullptr).ok();
  if (!room) return false;
  room = file->Append(std::string(kRoom, '\0'), {}, nullptr).ok() && file->Sync({}, nullptr).ok();
  room = file->Close({}, nullptr).ok() && room;
  return files.DeleteFile(path, {}, nullptr).ok() && room;
}

bool Database::writable() {
  if (healthy()) return true;
  const Clock::Duration now = system_clock().steady();
  if (now < nextResume_) return false;
  nextResume_ = now + std::chrono::seconds(1);
  if (!has_room()) return false;
  const rocksdb::Status resumed = db_->Resume();
  if (resumed.ok()) listener_->broken.store(false);
  return resumed.ok();
}

}  // namespace chatcore::rocks
