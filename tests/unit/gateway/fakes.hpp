#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "chatcore/gateway/seam.hpp"
#include "chatcore/ports/routing.hpp"
#include "chatcore/ports/transport.hpp"
#include "chatcore/testing/manual_clock.hpp"
#include "gateway/gateway.hpp"

namespace chatcore::gateway {

inline constexpr std::uint32_t kShard = 3;

/// Remembers who takes what; carries nothing.
struct RecordingRouter final : Router {
  std::vector<std::string> calls;

  void take(std::uint32_t shard, const Topic& topic) override { note("take", shard, topic); }
  void leave(std::uint32_t shard, const Topic& topic) override { note("leave", shard, topic); }
  void publish(std::uint32_t, const Topic&, const Envelope&) override {}
  void change_members(std::uint32_t, const Topic&, const MembershipDelta&) override {}

 private:
  void note(const char* what, std::uint32_t shard, const Topic& topic) {
    calls.push_back(std::string(what) + ' ' + std::to_string(shard) + ' ' + std::string(topic->name()));
  }
};

/// Takes as many bytes as a test gives it room for.
struct FakeTransport final : Transport {
  struct Connection {
    std::string bytes;
    std::size_t room = SIZE_MAX;
    int writes = 0;
    std::size_t pieces = 0;  ///< of the last write
    int pings = 0;
    int finished = 0;
    int aborted = 0;
  };
  std::map<ConnectionSlot, Connection> at;

  std::size_t write(ConnectionSlot slot, std::span<const std::string_view> pieces) override {
    Connection& connection = at[slot];
    ++connection.writes;
    connection.pieces = pieces.size();
    std::size_t taken = 0;
    for (std::string_view piece : pieces) {
      const auto part = piece.substr(0, connection.room);
      connection.bytes += part;
      taken += part.size();
      if (connection.room != SIZE_MAX) connection.room -= part.size();
      if (part.size() < piece.size()) break;
    }
    return taken;
  }
  void ping(ConnectionSlot slot) override { ++at[slot].pings; }
  void finish(ConnectionSlot slot) override { ++at[slot].finished; }
  void abort(ConnectionSlot slot) override { ++at[slot].aborted; }
  std::size_t encode_close(std::span<char, 131> out, std::uint16_t code, std::string_view reason) override {
    const std::string text = '<' + std::to_string(code) + ' ' + std::string(reason) + '>';
    return std::string_view(text).copy(out.data(), out.size());
  }
};

/// Everything the gateway told, a line each.
struct RecordingEvents final : GatewayEvents {
  std::vector<std::string> lines;

  void opened(SessionId session, const HandshakeView&) override { note("opened", session); }
  void received(SessionId session, std::span<const std::string_view> messages) override {
    std::string text;
    for (std::string_view message : messages) text.append(" ").append(message);
    note("received", session, text);
  }
  void drained(SessionId session, std::vector<WithheldMark> marks, bool everything) override {
    std::sort(marks.begin(), marks.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
    std::string text;
    for (const auto& mark : marks) text += ' ' + mark.key + '=' + std::to_string(mark.number);
    note("drained", session, text + (everything ? " everything" : ""));
  }
  void closed(SessionId session, std::uint16_t code) override {
    note("closed", session, ' ' + std::to_string(code));
  }
  void stale(const Topic& topic, std::vector<SessionId> takers) override {
    std::string text = "stale " + std::string(topic->name());
    for (SessionId taker : takers) text += ' ' + std::to_string(slot_of(taker));
    lines.push_back(text);
  }

  std::vector<std::string> take() { return std::exchange(lines, {}); }

 private:
  void note(const char* what, SessionId session, const std::string& more = {}) {
    lines.push_back(std::string(what) + ' ' + std::to_string(slot_of(session)) + more);
  }
};

inline FrameRef live(std::string_view payload, std::string_view key = {}, std::uint64_t number = 0) {
  return FrameRef::text(payload, {DeliveryClass::live, key, number});
}
inline FrameRef reply(std::string_view payload) { return FrameRef::text(payload); }
inline FrameRef ephemeral(std::string_view payload) {
  return FrameRef::text(payload, {DeliveryClass::ephemeral, {}, 0});
}

using Lines = std::vector<std::string>;

/// A gateway with nothing real around it.
struct World {
  explicit World(GatewayOptions options = {})
      : gateway(kShard, std::move(options), transport, router, clock) {
    gateway.set_events(events);
  }
  ~World() {
    for (ConnectionSlot slot = 0; slot < gateway.sessions().slots(); ++slot)
      if (gateway.sessions().alive(gateway.sessions().id(slot))) gateway.on_close(slot, 1006);
  }

  testing::ManualClock clock;
  TopicNames names{kShard + 1};
  RecordingRouter router;
  FakeTransport transport;
  RecordingEvents events;
  Gateway gateway;

  SessionId connect(ConnectionSlot slot) {
    gateway.on_open(slot, {});
    events.lines.clear();
    return gateway.sessions().id(slot);
  }
  SessionId admit(ConnectionSlot slot) {
    const SessionId id = connect(slot);
    gateway.admit(id);
    return id;
  }
  /// What the socket took since the last call.
  std::string sent(ConnectionSlot slot) { return std::exchange(transport.at[slot].bytes, {}); }
  /// Lets time pass the way a server does: a tick every 100 ms.
  void pass(std::chrono::milliseconds by) {
    for (; by.count() > 0; by -= std::chrono::milliseconds(100)) {
      clock.advance(std::min(by, std::chrono::milliseconds(100)));
      gateway.tick();
      gateway.flush();
    }
  }
  void make_room(ConnectionSlot slot, std::size_t bytes = SIZE_MAX) {
    transport.at[slot].room = bytes;
    gateway.on_writable(slot);
    gateway.flush();
  }
};

}  // namespace chatcore::gateway
