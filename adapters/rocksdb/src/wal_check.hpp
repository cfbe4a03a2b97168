#pragma once

#include <rocksdb/file_system.h>
#include <rocksdb/wal_filter.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chatcore/result.hpp"
#include "synced_mark.hpp"
#include "wal_pages.hpp"

namespace chatcore::rocks {

/// Looks through the write-ahead logs and the manifest before RocksDB replays them.
///
/// RocksDB alone cannot tell what a power cut tore off, which is to be dropped, from damage to what had been
/// synced, which is to be reported; and where a log ends early it goes on with the next one. The commits'
/// stamps and the mark tell: below what is known to have been synced everything must be intact, and replay
/// ends where the stamps' count is broken.
class WalCheck final : public rocksdb::WalFilter {
 public:
  /// Errors: `corrupted`.
  Status run(rocksdb::FileSystem& files, const std::string& folder, SyncedUpTo mark);

  const char* Name() const override { return "chatcore.wal-check"; }
  WalProcessingOption LogRecordFound(unsigned long long wal, const std::string& name,
                                     const rocksdb::WriteBatch& batch, rocksdb::WriteBatch* changed,
                                     bool* isChanged) override;

 private:
  struct Wal {
    std::uint64_t size = 0;
    std::uint64_t firstFault = WalPages::kIntact;
  };
  /// Nothing behind so many records of a log is replayed.
  struct Stop {
    std::uint64_t wal = 0;
    std::uint64_t records = 0;
  };

  Status look_at_wal(rocksdb::FileSystem& files, const std::string& folder, std::uint64_t number);
  Status look_at_manifest(rocksdb::FileSystem& files, const std::string& folder, const SyncedUpTo& mark);
  void take(std::uint64_t wal, const CommitStamp& stamp, bool fault, std::uint64_t records);
  [[nodiscard]] Status verdict() const;

  std::map<std::uint64_t, Wal> wals_;
  std::map<std::uint64_t, std::uint64_t> synced_;  ///< by log: how much of it
  std::uint64_t last_ = 0;                         ///< number of the commit seen last
  std::optional<Stop> stop_;
  std::map<std::uint64_t, std::uint64_t> replayed_;  ///< records, by log
};

}  // namespace chatcore::rocks
