#include "wal_check.hpp"

#include <rocksdb/write_batch.h>

#include <algorithm>
#include <charconv>

namespace chatcore::rocks {

namespace {

using rocksdb::FileSystem;

constexpr std::string_view kWalEnd = ".log";
constexpr std::string_view kManifest = "MANIFEST-";

std::optional<std::uint64_t> number_of(std::string_view digits) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

std::optional<std::uint64_t> wal_number(std::string_view name) {
  if (!name.ends_with(kWalEnd)) return std::nullopt;
  return number_of(name.substr(0, name.size() - kWalEnd.size()));
}

std::string wal_name(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  return std::string(digits.size() < 6 ? 6 - digits.size() : 0, '0').append(digits).append(kWalEnd);
}

Error damaged(const std::string& file, std::uint64_t fault) {
  return Error{
      .code = ErrorCode::corrupted,
      .message = file + " is damaged at byte " + std::to_string(fault) + ", where it had been synced"};
}

/// Reads a file block by block; false: it is not there or cannot be read. `size`: how much was read.
bool read_blocks(FileSystem& files, const std::string& path, WalPages& pages, std::uint64_t& size) {
  std::unique_ptr<rocksdb::FSSequentialFile> file;
  if (!files.NewSequentialFile(path, {}, &file, nullptr).ok()) return false;
  std::string block;
  std::string scratch(WalPages::kBlock, '\0');
  for (;;) {
    block.clear();
    while (block.size() < WalPages::kBlock) {
      rocksdb::Slice piece;
      if (!file->Read(WalPages::kBlock - block.size(), {}, &piece, scratch.data(), nullptr).ok())
        return false;
      if (piece.empty()) break;
      block.append(piece.data(), piece.size());
    }
    size += block.size();
    pages.block(block);
    if (block.size() < WalPages::kBlock) return true;
  }
}

}  // namespace

Status WalCheck::run(FileSystem& files, const std::string& folder, SyncedUpTo mark) {
  std::vector<std::string> names;
  // What cannot be listed is RocksDB's to report.
  if (!files.GetChildren(folder, {}, &names, nullptr).ok()) return {};
  for (const std::string& name : names) {
    if (const auto number = wal_number(name)) wals_.emplace(*number, Wal{});
  }
  synced_[mark.wal] = mark.walBytes;
  if (Status manifest = look_at_manifest(files, folder, mark); !manifest) return manifest;
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, wal] : wals_) numbers.push_back(number);
  for (const std::uint64_t number : numbers) {
    if (Status looked = look_at_wal(files, folder, number); !looked) return looked;
  }
  return verdict();
}

Status WalCheck::look_at_wal(FileSystem& files, const std::string& folder, std::uint64_t number) {
  std::uint64_t records = 0;
  WalPages pages([&](std::string_view head, bool fault) {
    CommitStamp stamp;
    if (CommitStamp::decode(head, stamp)) take(number, stamp, fault, records);
    if (!stop_) ++records;
  });
  Wal& wal = wals_[number];
  if (!read_blocks(files, folder + "/" + wal_name(number), pages, wal.size)) {
    wals_.erase(number);  // another process has just deleted it
    return {};
  }
  wal.firstFault = pages.first_fault();
  // What follows the fault bears no stamp that says otherwise.
  if (pages.fault() && !stop_) stop_ = Stop{number, records};
  return {};
}

void WalCheck::take(std::uint64_t wal, const CommitStamp& stamp, bool fault, std::uint64_t records) {
  std::uint64_t& known = synced_[stamp.synced.wal];
  known = std::max(known, stamp.synced.walBytes);
  // The log of the commit before it is gone when it has been flushed.
  const bool follows = stamp.number == last_ + 1 || wals_.count(stamp.previousWal) == 0;
  last_ = stamp.number;
  if (stamp.number == 1) {
    stop_.reset();
  } else if ((fault || !follows) && !stop_) {
    stop_ = Stop{wal, records};
  }
}

Status WalCheck::look_at_manifest(FileSystem& files, const std::string& folder, const SyncedUpTo& mark) {
  if (mark.manifest == 0) return {};
  std::unique_ptr<rocksdb::FSSequentialFile> file;
  char scratch[64];
  rocksdb::Slice read;
  const bool there = files.NewSequentialFile(folder + "/CURRENT", {}, &file, nullptr).ok() &&
                     file->Read(sizeof scratch, {}, &read, scratch, nullptr).ok();
  if (!there)
    return Error{.code = ErrorCode::corrupted,
                 .message = folder + "/CURRENT is missing from a database that was"};
  std::string_view name = read.ToStringView();
  if (name.ends_with('\n')) name.remove_suffix(1);
  if (!name.starts_with(kManifest)) return {};  // RocksDB says so
  const auto number = number_of(name.substr(kManifest.size()));
  if (!number || *number > mark.manifest) return {};
  if (*number < mark.manifest)
    return Error{.code = ErrorCode::corrupted,
                 .message = folder + "/CURRENT names an older state than it did"};
  WalPages pages([](std::string_view, bool) {});
  std::uint64_t size = 0;
  const std::string path = folder + "/" + std::string(name);
  if (!read_blocks(files, path, pages, size)) return {};
  const std::uint64_t fault = std::min(pages.first_fault(), size);
  if (fault < mark.manifestBytes) return damaged(path, fault);
  return {};
}

Status WalCheck::verdict() const {
  for (const auto& [number, bytes] : synced_) {
    const auto found = wals_.find(number);
    if (found == wals_.end()) continue;  // flushed, and deleted
    const std::uint64_t fault = std::min(found->second.firstFault, found->second.size);
    if (fault < bytes) return damaged("the write-ahead log " + wal_name(number), fault);
  }
  return {};
}

rocksdb::WalFilter::WalProcessingOption WalCheck::LogRecordFound(unsigned long long wal, const std::string&,
                                                                 const rocksdb::WriteBatch&,
                                                                 rocksdb::WriteBatch*, bool*) {
  if (!stop_ || wal < stop_->wal) return WalProcessingOption::kContinueProcessing;
  if (wal == stop_->wal && ++replayed_[wal] <= stop_->records)
    return WalProcessingOption::kContinueProcessing;
  return WalProcessingOption::kStopReplay;
}

}  // namespace chatcore::rocks
