#include <doctest/doctest.h>

#include "servers.hpp"

using namespace chatcore;
using namespace chatcore::seam;
using namespace std::chrono_literals;

namespace {

Envelope event(std::string_view payload, Seq memberSeq = 0, SessionId except = 0) {
  return {gateway::live(payload), memberSeq, except, nullptr};
}

}  // namespace

TEST_CASE("a gateway without an engine lets nobody in, and says when to come back") {
  testing::ManualClock clock;
  MemoryBroker broker;
  GatewayServer alone(broker, clock, "a");
  alone.connect(0);
  alone.gateway.flush();
  CHECK(alone.sent(0).starts_with("<4004 overloaded;retryAfterMs="));
}

TEST_CASE("a gateway attaches whether it or the engine was there first") {
  testing::ManualClock clock;
  MemoryBroker broker;
  EngineServer engine(broker, clock, "e", 5);
  engine.executor.drain();
  GatewayServer late(broker, clock, "a");
  for (int i = 0; i < 30 && !late.engine.attached(); ++i) {
    clock.advance(100ms);
    for (int round = 0; round < 3; ++round) {
      late.executor.drain();
      engine.executor.drain();
    }
    engine.gateways.tick();
    late.engine.tick();
  }
  CHECK(late.engine.attached());
  CHECK(engine.gateways.gateways() == 1);
}

TEST_CASE("a session is opened at the engine with what its client showed, and heard there") {
  Servers w;
  w.a.connect(0, "user=ann");
  w.a.hear(0, "one");
  w.a.hear(0, "two");
  w.settle();
  CHECK(w.engine.events.queries == Lines{"user=ann"});
  CHECK(w.told() == Lines{"opened 0", "received 0 one", "received 0 two"});
}

TEST_CASE("sessions of two gateways have names of their own at the engine") {
  Servers w;
  w.a.connect(0);
  w.settle();
  w.b.connect(0);
  w.settle();
  REQUIRE(w.engine.events.sessions.size() == 2);
  w.engine.gateways.deliver(w.engine.events.sessions[0], gateway::reply("to a"));
  w.engine.gateways.deliver(w.engine.events.sessions[1], gateway::reply("to b"));
  w.settle();
  CHECK(w.a.sent(0) == "to a");
  CHECK(w.b.sent(0) == "to b");
}

