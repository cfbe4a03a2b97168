#include "seam/packet.hpp"

#include "chatcore/gateway/topic.hpp"
#include "core/bytes.hpp"

namespace chatcore::seam {

namespace {

std::string channel(std::string_view kind, std::string_view serverId, std::uint64_t boot,
                    std::uint32_t shard) {
  std::string name("seam-");
  name.append(kind).append("-").append(serverId);
  return name.append(".").append(std::to_string(boot)).append(".").append(std::to_string(shard));
}

}  // namespace

std::string encode(const Packet& packet, std::string_view from) {
  std::string bytes;
  bytes.push_back(static_cast<char>(packet.kind));
  put_text(bytes, from);
  put_number(bytes, packet.link);
  put_number(bytes, packet.end);
  put_number(bytes, packet.seq);
  put_number(bytes, packet.ack);
  put_number(bytes, static_cast<std::uint64_t>(packet.sentAt.count()));
  if (packet.body != nullptr) bytes.append(*packet.body);
  return bytes;
}

std::optional<PacketView> decode_packet(std::string_view bytes) {
  ByteReader reader(bytes);
  PacketView packet{};
  packet.kind = static_cast<PacketKind>(reader.byte());
  packet.from = reader.text();
  packet.link = reader.number();
  packet.end = reader.number();
  packet.seq = reader.number();
  packet.ack = reader.number();
  packet.sentAt = std::chrono::milliseconds(static_cast<std::int64_t>(reader.number() & kMaxMillis));
  if (!reader.ok() || packet.kind < PacketKind::announce || packet.kind > PacketKind::reset)
    return std::nullopt;
  packet.body = reader.rest();
  return packet;
}

Packet announcement(const Announcement& of) {
  auto body = std::make_shared<std::string>();
  put_number(*body, kVersion);
  put_text(*body, of.serverId);
  put_number(*body, of.boot);
  put_number(*body, of.term);
  put_number(*body, of.shards);
  put_number(*body, of.loopbackOnly ? 1 : 0);
  Packet packet;
  packet.kind = PacketKind::announce;
  packet.body = std::move(body);
  return packet;
}

Packet reset(std::uint64_t link, std::uint64_t end, std::chrono::milliseconds now) {
  Packet packet;
  packet.kind = PacketKind::reset;
  packet.link = link;
  packet.end = end;
  packet.sentAt = now;
  return packet;
}

std::optional<Announcement> decode_announcement(std::string_view body) {
  ByteReader reader(body);
  if (reader.number() != kVersion) return std::nullopt;
  Announcement announcement;
  announcement.serverId = reader.text();
  announcement.boot = reader.number();
  announcement.term = reader.number();
  const std::uint64_t shards = reader.number();
  const std::uint64_t loopbackOnly = reader.number();
  if (!reader.done() || loopbackOnly > 1 || shards == 0 || shards > kMaxShards) return std::nullopt;
  announcement.shards = static_cast<std::uint32_t>(shards);
  announcement.loopbackOnly = loopbackOnly != 0;
  return announcement;
}

std::string engine_channel(std::string_view serverId, std::uint64_t boot, std::uint32_t shard) {
  return channel("engine", serverId, boot, shard);
}

std::string gateway_channel(std::string_view serverId, std::uint64_t boot, std::uint32_t shard) {
  return channel("gateway", serverId, boot, shard);
}

}  // namespace chatcore::seam
