#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace chatcore {

/// Bounds of the gateways; per shard where it says so.
struct GatewayOptions {
  /// Open connections in the process, those in their handshake included. Beyond: 503 with Retry-After.
  std::uint32_t maxConnections = 1'000'000;
  /// Of these, from one remote address (IPv6: from one /64). Beyond: 429 with Retry-After. 0: no limit, as
  /// is needed behind a proxy, where all come from its address.
  std::uint32_t maxConnectionsPerAddress = 0;
  /// New connections a second and shard that are let in; the rest get 503 with Retry-After. 0: no limit.
  std::uint32_t maxConnectsPerSecond = 0;
  /// From accept to the last byte of the request head, and again from there to `admit`.
  std::chrono::milliseconds handshakeTimeout{10'000};
  /// Silence after which the peer is pinged.
  std::chrono::milliseconds heartbeat{30'000};
  /// Silence after which the connection is closed 4002.
  std::chrono::milliseconds idleTimeout{60'000};
  /// From the first bytes of a message that come alone to its last. Beyond: 1008.
  std::chrono::milliseconds messageTimeout{60'000};
  /// How long a closed connection may take to drain and to answer the close.
  std::chrono::milliseconds closeLinger{2'000};
  /// Payload of one message from a client. Beyond: 1009.
  std::uint32_t maxFrameBytes = 65'536;
  /// Queued bytes at which a session turns lagging: live frames are withheld, ephemeral ones dropped.
  std::uint32_t outboxHighWater = 1U << 20;
  /// Queued bytes that replies may reach. Beyond: 4001.
  std::uint32_t outboxLimit = 4U << 20;
  /// How long a session may stay lagging. Beyond: 4001.
  std::chrono::milliseconds maxLag{30'000};
  /// Conversations whose withheld seq is remembered per lagging session; beyond, all are to be synced.
  std::uint32_t maxMarks = 1024;
  /// Exact Origin values that browsers may come from; empty: any.
  std::vector<std::string> allowedOrigins;
};

}  // namespace chatcore
