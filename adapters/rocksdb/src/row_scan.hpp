#pragma once

#include <memory>
#include <string>

#include "database.hpp"

namespace chatcore::rocks {

/// Walks a column family's rows in [from, end), ascending.
class RowScan {
 public:
  RowScan(Database& database, Column column, const std::string& from, std::string end, const View& view)
      : end_(std::move(end)), bound_(end_) {
    rocksdb::ReadOptions options = view.options();
    options.iterate_upper_bound = &bound_;
    rows_.reset(database.db().NewIterator(options, database.column(column)));
    rows_->Seek(from);
  }
  RowScan(const RowScan&) = delete;
  RowScan& operator=(const RowScan&) = delete;

  [[nodiscard]] bool valid() const { return rows_->Valid(); }
  [[nodiscard]] std::string_view key() const { return rows_->key().ToStringView(); }
  [[nodiscard]] std::string_view value() const { return rows_->value().ToStringView(); }
  void next() { rows_->Next(); }
  [[nodiscard]] Status status() const {
    return rows_->status().ok() ? Status() : Status(to_error(rows_->status()));
  }

 private:
  std::string end_;
  rocksdb::Slice bound_;
  std::unique_ptr<rocksdb::Iterator> rows_;
};

}  // namespace chatcore::rocks
