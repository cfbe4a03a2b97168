#include "gateway/websocket_frame.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <random>
#include <string>
#include <vector>

using namespace chatcore::gateway;
using namespace std::string_literals;
using Kind = ParseStep::Kind;

namespace {

constexpr std::uint32_t kMaskKey = 0x37FA213D;

/// A frame built by hand, with any first byte: the encoders under test cannot write the wrong ones.
std::string frame(unsigned firstByte, std::string payload) {
  std::string out(1, static_cast<char>(firstByte));
  if (payload.size() < 126) {
    out += static_cast<char>(0x80 | payload.size());
  } else {
    const bool wide = payload.size() > 0xFFFF;
    out += static_cast<char>(wide ? 0xFF : 0xFE);
    for (int shift = wide ? 56 : 8; shift >= 0; shift -= 8) out += static_cast<char>(payload.size() >> shift);
  }
  const std::array<char, 4> mask{'\x37', '\xFA', '\x21', '\x3D'};
  out.append(mask.begin(), mask.end());
  for (std::size_t i = 0; i < payload.size(); ++i) out += static_cast<char>(payload[i] ^ mask[i % 4]);
  return out;
}

std::string text(std::string payload) { return frame(0x81, std::move(payload)); }
std::string raw(std::initializer_list<int> bytes) {
  std::string out;
  for (const int byte : bytes) out += static_cast<char>(byte);
  return out;
}
std::string close_payload(unsigned code, std::string_view reason = {}) {
  return raw({static_cast<int>(code >> 8), static_cast<int>(code & 0xFF)}) + std::string(reason);
}

std::string name(Kind kind) {
  constexpr std::array<const char*, 7> kNames{"more", "text", "binary", "ping", "pong", "close", "failure"};
  return kNames[static_cast<std::size_t>(kind)];
}

/// A connection's receiving side: a buffer that grows as `needed` demands and is compacted, and a log of what
/// the parser said.
class Receiver {
 public:
  explicit Receiver(WebSocketOptions options = {}) : parser_(options) {}

  void receive(std::string_view bytes) {
    buffer_ += bytes;
    for (;;) {
      // A copy of the exact size each time, so that the sanitizer sees a byte read too far.
      std::vector<char> unread(buffer_.begin(), buffer_.end());
      const auto step = parser_.next(unread);
      REQUIRE(step.consumed <= unread.size());
      if (step.kind != Kind::need_more) note(step);
      // Only an unfinished frame is given again, and nothing of it may have been unmasked.
      buffer_.erase(0, step.consumed);
      if (step.kind == Kind::need_more) {
        CHECK((step.needed > buffer_.size() || parser_.finished()));
        needed_ = step.needed;
        return;
      }
    }
  }

  [[nodiscard]] const std::string& log() const { return log_; }
  [[nodiscard]] std::size_t needed() const { return needed_; }
  [[nodiscard]] std::size_t pending() const { return buffer_.size(); }

 private:
  void note(const ParseStep& step) {
    log_ += name(step.kind);
    if (step.closeCode != 0) log_ += " " + std::to_string(step.closeCode);
    if (!step.payload.empty()) log_ += " " + std::string(step.payload);
    log_ += "\n";
  }

