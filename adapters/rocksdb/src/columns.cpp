#include "columns.hpp"

#include <rocksdb/convenience.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/merge_operator.h>
#include <rocksdb/table.h>

#include <algorithm>

#include "log_memtable.hpp"
#include "values.hpp"

namespace chatcore::rocks {

const std::array<const char*, kColumns> kColumnNames = {
    "default", "events", "logs",    "members",   "conversations", "cursors",  "mutes",
    "marks",   "sends",  "journal", "directory", "messages",      "timeline", "tokens"};

bool SendExpiry::Filter(int, const rocksdb::Slice& key, const rocksdb::Slice& value, std::string*,
                        bool*) const {
  OriginalSend send;
  // A row that fails its check stays, for a reader to stumble over.
  return decode_send(key.ToStringView(), value.ToStringView(), send) &&
         send.timestamp < clock_.now() - memory_.count();
}

bool EventExpiry::Filter(int, const rocksdb::Slice& key, const rocksdb::Slice& value,
                         std::string* replacement, bool* changed) const {
  EventView event;
  if (!decode_event(key.ToStringView(), value.ToStringView(), event)) return false;
  if (!expired(event, clock_.now()) || event.content.empty()) return false;
  event.content = {};
  encode_event(key.ToStringView(), event, *replacement);
  *changed = true;
  return false;
}

namespace {

class CursorMax final : public rocksdb::AssociativeMergeOperator {
 public:
  const char* Name() const override { return "chatcore.cursor-max"; }
  bool Merge(const rocksdb::Slice& key, const rocksdb::Slice* existing, const rocksdb::Slice& operand,
             std::string* merged, rocksdb::Logger*) const override {
    Cursor to;
    Cursor from;
    if (existing != nullptr && !decode_cursor(key.ToStringView(), existing->ToStringView(), to)) return false;
    if (!decode_cursor(key.ToStringView(), operand.ToStringView(), from)) return false;
    raise(to, from);
    *merged = encode_cursor(key.ToStringView(), to);
    return true;
  }
};

rocksdb::CompressionType cheap_compression() {
  const auto supported = rocksdb::GetSupportedCompressions();
  const bool lz4 = std::find(supported.begin(), supported.end(), rocksdb::kLZ4Compression) != supported.end();
  return lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
}

constexpr double kFilterBits = 10;
constexpr double kSendFilterBits = 20;  // 1 in 10,000 is looked for in vain

rocksdb::BlockBasedTableOptions table_options(const std::shared_ptr<rocksdb::Cache>& cache,
                                              double filterBits) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(filterBits));
  table.format_version = 5;
  return table;
}

rocksdb::ColumnFamilyOptions basic(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions column;
  column.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_options(cache, kFilterBits)));
  column.write_buffer_size = 16U << 20;
  column.compression = rocksdb::kNoCompression;
  column.level_compaction_dynamic_level_bytes = true;
  return column;
}

void tune_events(rocksdb::ColumnFamilyOptions& column, const std::shared_ptr<rocksdb::Cache>& cache) {
  // Events are found by seeking; a filter over whole keys would never be asked.
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.block_size = 8 * 1024;
  table.format_version = 5;
  column.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  column.memtable_factory = std::make_shared<LogMemtableFactory>();
  column.write_buffer_size = 64U << 20;
  column.max_write_buffer_number = 3;
  column.target_file_size_base = 64U << 20;
  column.max_bytes_for_level_base = 512U << 20;
  const auto compression = cheap_compression();
  column.compression_per_level.assign(7, compression);
  column.compression_per_level[0] = rocksdb::kNoCompression;
}

void tune_sends(rocksdb::ColumnFamilyOptions& column, const std::shared_ptr<rocksdb::Cache>& cache,
                const SendExpiry& expiry) {
  // Nearly all that is asked for is not there, in each of a dozen files: a filter that errs seldom spares a
  // read from disk in the path of every tenth message.
  column.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_options(cache, kSendFilterBits)));
  // Keys are hashes: every file spans all keys, and leveled compaction would rewrite everything each time.
  column.compaction_style = rocksdb::kCompactionStyleUniversal;
  column.level0_file_num_compaction_trigger = 8;
  column.compaction_options_universal.size_ratio = 20;
  column.compaction_filter = &expiry;
  // What no compaction touches otherwise is looked at for expiry once a week.
  column.periodic_compaction_seconds = 7 * 24 * 3600;
}

}  // namespace

std::vector<rocksdb::ColumnFamilyDescriptor> column_descriptors(const std::shared_ptr<rocksdb::Cache>& cache,
                                                                const SendExpiry& sendExpiry,
                                                                const EventExpiry& eventExpiry) {
  std::vector<rocksdb::ColumnFamilyDescriptor> all;
  for (std::size_t i = 0; i < kColumns; ++i) {
    rocksdb::ColumnFamilyOptions column = basic(cache);
    switch (static_cast<Column>(i)) {
      case Column::events:
        tune_events(column, cache);
        column.compaction_filter = &eventExpiry;
        break;
      case Column::sends:
        tune_sends(column, cache, sendExpiry);
        break;
      case Column::cursors:
        column.merge_operator = std::make_shared<CursorMax>();
        break;
      default:
        break;
    }
    all.emplace_back(kColumnNames[i], column);
  }
  return all;
}

}  // namespace chatcore::rocks
