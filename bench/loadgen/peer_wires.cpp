// As much of three other servers' protocols as publishing to one topic takes.
#include <charconv>
#include <stdexcept>

#include "wire.hpp"

namespace chatcore::bench {
namespace {

constexpr std::string_view kEnd = "\r\n";

std::size_t number_in(std::string_view digits) {
  std::size_t value = 0;
  if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc())
    throw std::runtime_error("not a number: " + std::string(digits));
  return value;
}

/// The line at the front without its end; npos for `end`: not whole yet.
struct Line {
  std::string_view text;
  std::size_t end = std::string_view::npos;
};
Line front_line(std::string_view bytes) {
  const auto at = bytes.find(kEnd);
  if (at == std::string_view::npos) return {};
  return {bytes.substr(0, at), at + kEnd.size()};
}

/// RESP 2. A push is an array of three bulk strings: message, channel, payload.
class RedisWire final : public Wire {
 public:
  void greet(std::string& out, std::string_view user) const override {
    out.append(user.starts_with("sender") ? "PING\r\n" : "SUBSCRIBE load\r\n");
  }

  Unit front(std::string_view bytes, Stage& stage, std::string&) const override {
    const auto line = front_line(bytes);
    if (line.end == std::string_view::npos) return {};
    if (line.text[0] == '-') throw std::runtime_error(std::string(line.text));
    if (line.text[0] != '*') {
      const bool answered = stage == Stage::ready;  // of a PUBLISH: to how many
      stage = Stage::ready;
      return {
          .size = line.end, .kind = answered ? Unit::Kind::text : Unit::Kind::other, .payload = line.text};
    }
    std::size_t used = line.end;
    std::string_view part;
    for (int i = 0; i < 3; ++i) {
      const auto head = front_line(bytes.substr(used));
      if (head.end == std::string_view::npos) return {};
      used += head.end;
      if (head.text[0] != '$') continue;  // the count in the answer of SUBSCRIBE
      const auto size = number_in(head.text.substr(1));
      if (bytes.size() - used < size + kEnd.size()) return {};
      part = bytes.substr(used, size);
      used += size + kEnd.size();
    }
    const bool push = stage == Stage::ready;
    stage = Stage::ready;
    return {.size = used, .kind = push ? Unit::Kind::text : Unit::Kind::other, .payload = part};
  }

  void append_message(std::string& out, std::string_view payload) const override {
    out.append("*3\r\n$7\r\nPUBLISH\r\n$4\r\nload\r\n$").append(std::to_string(payload.size()));
    out.append(kEnd).append(payload).append(kEnd);
  }
  bool acknowledges() const override { return true; }
};

class NatsWire final : public Wire {
 public:
  void greet(std::string& out, std::string_view user) const override {
    out.append("CONNECT {\"verbose\":false}\r\n");
    if (!user.starts_with("sender")) out.append("SUB load 1\r\n");
    out.append("PING\r\n");
  }

  Unit front(std::string_view bytes, Stage& stage, std::string& answer) const override {
    const auto line = front_line(bytes);
    if (line.end == std::string_view::npos) return {};
    if (line.text.starts_with("MSG ")) {
      const auto size = number_in(line.text.substr(line.text.rfind(' ') + 1));
      if (bytes.size() - line.end < size + kEnd.size()) return {};
      return {.size = line.end + size + kEnd.size(),
              .kind = Unit::Kind::text,
              .payload = bytes.substr(line.end, size)};
    }
    if (line.text.starts_with("-ERR")) throw std::runtime_error(std::string(line.text));
    if (line.text == "PING") answer.append("PONG\r\n");
    if (line.text == "PONG") stage = Stage::ready;
    return {.size = line.end};
  }

  void append_message(std::string& out, std::string_view payload) const override {
    out.append("PUB load ").append(std::to_string(payload.size())).append(kEnd).append(payload).append(kEnd);
  }
};

/// MQTT 3.1.1, quality of service 0.
class MqttWire final : public Wire {
 public:
  void greet(std::string& out, std::string_view user) const override {
    std::string connect("\0\4MQTT\4\2\0\0", 10);  // a clean session, no keep-alive
    append_counted(connect, user);
    append_packet(out, '\x10', connect);
    std::string subscribe("\0\1", 2);
    append_counted(subscribe, user.starts_with("sender") ? "nothing" : "load");
    subscribe.push_back('\0');
    append_packet(out, '\x82', subscribe);
  }

  Unit front(std::string_view bytes, Stage& stage, std::string&) const override {
    std::size_t length = 0;
    std::size_t header = 1;
    for (unsigned shift = 0;; shift += 7) {
      if (header >= bytes.size()) return {};
      const auto byte = static_cast<unsigned char>(bytes[header++]);
      length |= std::size_t{byte & 0x7fU} << shift;
      if ((byte & 0x80U) == 0) break;
    }
    if (bytes.size() - header < length) return {};
    const auto body = bytes.substr(header, length);
    const auto type = static_cast<unsigned char>(bytes[0]) >> 4;
    Unit unit{.size = header + length};
    if (type == 2 && body[1] != 0) throw std::runtime_error("the connection was refused");
    if (type == 9) stage = Stage::ready;
    if (type != 3) return unit;
    const auto topic = static_cast<std::size_t>(static_cast<unsigned char>(body[0])) << 8 |
                       static_cast<unsigned char>(body[1]);
    unit.kind = Unit::Kind::text;
    unit.payload = body.substr(2 + topic);
    return unit;
  }

  void append_message(std::string& out, std::string_view payload) const override {
    std::string body;
    append_counted(body, "load");
    body.append(payload);
    append_packet(out, '\x30', body);
  }

 private:
  static void append_counted(std::string& out, std::string_view text) {
    out.push_back(static_cast<char>(text.size() >> 8));
    out.push_back(static_cast<char>(text.size()));
    out.append(text);
  }
  static void append_packet(std::string& out, char type, std::string_view body) {
    out.push_back(type);
    auto left = body.size();
    for (; left >= 128; left >>= 7) out.push_back(static_cast<char>(0x80 | (left & 0x7f)));
    out.push_back(static_cast<char>(left));
    out.append(body);
  }
};

}  // namespace

std::unique_ptr<Wire> make_redis_wire() { return std::make_unique<RedisWire>(); }
std::unique_ptr<Wire> make_nats_wire() { return std::make_unique<NatsWire>(); }
std::unique_ptr<Wire> make_mqtt_wire() { return std::make_unique<MqttWire>(); }

}  // namespace chatcore::bench
