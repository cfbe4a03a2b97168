#include "database.hpp"

#include <rocksdb/listener.h>

#include <filesystem>

#include "values.hpp"

namespace chatcore::rocks {

namespace {

namespace fs = std::filesystem;

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

rocksdb::DBOptions database_options(const RocksdbOptions& options, rocksdb::Env* env) {
  rocksdb::DBOptions database;
  if (env != nullptr) database.env = env;
  database.create_if_missing = true;
  database.create_missing_column_families = true;
  // The committer is the one writer: nothing to share a memtable insert with, and inserts may use hints.
  database.allow_concurrent_memtable_write = false;
  database.enable_pipelined_write = false;
  database.max_background_jobs = 2;
  database.max_total_wal_size = 512U << 20;
  database.bytes_per_sync = 1U << 20;
  database.keep_log_file_num = 5;
  database.max_log_file_size = 4U << 20;
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

class Database::ErrorListener final : public rocksdb::EventListener {
 public:
  ErrorListener(std::shared_ptr<std::atomic<bool>> broken, Log* log)
      : broken_(std::move(broken)), log_(log) {}
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
    broken_->store(true);
    if (log_ != nullptr) log_->write(LogLevel::error, "rocksdb", status->ToString());
  }
  void OnErrorRecoveryEnd(const rocksdb::BackgroundErrorRecoveryInfo& info) override {
    if (info.new_bg_error.ok()) broken_->store(false);
  }

 private:
  std::shared_ptr<std::atomic<bool>> broken_;
  Log* log_;
};

Database::Database(const RocksdbOptions& options, rocksdb::Env* env)
    : options_(options),
      env_(env),
      clock_(options.clock != nullptr ? options.clock : &system_clock()),
      expiry_(*clock_, std::chrono::duration_cast<Clock::Duration>(options.sendMemory)) {}

Database::~Database() {
  for (rocksdb::ColumnFamilyHandle* handle : handles_) {
    if (handle != nullptr) db_->DestroyColumnFamilyHandle(handle);
  }
}

Result<std::unique_ptr<Database>> Database::open(const RocksdbOptions& options, rocksdb::Env* env) {
  if (Status folder = check_folder(options.path); !folder) return std::move(folder).error();
  std::unique_ptr<Database> database(new Database(options, env));
  if (Status opened = database->open_files(); !opened) return std::move(opened).error();
  if (Status meta = database->read_meta(); !meta) return std::move(meta).error();
  std::error_code ignored;
  fs::remove_all(database->fold_folder(), ignored);
  fs::create_directories(database->fold_folder(), ignored);
  return database;
}

Status Database::open_files() {
  rocksdb::DBOptions options = database_options(options_, env_);
  options.listeners.push_back(std::make_shared<ErrorListener>(broken_, options_.log));
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
  const auto cache = rocksdb::NewLRUCache(options_.blockCacheBytes, -1, false, 0.3);
  const auto columns = column_descriptors(cache, expiry_);
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* raw = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options, options_.path, columns, &handles, &raw);
  if (!status.ok()) return open_error(options_.path, status);
  db_.reset(raw);
  std::copy(handles.begin(), handles.end(), handles_.begin());
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
  batch.Put(column(Column::meta), kFormatKey, encode_number(kFormatKey, kFormat));
  batch.Put(column(Column::meta), kBootKey, encode_number(kBootKey, boot_));
  batch.Put(column(Column::meta), kHashKey, hashKey_);
  rocksdb::WriteOptions synced;
  synced.sync = true;
  if (const rocksdb::Status written = db_->Write(synced, &batch); !written.ok()) return to_error(written);
  return {};
}

Result<std::optional<std::string>> Database::get(Column which, std::string_view key,
                                                 const rocksdb::Snapshot* snapshot) {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  std::string value;
  const rocksdb::Status status = db_->Get(options, column(which), key, &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return to_error(status);
  return std::optional<std::string>(std::move(value));
}

rocksdb::Status Database::write(rocksdb::WriteBatch& batch, bool synced) {
  rocksdb::WriteOptions options;
  options.sync = synced && options_.durability == Durability::sync;
  options.disableWAL = options_.durability == Durability::memory;
  const rocksdb::Status status = db_->Write(options, &batch);
  if (!status.ok()) broken_->store(true);
  return status;
}

bool Database::writable() {
  if (!broken_->load()) return true;
  const Clock::Duration now = system_clock().steady();
  if (now < nextResume_) return false;
  nextResume_ = now + std::chrono::seconds(1);
  const rocksdb::Status resumed = db_->Resume();
  if (resumed.ok()) broken_->store(false);
  return resumed.ok();
}

}  // namespace chatcore::rocks
