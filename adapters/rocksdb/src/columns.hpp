#pragma once

#include <rocksdb/cache.h>
#include <rocksdb/compaction_filter.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "chatcore/rocksdb/store.hpp"

namespace chatcore::rocks {

/// The column families, in the order of their handles. `meta` is RocksDB's `default`.
enum class Column : std::size_t {
  meta,
  events,
  logs,
  members,
  conversations,
  cursors,
  mutes,
  marks,
  sends,
  journal,
  directory,
  messages,
  timeline,
  tokens,
  count,
};
inline constexpr std::size_t kColumns = static_cast<std::size_t>(Column::count);
extern const std::array<const char*, kColumns> kColumnNames;

/// Forgets sends older than the memory asked for, whenever RocksDB rewrites them anyway.
class SendExpiry final : public rocksdb::CompactionFilter {
 public:
  SendExpiry(const Clock& clock, Clock::Duration memory) : clock_(clock), memory_(memory) {}
  const char* Name() const override { return "chatcore.send-expiry"; }
  bool Filter(int level, const rocksdb::Slice& key, const rocksdb::Slice& value, std::string* replacement,
              bool* changed) const override;
  bool IgnoreSnapshots() const override { return true; }

 private:
  const Clock& clock_;
  Clock::Duration memory_;
};

/// Takes the content from events that have expired, whenever RocksDB rewrites them anyway.
class EventExpiry final : public rocksdb::CompactionFilter {
 public:
  explicit EventExpiry(const Clock& clock) : clock_(clock) {}
  const char* Name() const override { return "chatcore.event-expiry"; }
  bool Filter(int level, const rocksdb::Slice& key, const rocksdb::Slice& value, std::string* replacement,
              bool* changed) const override;
  bool IgnoreSnapshots() const override { return true; }

 private:
  const Clock& clock_;
};

[[nodiscard]] std::vector<rocksdb::ColumnFamilyDescriptor> column_descriptors(
    const std::shared_ptr<rocksdb::Cache>& cache, const SendExpiry& sendExpiry,
    const EventExpiry& eventExpiry);

}  // namespace chatcore::rocks
