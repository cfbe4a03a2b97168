#pragma once

#include <string>
#include <vector>

#include "chatcore/ports/clock.hpp"
#include "chatcore/ports/transport.hpp"
#include "gateway/websocket_frame.hpp"

namespace chatcore::fuzz {

/// Takes bytes as long as there is room, and hands on what comes out of them.
class ScriptedTransport final : public Transport {
 public:
  struct Connection {
    std::string bytes;
    std::size_t room = SIZE_MAX;
    bool open = false;
    bool ends = false;
    std::uint16_t endCode = 1006;
  };

  std::size_t write(ConnectionSlot slot, std::span<const std::string_view> pieces) override {
    Connection& connection = at(slot);
    std::size_t taken = 0;
    for (const std::string_view piece : pieces) {
      const auto part = piece.substr(0, connection.room);
      connection.bytes.append(part);
      taken += part.size();
      if (connection.room != SIZE_MAX) connection.room -= part.size();
      if (part.size() < piece.size()) break;
    }
    return taken;
  }
  void ping(ConnectionSlot) override {}
  void finish(ConnectionSlot slot) override { at(slot).ends = true; }
  void abort(ConnectionSlot slot) override { at(slot).ends = true; }
  std::size_t encode_close(std::span<char, 131> out, std::uint16_t code, std::string_view reason) override {
    std::string payload;
    std::string frame;
    gateway::append_close_payload(payload, code, reason);
    gateway::append_frame(frame, gateway::Opcode::close, payload);
    return frame.copy(out.data(), out.size());
  }

  Connection& at(ConnectionSlot slot) {
    if (slot >= connections_.size()) connections_.resize(slot + 1);
    return connections_[slot];
  }
  [[nodiscard]] std::size_t slots() const { return connections_.size(); }

 private:
  std::vector<Connection> connections_;
};

class SameRandom final : public Random {
 public:
  void fill(std::span<std::byte> bytes) override {
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(state_ = state_ * 1103515245 + 12345);
  }

 private:
  std::uint32_t state_ = 1;
};

}  // namespace chatcore::fuzz
