#include <doctest/doctest.h>

#include "fakes.hpp"

using namespace chatcore;
using namespace chatcore::gateway;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("a session is told as it opens, speaks and goes") {
  World world;
  world.gateway.on_open(0, {});
  const std::string_view messages[]{"one", "two"};
  world.gateway.on_messages(0, messages);
  world.gateway.on_close(0, 1006);
  CHECK(world.events.take() == Lines{"opened 0", "received 0 one two", "closed 0 1006"});
}

TEST_CASE("an id is never alive again, though its slot is used again") {
  World world;
  const SessionId first = world.admit(5);
  CHECK(shard_of(first) == kShard);
  CHECK(slot_of(first) == 5);
  world.gateway.on_close(5, 1006);
  CHECK_FALSE(world.gateway.sessions().alive(first));
  const SessionId second = world.admit(5);
  CHECK(second != first);
  const Topic topic = world.names.intern("t");
  world.gateway.deliver(first, reply("late"));
  world.gateway.close(first, CloseCode::replaced, 0);
  CHECK(world.gateway.subscribe(first, topic, 0) == SubscribeOutcome::gone);
  world.gateway.flush();
  CHECK(world.sent(5).empty());
  CHECK(world.events.take().empty());
  CHECK(world.gateway.sessions().alive(second));
}

TEST_CASE("a silent peer is pinged once, then closed 4002") {
  World world;
  world.admit(0);
  world.pass(milliseconds(29'900));
  CHECK(world.transport.at[0].pings == 0);
  world.pass(milliseconds(300));
  CHECK(world.transport.at[0].pings == 1);
  world.pass(milliseconds(29'500));
  CHECK(world.transport.at[0].pings == 1);
  CHECK(world.events.take().empty());
  world.pass(milliseconds(500));
  CHECK(world.events.take() == Lines{"closed 0 4002"});
  CHECK(world.sent(0) == "<4002 heartbeat_timeout>");
}

TEST_CASE("a peer that is heard is pinged anew after each silence and stays") {
  World world;
  world.admit(0);
  for (int round = 1; round <= 4; ++round) {
    world.pass(milliseconds(30'300));
    CHECK(world.transport.at[0].pings == round);
    world.gateway.on_heard(0);
  }
  CHECK(world.events.take().empty());
}

TEST_CASE("who is not admitted in time is closed 4500, heard or not") {
  World world;
  world.connect(0);
  world.admit(1);
  for (int second = 0; second < 9; ++second) {
    world.pass(seconds(1));
    world.gateway.on_heard(0);
  }
  CHECK(world.events.take().empty());
  world.pass(milliseconds(1'200));
  CHECK(world.events.take() == Lines{"closed 0 4500"});
}

TEST_CASE("a close sends what is queued, then the code's word, and nothing after it") {
  World world;
  const SessionId alice = world.admit(0);
  const FrameRef frame = reply("last");
  world.gateway.deliver(alice, frame);
  world.gateway.close(alice, CloseCode::overloaded, 1500);
  world.gateway.deliver(alice, reply("too late"));
  world.gateway.close(alice, CloseCode::internal, 0);
  const std::string_view message = "unheard";
  world.gateway.on_messages(0, {&message, 1});
  world.gateway.flush();
  CHECK(world.sent(0) == std::string(frame->wire()) + "<4004 overloaded;retryAfterMs=1500>");
  CHECK(world.transport.at[0].finished == 1);
  CHECK(world.events.take() == Lines{"closed 0 4004"});
  world.gateway.on_close(0, 4004);
  CHECK(world.events.take().empty());
}

TEST_CASE("a peer's close is answered with its code, or with 1000 if it gave none") {
  for (const auto& [given, answered] : {std::pair{1005, "<1000 >"}, {1001, "<1001 >"}, {1007, "<1007 >"}}) {
    World world;
    world.admit(0);
    world.gateway.on_peer_close(0, static_cast<std::uint16_t>(given));
    world.gateway.flush();
    CHECK(world.sent(0) == answered);
    CHECK(world.transport.at[0].finished == 1);
  }
}

TEST_CASE("a connection that does not take its close frame is aborted after the linger") {
  World world;
  const SessionId alice = world.admit(0);
  world.transport.at[0].room = 0;
  world.gateway.close(alice, CloseCode::replaced, 0);
  world.pass(milliseconds(1'800));
  CHECK(world.transport.at[0].aborted == 0);
  world.pass(milliseconds(400));
  CHECK(world.transport.at[0].aborted == 1);
}

TEST_CASE("a closed session's timers do not touch the next one on its slot") {
  World world;
  world.connect(0);
  world.pass(seconds(9));
  world.gateway.on_close(0, 1006);
  world.connect(0);
  world.pass(seconds(5));
  CHECK(world.events.take().empty());
}

TEST_CASE("draining closes so many sessions a call and says when to come back") {
  World world;
  for (ConnectionSlot slot = 0; slot < 5; ++slot) world.admit(slot);
  world.gateway.on_close(1, 1006);
  world.events.lines.clear();
  CHECK(world.gateway.drain(2, 700));
  CHECK(world.events.take() == Lines{"closed 0 4000", "closed 2 4000"});
  world.gateway.drain(10, 700);
  CHECK(world.events.take() == Lines{"closed 3 4000", "closed 4 4000"});
  CHECK_FALSE(world.gateway.drain(10, 700));
  world.gateway.flush();
  CHECK(world.sent(4) == "<4000 draining;retryAfterMs=700>");
}
