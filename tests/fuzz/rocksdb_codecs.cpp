#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <map>

#include "checksum.hpp"
#include "device_rows.hpp"
#include "fuzz.hpp"
#include "journal_row.hpp"
#include "keys.hpp"
#include "rows_by_hand.hpp"
#include "values.hpp"

/// The first byte picks what the rest is: the body of a row's value (`e`vent, `n`umber, `i`nfo, `m`ember,
/// `c`ursor, `s`end, `u`ser, `d`evices, `j`ournal row), which is sealed here so that its decoder gets to see
/// it; `k`: ids for keys; `w`: numbers that structures are made of; `r`: rows of the directory, then calls on
/// them, a line each. A decoder must refuse what its encoder does not write, and bring back what it writes.
namespace chatcore::fuzz {

namespace {

using namespace chatcore::rocks;

constexpr std::string_view kKey = "\x05group\0\0\0\0\0\0\0\x07";

/// `decode(value)` says whether it took it and, if so, `encode()` writes what it took.
template <class Decode, class Encode>
void check_body(std::string_view body, Decode decode, Encode encode) {
  const Exact bare(body);
  if (decode(bare.view())) require(encode() == body, "a decoder takes only what its encoder writes");
  const Exact value(sealed(kKey, body));
  if (decode(value.view())) require(encode() == value.view(), "a decoder takes only what its encoder writes");
  if (body.empty()) return;
  std::string damaged(value.view());
  Cuts cuts(body);
  char& byte = damaged[cuts.below(damaged.size())];
  byte = static_cast<char>(byte ^ (1 << cuts.below(8)));
  require(!decode(damaged), "a turned bit is noticed");
}

void check_row(char kind, std::string_view body) {
  std::string out;
  const auto fill = [&](auto encode) { return encode(), out; };
  EventView event;
  std::uint64_t number = 0;
  ConversationInfo info;
  Member member;
  Preferences preferences;
  Cursor cursor;
  TimelineRow timeline;
  OriginalSend send;
  User user;
  std::vector<Device> devices;
  JournalRow row;
  switch (kind) {
    case 'e':
      return check_body(
          body, [&](auto value) { return decode_event(kKey, value, event); },
          [&] { return fill([&] { encode_event(kKey, event, out); }); });
    case 'n':
      return check_body(
          body, [&](auto value) { return decode_number(kKey, value, number); },
          [&] { return encode_number(kKey, number); });
    case 'i':
      return check_body(
          body, [&](auto value) { return decode_info(kKey, value, info); },
          [&] { return encode_info(kKey, info); });
    case 'm':
      return check_body(
          body, [&](auto value) { return decode_member(kKey, value, member); },
          [&] { return encode_member(kKey, member); });
    case 'p':
      return check_body(
          body, [&](auto value) { return decode_preferences(kKey, value, preferences); },
          [&] { return encode_preferences(kKey, preferences); });
    case 'c':
      return check_body(
          body, [&](auto value) { return decode_cursor(kKey, value, cursor); },
          [&] { return encode_cursor(kKey, cursor); });
    case 't':
      return check_body(
          body,
          [&](auto value) {
            const bool tells = glance_at_timeline(kKey, value).tells(1000);
            const bool decoded = decode_timeline(kKey, value, timeline);
            if (decoded)
              require(tells == timeline.entry(1000).has_value(),
                      "what is skipped says nothing, and nothing else");
            return decoded;
          },
          [&] { return encode_timeline(kKey, timeline); });
    case 's':
      return check_body(
          body, [&](auto value) { return decode_send(kKey, value, send); },
          [&] { return fill([&] { encode_send(kKey, send, out); }); });
    case 'u':
      return check_body(
          body, [&](auto value) { return decode_user(kKey, value, user); },
          [&] { return encode_user(kKey, user); });
    case 'd':
      return check_body(
          body, [&](auto value) { return decode_devices(kKey, value, devices); },
          [&] { return encode_devices(kKey, devices); });
    case 'j':
      return check_body(
          body, [&](auto value) { return decode_journal_row(kKey, value, row); },
          [&] { return fill([&] { encode_journal_row(kKey, row, out); }); });
    default:
      return;
  }
}

void check_keys(std::string_view rest) {
  const auto first = take_until(rest, '\n').substr(0, kMaxKeyId);
  const auto second = rest.substr(0, kMaxKeyId);
  if (!storable(first) || !storable(second)) return;
  const std::string pair = pair_key(first, second);
  require(second_of_pair(pair) == second, "a pair's second id comes back");
  const std::string prefix = owner_prefix(first);
  const std::string end = owner_end(first);
  require(pair.starts_with(prefix) && pair < end, "an owner's rows lie together");
  const std::string other = pair_key(second, first);
  require(second == first || other < prefix || other >= end, "another owner's rows lie elsewhere");

  std::string key;
  event_key(key, first, 258);
  require(seq_of_event_key(key) == 258 && key >= prefix && key < end, "an event's key has its seq");
  std::string later;
  event_key(later, first, 65537);
  require(key < later, "events ascend");
  const std::string info = log_key(first, LogPart::info);
  require(info.starts_with(prefix) && info < end && info != log_key(first, LogPart::term),
          "a log has its rows");
  require(journal_key(258) < journal_key(65537) && seq_of_event_key(journal_key(258)) == 258,
          "so has a journal");
  require(mark_key(first).starts_with(mark_prefix(partition_of(first))), "a mark lies in its partition");
  static_cast<void>(second_of_pair(rest));
  static_cast<void>(seq_of_event_key(rest));
}

OriginalSend make_send(FuzzedDataProvider& from) {
  OriginalSend send;
  send.seq = from.ConsumeIntegral<Seq>();
  send.epoch = from.ConsumeIntegral<Epoch>();
  send.messageId = from.ConsumeIntegral<MessageId>();
  send.timestamp = from.ConsumeIntegral<Timestamp>();
  send.payloadHash = from.ConsumeIntegral<std::uint64_t>();
  return send;
}

bool same(const OriginalSend& a, const OriginalSend& b) {
  return a.seq == b.seq && a.epoch == b.epoch && a.messageId == b.messageId && a.timestamp == b.timestamp &&
         a.payloadHash == b.payloadHash;
}

Cursor make_cursor(FuzzedDataProvider& from) {
  Cursor cursor;
  cursor.deliveredSeq = from.ConsumeIntegral<Seq>();
  cursor.readSeq = from.ConsumeIntegral<Seq>();
  cursor.readOrdinal = from.ConsumeIntegral<std::uint64_t>();
  cursor.sentOrdinal = from.ConsumeIntegral<std::uint64_t>();
  // Nothing is cleared but by a number, and no ordinal stands without one.
  cursor.clearedSeq = from.ConsumeIntegral<Seq>();
  if (cursor.clearedSeq != 0) cursor.clearedOrdinal = from.ConsumeIntegral<std::uint64_t>();
  return cursor;
}

void write_event(FuzzedDataProvider& from) {
  Event event;
  event.seq = from.ConsumeIntegral<Seq>();
  event.epoch = from.ConsumeIntegral<Epoch>();
  event.messageId = from.ConsumeIntegral<MessageId>();
  event.timestamp = from.ConsumeIntegral<Timestamp>();
  event.kind = static_cast<EventKind>(from.ConsumeIntegralInRange(0, 5));
  event.messageType = static_cast<MessageType>(from.ConsumeIntegralInRange(0, 7));
  event.hiddenFromOthers = from.ConsumeBool();
  event.ordinal = from.ConsumeIntegral<std::uint64_t>();
  event.senderId = from.ConsumeRandomLengthString(64);
  event.clientMsgId = from.ConsumeRandomLengthString(64);
  event.content = from.ConsumeRandomLengthString(500);
  std::string key;
  event_key(key, "log", event.seq);
  std::string value;
  encode_event(key, event, value);
  EventView back;
  require(decode_event(key, value, back), "an event is read back");
  require(back.seq == event.seq && back.epoch == event.epoch && back.messageId == event.messageId &&
              back.timestamp == event.timestamp && back.kind == event.kind &&
              back.messageType == event.messageType && back.hiddenFromOthers == event.hiddenFromOthers &&
              back.ordinal == event.ordinal && back.senderId == event.senderId &&
              back.clientMsgId == event.clientMsgId && back.content == event.content,
          "an event is read back as it was");
  require(!decode_event("x" + key, value, back), "a value under another key is noticed");
}

void write_journal_row(FuzzedDataProvider& from) {
  JournalRow row;
  for (int n = from.ConsumeIntegralInRange(0, 4); n > 0; --n) {
    const SendHash hash{from.ConsumeIntegral<std::uint64_t>(), from.ConsumeIntegral<std::uint64_t>()};
    row.sends.emplace_back(hash, make_send(from));
  }
  for (int n = from.ConsumeIntegralInRange(0, 4); n > 0; --n)
    row.cursors.emplace_back(from.ConsumeRandomLengthString(64), HeldCursor{make_cursor(from), false});
  std::string value;
  encode_journal_row(kKey, row, value);
  JournalRow back;
  require(decode_journal_row(kKey, value, back), "a journal row is read back");
  require(back.sends.size() == row.sends.size() && back.cursors.size() == row.cursors.size(), "all of it");
  for (std::size_t i = 0; i < row.sends.size(); ++i)
    require(back.sends[i].first == row.sends[i].first && same(back.sends[i].second, row.sends[i].second),
            "with its sends");
  for (std::size_t i = 0; i < row.cursors.size(); ++i)
    require(back.cursors[i].first == row.cursors[i].first &&
                back.cursors[i].second.cursor == row.cursors[i].second.cursor,
            "and its cursors");
}

void write_small_rows(FuzzedDataProvider& from) {
  const Cursor cursor = make_cursor(from);
  Cursor cursorBack;
  require(decode_cursor(kKey, encode_cursor(kKey, cursor), cursorBack) && cursorBack == cursor,
          "a cursor is read back");
  Cursor raised = cursor;
  raise(raised, make_cursor(from));
  raise(raised, cursor);
  require(raised.readSeq >= cursor.readSeq && raised.sentOrdinal >= cursor.sentOrdinal, "cursors only grow");

  const OriginalSend send = make_send(from);
  std::string value;
  encode_send(kKey, send, value);
  OriginalSend sendBack;
  require(decode_send(kKey, value, sendBack) && same(send, sendBack), "a send is read back");

  std::vector<Device> devices(from.ConsumeIntegralInRange<std::size_t>(0, 32));
  for (Device& device : devices) {
    device.deviceId = from.ConsumeRandomLengthString(8);
    device.pushToken = from.ConsumeRandomLengthString(8);
    device.lastActive = from.ConsumeIntegral<Timestamp>();
  }
  std::vector<Device> devicesBack;
  require(decode_devices(kKey, encode_devices(kKey, devices), devicesBack), "devices are read back");
  require(std::equal(devices.begin(), devices.end(), devicesBack.begin(), devicesBack.end(),
                     [](const Device& a, const Device& b) {
                       return a.deviceId == b.deviceId && a.pushToken == b.pushToken &&
                              a.lastActive == b.lastActive;
                     }),
          "all of them");
}

/// `=<key> <value>` (sealed unless it is a token's), `+<user> <device> <token>`, `-<user> <device>`,
/// `!<token>`.
void check_directory(std::string_view lines) {
  RowsInMemory rows;
  for (int n = 0; !lines.empty() && n < 100; ++n) {
    auto line = take_until(lines, '\n');
    if (line.empty()) continue;
    const char what = line.front();
    line.remove_prefix(1);
    const std::string first(take_until(line, ' '));
    const std::string second(take_until(line, ' '));
    if (what == '=' && !first.empty()) rows.put(first, first[0] == 't' ? second : sealed(first, second));
    Status done;
    if (what == '!') done = drop_token_rows(rows, first);
    if (storable(first) && storable(second)) {
      if (what == '-') done = remove_device_rows(rows, first, second);
      if (what == '+') done = put_device_rows(rows, Device{first, second, "web", std::string(line), 5});
      if (what == '+' && done && !line.empty())
        require(rows.rows.contains("t" + std::string(line)), "a token that is known can be found");
    }
    require(done || done.error().code == ErrorCode::corrupted || done.error().code == ErrorCode::overloaded,
            "damage is named");
  }
}

}  // namespace

}  // namespace chatcore::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace chatcore::fuzz;
  if (size == 0) return 0;
  const char what = static_cast<char>(data[0]);
  const std::string_view rest = text_of(data + 1, size - 1);
  if (what == 'k') {
    check_keys(rest);
  } else if (what == 'r') {
    check_directory(rest);
  } else if (what == 'w') {
    FuzzedDataProvider from(data + 1, size - 1);
    write_event(from);
    write_journal_row(from);
    write_small_rows(from);
  } else {
    check_row(what, rest);
  }
  return 0;
}