  WebSocketParser parser_;
  std::string buffer_;
  std::string log_;
  std::size_t needed_ = 0;
};

std::string parse(std::string_view bytes, WebSocketOptions options = {}) {
  Receiver receiver(options);
  receiver.receive(bytes);
  return receiver.log();
}

struct Row {
  const char* what;
  std::string bytes;
  std::string log;
};

std::vector<Row> good_streams() {
  return {
      {"an empty text", text(""), "text\n"},
      {"a text", text("hello"), "text hello\n"},
      {"two texts", text("a") + text("b"), "text a\ntext b\n"},
      {"a binary", frame(0x82, "\xFF\xFE"), "binary \xFF\xFE\n"},
      {"the longest 7-bit length", text(std::string(125, 'x')), "text " + std::string(125, 'x') + "\n"},
      {"the shortest 16-bit length", text(std::string(126, 'x')), "text " + std::string(126, 'x') + "\n"},
      {"a ping", frame(0x89, "p"), "ping p\n"},
      {"an empty ping", frame(0x89, ""), "ping\n"},
      {"the longest ping", frame(0x89, std::string(125, 'p')), "ping " + std::string(125, 'p') + "\n"},
      {"an unasked pong", frame(0x8A, "q"), "pong q\n"},
      {"two fragments", frame(0x01, "hel") + frame(0x80, "lo"), "text hello\n"},
      {"binary fragments", frame(0x02, "\xFF") + frame(0x00, "") + frame(0x80, "\xFE"), "binary \xFF\xFE\n"},
      {"empty fragments", frame(0x01, "") + frame(0x00, "") + frame(0x80, ""), "text\n"},
      {"control frames between fragments",
       frame(0x01, "a") + frame(0x89, "p") + frame(0x00, "b") + frame(0x8A, "q") + frame(0x80, "c"),
       "ping p\npong q\ntext abc\n"},
      {"a message after a fragmented one", frame(0x01, "a") + frame(0x80, "b") + text("c"),
       "text ab\ntext c\n"},
      {"two fragmented messages", frame(0x01, "a") + frame(0x80, "b") + frame(0x02, "c") + frame(0x80, "d"),
       "text ab\nbinary cd\n"},
      {"characters of two, three and four bytes", text("\u00e9\u20ac\U0001F600"),
       "text \u00e9\u20ac\U0001F600\n"},
      {"a character cut by fragments",
       frame(0x01, "\xF0") + frame(0x00, "\x9F") + frame(0x00, "\x98") + frame(0x80, "\x80"),
       "text \U0001F600\n"},
      {"a close without a code", frame(0x88, ""), "close 1005\n"},
      {"a close with a code", frame(0x88, close_payload(1000)), "close 1000\n"},
      {"a close with a reason", frame(0x88, close_payload(4000, "draining")), "close 4000 draining\n"},
      {"what comes after a close", frame(0x88, "") + text("late") + "\xFF\xFF", "close 1005\n"},
      {"a close between fragments", frame(0x01, "a") + frame(0x88, "") + frame(0x80, "b"), "close 1005\n"},
  };
}

std::vector<Row> bad_streams() {
  std::vector<Row> rows = {
      {"an unmasked frame", raw({0x81, 0x01, 'a'}), "failure 1002\n"},
      {"an unmasked frame after a good one", text("a") + raw({0x81, 0x01, 'a'}), "text a\nfailure 1002\n"},
      {"a fragmented ping", frame(0x09, "p"), "failure 1002\n"},
      {"a fragmented close", frame(0x08, ""), "failure 1002\n"},
      {"a ping of 126 bytes", frame(0x89, std::string(126, 'p')), "failure 1002\n"},
      {"a close of 64 KiB and more", frame(0x88, std::string(70000, 'p')), "failure 1002\n"},
      {"a continuation of nothing", frame(0x80, "a"), "failure 1002\n"},
      {"an unfinished continuation of nothing", frame(0x00, "a"), "failure 1002\n"},
      {"a continuation of a finished message", frame(0x01, "a") + frame(0x80, "b") + frame(0x80, "c"),
       "text ab\nfailure 1002\n"},
      {"a text within a fragmented message", frame(0x01, "a") + text("b"), "failure 1002\n"},
      {"a binary within a fragmented message", frame(0x01, "a") + frame(0x82, "b"), "failure 1002\n"},
      {"125 written in 16 bits", raw({0x81, 0xFE, 0x00, 125}), "failure 1002\n"},
      {"0 written in 16 bits", raw({0x81, 0xFE, 0x00, 0x00}), "failure 1002\n"},
      {"65535 written in 64 bits", raw({0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}), "failure 1002\n"},
      {"a length of 2^63", raw({0x81, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0}), "failure 1002\n"},
      {"a length of 2^64-1", raw({0x81, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}),
       "failure 1002\n"},
      {"a length of 2^63-1", raw({0x81, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}),
       "failure 1009\n"},
      {"a length of 65537", raw({0x81, 0xFF, 0, 0, 0, 0, 0, 1, 0, 1}), "failure 1009\n"},
      {"a close of one byte", frame(0x88, "\x03"), "failure 1002\n"},
      {"a close reason that is not UTF-8", frame(0x88, close_payload(1000, "\xFF")), "failure 1007\n"},
      {"fragments that are not UTF-8", frame(0x01, "a") + frame(0x80, "\xFF"), "failure 1007\n"},
      {"a character cut by the end of the message", frame(0x01, "a") + frame(0x80, "\xE2\x82"),
       "failure 1007\n"},
      {"fragments found wrong before their end", frame(0x01, "\xE2\x28") + frame(0x00, "b"),
       "failure 1007\n"},
      {"what comes after a failure", frame(0x83, "") + text("late"), "failure 1002\n"},
  };
  for (const unsigned first : {0xC1U, 0xA1U, 0x91U, 0xF1U, 0xC9U, 0xC0U}) {
    rows.push_back({"a reserved bit", frame(first, "a"), "failure 1002\n"});
  }
  for (const unsigned opcode : {3U, 4U, 5U, 6U, 7U, 0xBU, 0xCU, 0xDU, 0xEU, 0xFU}) {
    rows.push_back({"a reserved opcode", frame(0x80 | opcode, ""), "failure 1002\n"});
  }
  for (const unsigned code : {0U, 1U, 999U, 1004U, 1005U, 1006U, 1015U, 1016U, 1100U, 2999U, 5000U, 65535U}) {
    rows.push_back({"a close code nobody may send", frame(0x88, close_payload(code)), "failure 1002\n"});
  }
  for (const auto& broken :
       {"\xC0\x80"s, "\xC1\xBF"s, "\xE0\x9F\xBF"s, "\xED\xA0\x80"s, "\xF0\x8F\xBF\xBF"s, "\xF4\x90\x80\x80"s,
        "\xF8\x88\x80\x80\x80"s, "\x80"s, "\xBF"s, "\xC3"s, "\xE2\x82"s, "\xF0\x9F\x98"s, "a\xFEz"s}) {
    rows.push_back({"a text that is not UTF-8", text(broken), "failure 1007\n"});
    rows.push_back({"the same in fragments", frame(0x01, broken) + frame(0x80, ""), "failure 1007\n"});
  }
  return rows;
}

void check_all(const std::vector<Row>& rows) {
  for (const auto& row : rows) {
    CAPTURE(row.what);
    CHECK(parse(row.bytes) == row.log);
  }
}

}  // namespace

