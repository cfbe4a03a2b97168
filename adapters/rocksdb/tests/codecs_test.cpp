#include <doctest/doctest.h>

#include "bytes.hpp"
#include "checksum.hpp"
#include "device_rows.hpp"
#include "journal_row.hpp"
#include "keys.hpp"
#include "list_rows.hpp"
#include "rows_by_hand.hpp"
#include "values.hpp"

using namespace chatcore;
using namespace chatcore::rocks;

namespace {

const std::string kKey = owner_prefix("group");

std::string sealed(std::string_view body) { return rocks::sealed(kKey, body); }

}  // namespace

TEST_CASE("a number has one spelling") {
  std::uint64_t number = 0;
  for (const std::uint64_t each : {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128}, UINT64_MAX}) {
    REQUIRE(decode_number(kKey, encode_number(kKey, each), number));
    CHECK(number == each);
  }
  CHECK_FALSE(decode_number(kKey, sealed(std::string_view("\x80\x00", 2)), number));
  CHECK_FALSE(decode_number(kKey, sealed(std::string_view("\x81\x80\x00", 3)), number));
  CHECK_FALSE(decode_number(kKey, sealed(std::string(9, '\xff') + '\x02'), number));
  CHECK_FALSE(decode_number(kKey, sealed(std::string(10, '\xff') + '\x01'), number));
}

TEST_CASE("what is as it is by default is not stored, and rows from before it read alike") {
  Preferences preferences;
  REQUIRE(decode_preferences(kKey, encode_number(kKey, 7), preferences));
  CHECK(preferences == Preferences{7, false, false});
  CHECK(encode_preferences(kKey, preferences) == encode_number(kKey, 7));
  for (const Preferences& each : {Preferences{0, true, false}, Preferences{9, false, true}}) {
    REQUIRE(decode_preferences(kKey, encode_preferences(kKey, each), preferences));
    CHECK(preferences == each);
  }
  for (const char flags : {'\x00', '\x04', '\xff'})
    CHECK_FALSE(decode_preferences(kKey, sealed(std::string("\x07") + flags), preferences));
  CHECK_FALSE(decode_preferences(kKey, sealed("\x07\x01\x01"), preferences));

  const std::string bare(
      "\x01\x05\x01"
      "a\x01"
      "n",
      6);
  ConversationInfo info;
  info.settings.slowModeSeconds = 3;
  REQUIRE(decode_info(kKey, sealed(bare), info));
  CHECK(info.settings == GroupSettings{});
  CHECK(encode_info(kKey, info) == sealed(bare));
  // Nothing that the encoder leaves out, nor more than it knows.
  for (const std::string& tail :
       {std::string(1, '\0'), std::string("\0\x0e", 2), std::string("\x09\x0e", 2), std::string("\0\x20", 2),
        std::string("\0\x0f\0", 3), std::string("\0\x0f\x05\x01", 4)})
    CHECK_FALSE(decode_info(kKey, sealed(bare + tail), info));
  for (const std::string& tail :
       {std::string("\x09"), std::string("\0\x0f", 2), std::string("\0\x0e\x05", 3)}) {
    REQUIRE(decode_info(kKey, sealed(bare + tail), info));
    CHECK(encode_info(kKey, info) == sealed(bare + tail));
  }
  CHECK(info.settings == GroupSettings{{}, HistoryVisibility::joined, 5});
}

TEST_CASE("what is pinned stands behind the settings, and rows without it read as nothing pinned") {
  const std::string bare(
      "\x01\x05\x01"
      "a\x01"
      "n",
      6);
  const std::string one = std::string("\0\x0e\0\x01", 4) + std::string(8, '\x07') + std::string("\x06\0", 2);
  ConversationInfo info;
  REQUIRE(decode_info(kKey, sealed(bare + one), info));
  CHECK(info.settings == GroupSettings{});
  CHECK(info.pins == std::vector<PinnedMessage>{{0x0707070707070707, 6, 0}});
  CHECK(encode_info(kKey, info) == sealed(bare + one));
  REQUIRE(decode_info(kKey, sealed(bare), info));
  CHECK(info.pins.empty());
  CHECK(encode_info(kKey, info) == sealed(bare));

  info.settings.slowModeSeconds = 9;
  info.expiresInSeconds = 60;
  for (std::uint64_t i = 0; i < kMaxPinnedMessages; ++i)
    info.pins.push_back({UINT64_MAX - i, i + 1, static_cast<Timestamp>(1000 * i)});
  ConversationInfo read;
  REQUIRE(decode_info(kKey, encode_info(kKey, info), read));
  CHECK(read.pins == info.pins);
  CHECK(read.settings == info.settings);
  info.pins.push_back({1, 99, 0});
  CHECK_FALSE(decode_info(kKey, encode_info(kKey, info), read));
  for (const std::size_t cut : {std::size_t{1}, std::size_t{2}, std::size_t{9}})
    CHECK_FALSE(decode_info(kKey, sealed(bare + one.substr(0, one.size() - cut)), read));
  CHECK_FALSE(decode_info(kKey, sealed(bare + one + '\0'), read));
  CHECK_FALSE(decode_info(kKey, sealed(bare + std::string("\0\x0e\x05\0", 4)), read));
}

