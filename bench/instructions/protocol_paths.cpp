#include <stdexcept>

#include "gateway/websocket_frame.hpp"
#include "measured.hpp"
#include "protocol/decode.hpp"
#include "protocol/encode.hpp"
#include "protocol/payload_hash.hpp"

namespace chatcore::bench {
namespace {

constexpr std::uint64_t kTimes = 200;
constexpr std::string_view kConversation = "dm.k3v7q2xw5bn4ztd6yfhgcjp0ae5r2m7s";
constexpr std::string_view kClientMsgId = "01890a5d-ac96-774b-bcce-b302099a8057";
constexpr std::string_view kTextMessage =
    R"({"type":"message.send","id":1234,"conversationId":"dm.k3v7q2xw5bn4ztd6yfhgcjp0ae5r2m7s",)"
    R"("clientMsgId":"01890a5d-ac96-774b-bcce-b302099a8057","content":"See you at the station at half past seven, ok?"})";
constexpr std::string_view kObjectMessage =
    R"({"type":"message.send","id":1234,"conversationId":"group-42","clientMsgId":"01890a5d-ac96-774b-bcce-b302099a8057",)"
    R"("content":{"text":"See you at the station","mentions":["alice","bob"],"format":{"bold":[0,3]}}})";
constexpr std::string_view kReceived =
    R"({"type":"message.received","conversationId":"dm.k3v7q2xw5bn4ztd6yfhgcjp0","seq":4242})";

void add_decode(std::vector<Path>& paths, std::string name, std::string_view frame) {
  auto decoder = std::make_shared<protocol::Decoder>();
  if (!decoder->decode(frame).command.has_value()) throw std::logic_error("the frame must be good");
  paths.push_back({"decode " + std::move(name), kTimes, [decoder, frame] {
                     for (std::uint64_t i = 0; i < kTimes; ++i) keep(decoder->decode(frame));
                   }});
}

Event message() {
  Event event;
  event.seq = 4242;
  event.messageId = 912345678901234567;
  event.timestamp = 1700000000123;
  event.senderId = "user-123456";
  event.senderDeviceId = "phone";
  event.clientMsgId = kClientMsgId;
  event.content = R"("See you at the station at half past seven, ok?")";
  return event;
}

void encode_message_new() {
  const Event event = message();
  std::string out;
  for (std::uint64_t i = 0; i < kTimes; ++i) {
    out.clear();
    protocol::append_live_frame_payload(out, kConversation, event);
    keep(out);
  }
}

void encode_message_sent() {
  const auto id = protocol::RequestId::number(1234);
  std::string out;
  for (std::uint64_t i = 0; i < kTimes; ++i) {
    out.clear();
    protocol::append_message_sent(out, id, kClientMsgId, kConversation,
                                  {4242, 1, 912345678901234567, 1700000000123}, false);
    keep(out);
  }
}

void hash_what_is_meant() {
  protocol::Decoder decoder;
  const auto result = decoder.decode(kTextMessage);
  const auto& send = std::get<protocol::MessageSend>(*result.command);
  for (std::uint64_t i = 0; i < kTimes; ++i) keep(protocol::payload_hash(send));
}

/// What one recv brought, `frames` masked frames: unmasked in place each time, so it is restored first.
void add_frames(std::vector<Path>& paths, std::uint64_t frames) {
  std::string wire;
  for (std::uint64_t i = 0; i < frames; ++i)
    gateway::append_masked_frame(wire, gateway::Opcode::text, kTextMessage, 0x37fa213d);
  const auto run = [frames, wire, bytes = std::string()]() mutable {
    for (std::uint64_t i = 0; i < kTimes; ++i) {
      bytes = wire;
      gateway::WebSocketParser parser({.validateText = false});
      std::span<char> unread(bytes);
      for (std::uint64_t n = 0; n < frames; ++n) {
        const auto step = parser.next(unread);
        if (step.payload.size() != kTextMessage.size()) throw std::logic_error("the frame must be whole");
        unread = unread.subspan(step.consumed);
      }
    }
  };
  paths.push_back({"WebSocket frame, " + std::to_string(frames) + " in a read", kTimes * frames, run});
}

}  // namespace

void add_protocol_paths(std::vector<Path>& paths) {
  add_decode(paths, "message.send, text", kTextMessage);
  add_decode(paths, "message.send, object", kObjectMessage);
  add_decode(paths, "message.received", kReceived);
  paths.push_back({"encode message.new", kTimes, encode_message_new});
  paths.push_back({"encode message.sent", kTimes, encode_message_sent});
  paths.push_back({"hash what a message means", kTimes, hash_what_is_meant});
  add_frames(paths, 1);
  add_frames(paths, 16);
}

}  // namespace chatcore::bench