TEST_CASE("well-formed streams give their messages") { check_all(good_streams()); }
TEST_CASE("malformed streams fail with the code of RFC 6455") { check_all(bad_streams()); }

TEST_CASE("every sendable close code is taken") {
  for (const unsigned code : {1000U, 1001U, 1002U, 1003U, 1007U, 1008U, 1009U, 1010U, 1011U, 1012U, 1013U,
                              1014U, 3000U, 3999U, 4000U, 4500U, 4999U}) {
    CHECK(parse(frame(0x88, close_payload(code))) == "close " + std::to_string(code) + "\n");
  }
}

TEST_CASE("how the bytes are cut makes no difference") {
  auto rows = good_streams();
  for (auto& row : bad_streams()) rows.push_back(std::move(row));
  std::string everything;
  std::string everythingLog;
  for (const auto& row : good_streams()) {
    if (row.log.find("close") != std::string::npos) continue;
    everything += row.bytes;
    everythingLog += row.log;
  }
  rows.push_back({"all good streams in a row", everything, everythingLog});

  std::mt19937 random(20240608);
  for (const auto& row : rows) {
    CAPTURE(row.what);
    if (row.bytes.size() > 2000) continue;
    Receiver bytewise;
    for (const char byte : row.bytes) bytewise.receive({&byte, 1});
    CHECK(bytewise.log() == row.log);
    for (std::size_t cut = 0; cut <= row.bytes.size(); ++cut) {
      Receiver halves;
      halves.receive(std::string_view(row.bytes).substr(0, cut));
      halves.receive(std::string_view(row.bytes).substr(cut));
      CHECK(halves.log() == row.log);
    }
    for (int round = 0; round < 20; ++round) {
      Receiver pieces;
      for (std::size_t at = 0; at < row.bytes.size();) {
        const auto piece = std::string_view(row.bytes).substr(at, 1 + random() % 13);
        pieces.receive(piece);
        at += piece.size();
      }
      CHECK(pieces.log() == row.log);
    }
  }
}

