#include <stdexcept>

#include "frame_scan.hpp"
#include "wire.hpp"

namespace chatcore::bench {
namespace {

class WebSocketWire final : public Wire {
 public:
  WebSocketWire(std::string host, bool awaitsWelcome)
      : host_(std::move(host)), awaitsWelcome_(awaitsWelcome) {}

  void greet(std::string& out, std::string_view user) const override {
    out.append("GET /v1/ws?user=").append(user).append("&device=load HTTP/1.1\r\nHost: ").append(host_);
    out.append(
        "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
    if (awaitsWelcome_) out.append("Sec-WebSocket-Protocol: chatcore.v1.json\r\n");
    out.append("\r\n");
  }

  Unit front(std::string_view bytes, Stage& stage, std::string& answer) const override {
    if (stage == Stage::fresh) return upgrade(bytes, stage);
    const auto frame = front_frame(bytes);
    Unit unit{.size = frame.size, .payload = frame.payload};
    if (frame.size == 0) return unit;
    if (frame.opcode == kPing) append_client_frame(answer, kPong, frame.payload);
    if (frame.opcode == kClose) take_close(unit);
    if (frame.opcode != kText && frame.opcode != kBinary) return unit;
    if (stage == Stage::ready) {
      unit.kind = Unit::Kind::text;
    } else if (is_type(frame.payload, "welcome")) {
      stage = Stage::ready;
    } else {
      throw std::runtime_error("not a welcome: " + std::string(frame.payload));
    }
    return unit;
  }

  void append_message(std::string& out, std::string_view payload) const override {
    append_client_frame(out, kText, payload);
  }

 private:
  Unit upgrade(std::string_view bytes, Stage& stage) const {
    const auto end = bytes.find("\r\n\r\n");
    if (end == std::string_view::npos) return {};
    if (!bytes.starts_with("HTTP/1.1 101"))
      throw std::runtime_error("refused: " + std::string(bytes.substr(0, end)));
    stage = awaitsWelcome_ ? Stage::greeting : Stage::ready;
    return {.size = end + 4};
  }

  static void take_close(Unit& unit) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(unit.payload[i]); };
    unit.kind = Unit::Kind::close;
    unit.closeCode = unit.payload.size() < 2 ? 1005 : static_cast<std::uint16_t>(byte(0) << 8 | byte(1));
    unit.payload.remove_prefix(std::min<std::size_t>(2, unit.payload.size()));
  }

  std::string host_;
  bool awaitsWelcome_;
};

}  // namespace

std::unique_ptr<Wire> make_websocket_wire(const std::string& host, bool awaitsWelcome) {
  return std::make_unique<WebSocketWire>(host, awaitsWelcome);
}

std::unique_ptr<Wire> make_wire(std::string_view name, const std::string& host) {
  if (name == "chatcore") return make_websocket_wire(host, true);
  if (name == "broadcast") return make_websocket_wire(host, false);
  if (name == "redis") return make_redis_wire();
  if (name == "nats") return make_nats_wire();
  if (name == "mqtt") return make_mqtt_wire();
  throw std::runtime_error("no such wire: " + std::string(name));
}

}  // namespace chatcore::bench
