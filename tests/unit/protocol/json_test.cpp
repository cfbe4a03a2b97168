#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "protocol/decode.hpp"
#include "protocol/json_object.hpp"

using namespace chatcore;
using namespace chatcore::protocol;

namespace {

std::string with_content(const std::string& content) {
  return R"({"type":"message.send","id":7,"conversationId":"c1","clientMsgId":"u-1","content":)" + content +
         "}";
}

ErrorCode code_of(Decoder& decoder, const std::string& frame) {
  const DecodeResult result = decoder.decode(frame);
  REQUIRE_FALSE(result.command.has_value());
  return result.command.error().code;
}

std::string nested(std::size_t depth, const std::string& inner) {
  return std::string(depth, '[') + inner + std::string(depth, ']');
}

}  // namespace

TEST_CASE("content is handed on as the very bytes that came in") {
  Decoder decoder;
  const std::vector<std::string> contents = {
      R"("hi")",
      R"("")",
      R"("a \"quoted\" \\ word, and }{ ][ in it")",
      R"("\\")",
      R"("\\\"")",
      R"("\u0041\ud83d\ude00\/")",
      "null",
      "true",
      "false",
      "0",
      "-0",
      "1.50",
      "1E5",
      "-12.5e-3",
      "1e-400",
      "18446744073709551615",
      "{}",
      "[]",
      R"({ "a" : [ 1 , 2.0,{"b":"}"} ] , "c":"\"}" })",
      "[[],[[]],{\"x\":[{}]}]",
      "123456789012345678901234567890",
      "-9223372036854775809",
      "[99999999999999999999, \"99999999999999999999\", {\"99999999999999999999\":-99999999999999999999}]",
      "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"",
      "\"\x7f\"",
      "\"" + std::string(5000, 'x') + "\"",
  };
  for (const std::string& content : contents) {
    for (const std::string space : {"", " ", "\n\t\r "}) {
      CAPTURE(content);
      const std::string frame = R"({"type":"message.send","content":)" + space + content + space +
                                R"(,"conversationId":"c1","clientMsgId":"u-1"})";
      const DecodeResult result = decoder.decode(frame);
      REQUIRE(result.command.has_value());
      CHECK(std::get<MessageSend>(*result.command).content == content);
      const DecodeResult last = decoder.decode(with_content(space + content + space));
      REQUIRE(last.command.has_value());
      CHECK(std::get<MessageSend>(*last.command).content == content);
    }
  }
}

TEST_CASE("what is not JSON is bad_json wherever it stands") {
  Decoder decoder;
  const std::vector<std::string> values = {
      "01",
      "-01",
      "00",
      "-",
      "+1",
      ".5",
      "1.",
      "1.e5",
      "1e",
      "1e+",
      "0x10",
      "1_000",
      "1 2",
      "[1 2]",
      "[1,]",
      "[,1]",
      "[1,,2]",
      "[1}",
      "{\"a\":1]",
      "{\"a\":1,}",
      "{\"a\"}",
      "{\"a\":}",
      "{a:1}",
      "{1:1}",
      "{'a':1}",
      "tru",
      "truee",
      "True",
      "nul",
      "nulll",
      "falsey",
      "NaN",
      "Infinity",
      "-Infinity",
      "undefined",
      "'hi'",
      "\"",
      "\"hi",
      "\"\\\"",
      R"("\x41")",
      R"("\u12")",
      R"("\u12G4")",
      R"("\a")",
      "\"\x01\"",
      "\"a\nb\"",
      "\"a\tb\"",
      std::string("\"a\0b\"", 5),
      "1//x",
      "/*x*/1",
      "1e400",
      "-1e400",
      "1e99999999999999999999",
      std::string(400, '9'),
      "012345678901234567890123",
      "12345678901234567890123x",
      "x12345678901234567890123",
      "- 12345678901234567890123",
      "12345678901234567890123 4",
      "",
  };
  for (const std::string& value : values) {
    CAPTURE(value);
    CHECK(code_of(decoder, with_content(value)) == ErrorCode::bad_json);
    CHECK(code_of(decoder, with_content("[" + value + ",2 3]")) == ErrorCode::bad_json);
    if (!value.empty()) CHECK(code_of(decoder, with_content("[" + value + "]")) == ErrorCode::bad_json);
    CHECK(code_of(decoder, with_content("{\"k\":" + value + "}")) == ErrorCode::bad_json);
    CHECK(code_of(decoder, "{\"unknown\":" + value + ",\"type\":\"presence.ping\"}") == ErrorCode::bad_json);
  }
}

