#include "journal_row.hpp"

#include "bytes.hpp"
#include "checksum.hpp"

namespace chatcore::rocks {

namespace {

// The smallest an entry can be: bounds what a damaged count makes us reserve.
constexpr std::size_t kSmallestSend = 16 + 16 + 3;

void put_send(std::string& value, const SendHash& hash, const OriginalSend& send) {
  put_fixed64(value, hash.high);
  put_fixed64(value, hash.low);
  put_fixed64(value, send.messageId);
  put_fixed64(value, send.payloadHash);
  put_varint(value, static_cast<std::uint64_t>(send.timestamp));
  put_varint(value, send.seq);
  put_varint(value, send.epoch);
}

std::pair<SendHash, OriginalSend> take_send(ByteReader& reader) {
  std::pair<SendHash, OriginalSend> entry;
  entry.first.high = reader.fixed64();
  entry.first.low = reader.fixed64();
  entry.second.messageId = reader.fixed64();
  entry.second.payloadHash = reader.fixed64();
  entry.second.timestamp = static_cast<Timestamp>(reader.varint());
  entry.second.seq = reader.varint();
  entry.second.epoch = reader.varint32();
  return entry;
}

void put_cursor(std::string& value, const std::string& key, const Cursor& cursor) {
  put_string(value, key);
  put_varint(value, cursor.deliveredSeq);
  put_varint(value, cursor.readSeq);
  put_varint(value, cursor.readOrdinal);
  put_varint(value, cursor.sentOrdinal);
}

std::pair<std::string, HeldCursor> take_cursor(ByteReader& reader) {
  std::pair<std::string, HeldCursor> entry;
  entry.first = reader.string();
  entry.second.cursor.deliveredSeq = reader.varint();
  entry.second.cursor.readSeq = reader.varint();
  entry.second.cursor.readOrdinal = reader.varint();
  entry.second.cursor.sentOrdinal = reader.varint();
  return entry;
}

/// Rare, so it stands behind all cursors, and rows without it are as they always were.
void put_cleared(std::string& value, const JournalRow& row) {
  for (std::size_t i = 0; i < row.cursors.size(); ++i) {
    const Cursor& cursor = row.cursors[i].second.cursor;
    if (cursor.clearedSeq == 0) continue;
    put_varint(value, i);
    put_varint(value, cursor.clearedSeq);
    put_varint(value, cursor.clearedOrdinal);
  }
}

bool take_cleared(ByteReader& reader, JournalRow& row) {
  for (std::uint64_t next = 0; reader.ok() && !reader.done();) {
    const std::uint64_t index = reader.varint();
    if (index < next || index >= row.cursors.size()) return false;
    Cursor& cursor = row.cursors[index].second.cursor;
    cursor.clearedSeq = reader.varint();
    cursor.clearedOrdinal = reader.varint();
    if (cursor.clearedSeq == 0) return false;
    next = index + 1;
  }
  return reader.done();
}

}  // namespace

void encode_journal_row(std::string_view key, const JournalRow& row, std::string& value) {
  begin_value(value);
  put_varint(value, row.sends.size());
  for (const auto& [hash, send] : row.sends) put_send(value, hash, send);
  put_varint(value, row.cursors.size());
  for (const auto& [cursorKey, cursor] : row.cursors) put_cursor(value, cursorKey, cursor.cursor);
  put_cleared(value, row);
  seal_value(key, value);
}

bool decode_journal_row(std::string_view key, std::string_view value, JournalRow& row) {
  row.clear();
  ByteReader reader = body_of(key, value);
  const std::uint64_t sends = reader.varint();
  if (sends > value.size() / kSmallestSend) return false;
  row.sends.reserve(sends);
  for (std::uint64_t i = 0; i < sends && reader.ok(); ++i) row.sends.push_back(take_send(reader));
  const std::uint64_t cursors = reader.varint();
  for (std::uint64_t i = 0; i < cursors && reader.ok(); ++i) row.cursors.push_back(take_cursor(reader));
  return take_cleared(reader, row);
}

}  // namespace chatcore::rocks
