#include "synced_mark.hpp"

#include "bytes.hpp"
#include "checksum.hpp"

namespace chatcore::rocks {

namespace {

constexpr std::string_view kKey = "synced";
constexpr std::size_t kMarkSize = 4 + 4 * 8;
constexpr std::size_t kBatchHeader = 12;
constexpr std::uint8_t kLogData =
    3;  // the tag of a blob that RocksDB writes to its log and applies to nothing
constexpr std::size_t kStampSize = 4 * 8;

}  // namespace

std::string CommitStamp::encode() const {
  std::string blob;
  put_fixed64(blob, number);
  put_fixed64(blob, previousWal);
  put_fixed64(blob, synced.wal);
  put_fixed64(blob, synced.walBytes);
  return blob;
}

bool CommitStamp::decode(std::string_view batch, CommitStamp& stamp) {
  ByteReader reader(batch);
  reader.take(kBatchHeader);
  if (reader.byte() != kLogData || reader.varint() != kStampSize) return false;
  stamp.number = reader.fixed64();
  stamp.previousWal = reader.fixed64();
  stamp.synced.wal = reader.fixed64();
  stamp.synced.walBytes = reader.fixed64();
  return reader.ok();
}

SyncedUpTo SyncedMark::read() {
  std::unique_ptr<rocksdb::FSSequentialFile> file;
  if (!files_.NewSequentialFile(path_, {}, &file, nullptr).ok()) return {};
  char scratch[kMarkSize];
  rocksdb::Slice bytes;
  if (!file->Read(kMarkSize, {}, &bytes, scratch, nullptr).ok() || bytes.size() != kMarkSize) return {};
  ByteReader reader(open_value(kKey, bytes.ToStringView()));
  SyncedUpTo mark;
  mark.wal = reader.fixed64();
  mark.walBytes = reader.fixed64();
  mark.manifest = reader.fixed64();
  mark.manifestBytes = reader.fixed64();
  return reader.done() ? mark : SyncedUpTo{};
}

void SyncedMark::write(const SyncedUpTo& mark, bool synced) {
  if (file_ == nullptr) {
    if (!files_.FileExists(path_, {}, nullptr).ok()) {
      std::unique_ptr<rocksdb::FSWritableFile> made;
      if (!files_.NewWritableFile(path_, {}, &made, nullptr).ok() || !made->Close({}, nullptr).ok()) return;
    }
    if (!files_.NewRandomRWFile(path_, {}, &file_, nullptr).ok()) return;
  }
  std::string value;
  begin_value(value);
  for (const std::uint64_t part : {mark.wal, mark.walBytes, mark.manifest, mark.manifestBytes})
    put_fixed64(value, part);
  seal_value(kKey, value);
  if (!file_->Write(0, value, {}, nullptr).ok() || !synced) return;
  static_cast<void>(file_->Sync({}, nullptr).ok());
}

}  // namespace chatcore::rocks
