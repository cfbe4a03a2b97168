#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace chatcore::seam {

/// Of the layout of packets and messages. Ends that speak another one do not attach.
inline constexpr std::uint64_t kVersion = 1;

/// Every gateway hears this channel; the engine that serves says there that it does.
inline constexpr std::string_view kAnnouncements = "seam-announcements";

/// The engine hears this one: who looks for an engine says so there.
inline constexpr std::string_view kSeekers = "seam-seekers";

/// No time that travels is later, so that sums of them stay numbers.
inline constexpr std::uint64_t kMaxMillis = (std::uint64_t{1} << 53) - 1;

enum class PacketKind : std::uint8_t {
  announce = 1,  ///< an engine to all gateways
  seek,          ///< a gateway to whichever engine serves
  attach,        ///< a gateway to an engine: a link begins
  data,          ///< the body is messages
  beat,          ///< nothing new: how far each side is
  resend,        ///< a beat that asks for what follows `ack` once more
  reset,         ///< there is no such link, or no more
};

/// What one end of a link puts on the other's channel.
struct Packet {
  PacketKind kind = PacketKind::beat;
  std::uint64_t link = 0;  ///< numbered by the gateway, upward
  /// Which end of that number at the engine, as numbered there; 0: the gateway has not heard of it yet.
  std::uint64_t end = 0;
  std::uint64_t seq = 0;                    ///< data: its own, from 1; otherwise the last one sent
  std::uint64_t ack = 0;                    ///< the last one that arrived in order
  std::chrono::milliseconds sentAt{0};      ///< by the sender's steady clock
  std::shared_ptr<const std::string> body;  ///< data and attach
};

/// A packet on its way: who sent it and where answers go.
struct PacketView {
  PacketKind kind;
  std::string_view from;
  std::uint64_t link;
  std::uint64_t end;
  std::uint64_t seq;
  std::uint64_t ack;
  std::chrono::milliseconds sentAt;
  std::string_view body;
};

/// An engine that serves.
struct Announcement {
  std::string serverId;
  std::uint64_t boot = 0;
  std::uint64_t term = 0;
  std::uint32_t shards = 0;
  bool loopbackOnly = false;  ///< serves gateways only whose clients are on the same machine
};

[[nodiscard]] std::string encode(const Packet& packet, std::string_view from);
[[nodiscard]] std::optional<PacketView> decode_packet(std::string_view bytes);
[[nodiscard]] Packet announcement(const Announcement& of);
[[nodiscard]] Packet reset(std::uint64_t link, std::uint64_t end, std::chrono::milliseconds now);
/// From the body of a packet of that kind.
[[nodiscard]] std::optional<Announcement> decode_announcement(std::string_view body);

/// The channel that a shard of an engine, or of a gateway, hears.
[[nodiscard]] std::string engine_channel(std::string_view serverId, std::uint64_t boot, std::uint32_t shard);
[[nodiscard]] std::string gateway_channel(std::string_view serverId, std::uint64_t boot, std::uint32_t shard);

}  // namespace chatcore::seam