TEST_CASE("the time at which a connection was accepted is told by the engine's clock") {
  MemoryBroker broker;
  testing::ManualClock theirs;
  testing::ManualClock ours;
  theirs.advance(500'000ms);
  GatewayServer gateway(broker, theirs, "a");
  EngineServer engine(broker, ours, "e", 5);
  const auto pass = [&](std::chrono::milliseconds time) {
    for (int i = 0; i < 4; ++i) {
      gateway.executor.drain();
      gateway.engine.flush();
      engine.executor.drain();
      engine.gateways.flush();
    }
    theirs.advance(time);
    ours.advance(time);
    gateway.engine.tick();
    engine.gateways.tick();
  };
  for (int i = 0; i < 20; ++i) pass(100ms);
  HandshakeView handshake;
  handshake.acceptedAt = theirs.steady() - 70ms;
  gateway.gateway.on_open(0, handshake);
  pass(0ms);
  CHECK(ours.steady() - engine.events.acceptedAt.at(0) == 70ms);
}

TEST_CASE("a session that its client closes is closed at the engine, once") {
  Servers w;
  w.admit(w.a, 0);
  w.a.gateway.on_close(0, 1006);
  w.settle();
  CHECK(w.told() == Lines{"closed 0 1006"});
  CHECK(w.engine.gateways.sessions() == 0);
}

TEST_CASE("a session that the engine closes means nothing from then on, whatever still comes of it") {
  Servers w;
  const SessionId session = w.admit(w.a, 0);
  w.a.hear(0, "on its way");
  w.engine.gateways.close(session, CloseCode::device_removed, 0);
  CHECK(w.told() == Lines{"closed 0 4503"});
  w.settle();
  CHECK(w.told().empty());
  CHECK(w.a.sent(0) == "<4503 device_removed>");
  CHECK(w.engine.gateways.subscribe(session, w.engine.topic("t"), 0) == SubscribeOutcome::gone);
}

TEST_CASE("a name at the engine is not used again") {
  Servers w;
  const SessionId first = w.admit(w.a, 0);
  w.engine.gateways.close(first, CloseCode::draining, 0);
  w.settle();
  const SessionId second = w.admit(w.a, 1);
  CHECK(slot_of(first) == slot_of(second));
  CHECK(first != second);
  w.engine.gateways.deliver(first, gateway::reply("late"));
  w.settle();
  CHECK(w.a.sent(1).empty());
}

TEST_CASE("a topic's frame reaches its takers at every gateway, but not the one it came from") {
  Servers w;
  const Topic topic = w.engine.topic("group-chat-g");
  const SessionId first = w.admit(w.a, 0);
  const SessionId second = w.admit(w.a, 1);
  const SessionId third = w.admit(w.b, 0);
  for (const SessionId session : {first, second, third}) (void)w.engine.gateways.subscribe(session, topic, 1);
  w.engine.gateways.publish(topic, event("hello", 1, first));
  w.settle();
  CHECK(w.a.sent(0).empty());
  CHECK(w.a.sent(1) == "hello");
  CHECK(w.b.sent(0) == "hello");
}

TEST_CASE("the router hears of a topic's first taker and of its last one's end") {
  Servers w;
  const Topic topic = w.engine.topic("t");
  const SessionId first = w.admit(w.a, 0);
  const SessionId second = w.admit(w.b, 0);
  (void)w.engine.gateways.subscribe(first, topic, 0);
  (void)w.engine.gateways.subscribe(second, topic, 0);
  w.engine.gateways.unsubscribe(first, topic);
  w.settle();
  CHECK(w.engine.router.calls == Lines{"take 0 t"});
  w.b.gateway.on_close(0, 1006);
  w.settle();
  CHECK(w.engine.router.calls == Lines{"take 0 t", "leave 0 t"});
  CHECK(w.engine.gateways.topics() == 0);
}

TEST_CASE("a topic that is taken again before its end was heard of stays taken") {
  Servers w;
  const Topic topic = w.engine.topic("t");
  const SessionId session = w.admit(w.a, 0);
  (void)w.engine.gateways.subscribe(session, topic, 0);
  w.settle();
  w.engine.gateways.unsubscribe(session, topic);
  (void)w.engine.gateways.subscribe(session, topic, 0);
  w.settle();
  w.engine.gateways.publish(topic, event("hello"));
  w.settle();
  CHECK(w.a.sent(0) == "hello");
}

TEST_CASE("a topic that nobody turned out to take is given up") {
  Servers w;
  const SessionId session = w.admit(w.a, 0);
  w.a.gateway.on_close(0, 1006);
  (void)w.engine.gateways.subscribe(session, w.engine.topic("t"), 0);
  w.settle();
  CHECK(w.engine.gateways.topics() == 0);
}

TEST_CASE("whoever comes into a group takes its topic at their own gateway, and who is removed does not") {
  Servers w;
  const Topic topic = w.engine.topic("group-chat-g");
  const Topic ann = w.engine.topic("user-inbox-ann");
  const Topic bob = w.engine.topic("user-inbox-bob");
  (void)w.engine.gateways.subscribe(w.admit(w.a, 0), ann, 0);
  (void)w.engine.gateways.subscribe(w.admit(w.b, 0), bob, 0);
  w.engine.gateways.change_members(topic, {1, 0, {ann, bob}, {}});
  w.engine.gateways.publish(topic, event("both", 1));
  w.engine.gateways.change_members(topic, {3, 1, {}, {bob}});
  w.engine.gateways.publish(topic, event("ann", 3));
  w.settle();
  CHECK(w.a.sent(0) == "bothann");
  CHECK(w.b.sent(0) == "both");
}

TEST_CASE("a change of members that reaches nobody takes the topic back from the router") {
  Servers w;
  w.engine.gateways.change_members(w.engine.topic("g"), {1, 0, {w.engine.topic("user-inbox-ann")}, {}});
  CHECK(w.engine.router.calls == Lines{"leave 0 g"});
}

TEST_CASE(
    "a claim that is older than the takers is asked about at the engine, and nothing is lost meanwhile") {
  Servers w;
  const Topic topic = w.engine.topic("g");
  const SessionId first = w.admit(w.a, 0);
  const SessionId late = w.admit(w.a, 1);
  (void)w.engine.gateways.subscribe(first, topic, 5);
  CHECK(w.engine.gateways.subscribe(late, topic, 3) == SubscribeOutcome::ok);
  w.settle();
  CHECK(w.told() == Lines{"stale g 0 1"});
  Envelope meanwhile{gateway::live("meanwhile", "g", 9), 5, 0, nullptr};
  w.engine.gateways.publish(topic, meanwhile);
  w.settle();
  w.engine.gateways.refreshed(topic, 5, {first, late});
  w.engine.gateways.publish(topic, event("after", 5));
  w.settle();
  CHECK(w.told() == Lines{"drained 0 g=9", "drained 1 g=9"});
  CHECK(w.a.sent(0) == "after");
  CHECK(w.a.sent(1) == "after");
}

TEST_CASE("two gateways that ask about one topic are each told of their own sessions") {
  Servers w;
  const Topic topic = w.engine.topic("g");
  const SessionId first = w.admit(w.a, 0);
  const SessionId second = w.admit(w.b, 0);
  (void)w.engine.gateways.subscribe(first, topic, 1);
  (void)w.engine.gateways.subscribe(second, topic, 1);
  w.engine.gateways.publish(topic, event("newer", 4));
  w.settle();
  CHECK(w.told() == Lines{"stale g 0"});
  // Were it told of the other one's session too, that would be its own of the same name.
  w.engine.gateways.refreshed(topic, 4, {second});
  CHECK(w.told() == Lines{"stale g 1"});
  w.engine.gateways.refreshed(topic, 4, {second});
  w.settle();
  w.engine.gateways.publish(topic, event("more", 4));
  w.settle();
  CHECK(w.a.sent(0).empty());
  CHECK(w.b.sent(0) == "more");
}

TEST_CASE("a session that is asked about takes the topic, though the last taker left meanwhile") {
  Servers w;
  const Topic topic = w.engine.topic("g");
  const SessionId first = w.admit(w.a, 0);
  const SessionId late = w.admit(w.a, 1);
  (void)w.engine.gateways.subscribe(first, topic, 5);
  (void)w.engine.gateways.subscribe(late, topic, 3);
  w.settle();
  CHECK(w.told() == Lines{"stale g 0 1"});
  SUBCASE("by itself") { w.a.gateway.on_close(0, 1006); }
  SUBCASE("by the answer") {}
  w.settle();
  w.engine.gateways.refreshed(topic, 5, {late});
  w.settle();
  w.engine.gateways.publish(topic, event("here", 5));
  w.settle();
  CHECK(w.a.sent(1) == "here");
}

TEST_CASE("a link that is lost leaves no topic behind that only a question kept") {
  Servers w;
  const Topic topic = w.engine.topic("g");
  (void)w.engine.gateways.subscribe(w.admit(w.a, 0), topic, 5);
  (void)w.engine.gateways.subscribe(w.admit(w.a, 1), topic, 3);
  w.settle();
  w.engineStopped = true;
  w.pass(6'000ms);
  CHECK(w.a.gateway.topics().topics() == 0);
}

TEST_CASE("a head that a gateway has not seen is told to those who were there") {
  Servers w;
  const Topic topic = w.engine.topic("g");
  (void)w.engine.gateways.subscribe(w.admit(w.a, 0), topic, 1);
  w.settle();
  w.pass(10'000ms);
  w.a.gateway.tick();
  Envelope head;
  head.memberSeq = 1;
  head.head = std::make_shared<const HeadMark>(HeadMark{"g", 7, 5'000ms});
  w.engine.gateways.publish(topic, head);
  w.settle();
  w.settle();
  CHECK(w.told() == Lines{"drained 0 g=7"});
}

TEST_CASE("an alert reaches every admitted session of every gateway") {
  Servers w;
  w.admit(w.a, 0);
  w.admit(w.b, 0);
  w.a.connect(1);
  w.settle();
  w.engine.gateways.broadcast(gateway::ephemeral("alert"));
  w.settle();
  CHECK(w.a.sent(0) == "alert");
  CHECK(w.a.sent(1).empty());
  CHECK(w.b.sent(0) == "alert");
}

TEST_CASE("what the broker loses or repeats comes all the same, in order and once") {
  Servers w;
  const SessionId session = w.admit(w.a, 0);
  w.broker.drop_next(1);
  w.engine.gateways.deliver(session, gateway::reply("1"));
  w.settle();
  CHECK(w.a.sent(0).empty());
  w.broker.duplicate_next(3);
  w.engine.gateways.deliver(session, gateway::reply("2"));
  w.settle();
  CHECK(w.a.sent(0) == "12");
}

TEST_CASE("what the broker loses comes also where nothing follows it") {
  Servers w;
  const SessionId session = w.admit(w.a, 0);
  w.broker.drop_next(1);
  w.engine.gateways.deliver(session, gateway::reply("last"));
  w.settle();
  CHECK(w.a.sent(0).empty());
  w.pass(500ms);
  CHECK(w.a.sent(0) == "last");
}

TEST_CASE("when the engine is silent its gateways close everybody, who come back spread over a while") {
  Servers w;
  w.admit(w.a, 0);
  w.engineStopped = true;
  w.pass(6'000ms);
  CHECK_FALSE(w.a.engine.attached());
  CHECK(w.a.sent(0).starts_with("<4004 overloaded;retryAfterMs="));
}

TEST_CASE("when a gateway is silent its sessions are closed at the engine, and no other one's") {
  Servers w;
  w.admit(w.a, 0);
  w.admit(w.b, 0);
  (void)w.engine.gateways.subscribe(w.engine.events.sessions[0], w.engine.topic("t"), 0);
  w.stopped = &w.a;
  w.pass(6'000ms);
  CHECK(w.told() == Lines{"closed 0 1006"});
  CHECK(w.engine.gateways.gateways() == 1);
  CHECK(w.engine.gateways.sessions() == 1);
  CHECK(w.engine.gateways.topics() == 0);
}

TEST_CASE("a gateway whose link was given up closes everybody and begins another one") {
  Servers w;
  w.admit(w.a, 0);
  w.stopped = &w.a;
  w.pass(6'000ms);
  w.stopped = nullptr;
  w.told();
  w.pass(2'000ms);
  CHECK(w.a.sent(0).starts_with("<4004"));
  CHECK(w.a.engine.attached());
  w.admit(w.a, 1);
  CHECK(w.engine.gateways.sessions() == 1);
}

TEST_CASE("gateways turn to the engine with the highest term, and heed no older one") {
  Servers w;
  w.admit(w.a, 0);
  EngineServer newer(w.broker, w.clock, "f", 6);
  EngineServer older(w.broker, w.clock, "d", 4);
  for (int i = 0; i < 5; ++i) {
    w.settle();
    newer.executor.drain();
    older.executor.drain();
  }
  CHECK(w.a.sent(0).starts_with("<4004"));
  CHECK(w.a.engine.attached());
  CHECK(newer.gateways.gateways() == 2);
  CHECK(older.gateways.gateways() == 0);
  w.pass(6'000ms);
  CHECK(w.engine.gateways.gateways() == 0);
}

TEST_CASE("more sessions than an engine takes of a gateway are told to come back") {
  SeamOptions options;
  options.maxSessionsPerGateway = 1;
  Servers w(options);
  w.a.connect(0);
  w.a.connect(1);
  w.b.connect(0);
  w.settle();
  CHECK(w.a.sent(0).empty());
  CHECK(w.a.sent(1) == "<4004 overloaded;retryAfterMs=1000>");
  CHECK(w.b.sent(0).empty());
}

TEST_CASE("more gateways than an engine takes are not attached") {
  SeamOptions options;
  options.maxGateways = 1;
  Servers w(options);
  CHECK(w.engine.gateways.gateways() == 1);
  CHECK(w.a.engine.attached() != w.b.engine.attached());
}

TEST_CASE("a gateway that does not keep pace loses its link, and nobody else does") {
  SeamOptions options;
  options.link.maxUnacknowledged = 1'000;
  Servers w(options);
  const SessionId slow = w.admit(w.a, 0);
  w.admit(w.b, 0);
  w.stopped = &w.a;
  for (int i = 0; i < 20; ++i) {
    w.engine.gateways.deliver(slow, gateway::reply(std::string(100, 'x')));
    w.settle();
  }
  w.pass(100ms);
  CHECK(w.told() == Lines{"closed 0 1006"});
  CHECK(w.engine.gateways.gateways() == 1);
}

TEST_CASE("what is no message ends the link, at either end, and what is no packet does not") {
  Servers w;
  w.admit(w.a, 0);
  const auto put = [&](const std::string& channel, const std::string& bytes) {
    w.broker.publish({{channel, std::make_shared<const std::string>(bytes)}}, w.a.executor, [](Status) {});
    w.settle();
  };
  const auto garbage = [](std::uint64_t link, std::uint64_t seq) {
    Packet packet;
    packet.kind = PacketKind::data;
    packet.link = link;
    packet.seq = seq;
    packet.body = std::make_shared<const std::string>("\x7f\x7f");
    return packet;
  };
  put(gateway_channel("a", 1, 0), "\xff\xff\xff");
  put(engine_channel("e", 5, 0), "");
  CHECK(w.a.engine.attached());
  SUBCASE("at the gateway") {
    put(gateway_channel("a", 1, 0), encode(garbage(1, 2), engine_channel("e", 5, 0)));
    CHECK(w.a.sent(0).starts_with("<4004"));
  }
  SUBCASE("at the engine") {
    put(engine_channel("e", 5, 0), encode(garbage(1, 2), gateway_channel("a", 1, 0)));
    CHECK(w.told() == Lines{"closed 0 1006"});
  }
}

TEST_CASE("a packet of a link that is over is answered with its end, and changes nothing") {
  Servers w;
  w.admit(w.a, 0);
  Packet late;
  late.kind = PacketKind::data;
  late.link = 17;
  late.seq = 1;
  late.body = std::make_shared<const std::string>();
  w.broker.publish({{engine_channel("e", 5, 0),
                     std::make_shared<const std::string>(encode(late, gateway_channel("a", 1, 0)))}},
                   w.a.executor, [](Status) {});
  w.settle();
  CHECK(w.a.engine.attached());
  CHECK(w.told().empty());
}

TEST_CASE("an engine that trusts everybody is not heeded by a gateway that others can reach") {
  testing::ManualClock clock;
  MemoryBroker broker;
  GatewayServer gateway(broker, clock, "a");
  RemoteEngine reachable({"b", 1, 0}, {}, gateway.ports(broker, clock), false);
  gateway::Gateway behind(0, {}, gateway.transport, reachable, clock);
  reachable.set_gateway(behind);
  reachable.start();
  gateway.executor.drain();
  EngineServer engine(broker, clock, "e", 5, {}, true);
  for (int i = 0; i < 5; ++i) {
    gateway.executor.drain();
    engine.executor.drain();
  }
  CHECK(gateway.engine.attached());
  CHECK_FALSE(reachable.attached());
}

TEST_CASE("an engine that stops gives its links up, and takes no other one") {
  Servers w;
  w.admit(w.a, 0);
  w.engine.gateways.stop();
  CHECK(w.told() == Lines{"closed 0 1006"});
  w.pass(2'000ms);
  CHECK(w.a.sent(0).starts_with("<4004"));
  CHECK_FALSE(w.a.engine.attached());
}

TEST_CASE("who is not admitted in time is closed with what the engine says") {
  Servers w;
  w.a.connect(0);
  w.settle();
  const SessionId late = w.engine.events.sessions.at(0);
  for (int i = 0; i < 125; ++i) {
    w.pass(100ms);
    w.a.gateway.tick();
  }
  w.settle();
  CHECK(w.a.sent(0) == "<4500 unauthorized>");
  CHECK(w.engine.gateways.subscribe(late, w.engine.topic("t"), 0) == SubscribeOutcome::gone);
}

TEST_CASE("who is admitted while the question is on its way stays") {
  Servers w;
  w.a.connect(0);
  w.settle();
  w.told();
  w.a.engine.overdue(w.a.gateway.sessions().id(0));
  w.a.engine.flush();
  w.engine.gateways.admit(w.engine.events.sessions.at(0));
  w.settle();
  CHECK(w.told().empty());
}

TEST_CASE("who is not admitted in time, and whose engine says nothing, comes back later") {
  Servers w;
  w.a.connect(0);
  w.settle();
  w.engineStopped = true;
  for (int i = 0; i < 40; ++i) w.pass(100ms);
  w.engine.executor.drain();
  w.clock.advance(12'000ms);
  w.a.gateway.tick();
  w.a.gateway.flush();
  CHECK(w.a.sent(0).starts_with("<4004"));
}

TEST_CASE("a packet that the broker never takes ends the link, and not in silence for ever") {
  class Small final : public Broker {
   public:
    std::unique_ptr<Subscription> connect(Executor& executor, BrokerListener listener) override {
      return inner.connect(executor, std::move(listener));
    }
    void publish(std::vector<BrokerMessage> batch, Executor& executor, Completion<Status> done) override {
      if (batch[0].payload->size() > 1'000)
        return complete(executor, std::move(done), Status(Error{ErrorCode::too_large, "too large", {}}));
      inner.publish(std::move(batch), executor, std::move(done));
    }
    MemoryBroker inner;
  } broker;
  testing::ManualClock clock;
  GatewayServer gateway(broker, clock, "a");
  EngineServer engine(broker, clock, "e", 5);
  const auto pass = [&](int ticks) {
    for (int i = 0; i < ticks; ++i) {
      for (int round = 0; round < 3; ++round) {
        gateway.executor.drain();
        gateway.engine.flush();
        gateway.gateway.flush();
        engine.executor.drain();
        engine.gateways.flush();
      }
      clock.advance(100ms);
      gateway.engine.tick();
      engine.gateways.tick();
    }
  };
  pass(20);
  gateway.connect(0);
  pass(1);
  engine.gateways.deliver(engine.events.sessions.at(0), gateway::reply(std::string(2'000, 'x')));
  pass(60);
  CHECK(gateway.sent(0).starts_with("<4004"));
  CHECK(engine.gateways.sessions() == 0);
}

TEST_CASE("an attach that comes late does not bring back a link that was given up") {
  Servers w;
  w.admit(w.a, 0);
  w.stopped = &w.a;
  w.pass(6'000ms);
  CHECK(w.engine.gateways.gateways() == 1);
  Packet late;
  late.kind = PacketKind::attach;
  late.link = 1;
  late.body = std::make_shared<const std::string>(1, static_cast<char>(kVersion));
  w.broker.publish({{engine_channel("e", 5, 0),
                     std::make_shared<const std::string>(encode(late, gateway_channel("a", 1, 0)))}},
                   w.b.executor, [](Status) {});
  w.stopped = nullptr;
  w.pass(2'000ms);
  CHECK(w.a.sent(0).starts_with("<4004"));
  w.told();
  w.admit(w.a, 1);
  w.engine.gateways.deliver(w.engine.events.sessions.back(), gateway::reply("hello"));
  w.settle();
  CHECK(w.a.sent(1) == "hello");
}

TEST_CASE("an engine of the same term takes the place of one that has ended") {
  Servers w;
  w.engineStopped = true;
  w.pass(6'000ms);
  EngineServer next(w.broker, w.clock, "f", 5);
  for (int i = 0; i < 5; ++i) {
    w.settle();
    next.executor.drain();
  }
  CHECK(w.a.engine.attached());
  CHECK(next.gateways.gateways() == 2);
}

TEST_CASE("an engine that hears of a higher term gives its links up") {
  Servers w;
  w.admit(w.a, 0);
  w.broker.publish({{std::string(kAnnouncements),
                     std::make_shared<const std::string>(encode(announcement({"f", 6, 6, 1, true}), {}))}},
                   w.b.executor, [](Status) {});
  w.settle();
  w.pass(100ms);
  CHECK(w.told() == Lines{"closed 0 1006"});
  CHECK(w.engine.gateways.gateways() == 0);
}

TEST_CASE("a gateway that stops says so") {
  Servers w;
  w.admit(w.a, 0);
  w.a.engine.stop();
  w.settle();
  CHECK(w.told() == Lines{"closed 0 1006"});
  CHECK(w.engine.gateways.gateways() == 1);
}

TEST_CASE("nobody is let in over a link that is congested, and who sends is told to come back") {
  SeamOptions options;
  options.link.maxUnacknowledged = 1'000;
  Servers w(options);
  w.admit(w.a, 0);
  w.engineStopped = true;
  w.a.hear(0, std::string(600, 'x'));
  w.settle();
  w.a.connect(1);
  w.a.hear(0, "more");
  w.settle();
  CHECK(w.a.sent(0).starts_with("<4004"));
  CHECK(w.a.sent(1).starts_with("<4004"));
}
