#include <doctest/doctest.h>

#include "fakes.hpp"

using namespace chatcore;
using namespace chatcore::gateway;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("an event newer than the table's membership is held back until the takers are known") {
  World world;
  const Topic topic = world.names.intern("group-chat-c");
  const SessionId alice = world.admit(0), bob = world.admit(1);
  for (SessionId id : {alice, bob}) CHECK(world.gateway.subscribe(id, topic, 4) == SubscribeOutcome::ok);

  world.gateway.fan_out().publish(topic, {live("secret", "c", 8), 7, 0, nullptr});
  world.gateway.fan_out().publish(topic, {live("old", "c", 6), 4, 0, nullptr});
  world.gateway.flush();
  CHECK(world.sent(0).empty());
  CHECK(world.sent(1).empty());
  CHECK(world.events.take() == Lines{"stale group-chat-c 0 1"});

  world.gateway.refreshed(topic, 7, {alice});
  CHECK(world.events.take() == Lines{"drained 0 c=8"});
  const FrameRef next = live("next", "c", 9);
  world.gateway.fan_out().publish(topic, {next, 7, 0, nullptr});
  world.gateway.flush();
  CHECK(world.sent(0) == next->wire());
  CHECK(world.sent(1).empty());
}

TEST_CASE("who missed the last event of a burst is told when the conversation falls quiet") {
  World world;
  const Topic topic = world.names.intern("user-inbox-alice");
  const SessionId old = world.admit(0);
  world.gateway.subscribe(old, topic, 0);
  world.pass(seconds(60));
  world.gateway.on_heard(0);
  const SessionId young = world.admit(1);
  world.gateway.subscribe(young, topic, 0);
  world.pass(seconds(2));

  const auto head = [&](std::uint64_t number) {
    Envelope envelope;
    envelope.head = std::make_shared<const HeadMark>(HeadMark{"c", number, seconds(5)});
    world.gateway.fan_out().publish(topic, envelope);
    world.gateway.flush();
    return world.events.take();
  };
  world.events.lines.clear();
  SUBCASE("but not who came after the commit") { CHECK(head(3) == Lines{"drained 0 c=3"}); }
  SUBCASE("but nobody if nothing was missed") {
    world.gateway.fan_out().publish(topic, {live("event", "c", 3), 0, 0, nullptr});
    world.gateway.flush();
    CHECK(head(3).empty());
  }
  SUBCASE("also after having got an earlier one") {
    world.gateway.fan_out().publish(topic, {live("event", "c", 2), 0, 0, nullptr});
    world.gateway.flush();
    CHECK(head(3) == Lines{"drained 0 c=3"});
  }
  SUBCASE("also after having got one of another conversation") {
    world.gateway.fan_out().publish(topic, {live("event", "d", 3), 0, 0, nullptr});
    world.gateway.flush();
    CHECK(head(3) == Lines{"drained 0 c=3"});
  }
}

TEST_CASE("a frame published once is sent to all takers but the excepted one and then freed") {
  World world;
  const Topic topic = world.names.intern("t");
  std::vector<SessionId> ids;
  for (ConnectionSlot slot = 0; slot < 20; ++slot) {
    ids.push_back(world.admit(slot));
    world.gateway.subscribe(ids.back(), topic, 0);
  }
  const FrameRef frame = live("hello");
  world.gateway.fan_out().publish(topic, {frame, 0, ids[7], nullptr});
  world.gateway.flush();
  for (ConnectionSlot slot = 0; slot < 20; ++slot)
    CHECK(world.sent(slot) == (slot == 7 ? "" : frame->wire()));
}

TEST_CASE("a session that closes leaves its topics at once") {
  World world;
  const Topic topic = world.names.intern("t");
  const SessionId alice = world.admit(0);
  world.gateway.subscribe(alice, topic, 0);
  world.gateway.close(alice, CloseCode::replaced, 0);
  CHECK(world.router.calls == Lines{"take 3 t", "leave 3 t"});
  CHECK(world.gateway.subscribe(alice, topic, 0) == SubscribeOutcome::gone);
}