TEST_CASE("random garbage ends in a message or a failure, never elsewhere") {
  std::mt19937 random(20240609);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes(random() % 64, '\0');
    for (auto& byte : bytes) byte = static_cast<char>(random());
    Receiver whole;
    whole.receive(bytes);
    Receiver bytewise;
    bytewise.receive("");
    for (const char byte : bytes) bytewise.receive({&byte, 1});
    CHECK(whole.log() == bytewise.log());
    CHECK(whole.needed() == bytewise.needed());
    CHECK(whole.pending() == bytewise.pending());
  }
}

TEST_CASE("a random message in random fragments is the message") {
  std::mt19937 random(20240610);
  const std::vector<std::string> characters = {"a", "\u00e9", "\u20ac", "\U0001F600"};
  for (int round = 0; round < 300; ++round) {
    std::string message;
    for (auto left = random() % 200; left > 0; --left) message += characters[random() % 4];
    std::string bytes;
    std::size_t at = 0;
    for (unsigned opcode = 1; at < message.size() || opcode == 1; opcode = 0) {
      const auto part = message.substr(at, random() % 9);
      at += part.size();
      bytes += frame(opcode | (at == message.size() ? 0x80 : 0), part);
      if (random() % 4 == 0 && at < message.size()) bytes += frame(0x8A, "");
    }
    const auto log = parse(bytes);
    CHECK(log.substr(log.rfind("text")) == (message.empty() ? "text\n"s : "text " + message + "\n"));
    CHECK(log.find("failure") == std::string::npos);
  }
}

TEST_CASE("need_more tells the size of the whole frame as soon as it is known") {
  const auto bytes = frame(0x81, std::string(300, 'x'));
  REQUIRE(bytes.size() == 308);
  for (const auto& [have, needed] : std::vector<std::pair<std::size_t, std::size_t>>{
           {0, 2}, {1, 2}, {2, 8}, {3, 8}, {4, 308}, {8, 308}, {307, 308}}) {
    CAPTURE(have);
    Receiver receiver;
    receiver.receive(std::string_view(bytes).substr(0, have));
    CHECK(receiver.needed() == needed);
    CHECK(receiver.log().empty());
  }
  Receiver second;
  second.receive(text("a") + text("bcd").substr(0, 3));
  CHECK(second.needed() == 9);
  CHECK(second.pending() == 3);
}

TEST_CASE("fragments are consumed as they come, so the caller need not keep them") {
  Receiver receiver;
  receiver.receive(frame(0x01, "abc") + frame(0x00, "def") + raw({0x80}));
  CHECK(receiver.pending() == 1);
  CHECK(receiver.log().empty());
}

TEST_CASE("a message over the limit is refused by its announced length, however it is fragmented") {
  const WebSocketOptions options{.maxMessageBytes = 200};
  const auto log200 = "text " + std::string(200, 'x') + "\n";
  CHECK(parse(text(std::string(200, 'x')), options) == log200);
  CHECK(parse(raw({0x81, 0xFE, 0, 201}), options) == "failure 1009\n");
  const auto first = frame(0x01, std::string(150, 'x'));
  CHECK(parse(first + frame(0x80, std::string(50, 'x')), options) == log200);
  CHECK(parse(first + raw({0x80, 0x80 | 51}), options) == "failure 1009\n");
  CHECK(parse(first + frame(0x00, std::string(50, 'x')) + raw({0x80, 0x81}), options) == "failure 1009\n");
  // The limit is a message's: control frames have their own.
  CHECK(parse(frame(0x89, "12345"), {.maxMessageBytes = 1}) == "ping 12345\n");
  CHECK(parse(text("") + frame(0x81, "a"), {.maxMessageBytes = 0}) == "text\nfailure 1009\n");
}

TEST_CASE("text is not validated where the caller does it, a close reason always is") {
  const WebSocketOptions options{.validateText = false};
  CHECK(parse(text("\xFF"), options) == "text \xFF\n");
  CHECK(parse(frame(0x01, "\xFF") + frame(0x80, "\xFE"), options) == "text \xFF\xFE\n");
  CHECK(parse(frame(0x88, close_payload(1000, "\xFF")), options) == "failure 1007\n");
}

