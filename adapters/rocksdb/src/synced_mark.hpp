#pragma once

#include <rocksdb/file_system.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace chatcore::rocks {

/// How far files are known to be on the disk. Only ever behind the truth.
struct SyncedUpTo {
  std::uint64_t wal = 0;       ///< number of a write-ahead log
  std::uint64_t walBytes = 0;  ///< and how much of it
  std::uint64_t manifest = 0;
  std::uint64_t manifestBytes = 0;
};

/// What every commit says of itself at the head of its record in the write-ahead log, and nowhere else.
struct CommitStamp {
  std::uint64_t number = 0;       ///< counts commits; 1: nothing before it is missed, all has been flushed
  std::uint64_t previousWal = 0;  ///< where the commit before it lies
  SyncedUpTo synced;              ///< of the write-ahead log: when this commit was written

  [[nodiscard]] std::string encode() const;
  /// From the beginning of a batch as RocksDB writes it; false: it bears none.
  static bool decode(std::string_view batch, CommitStamp& stamp);
};

/// `SyncedUpTo` in a file of its own, written over in place after every sync and itself not synced but at a
/// clean end. A killed process leaves it exact; a power cut may leave an older one, which is as true.
class SyncedMark {
 public:
  SyncedMark(rocksdb::FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}

  /// What the file says; all zeros if there is none, or none that passes its check.
  [[nodiscard]] SyncedUpTo read();
  /// Best effort: an old mark is a true one.
  void write(const SyncedUpTo& mark, bool synced);

 private:
  rocksdb::FileSystem& files_;
  std::string path_;
  std::unique_ptr<rocksdb::FSRandomRWFile> file_;
};

}  // namespace chatcore::rocks
