#include <sodium.h>

#include <stdexcept>

#include "journal_row.hpp"
#include "keys.hpp"
#include "measured.hpp"
#include "values.hpp"

namespace chatcore::bench {
namespace {

constexpr std::uint64_t kTimes = 200;
constexpr std::string_view kLog = "dm.k3v7q2xw5bn4ztd6yfhgcjp0ae5r2m7s";
constexpr std::string_view kClientMsgId = "01890a5d-ac96-774b-bcce-b302099a8057";

Event stored_message() {
  Event event;
  event.seq = 4242;
  event.messageId = 912345678901234567;
  event.timestamp = 1700000000123;
  event.ordinal = 4000;
  event.payloadHash = 0x1234567890abcdef;
  event.senderId = "user-123456";
  event.senderDeviceId = "phone";
  event.clientMsgId = kClientMsgId;
  event.content.assign(128, 'x');
  return event;
}

void event_keys() {
  std::string key;
  for (std::uint64_t i = 0; i < kTimes; ++i) {
    key.clear();
    rocks::event_key(key, kLog, i);
    keep(key);
  }
}

void encode_events() {
  const Event event = stored_message();
  std::string key, value;
  rocks::event_key(key, kLog, event.seq);
  for (std::uint64_t i = 0; i < kTimes; ++i) {
    rocks::encode_event(key, event, value);
    keep(value);
  }
}

void decode_events() {
  std::string key, value;
  rocks::event_key(key, kLog, 4242);
  rocks::encode_event(key, stored_message(), value);
  for (std::uint64_t i = 0; i < kTimes; ++i) {
    EventView event;
    if (!rocks::decode_event(key, value, event)) throw std::logic_error("the row must be good");
    keep(event);
  }
}

void encode_cursors() {
  const std::string key = rocks::pair_key(kLog, "user-123456");
  for (std::uint64_t i = 0; i < kTimes; ++i) keep(rocks::encode_cursor(key, {i, i, i, i}));
}

void decode_cursors() {
  const std::string key = rocks::pair_key(kLog, "user-123456");
  const std::string value = rocks::encode_cursor(key, {4242, 4242, 4242, 4242});
  for (std::uint64_t i = 0; i < kTimes; ++i) {
    Cursor cursor;
    if (!rocks::decode_cursor(key, value, cursor)) throw std::logic_error("the row must be good");
    keep(cursor);
  }
}

void hash_sends() {
  const std::string hashKey(crypto_shorthash_siphashx24_KEYBYTES, 'k');
  for (std::uint64_t i = 0; i < kTimes; ++i)
    keep(rocks::hash_send(hashKey, kLog, "user-123456", kClientMsgId));
}

rocks::JournalRow commit_of_64() {
  rocks::JournalRow row;
  for (std::uint64_t i = 0; i < 64; ++i) {
    row.sends.push_back({{i * 0x9e3779b97f4a7c15, i}, {i + 1, 1, i, 1700000000123, i}});
    row.cursors.push_back({rocks::pair_key(kLog, "user-" + std::to_string(i)), {{i, i, i, i}, false}});
  }
  return row;
}

void encode_journal_rows() {
  const auto row = commit_of_64();
  const auto key = rocks::journal_key(7);
  std::string value;
  for (std::uint64_t i = 0; i < 10; ++i) {
    value.clear();
    rocks::encode_journal_row(key, row, value);
    keep(value);
  }
}

}  // namespace

void add_storage_paths(std::vector<Path>& paths) {
  paths.push_back({"key of an event", kTimes, event_keys});
  paths.push_back({"event to row", kTimes, encode_events});
  paths.push_back({"row to event", kTimes, decode_events});
  paths.push_back({"cursor to row", kTimes, encode_cursors});
  paths.push_back({"row to cursor", kTimes, decode_cursors});
  paths.push_back({"hash of log, sender and clientMsgId", kTimes, hash_sends});
  paths.push_back({"journal row of 64 sends, for each", 640, encode_journal_rows});
}

}  // namespace chatcore::bench
