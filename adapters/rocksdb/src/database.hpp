#pragma once

#include <rocksdb/db.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "chatcore/rocksdb/store.hpp"
#include "columns.hpp"

namespace chatcore::rocks {

/// The newest stored format that this code reads and the one it writes.
inline constexpr std::uint64_t kFormat = 1;

[[nodiscard]] Error to_error(const rocksdb::Status& status);

/// The open RocksDB: handles, health, and what the `meta` column family says. Thread-safe but for `close`.
class Database {
 public:
  /// `env` is for tests; null: the system's.
  static Result<std::unique_ptr<Database>> open(const RocksdbOptions& options, rocksdb::Env* env = nullptr);
  ~Database();

  rocksdb::DB& db() { return *db_; }
  rocksdb::ColumnFamilyHandle* column(Column which) { return handles_[static_cast<std::size_t>(which)]; }
  const RocksdbOptions& options() const { return options_; }
  Clock& clock() { return *clock_; }
  std::uint64_t boot() const { return boot_; }
  /// 16 random bytes made with the database; keys the hashes of sends.
  const std::string& hash_key() const { return hashKey_; }
  /// Where new files lie until they are ingested.
  std::string fold_folder() const { return options_.path + "/fold"; }

  /// A point lookup; nullopt: no such row.
  Result<std::optional<std::string>> get(Column which, std::string_view key,
                                         const rocksdb::Snapshot* snapshot = nullptr);

  /// One write as durable as the options say; `synced` false: as soon as the next one that is.
  rocksdb::Status write(rocksdb::WriteBatch& batch, bool synced);

  /// Whether writing is possible; after an error tries to resume, at most once a second.
  [[nodiscard]] bool writable();

 private:
  class ErrorListener;

  Database(const RocksdbOptions& options, rocksdb::Env* env);
  Status open_files();
  Status read_meta();

  RocksdbOptions options_;
  rocksdb::Env* env_;
  Clock* clock_;
  SendExpiry expiry_;
  std::shared_ptr<std::atomic<bool>> broken_ = std::make_shared<std::atomic<bool>>(false);
  Clock::Duration nextResume_{0};
  std::unique_ptr<rocksdb::DB> db_;
  std::array<rocksdb::ColumnFamilyHandle*, kColumns> handles_{};
  std::uint64_t boot_ = 0;
  std::string hashKey_;
};

}  // namespace chatcore::rocks
