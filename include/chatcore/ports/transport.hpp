#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "chatcore/gateway/seam.hpp"

namespace chatcore {

/// A connection's place in its transport's table: dense and used again after `closed`.
using ConnectionSlot = std::uint32_t;

/// What a transport tells the gateway of its shard, on the shard's thread.
class CHATCORE_API TransportEvents {
 public:
  virtual ~TransportEvents();
  virtual void on_open(ConnectionSlot slot, const HandshakeView& handshake) = 0;
  /// Whole messages in order; views are valid during the call.
  virtual void on_messages(ConnectionSlot slot, std::span<const std::string_view> messages) = 0;
  /// Something arrived (a ping, a pong, any bytes of a frame): the peer lives.
  virtual void on_heard(ConnectionSlot slot) = 0;
  /// After a `write` that took less than all: there is room again.
  virtual void on_writable(ConnectionSlot slot) = 0;
  /// The peer sent a close frame (its code, 1005: none) or broke the protocol (the code to tell it): nothing
  /// more comes in. Answer, then `finish`.
  virtual void on_peer_close(ConnectionSlot slot, std::uint16_t code) = 0;
  /// Exactly once for every on_open; the slot may be used again afterwards. 1006: no close frame came.
  virtual void on_close(ConnectionSlot slot, std::uint16_t code) = 0;
};

/// Connections that carry whole messages. One instance per shard; every call on the shard's thread; no call
/// blocks.
class CHATCORE_API Transport {
 public:
  virtual ~Transport();

  /// Hands over bytes of whole wire frames. Returns how many were taken; fewer than given means wait for
  /// `on_writable`. 0 also for a connection that has failed: `on_close` follows in a later turn.
  [[nodiscard]] virtual std::size_t write(ConnectionSlot slot, std::span<const std::string_view> pieces) = 0;
  /// Advice: this connection is written to next. Changes nothing.
  virtual void expect_write(ConnectionSlot) noexcept {}
  /// A protocol-level ping, if the transport has one and the socket takes it at once.
  virtual void ping(ConnectionSlot slot) = 0;
  /// Everything has been written, the close frame too: let the peer finish, at most `linger`; then on_close.
  virtual void finish(ConnectionSlot slot) = 0;
  /// Closes at once, dropping what is unsent; on_close follows in a later turn.
  virtual void abort(ConnectionSlot slot) = 0;
  /// The wire form of a close with that code and reason.
  virtual std::size_t encode_close(std::span<char, 131> out, std::uint16_t code, std::string_view reason) = 0;
};

}  // namespace chatcore
