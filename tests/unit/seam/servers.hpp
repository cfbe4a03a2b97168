#pragma once

#include <map>
#include <memory>
#include <string>

#include "../gateway/fakes.hpp"
#include "chatcore/memory/broker.hpp"
#include "chatcore/testing/test_executor.hpp"
#include "seam/remote_engine.hpp"
#include "seam/remote_gateways.hpp"

namespace chatcore::seam {

using gateway::FakeTransport;
using gateway::Lines;
using gateway::RecordingEvents;
using gateway::RecordingRouter;

/// A broker of which one call to publish fails, or loses what it was given without a word.
class OneFaultBroker final : public Broker {
 public:
  enum class Fault : std::uint8_t { refused, lost, twice };

  OneFaultBroker(std::uint64_t call, Fault fault) : call_(call), fault_(fault) {}
  [[nodiscard]] bool failed() const noexcept { return calls_ >= call_; }

  std::unique_ptr<Subscription> connect(Executor& executor, BrokerListener listener) override {
    return broker_.connect(executor, std::move(listener));
  }
  void publish(std::vector<BrokerMessage> batch, Executor& executor, Completion<Status> done) override {
    const bool fails = ++calls_ == call_;
    if (fails && fault_ == Fault::twice) broker_.publish(batch, executor, [](const Status&) {});
    if (!fails || fault_ == Fault::twice) return broker_.publish(std::move(batch), executor, std::move(done));
    const Status answer =
        fault_ == Fault::lost ? Status() : Status(Error{ErrorCode::unavailable, "injected", {}});
    complete(executor, std::move(done), answer);
  }

 private:
  MemoryBroker broker_;
  std::uint64_t call_;
  Fault fault_;
  std::uint64_t calls_ = 0;
};

/// The same in every test: a shard of a gateway named `name`, with nothing real but the gateway.
struct GatewayServer {
  GatewayServer(Broker& broker, testing::ManualClock& clock, const std::string& name,
                const SeamOptions& options = {})
      : engine({name, 1, 0}, options, ports(broker, clock), true), gateway(0, {}, transport, engine, clock) {
    engine.set_gateway(gateway);
    gateway.set_events(engine);
    engine.start();
  }
  ~GatewayServer() {
    for (ConnectionSlot slot = 0; slot < gateway.sessions().slots(); ++slot)
      if (gateway.sessions().alive(gateway.sessions().id(slot))) gateway.on_close(slot, 1006);
  }
  RemoteEngine::Ports ports(Broker& broker, testing::ManualClock& clock) {
    RemoteEngine::Ports all;
    all.broker = &broker;
    all.executor = &executor;
    all.clock = &clock;
    all.log = &null_log();
    all.topics = &topics;
    all.random = &system_random();
    return all;
  }
  SessionId connect(ConnectionSlot slot, std::string_view query = {}) {
    HandshakeView handshake;
    handshake.query = query;
    gateway.on_open(slot, handshake);
    return gateway.sessions().id(slot);
  }
  void hear(ConnectionSlot slot, std::string_view message) { gateway.on_messages(slot, {&message, 1}); }
  /// What a client was sent since the last time, without the framing of short frames.
  std::string sent(ConnectionSlot slot) {
    std::string bytes = std::exchange(transport.at[slot].bytes, {});
    std::erase_if(bytes, [](char c) { return static_cast<unsigned char>(c) < 0x20 || (c & 0x80) != 0; });
    return bytes;
  }

  testing::TestExecutor executor;
  TopicNames topics{1};
  FakeTransport transport;
  RemoteEngine engine;
  gateway::Gateway gateway;
};

/// A shard of an engine, whose brain is the test.
struct EngineServer {
  EngineServer(Broker& broker, testing::ManualClock& clock, const std::string& name, Term term,
               const SeamOptions& options = {}, bool loopbackOnly = false)
      : gateways({name, term, 0}, options, ports(broker, clock), {name, term, term, 1, loopbackOnly}) {
    gateways.set_events(events);
    gateways.start();
  }
  RemoteGateways::Ports ports(Broker& broker, testing::ManualClock& clock) {
    RemoteGateways::Ports all;
    all.broker = &broker;
    all.executor = &executor;
    all.clock = &clock;
    all.log = &null_log();
    all.topics = &topics;
    all.router = &router;
    return all;
  }
  [[nodiscard]] Topic topic(const std::string& name) { return topics.intern(name); }

  testing::TestExecutor executor;
  TopicNames topics{1};
  RecordingRouter router;
  struct Events final : GatewayEvents {
    RecordingEvents lines;
    std::vector<SessionId> sessions;  ///< opened, in that order
    std::vector<std::string> queries;
    std::vector<std::chrono::milliseconds> acceptedAt;

    void opened(SessionId session, const HandshakeView& handshake) override {
      sessions.push_back(session);
      queries.emplace_back(handshake.query);
      acceptedAt.push_back(handshake.acceptedAt);
      lines.opened(session, handshake);
    }
    void received(SessionId session, std::span<const std::string_view> messages) override {
      lines.received(session, messages);
    }
    void drained(SessionId session, std::vector<WithheldMark> marks, bool everything) override {
      lines.drained(session, std::move(marks), everything);
    }
    void closed(SessionId session, std::uint16_t code) override { lines.closed(session, code); }
    std::optional<CloseCode> overdue(SessionId) override { return CloseCode::unauthorized; }
    void stale(const Topic& topic, std::vector<SessionId> takers) override {
      lines.stale(topic, std::move(takers));
    }
  } events;
  RemoteGateways gateways;
};

/// One engine and two gateways, attached.
struct Servers {
  explicit Servers(SeamOptions options = {})
      : a(broker, clock, "a", options),
        b(broker, clock, "b", options),
        engine(broker, clock, "e", 5, options) {
    settle();
    pass(std::chrono::milliseconds(1'000));
  }

  /// Until nobody has anything to say.
  void settle() {
    for (int i = 0; i < 10; ++i) {
      for (GatewayServer* server : {&a, &b}) {
        if (server == stopped) continue;
        server->executor.drain();
        server->engine.flush();
        server->gateway.flush();
      }
      if (engineStopped) continue;
      engine.executor.drain();
      engine.gateways.flush();
    }
  }
  void pass(std::chrono::milliseconds time) {
    for (; time.count() > 0; time -= std::chrono::milliseconds(100)) {
      clock.advance(std::chrono::milliseconds(100));
      for (GatewayServer* server : {&a, &b})
        if (server != stopped) server->engine.tick();
      if (!engineStopped) engine.gateways.tick();
      settle();
    }
  }
  /// A session that the engine has let in; its name there.
  SessionId admit(GatewayServer& server, ConnectionSlot slot) {
    server.connect(slot);
    settle();
    const SessionId session = engine.events.sessions.back();
    engine.gateways.admit(session);
    settle();
    engine.events.lines.lines.clear();
    return session;
  }
  Lines told() { return engine.events.lines.take(); }

  testing::ManualClock clock;
  MemoryBroker broker;
  GatewayServer a;
  GatewayServer b;
  EngineServer engine;
  GatewayServer* stopped = nullptr;  ///< whose thread stands still
  bool engineStopped = false;
};

}  // namespace chatcore::seam
