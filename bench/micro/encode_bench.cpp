// What one server frame costs to encode. The limit printed beside it: copying the finished bytes.
#include <benchmark/benchmark.h>

#include <string>

#include "protocol/encode.hpp"

namespace {

using namespace chatcore;
using namespace chatcore::protocol;

Event message() {
  Event event;
  event.seq = 4242;
  event.messageId = 912345678901234567;
  event.timestamp = 1700000000123;
  event.senderId = "user-123456";
  event.senderDeviceId = "phone";
  event.clientMsgId = "01890a5d-ac96-774b-bcce-b302099a8057";
  event.content = R"("See you at the station at half past seven, ok?")";
  return event;
}

void message_new(benchmark::State& state) {
  const Event event = message();
  std::string out;
  for (auto _ : state) {
    out.clear();
    append_live_frame_payload(out, "dm.k3v7q2xw5bn4ztd6yfhgcjp0ae5r2m7s", event);
    benchmark::DoNotOptimize(out.data());
  }
}

void message_sent(benchmark::State& state) {
  const RequestId id = RequestId::number(1234);
  std::string out;
  for (auto _ : state) {
    out.clear();
    append_message_sent(out, id, "01890a5d-ac96-774b-bcce-b302099a8057",
                        "dm.k3v7q2xw5bn4ztd6yfhgcjp0ae5r2m7s", {4242, 1, 912345678901234567, 1700000000123},
                        false);
    benchmark::DoNotOptimize(out.data());
  }
}

void copy_only(benchmark::State& state) {
  std::string frame;
  append_live_frame_payload(frame, "dm.k3v7q2xw5bn4ztd6yfhgcjp0ae5r2m7s", message());
  std::string out;
  for (auto _ : state) {
    out.clear();
    out.append(frame);
    benchmark::DoNotOptimize(out.data());
  }
}

BENCHMARK(message_new);
BENCHMARK(message_sent);
BENCHMARK(copy_only);

}  // namespace
