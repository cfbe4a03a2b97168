#include <doctest/doctest.h>

#include "servers.hpp"

using namespace chatcore;
using namespace chatcore::seam;
using namespace std::chrono_literals;

namespace {

/// An engine, a gateway and a client between them, all of whose words are kept.
struct Story {
  Story(std::uint64_t call, OneFaultBroker::Fault fault)
      : broker(call, fault), gateway(broker, clock, "a"), engine(broker, clock, "e", 5) {}

  void pass(std::chrono::milliseconds time) {
    for (; time.count() > 0; time -= 100ms) {
      for (int i = 0; i < 4; ++i) {
        gateway.executor.drain();
        gateway.engine.flush();
        gateway.gateway.flush();
        engine.executor.drain();
        engine.gateways.flush();
      }
      told += gateway.sent(0);
      clock.advance(100ms);
      gateway.engine.tick();
      engine.gateways.tick();
    }
  }

  void play() {
    pass(3'000ms);
    gateway.connect(0, "user=ann");
    gateway.hear(0, "one");
    pass(1'000ms);
    REQUIRE(engine.events.sessions.size() == 1);
    const SessionId session = engine.events.sessions[0];
    const Topic topic = engine.topic("t");
    engine.gateways.admit(session);
    (void)engine.gateways.subscribe(session, topic, 1);
    engine.gateways.publish(topic, {gateway::live("first "), 1, 0, nullptr});
    pass(200ms);
    gateway.hear(0, "two");
    engine.gateways.publish(topic, {gateway::live("second "), 1, 0, nullptr});
    engine.gateways.deliver(session, gateway::reply("answer "));
    pass(1'000ms);
    engine.gateways.unsubscribe(session, topic);
    pass(1'000ms);
    engine.gateways.close(session, CloseCode::draining, 0);
    pass(1'000ms);
  }

  testing::ManualClock clock;
  OneFaultBroker broker;
  GatewayServer gateway;
  EngineServer engine;
  std::string told;
};

}  // namespace

TEST_CASE("whichever publish the broker refuses, loses or repeats, everything comes once and in order") {
  using Fault = OneFaultBroker::Fault;
  for (const Fault fault : {Fault::refused, Fault::lost, Fault::twice}) {
    std::uint64_t call = 1;
    for (bool untouched = false; !untouched; ++call) {
      INFO("fault " << static_cast<int>(fault) << ", publish " << call);
      Story story(call, fault);
      story.play();
      CHECK(story.told == "first second answer <4000 draining>");
      CHECK(story.engine.events.lines.lines ==
            Lines{"opened 0", "received 0 one", "received 0 two", "closed 0 4000"});
      CHECK(story.engine.gateways.topics() == 0);
      untouched = !story.broker.failed();
      REQUIRE(call < 500);
    }
    CHECK(call > 10);
  }
}
