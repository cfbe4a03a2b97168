#include "chatcore/testing/manual_clock.hpp"
#include "gateway/gateway.hpp"
#include "measured.hpp"

namespace chatcore::bench {
namespace {

struct NoRouter final : Router {
  void take(std::uint32_t, const Topic&) override {}
  void leave(std::uint32_t, const Topic&) override {}
  void publish(std::uint32_t, const Topic&, const Envelope&) override {}
  void change_members(std::uint32_t, const Topic&, const MembershipDelta&) override {}
};

/// Sockets that always have room.
struct RoomySockets final : Transport {
  std::size_t bytes = 0;

  std::size_t write(ConnectionSlot, std::span<const std::string_view> pieces) override {
    std::size_t taken = 0;
    for (const auto piece : pieces) taken += piece.size();
    bytes += taken;
    return taken;
  }
  void ping(ConnectionSlot) override {}
  void finish(ConnectionSlot) override {}
  void abort(ConnectionSlot) override {}
  std::size_t encode_close(std::span<char, 131>, std::uint16_t, std::string_view) override { return 0; }
};

struct NoEvents final : GatewayEvents {
  void opened(SessionId, const HandshakeView&) override {}
  void received(SessionId, std::span<const std::string_view>) override {}
  void drained(SessionId, std::vector<WithheldMark>, bool) override {}
  void closed(SessionId, std::uint16_t) override {}
  void stale(const Topic&, std::vector<SessionId>) override {}
};

/// One shard's gateway, whose sessions all take one topic.
struct World {
  explicit World(std::uint32_t receivers) : receivers_(receivers) {
    gateway.set_events(events);
    for (ConnectionSlot slot = 0; slot < receivers; ++slot) {
      gateway.on_open(slot, {});
      gateway.admit(gateway.sessions().id(slot));
      (void)gateway.subscribe(gateway.sessions().id(slot), topic, 1);
    }
  }
  ~World() {
    for (ConnectionSlot slot = 0; slot < receivers_; ++slot) gateway.on_close(slot, 1006);
  }

  /// A turn in which that many messages of a group were committed.
  void turn(std::uint64_t messages) {
    for (std::uint64_t i = 0; i < messages; ++i) {
      const auto frame = FrameRef::text(payload, {DeliveryClass::live, "group-42", ++number});
      gateway.fan_out().publish(topic, {frame, 1, 0, nullptr});
    }
    gateway.flush();
  }

  std::uint32_t receivers_;
  std::string payload = std::string(280, 'x');
  std::uint64_t number = 0;
  testing::ManualClock clock;
  TopicNames names{1};
  NoRouter router;
  RoomySockets sockets;
  NoEvents events;
  gateway::Gateway gateway{0, {}, sockets, router, clock};
  Topic topic = names.intern("group-42");
};

void add_fan_out(std::vector<Path>& paths, std::uint32_t receivers, std::uint64_t messages,
                 std::uint64_t turns) {
  auto world = std::make_shared<World>(receivers);
  paths.push_back({"fan-out to " + std::to_string(receivers) + ", " + std::to_string(messages) + " a turn",
                   receivers * messages * turns, [world, messages, turns] {
                     for (std::uint64_t i = 0; i < turns; ++i) world->turn(messages);
                   }});
}

/// The topic table alone: what the flush would do to the sessions is done here as cheaply as it can be.
void add_publish(std::vector<Path>& paths, std::uint32_t receivers, std::uint64_t times) {
  struct Table {
    NoRouter router;
    TopicNames names{1};
    gateway::SessionTable sessions{0, {}};
    gateway::TopicTable topics{0, sessions, router, [](const Topic&, std::vector<SessionId>) {}};
    Topic topic = names.intern("group-42");
    FrameRef frame = FrameRef::text(std::string(280, 'x'), {DeliveryClass::live, "group-42", 1});
  };
  auto table = std::make_shared<Table>();
  for (ConnectionSlot slot = 0; slot < receivers; ++slot) {
    table->sessions.open(slot, 0);
    table->sessions.hot(slot).state = gateway::SessionState::admitted;
    (void)table->topics.subscribe(table->sessions.id(slot), table->topic, 1);
  }
  paths.push_back({"publish to " + std::to_string(receivers) + " takers", receivers * times, [table, times] {
                     for (std::uint64_t i = 0; i < times; ++i) {
                       table->topics.publish(table->topic, {table->frame, 1, 0, nullptr});
                       auto& dirty = table->sessions.dirty();
                       for (const auto slot : dirty) {
                         table->sessions.hot(slot).dirty = false;
                         table->sessions.hot(slot).first = nullptr;
                       }
                       table->frame->release_references(static_cast<std::uint32_t>(dirty.size()));
                       dirty.clear();
                     }
                   }});
}

void add_joining(std::vector<Path>& paths) {
  constexpr std::uint64_t kTimes = 200;
  auto world = std::make_shared<World>(10'000);
  paths.push_back({"join and leave a topic of 10000", kTimes, [world] {
                     const auto session = world->gateway.sessions().id(5000);
                     for (std::uint64_t i = 0; i < kTimes; ++i) {
                       world->gateway.unsubscribe(session, world->topic);
                       (void)world->gateway.subscribe(session, world->topic, 1);
                     }
                   }});
}

void add_topic_names(std::vector<Path>& paths) {
  constexpr std::uint64_t kTimes = 200;
  auto names = std::make_shared<TopicNames>(2);
  paths.push_back({"intern and drop a topic name", kTimes, [names] {
                     for (std::uint64_t i = 0; i < kTimes; ++i) keep(names->intern("dm.k3v7q2xw5bn4ztd6"));
                   }});
}

}  // namespace

void add_gateway_paths(std::vector<Path>& paths) {
  add_publish(paths, 1000, 20);
  add_publish(paths, 10'000, 2);
  add_fan_out(paths, 1, 1, 200);
  add_fan_out(paths, 1000, 1, 10);
  add_fan_out(paths, 1000, 16, 2);
  add_fan_out(paths, 10'000, 1, 2);
  add_joining(paths);
  add_topic_names(paths);
}

}  // namespace chatcore::bench