TEST_CASE("an epoch beyond 32 bits is damage, not another epoch") {
  std::string epoch;
  put_varint(epoch, std::uint64_t{UINT32_MAX} + 2);
  OriginalSend send;
  CHECK_FALSE(decode_send(kKey, sealed(std::string(24, 'x') + '\x07' + epoch), send));

  JournalRow row;
  CHECK_FALSE(
      decode_journal_row(kKey, sealed('\x01' + std::string(32, 'x') + "\x05\x07" + epoch + '\0'), row));

  EventView event;
  CHECK_FALSE(decode_event(
      kKey, sealed(std::string(2, '\0') + std::string(16, 'x') + epoch + std::string(6, '\0')), event));
}

TEST_CASE("a cursor without anything cleared is stored as it always was") {
  Cursor read;
  CHECK(encode_cursor(kKey, {5, 3, 2, 1}) == sealed("\x05\x03\x02\x01"));
  REQUIRE(decode_cursor(kKey, sealed("\x05\x03\x02\x01"), read));
  CHECK(read == Cursor{5, 3, 2, 1});
  REQUIRE(decode_cursor(kKey, encode_cursor(kKey, {5, 3, 2, 1, 300, 7}), read));
  CHECK(read == Cursor{5, 3, 2, 1, 300, 7});
  CHECK_FALSE(decode_cursor(kKey, sealed("\x05\x03\x02\x01\x04"), read));
  CHECK_FALSE(decode_cursor(kKey, sealed(std::string("\x05\x03\x02\x01\0\x04", 6)), read));
}

TEST_CASE("a journal row says what was cleared behind all its cursors") {
  JournalRow row;
  row.cursors = {
      {"a", {Cursor{1, 1}, false}}, {"b", {Cursor{2, 2, 0, 0, 9, 8}, false}}, {"c", {Cursor{3, 3}, false}}};
  std::string value;
  encode_journal_row(kKey, row, value);
  JournalRow read;
  REQUIRE(decode_journal_row(kKey, value, read));
  REQUIRE(read.cursors.size() == 3);
  CHECK(read.cursors[0].second.cursor == Cursor{1, 1});
  CHECK(read.cursors[1].second.cursor == Cursor{2, 2, 0, 0, 9, 8});
  const std::string one = std::string("\0\x01\x01k\x01\x01\0\0", 8);
  CHECK(decode_journal_row(kKey, sealed(one), read));
  CHECK(decode_journal_row(kKey, sealed(one + std::string("\0\x09\x08", 3)), read));
  for (const std::string& damaged : {std::string("\x01\x09\x08"), std::string("\0\x09", 2),
                                     std::string("\0\0\x08", 3), std::string("\0\x09\x08\0\x09\x08", 6)})
    CHECK_FALSE(decode_journal_row(kKey, sealed(one + damaged), read));
}

TEST_CASE("a damaged row of a push token is reported and left alone") {
  for (const std::string& holder : {std::string(), std::string("\x05"),
                                    std::string("\x63"
                                                "alice")}) {
    RowsInMemory rows;
    const std::string key = directory_key(DirectoryRow::token, "T1");
    rows.put(key, holder);
    const Status dropped = drop_token_rows(rows, "T1");
    REQUIRE_FALSE(dropped);
    CHECK(dropped.error().code == ErrorCode::corrupted);
    CHECK(rows.rows.contains(key));
  }
}

TEST_CASE("a token that a device gives again is found, though another device had it meanwhile") {
  RowsInMemory rows;
  const auto give = [&](const DeviceId& device, const std::string& token) {
    REQUIRE(put_device_rows(rows, Device{"alice", device, "web", token, 5}));
  };
  give("phone", "T1");
  give("tab", "T1");
  give("tab", "T2");
  give("phone", "T1");
  REQUIRE(drop_token_rows(rows, "T1"));
  const std::string key = directory_key(DirectoryRow::devices, "alice");
  std::vector<Device> devices;
  REQUIRE(decode_devices(key, rows.rows.at(key), devices));
  for (const Device& device : devices) CHECK(device.pushToken == (device.deviceId == "tab" ? "T2" : ""));
}
TEST_CASE("a list whose count is missing or damaged is counted anew") {
  RowsInMemory rows;
  for (std::size_t i = 0; i + 1 < kMaxBlocks; ++i)
    rows.put(directory_key(DirectoryRow::block, pair_key("alice", "u" + std::to_string(i))), "");
  rows.put(directory_key(DirectoryRow::block, pair_key("alicf", "u0")), "");
  const std::string key = directory_key(DirectoryRow::blockCount, "alice");
  const auto block = [&](const UserId& whom) { return set_list_rows(rows, kBlocks, "alice", {whom}, true); };
  CHECK(block("bob"));
  std::uint64_t count = 0;
  REQUIRE(decode_number(key, rows.rows.at(key), count));
  CHECK(count == kMaxBlocks);
  rows.put(key, "damaged");
  const Status over = block("carol");
  REQUIRE_FALSE(over);
  CHECK(over.error().code == ErrorCode::too_large);
  CHECK(set_list_rows(rows, kBlocks, "alice", {"bob"}, false));
  CHECK(block("carol"));
}
