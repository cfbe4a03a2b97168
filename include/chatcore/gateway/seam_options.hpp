#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace chatcore {

/// Times and bounds of the link between a gateway's shard and an engine's, where they are different servers.
/// Both ends should have the same.
struct SeamLinkOptions {
  /// A link that has nothing to say says so after this long.
  std::chrono::milliseconds beat{1'000};
  /// What was sent and is not acknowledged after this long is asked about, and then sent again.
  std::chrono::milliseconds resendAfter{300};
  /// Silence after which the other end is held to be gone, and how long nothing that was sent may be
  /// acknowledged. Several beats, or a moment's loss ends it.
  std::chrono::milliseconds silence{5'000};
  /// Bytes that may be on their way without an acknowledgement, held in memory at the sender, for each link
  /// and as of the last 100 ms. Above half of it no connection is let in, and whoever sends is closed 4004.
  /// Beyond, the link is given up: the other end does not keep pace, and what waits for it must not grow.
  std::size_t maxUnacknowledged = std::size_t{16} << 20;
};

/// Of servers that are a gateway or an engine only. A link that is given up closes its connections with 4004.
struct SeamOptions {
  SeamLinkOptions link;
  /// How often an engine says that it serves, and a gateway without a link asks for one.
  std::chrono::milliseconds announce{1'000};
  /// Messages are gathered into packets of this size; one that is larger goes alone. The broker has to take
  /// those too: a page of 256 KiB and an event, a client's largest frame, 10 bytes for each taker of a topic
  /// that is asked about on one shard, 80 for each member of a group that is deleted. What it does not take
  /// ends the link.
  std::size_t packetBytes = std::size_t{256} << 10;
  /// Connections of one gateway's shard that an engine's shard takes. Beyond: 4004.
  std::uint32_t maxSessionsPerGateway = 1'000'000;
  /// Gateways' shards that an engine's shard takes. Beyond, their attaching is not answered, and logged.
  std::uint32_t maxGateways = 1'024;
  /// Clients whose gateway has lost its engine are told to come back spread over this long.
  std::chrono::milliseconds comeBackWithin{5'000};
};

}  // namespace chatcore