TEST_CASE("binary messages can be refused from their first byte") {
  const WebSocketOptions options{.acceptBinary = false};
  CHECK(parse(raw({0x82}), options) == "failure 1003\n");
  CHECK(parse(raw({0x02}), options) == "failure 1003\n");
  CHECK(parse(text("a"), options) == "text a\n");
}

TEST_CASE("an unfragmented message is a view into the caller's buffer") {
  auto bytes = text("hello");
  WebSocketParser parser;
  const auto step = parser.next(bytes);
  CHECK(step.payload.data() == bytes.data() + 6);
  CHECK(step.payload == "hello");
  CHECK(step.consumed == bytes.size());
}

TEST_CASE("an unfinished frame is not touched") {
  const auto bytes = text("hello, world");
  auto unread = bytes.substr(0, bytes.size() - 1);
  WebSocketParser parser;
  CHECK(parser.next(unread).kind == Kind::need_more);
  CHECK(unread == bytes.substr(0, bytes.size() - 1));
}

TEST_CASE("a payload of any length is unmasked whole") {
  for (std::size_t size = 0; size <= 70; ++size) {
    std::string payload;
    for (std::size_t i = 0; i < size; ++i) payload += static_cast<char>('0' + i);
    CAPTURE(size);
    auto bytes = text(payload);
    CHECK(WebSocketParser().next(bytes).payload == payload);
  }
}

TEST_CASE("server frames have the smallest header and a client reads them") {
  const WebSocketOptions client{.role = WebSocketRole::client, .maxMessageBytes = 1 << 20};
  for (const auto& [size, headerSize] : std::vector<std::pair<std::size_t, std::size_t>>{
           {0, 2}, {125, 2}, {126, 4}, {65535, 4}, {65536, 10}, {1 << 20, 10}}) {
    CAPTURE(size);
    std::array<char, kMaxServerFrameHeaderBytes> header;
    CHECK(write_frame_header(header.data(), Opcode::text, size) == headerSize);
    std::string bytes;
    append_frame(bytes, Opcode::text, std::string(size, 'x'));
    CHECK(bytes.size() == headerSize + size);
    CHECK(bytes.compare(0, headerSize, header.data(), headerSize) == 0);
    const auto step = WebSocketParser(client).next(bytes);
    CHECK(step.kind == Kind::text);
    CHECK(step.payload == std::string(size, 'x'));
  }
  CHECK(parse(text("a"), client) == "failure 1002\n");
  CHECK(parse(raw({0x89, 0x01, 'p', 0x01, 0x01, 'a', 0x80, 0x01, 'b'}), client) == "ping p\ntext ab\n");
}

TEST_CASE("client frames are masked as RFC 6455 shows and a server reads them") {
  std::string bytes;
  append_masked_frame(bytes, Opcode::text, "Hello", kMaskKey);
  CHECK(bytes == raw({0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58}));
  for (const std::size_t size : {0, 1, 125, 126, 1000, 65535, 65536}) {
    CAPTURE(size);
    const std::string payload(size, 'x');
    std::string out = "before";
    append_masked_frame(out, Opcode::binary, payload, kMaskKey);
    CHECK(out == "before" + frame(0x82, payload));
    CHECK(parse(std::string_view(out).substr(6)) == (size == 0 ? "binary\n"s : "binary " + payload + "\n"));
  }
}

TEST_CASE("a close payload holds its code and as much of the reason as fits, in whole characters") {
  std::string payload;
  append_close_payload(payload, 4000, "draining;retryAfterMs=500");
  CHECK(payload == close_payload(4000, "draining;retryAfterMs=500"));

  std::string longOne;
  append_close_payload(longOne, 1000, std::string(122, 'x') + "\u20ac");
  CHECK(longOne == close_payload(1000, std::string(122, 'x')));
  std::string fits;
  append_close_payload(fits, 1000, std::string(120, 'x') + "\u20ac");
  CHECK(fits.size() == kMaxControlPayloadBytes);
}
