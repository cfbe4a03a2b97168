#pragma once

#include <rocksdb/db.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chatcore/rocksdb/store.hpp"
#include "columns.hpp"
#include "synced_mark.hpp"
#include "table_files.hpp"
#include "wal_check.hpp"

namespace chatcore::rocks {

/// The newest stored format that this code reads and the one it writes.
inline constexpr std::uint64_t kFormat = 1;

[[nodiscard]] Error to_error(const rocksdb::Status& status);

/// What tests change of the way RocksDB is opened.
struct Tuning {
  rocksdb::Env* env = nullptr;  ///< null: the system's
  /// Of every column family, and twice that of log; files are opened one after another. 0: as usual.
  std::size_t writeBufferBytes = 0;
  std::vector<std::shared_ptr<rocksdb::EventListener>> listeners;
  /// Entries of the journal that are folded with one commit. 0: many, and only after a failed write.
  std::size_t foldPiece = 0;
};

/// What a read sees.
struct View {
  const rocksdb::Snapshot* snapshot = nullptr;  ///< null: everything as it is now
  bool memoryOnly = false;                      ///< what the system would have to read is an error

  [[nodiscard]] rocksdb::ReadOptions options() const {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot;
    if (memoryOnly) options.io_timeout = kNoWaiting;
    return options;
  }
};

/// The open RocksDB: handles, health, and what the `meta` column family says. Thread-safe but for `close`.
class Database {
 public:
  static Result<std::unique_ptr<Database>> open(const RocksdbOptions& options, Tuning tuning = {});
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
  Result<std::optional<std::string>> get(Column which, std::string_view key, const View& view = {});

  /// Begins a batch: says in the write-ahead log which commit it is, and what was synced before it.
  void stamp(rocksdb::WriteBatch& batch) const;
  /// One write, of a batch begun with `stamp`, as durable as the options say; `synced` false: as soon as the
  /// next one that is.
  rocksdb::Status write(rocksdb::WriteBatch& batch, bool synced);

  /// Whether no write has failed that has not been recovered from.
  [[nodiscard]] bool healthy() const;
  /// Whether files may be ingested, and the log be synced by another thread than the committer's: not once a
  /// write has failed, recovered from or not, until the next opening.
  [[nodiscard]] bool may_ingest() const;
  /// Entries of the journal that are folded with one commit where they may not be ingested.
  [[nodiscard]] std::size_t fold_piece() const;
  /// Whether writing is possible; after an error tries to resume, at most once a second.
  [[nodiscard]] bool writable();

 private:
  class Listener;

  Database(const RocksdbOptions& options, Tuning tuning);
  Status open_files();
  Status check_tables();
  Status look_at_tables();
  Status read_meta();
  rocksdb::Status write(rocksdb::WriteBatch& batch, const rocksdb::WriteOptions& options);
  rocksdb::Status write_durably(rocksdb::WriteBatch& batch);
  rocksdb::Status flush_all();
  /// All that is in the log, and in the manifest, has been synced.
  void mark_all(bool synced);
  void written(bool synced);
  void note_manifest();
  bool has_room();
  [[nodiscard]] bool is_flushing() const;
  void close();

  RocksdbOptions options_;
  Tuning tuning_;
  Clock* clock_;
  SendExpiry sendExpiry_;
  EventExpiry eventExpiry_;
  std::shared_ptr<Listener> listener_;
  WalCheck walCheck_;
  std::unique_ptr<SyncedMark> mark_;
  SyncedUpTo synced_;
  CommitStamp next_;
  Clock::Duration nextResume_{0};
  std::unique_ptr<rocksdb::Env> env_;  ///< null: `Tuning` has one
  std::unique_ptr<rocksdb::DB> db_;
  std::array<rocksdb::ColumnFamilyHandle*, kColumns> handles_{};
  std::uint64_t boot_ = 0;
  std::string hashKey_;
};

}  // namespace chatcore::rocks
