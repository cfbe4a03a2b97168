#include <doctest/doctest.h>

#include <memory>

#include "fakes.hpp"

using namespace chatcore;
using namespace chatcore::gateway;

namespace {

Envelope head_of(std::string key, std::uint64_t number, std::chrono::milliseconds age) {
  Envelope envelope;
  envelope.head = std::make_shared<const HeadMark>(HeadMark{std::move(key), number, age});
  return envelope;
}

}  // namespace

TEST_CASE("a session that comes while a topic is refreshed is asked about in a second round") {
  World w;
  const Topic topic = w.names.intern("g");
  const SessionId early = w.admit(0);
  const SessionId late = w.admit(1);
  (void)w.gateway.subscribe(early, topic, 3);
  w.gateway.fan_out().publish(topic, {live("x", "c", 7), 6, 0, nullptr});
  CHECK(w.events.take() == Lines{"stale g 0"});
  CHECK(w.gateway.subscribe(late, topic, 6) == SubscribeOutcome::ok);
  w.gateway.refreshed(topic, 6, {early});
  CHECK(w.events.take() == Lines{"stale g 0 1"});
  w.gateway.refreshed(topic, 6, {early, late});
  CHECK(w.gateway.topics().takers(topic) == std::vector<SessionId>{early, late});
  CHECK(w.events.take() == Lines{"drained 0 c=7", "drained 1 c=7"});
}

TEST_CASE("whoever a change that came after missed ones brings in takes the topic if the engine says so") {
  World w;
  const Topic topic = w.names.intern("g");
  const Topic inbox = w.names.intern("ib");
  const SessionId member = w.admit(0);
  const SessionId newcomer = w.admit(1);
  (void)w.gateway.subscribe(newcomer, inbox, 0);
  (void)w.gateway.subscribe(member, topic, 3);
  w.gateway.fan_out().change_members(topic, {9, 7, {inbox}, {}});
  CHECK(w.events.take() == Lines{"stale g 0 1"});
  SUBCASE("allowed") {
    w.gateway.refreshed(topic, 9, {member, newcomer});
    CHECK(w.gateway.topics().takers(topic).size() == 2);
  }
  SUBCASE("not allowed") {
    w.gateway.refreshed(topic, 9, {member});
    CHECK(w.gateway.topics().takers(topic) == std::vector<SessionId>{member});
  }
}

TEST_CASE("a head is not told to takers who may have been removed") {
  World w;
  const Topic topic = w.names.intern("g");
  const SessionId member = w.admit(0);
  (void)w.gateway.subscribe(member, topic, 3);
  w.pass(std::chrono::seconds(20));
  w.events.lines.clear();
  Envelope head = head_of("c", 7, std::chrono::seconds(5));
  head.memberSeq = 6;
  w.gateway.fan_out().publish(topic, head);
  w.gateway.flush();
  CHECK(w.events.take() == Lines{"stale g 0"});
  w.gateway.refreshed(topic, 6, {});
  CHECK(w.events.take().empty());
}

TEST_CASE("a session opened shortly before the commit hears of the head") {
  World w;
  const Topic topic = w.names.intern("i");
  w.pass(std::chrono::seconds(1));
  w.clock.advance(std::chrono::milliseconds(30));
  (void)w.gateway.subscribe(w.admit(0), topic, 0);
  w.clock.advance(std::chrono::milliseconds(40));
  w.pass(std::chrono::milliseconds(4930));
  w.clock.advance(std::chrono::milliseconds(70));
  w.events.lines.clear();
  w.gateway.fan_out().publish(topic, head_of("c", 7, std::chrono::milliseconds(5000)));
  w.gateway.flush();
  CHECK(w.events.take() == Lines{"drained 0 c=7"});
}

TEST_CASE("a gateway may go while sessions are open and subscribed") {
  World w;
  const Topic topic = w.names.intern("g");
  testing::ManualClock clock;
  FakeTransport transport;
  RecordingRouter router;
  Gateway gateway(0, {}, transport, router, clock);
  gateway.set_events(w.events);
  gateway.on_open(0, {});
  CHECK(gateway.subscribe(gateway.sessions().id(0), topic, 0) == SubscribeOutcome::ok);
}