TEST_CASE("a frame is exactly one JSON object") {
  Decoder decoder;
  const std::string ping = R"({"type":"presence.ping"})";
  const std::vector<std::string> frames = {
      "",
      " ",
      "{",
      "}",
      "null",
      "7",
      "\"x\"",
      "[]",
      "[" + ping + "]",
      ping + ping,
      ping + "x",
      ping + "}",
      ping + ",",
      ping + "\n" + ping,
      ping + std::string(1, '\0'),
      std::string(1, '\0') + ping,
      "\xEF\xBB\xBF" + ping,
      "\xFE\xFF" + ping,
      ping.substr(0, ping.size() - 1),
      "\f" + ping,
      "\xC2\xA0" + ping,
      "{\"type\":\"presence.ping\",}",
      "{,\"type\":\"presence.ping\"}",
      "{\"type\" \"presence.ping\"}",
      "{\"type\":\"presence.ping\";}",
      "{type:\"presence.ping\"}",
  };
  for (const std::string& frame : frames) {
    CAPTURE(frame);
    CHECK(code_of(decoder, frame) == ErrorCode::bad_json);
  }
  CHECK(decoder.decode(" \r\n\t" + ping + " \r\n\t").command.has_value());
  CHECK(decoder.decode({}).command.error().code == ErrorCode::bad_json);
}

TEST_CASE("strings are strict UTF-8 without lone surrogates") {
  Decoder decoder;
  const std::vector<std::string> bad = {
      "\x80",
      "\xC3",
      "\xC0\x80",
      "\xC1\xBF",
      "\xE0\x80\x80",
      "\xED\xA0\x80",
      "\xED\xBF\xBF",
      "\xF0\x80\x80\x80",
      "\xF4\x90\x80\x80",
      "\xF5\x80\x80\x80",
      "\xFF",
      "\xE2\x82",
      R"(\ud800)",
      R"(\uDBFF)",
      R"(\udc00)",
      R"(\uDFFF)",
      R"(\ud800x)",
      R"(\ud800\n)",
      R"(\ud800\u0041)",
      R"(\ud800\ud800)",
      R"(\ud800\ue000)",
      R"(\udc00\ud800)",
      R"(\ud83d\ude00\ude00)",
      R"(\ud800\\udc00)",
      R"(\ud800\uDCZ0)",
  };
  for (const std::string& text : bad) {
    CAPTURE(text);
    CHECK(code_of(decoder, with_content("\"" + text + "\"")) == ErrorCode::bad_json);
    CHECK(code_of(decoder, with_content("\"ab" + text + "cd\"")) == ErrorCode::bad_json);
    CHECK(code_of(decoder, with_content("{\"" + text + "\":1}")) == ErrorCode::bad_json);
    CHECK(code_of(decoder, "{\"type\":\"presence.ping\",\"" + text + "\":1}") == ErrorCode::bad_json);
  }
}

TEST_CASE("duplicate keys are refused at every depth, however they are spelled") {
  Decoder decoder;
  const std::vector<std::string> frames = {
      R"({"type":"presence.ping","type":"presence.ping"})",
      R"({"type":"message.send","type":"presence.ping"})",
      R"({"id":1,"type":"presence.ping","id":2})",
      R"({"type":"presence.ping","x":1,"x":2})",
      R"({"type":"presence.ping","x":{"a":1,"a":2}})",
      R"({"type":"presence.ping","x":[0,{"b":[{"a":1,"c":3,"a":2}]}]})",
      with_content(R"({"a":1,"a":1})"),
      with_content(R"({"a":1,"\u0061":1})"),
      with_content(R"([{"a":{"":1,"":2}}])"),
      R"({"type":"sync","watermarks":{"c1":1,"c1":2}})",
  };
  for (const std::string& frame : frames) {
    CAPTURE(frame);
    CHECK(code_of(decoder, frame) == ErrorCode::bad_json);
  }
  CHECK(decoder.decode(with_content(R"({"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]})")).command.has_value());
}

TEST_CASE("large objects are checked for duplicates too") {
  Decoder decoder;
  for (int keys : {2, 15, 16, 17, 18, 100}) {
    CAPTURE(keys);
    std::string object = "{";
    for (int i = 0; i < keys; ++i) object += "\"k" + std::to_string(i) + "\":" + std::to_string(i) + ",";
    std::string clean = object;
    clean.back() = '}';
    CHECK(decoder.decode(with_content(clean)).command.has_value());
    CHECK(code_of(decoder, with_content(object + "\"k0\":1}")) == ErrorCode::bad_json);
    CHECK(code_of(decoder, with_content(object + "\"k" + std::to_string(keys - 1) + "\":1}")) ==
          ErrorCode::bad_json);
    std::string envelope = R"({"type":"presence.ping",)" + object.substr(1);
    CHECK(code_of(decoder, envelope + "\"k0\":1}") == ErrorCode::bad_json);
    envelope.back() = '}';
    CHECK(decoder.decode(envelope).command.has_value());
  }
}

