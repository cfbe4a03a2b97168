// What one client frame costs to decode. The limit printed beside it: the parser alone on the same bytes.
#include <benchmark/benchmark.h>
#include <simdjson.h>

#include <stdexcept>
#include <string>

#include "protocol/decode.hpp"
#include "protocol/payload_hash.hpp"

namespace {

using chatcore::protocol::Decoder;

const std::string kTextMessage =
    R"({"type":"message.send","id":1234,"conversationId":"dm.k3v7q2xw5bn4ztd6yfhgcjp0ae5r2m7s",)"
    R"("clientMsgId":"01890a5d-ac96-774b-bcce-b302099a8057","content":"See you at the station at half past seven, ok?"})";
const std::string kObjectMessage =
    R"({"type":"message.send","id":1234,"conversationId":"group-42","clientMsgId":"01890a5d-ac96-774b-bcce-b302099a8057",)"
    R"("content":{"text":"See you at the station","mentions":["alice","bob"],"format":{"bold":[0,3]}}})";
const std::string kReceived =
    R"({"type":"message.received","conversationId":"dm.k3v7q2xw5bn4ztd6yfhgcjp0","seq":4242})";

void decode(benchmark::State& state, const std::string& frame) {
  Decoder decoder;
  if (!decoder.decode(frame).command.has_value()) throw std::logic_error("the frame must be good");
  for (auto _ : state) benchmark::DoNotOptimize(decoder.decode(frame));
  state.SetBytesProcessed(static_cast<std::int64_t>(frame.size()) * state.iterations());
}

void parse_only(benchmark::State& state, const std::string& frame) {
  simdjson::dom::parser parser;
  const simdjson::padded_string padded(frame);
  for (auto _ : state) benchmark::DoNotOptimize(parser.parse(padded).error());
}

void hash(benchmark::State& state) {
  Decoder decoder;
  const auto result = decoder.decode(kTextMessage);
  const auto& send = std::get<chatcore::protocol::MessageSend>(*result.command);
  for (auto _ : state) benchmark::DoNotOptimize(payload_hash(send));
}

BENCHMARK_CAPTURE(decode, text_message, kTextMessage);
BENCHMARK_CAPTURE(parse_only, text_message, kTextMessage);
BENCHMARK_CAPTURE(decode, object_message, kObjectMessage);
BENCHMARK_CAPTURE(parse_only, object_message, kObjectMessage);
BENCHMARK_CAPTURE(decode, received, kReceived);
BENCHMARK_CAPTURE(parse_only, received, kReceived);
BENCHMARK(hash);

}  // namespace
