#pragma once

#include <rocksdb/memtablerep.h>

namespace chatcore::rocks {

/// Memtables for rows that are keyed [owner][8 bytes, ascending], where no owner's bytes begin with
/// another's. The rows of an owner stand in an array of their own: inserting behind the last one costs a hash
/// look-up, where a skip list searches its way down. An owner's first row costs O(log owners), a row out of
/// order O(rows of its owner). One thread inserts; any number read meanwhile. Only for iterators, without
/// range deletions: `Get` would leak one.
class LogMemtableFactory final : public rocksdb::MemTableRepFactory {
 public:
  [[nodiscard]] const char* Name() const override { return "chatcore.log-memtable"; }
  rocksdb::MemTableRep* CreateMemTableRep(const rocksdb::MemTableRep::KeyComparator& order,
                                          rocksdb::Allocator* allocator,
                                          const rocksdb::SliceTransform* prefix,
                                          rocksdb::Logger* logger) override;
};

}  // namespace chatcore::rocks