TEST_CASE("the envelope's keys cannot be escaped, those inside content can") {
  Decoder decoder;
  const std::vector<std::string> frames = {
      R"({"t\u0079pe":"presence.ping"})",
      R"({"type":"presence.ping","\u0078":1})",
      R"({"type":"presence.ping","a\/b":1})",
      R"({"type":"presence.ping","\\":1})",
      R"({"type":"message.send","conversationId":"c1","clientMsgId":"u","content":1,"conversation\u0049d":"c2"})",
  };
  for (const std::string& frame : frames) {
    CAPTURE(frame);
    CHECK(code_of(decoder, frame) == ErrorCode::bad_json);
  }
  CHECK(decoder.decode(with_content(R"({"\u0061\n":1})")).command.has_value());
}

TEST_CASE("depth is bounded to the letter") {
  Decoder decoder;
  for (const std::string inner : {"", "1"}) {
    CHECK(decoder.decode(with_content(nested(kMaxJsonDepth - 1, inner))).command.has_value());
    CHECK(code_of(decoder, with_content(nested(kMaxJsonDepth, inner))) == ErrorCode::bad_json);
    CHECK(code_of(decoder, with_content(nested(kMaxJsonDepth + 1, inner))) == ErrorCode::bad_json);
    CHECK(code_of(decoder, with_content(nested(8000, inner))) == ErrorCode::bad_json);
  }
  CHECK(code_of(decoder, with_content(nested(kMaxJsonDepth - 1, "{}"))) == ErrorCode::bad_json);
  CHECK(code_of(decoder, with_content(std::string(16000, '['))) == ErrorCode::bad_json);
  CHECK(code_of(decoder, std::string(60000, '{')) == ErrorCode::bad_json);
}

TEST_CASE("content cannot reach out of its place") {
  Decoder decoder;
  const std::string smuggled = R"("x"},"conversationId":"c2","x":{"a":1)";
  const DecodeResult result = decoder.decode(with_content(smuggled));
  CHECK_FALSE(result.command.has_value());
  const std::string inString = R"("\"},\"conversationId\":\"c2\"")";
  const DecodeResult kept = decoder.decode(with_content(inString));
  REQUIRE(kept.command.has_value());
  CHECK(std::get<MessageSend>(*kept.command).conversationId == "c1");
  CHECK(std::get<MessageSend>(*kept.command).content == inString);
  CHECK(code_of(decoder, with_content(R"("x","conversationId":"c2")")) == ErrorCode::bad_json);
}

TEST_CASE("sizes are bounded: the frame and the content") {
  Decoder decoder(Limits{100, 300});
  const auto text = [](std::size_t bytes) { return "\"" + std::string(bytes - 2, 'x') + "\""; };
  CHECK(decoder.decode(with_content(text(100))).command.has_value());
  const DecodeResult over = decoder.decode(with_content(text(101)));
  REQUIRE_FALSE(over.command.has_value());
  CHECK(over.command.error().code == ErrorCode::too_large);
  CHECK(over.id == RequestId::number(7));
  CHECK(over.clientMsgId == "u-1");
  const std::string ping = R"({"type":"presence.ping"})";
  CHECK(decoder.decode(ping + std::string(300 - ping.size(), ' ')).command.has_value());
  CHECK(code_of(decoder, ping + std::string(301 - ping.size(), ' ')) == ErrorCode::too_large);
}

TEST_CASE("many keys cost no more than their bytes") {
  Decoder decoder;
  const auto cost = [&](const std::string& frame) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 20; ++i) CHECK_FALSE(decoder.decode(frame).id.present());
    return std::chrono::steady_clock::now() - begin;
  };
  const auto object_of = [](int keys) {
    std::string frame = R"({"type":"presence.ping","x":{)";
    for (int i = 0; i < keys; ++i) frame += "\"" + std::to_string(i) + "\":0,";
    frame.back() = '}';
    return frame + "}";
  };
  // 14 times the keys may cost 14 times the time, not 196 times.
  const auto few = cost(object_of(500));
  const auto many = cost(object_of(7000));
  CHECK(many < few * 80 + std::chrono::milliseconds(50));
}

TEST_CASE("a host's object is held to what a client's frame is held to") {
  for (const char* object : {R"({})", R"({"a":[1,{"b":null}]})", R"({"a":123456789012345678901})",
                             R"({"a":-9223372036854775809,"b":"123456789012345678901"})"})
    CHECK_MESSAGE(is_json_object(object), object);
  for (const char* none :
       {"", "[]", "1", R"({"a":1,"a":2})", R"({"a":1e400})", R"({"a":01})", R"({"a":"\ud800"})"})
    CHECK_FALSE_MESSAGE(is_json_object(none), none);
}
