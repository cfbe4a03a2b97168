#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chatcore/gateway/frame.hpp"
#include "chatcore/gateway/topic.hpp"
#include "chatcore/model/ids.hpp"

/// The seam between a gateway, which knows connections and no chat, and an engine, which knows chat and no
/// sockets. Both sides of a shard run on that shard's thread; everything here is called on it.
namespace chatcore {

/// A connection's name in this process: shard (8 bits), generation (24), slot (32). 0: none. Never reused
/// while the process lives, short of 16 million connections on one slot.
using SessionId = std::uint64_t;

[[nodiscard]] constexpr SessionId session_id(std::uint32_t shard, std::uint32_t generation,
                                             std::uint32_t slot) noexcept {
  return SessionId{shard} << 56 | SessionId{generation} << 32 | slot;
}
[[nodiscard]] constexpr std::uint32_t shard_of(SessionId id) noexcept {
  return static_cast<std::uint32_t>(id >> 56);
}
[[nodiscard]] constexpr std::uint32_t slot_of(SessionId id) noexcept {
  return static_cast<std::uint32_t>(id);
}

/// WebSocket close codes (RFC 6455 section 7.4 and this protocol's own): 4000-4499 come back, 4500-4999 do
/// not.
enum class CloseCode : std::uint16_t {
  normal = 1000,
  protocol_error = 1002,
  unsupported_data = 1003,
  invalid_payload = 1007,
  policy_violation = 1008,
  message_too_big = 1009,
  draining = 4000,
  slow_consumer = 4001,
  heartbeat_timeout = 4002,
  internal = 4003,
  overloaded = 4004,
  unauthorized = 4500,
  token_expired = 4501,
  replaced = 4502,
  device_removed = 4503,
  protocol_abuse = 4504,
  too_many_devices = 4505,
};

/// The code's word in a close reason; empty for RFC 6455's own codes.
[[nodiscard]] CHATCORE_API std::string_view to_string(CloseCode code) noexcept;

/// What a client showed when it connected. Views are valid during the call.
struct HandshakeView {
  std::string_view query;          ///< the raw query string of the target
  std::string_view authorization;  ///< the Authorization header
  std::string_view origin;
  std::string_view remoteAddress;  ///< without the port
  /// Steady; of two connections of a device the one accepted later stays, however long their handshakes took.
  /// 0: just now.
  std::chrono::milliseconds acceptedAt{0};
};

/// A conversation and the highest seq that a lagging session did not get.
struct WithheldMark {
  std::string key;
  std::uint64_t number = 0;
};

/// Upward: what a gateway tells the engine.
class CHATCORE_API GatewayEvents {
 public:
  virtual ~GatewayEvents();
  virtual void opened(SessionId session, const HandshakeView& handshake) = 0;
  /// Whole text messages in the order they came; views are valid during the call.
  virtual void received(SessionId session, std::span<const std::string_view> messages) = 0;
  /// A lagging session can take frames again; `marks` is what it missed; `everything`: more keys were
  /// withheld than are remembered.
  virtual void drained(SessionId session, std::vector<WithheldMark> marks, bool everything) = 0;
  /// After this the id means nothing. Also follows `close`.
  virtual void closed(SessionId session, std::uint16_t code) = 0;
  /// The topic's takers here are known to be older than an event that came for it; nothing of it is
  /// delivered until `GatewayCommands::refreshed`.
  virtual void stale(const Topic& topic, std::vector<SessionId> takers) = 0;
  /// A session was not admitted within the handshake's time: what to close it with. Nothing: the engine will
  /// close it by itself, or else the gateway does a moment later.
  virtual std::optional<CloseCode> overdue(SessionId session);
};

enum class SubscribeOutcome : std::uint8_t {
  ok,
  stale_claim,  ///< the topic's takers are known to be newer than the membership this claim rests on: read it
                ///< anew
  gone,         ///< the session is closed
};

/// Downward: what an engine tells the gateway of its shard.
class CHATCORE_API GatewayCommands {
 public:
  virtual ~GatewayCommands();
  /// The session takes the topic from now on (once admitted); `memberSeq` is the membership event the
  /// claim rests on, 0 for topics without members. O(1).
  virtual SubscribeOutcome subscribe(SessionId session, const Topic& topic, Seq memberSeq) = 0;
  virtual void unsubscribe(SessionId session, const Topic& topic) = 0;
  /// Live frames flow to the session from here on. Until then only replies do.
  virtual void admit(SessionId session) = 0;
  /// One frame to one session of this shard; nothing happens if it is gone.
  virtual void deliver(SessionId session, const FrameRef& frame) = 0;
  /// Sends what is queued, then a close frame with the code's word and `retryAfterMs` if not 0.
  virtual void close(SessionId session, CloseCode code, std::uint32_t retryAfterMs = 0) = 0;
  /// Answers `stale`: keeps only these takers and holds them to be right as of memberSeq.
  virtual void refreshed(const Topic& topic, Seq memberSeq, std::vector<SessionId> allowed) = 0;
};

}  // namespace chatcore
