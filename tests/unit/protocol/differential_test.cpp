#include <doctest/doctest.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "protocol/decode.hpp"

using namespace chatcore;
using namespace chatcore::protocol;
using nlohmann::json;

namespace {

/// What an independent parser thinks of a text.
struct Verdict {
  bool json = false;
  bool duplicateKey = false;
  int depth = 0;
};

Verdict judge(const std::string& text) {
  Verdict verdict;
  std::vector<std::set<std::string>> keys;
  const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
    verdict.depth = std::max(verdict.depth, depth + (event == json::parse_event_t::object_start ||
                                                             event == json::parse_event_t::array_start
                                                         ? 1
                                                         : 0));
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second) {
      verdict.duplicateKey = true;
    }
    return true;
  };
  // That parser skips a byte order mark and ends at a NUL; JSON knows neither.
  if (text.starts_with("\xEF\xBB\xBF") || text.find('\0') != std::string::npos) return verdict;
  const json parsed = json::parse(text, watch, false);
  verdict.json = parsed.is_object();
  return verdict;
}

bool escaped_envelope_key(const std::string& text) {
  // Coarse: only used to excuse a refusal, never an acceptance.
  return text.find('\\') != std::string::npos;
}

std::string mutate(std::string text, std::mt19937_64& random) {
  static const std::vector<std::string> kPieces = {"\"",
                                                   "\\",
                                                   "{",
                                                   "}",
                                                   "[",
                                                   "]",
                                                   ",",
                                                   ":",
                                                   "0",
                                                   "1",
                                                   "-",
                                                   ".",
                                                   "e",
                                                   "E",
                                                   "+",
                                                   " ",
                                                   "\n",
                                                   "\t",
                                                   "\x01",
                                                   "tru",
                                                   "true",
                                                   "null",
                                                   "NaN",
                                                   "\\u0041",
                                                   "\\ud800",
                                                   "\\udc00",
                                                   "\\ud83d\\ude00",
                                                   "\xC3\xA9",
                                                   "\xC3",
                                                   "\xED\xA0\x80",
                                                   "\xF0\x9F\x98\x80",
                                                   "01",
                                                   "1e400",
                                                   "123456789012345678901",
                                                   "\"a\":1,",
                                                   "\"id\":1,",
                                                   "\"type\":\"presence.ping\",",
                                                   "{}",
                                                   "[]",
                                                   "//",
                                                   "\"x\"",
                                                   std::string(1, '\0')};
  const auto below = [&](std::size_t bound) { return static_cast<std::size_t>(random() % bound); };
  for (std::size_t edits = 1 + below(3); edits > 0 && !text.empty(); --edits) {
    const std::size_t at = below(text.size() + 1);
    switch (below(4)) {
      case 0:
        text.insert(at, kPieces[below(kPieces.size())]);
        break;
      case 1:
        text.erase(at, 1 + below(3));
        break;
      case 2:
        text.replace(at, std::min<std::size_t>(1, text.size() - at), kPieces[below(kPieces.size())]);
        break;
      default: {
        const std::string piece = text.substr(below(text.size()), 1 + below(12));
        text.insert(at, piece);
      }
    }
  }
  return text;
}

}  // namespace

TEST_CASE("mangled frames are judged as an independent parser judges them") {
  const std::vector<std::string> seeds = {
      R"({"type":"message.send","id":7,"conversationId":"c1","clientMsgId":"u-1","content":"hi"})",
      R"({"type":"message.send","to":"bob","clientMsgId":"u","content":{"a":[1,2.5e3,-0,true,null],"b":{"c":"\u00e9\n"}}})",
      R"({"content":[[],{},"",0,{"x":{"y":[{"z":"\ud83d\ude00"}]}}],"type":"message.send","to":"b","clientMsgId":"u"})",
      R"( { "type" : "sync" , "watermarks" : { "c1" : 41 , "c2" : { "seq" : 7 , "epoch" : 2 } } , "limit" : 200 } )",
      R"({"type":"presence.ping","id":"a\"b","x":1,"y":[123456789012345678901,-9223372036854775809]})",
  };
  Decoder decoder;
  std::mt19937_64 random(20240229);
  int accepted = 0;
  int contents = 0;
  for (int round = 0; round < 60000; ++round) {
    const std::string& seed = seeds[static_cast<std::size_t>(round) % seeds.size()];
    const std::string frame = mutate(seed, random);
    CAPTURE(frame);
    const Verdict verdict = judge(frame);
    const DecodeResult result = decoder.decode(frame);
    const bool refused = !result.command.has_value() && result.command.error().code == ErrorCode::bad_json;
    if (!refused) {
      ++accepted;
      REQUIRE(verdict.json);
      REQUIRE_FALSE(verdict.duplicateKey);
      REQUIRE(verdict.depth <= 32);
    } else if (verdict.json && !verdict.duplicateKey) {
      REQUIRE(escaped_envelope_key(frame));
    }
    if (!result.command.has_value()) continue;
    if (const auto* send = std::get_if<MessageSend>(&*result.command)) {
      ++contents;
      const std::string content(send->content);
      REQUIRE(frame.find(content) != std::string::npos);
      REQUIRE(json::parse(content) == json::parse(frame).at("content"));
    }
  }
  // The comparison is worth something only if both outcomes are common.
  CHECK(accepted > 5000);
  CHECK(accepted < 50000);
  CHECK(contents > 500);
}

TEST_CASE("every prefix and every single-byte change of a frame is judged rightly") {
  const std::string frame =
      R"({"type":"message.send","id":"q","to":"bob","clientMsgId":"u","content":{"k":[1,-2.5e1,"\"x\\"],"l":true}})";
  Decoder decoder;
  for (std::size_t length = 0; length < frame.size(); ++length) {
    CHECK_FALSE(decoder.decode(frame.substr(0, length)).command.has_value());
  }
  for (std::size_t at = 0; at < frame.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = frame;
      changed[at] = static_cast<char>(byte);
      const DecodeResult result = decoder.decode(changed);
      const bool refused = !result.command.has_value() && result.command.error().code == ErrorCode::bad_json;
      if (refused) continue;
      CAPTURE(changed);
      const Verdict verdict = judge(changed);
      REQUIRE(verdict.json);
      REQUIRE_FALSE(verdict.duplicateKey);
    }
  }
}
