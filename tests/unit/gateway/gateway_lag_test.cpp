#include <doctest/doctest.h>

#include "fakes.hpp"

using namespace chatcore;
using namespace chatcore::gateway;

namespace {

GatewayOptions small() {
  GatewayOptions options;
  options.outboxHighWater = 100;
  options.outboxLimit = 200;
  options.maxMarks = 3;
  return options;
}

const std::string kLong(60, 'x');

/// A session whose socket is full and whose outbox is at the high-water mark.
struct Lagging : World {
  explicit Lagging(const GatewayOptions& options = small(), std::size_t room = 0) : World(options) {
    alice = admit(0);
    transport.at[0].room = room;
    gateway.deliver(alice, stuck);
    gateway.flush();
    gateway.deliver(alice, live(kLong, "c1", 2));
  }
  SessionId alice = 0;
  FrameRef stuck = live(kLong, "c1", 1);
};

}  // namespace

TEST_CASE("a lagging session keeps replies, loses ephemeral frames and is told the highest mark per key") {
  Lagging world;
  world.gateway.deliver(world.alice, live(kLong, "c1", 7));
  world.gateway.deliver(world.alice, live("small", "c1", 5));
  world.gateway.deliver(world.alice, live("small", "c2", 9));
  world.gateway.deliver(world.alice, ephemeral("t"));
  const FrameRef answer = reply("answer");
  world.gateway.deliver(world.alice, answer);
  world.gateway.flush();
  CHECK(world.events.take().empty());

  world.make_room(0);
  CHECK(world.sent(0) == std::string(world.stuck->wire()) + std::string(answer->wire()));
  CHECK(world.events.take() == Lines{"drained 0 c1=7 c2=9"});

  const FrameRef after = live("after", "c1", 8);
  world.gateway.deliver(world.alice, after);
  world.gateway.flush();
  CHECK(world.sent(0) == after->wire());
  CHECK(world.events.take().empty());
}

TEST_CASE("a session that never lagged is not told to have drained") {
  World world(small());
  const SessionId alice = world.admit(0);
  world.transport.at[0].room = 1;
  world.gateway.deliver(alice, live(kLong, "c1", 1));
  world.gateway.flush();
  world.make_room(0);
  CHECK(world.events.take().empty());
}

TEST_CASE("lag is over only when everything that was queued is out") {
  Lagging world;
  world.make_room(0, world.stuck->wire().size() - 1);
  CHECK(world.events.take().empty());
  world.gateway.deliver(world.alice, live("small", "c3", 4));
  world.make_room(0, 1);
  CHECK(world.events.take() == Lines{"drained 0 c1=2 c3=4"});
}

TEST_CASE("a second lag starts with no memory of the first") {
  Lagging world;
  world.make_room(0);
  CHECK(world.events.take() == Lines{"drained 0 c1=2"});
  world.transport.at[0].room = 0;
  world.gateway.deliver(world.alice, live(kLong, "c1", 3));
  world.gateway.flush();
  world.gateway.deliver(world.alice, live(kLong, "c5", 1));
  world.make_room(0);
  CHECK(world.events.take() == Lines{"drained 0 c5=1"});
}

TEST_CASE("more keys than are remembered are reported as everything") {
  Lagging world;
  for (const char* key : {"c2", "c3"}) world.gateway.deliver(world.alice, live("x", key, 1));
  SUBCASE("as many as are remembered are not") {
    world.make_room(0);
    CHECK(world.events.take() == Lines{"drained 0 c1=2 c2=1 c3=1"});
  }
  SUBCASE("one more is") {
    world.gateway.deliver(world.alice, live("x", "c4", 1));
    world.gateway.deliver(world.alice, live("x", "c3", 6));
    world.make_room(0);
    CHECK(world.events.take() == Lines{"drained 0 c1=2 c2=1 c3=6 everything"});
  }
}

TEST_CASE("replies over the hard limit close a session 4001") {
  Lagging world;
  world.gateway.deliver(world.alice, reply(kLong));
  world.gateway.deliver(world.alice, reply(kLong));
  CHECK(world.events.take().empty());
  world.gateway.deliver(world.alice, reply(kLong));
  world.gateway.flush();
  CHECK(world.events.take() == Lines{"closed 0 4001"});
  SUBCASE("whose queue is dropped for the close frame") {
    world.make_room(0);
    CHECK(world.sent(0) == "<4001 slow_consumer>");
    CHECK(world.transport.at[0].finished == 1);
  }
  SUBCASE("which is not told twice") {
    world.gateway.on_close(0, 1006);
    CHECK(world.events.take().empty());
  }
}

TEST_CASE("a frame that is half out is finished before the close frame of a slow consumer") {
  Lagging world(small(), 5);
  for (int i = 0; i < 4; ++i) world.gateway.deliver(world.alice, reply(kLong));
  world.gateway.flush();
  CHECK(world.events.take() == Lines{"closed 0 4001"});
  world.make_room(0);
  CHECK(world.sent(0) == std::string(world.stuck->wire()) + "<4001 slow_consumer>");
}

TEST_CASE("a session that stays lagging too long is closed 4001, one that drains in time is not") {
  GatewayOptions options = small();
  options.maxLag = std::chrono::seconds(20);
  for (const bool drains : {false, true}) {
    CAPTURE(drains);
    Lagging world(options);
    world.pass(std::chrono::seconds(15));
    world.gateway.on_heard(0);
    if (drains) world.make_room(0);
    world.events.lines.clear();
    world.pass(std::chrono::seconds(36));
    CHECK(world.events.take() == (drains ? Lines{} : Lines{"closed 0 4001"}));
  }
}

TEST_CASE("a slow session costs the others nothing") {
  Lagging world;
  const SessionId bob = world.admit(1);
  const FrameRef frame = live(kLong, "c1", 3);
  for (SessionId id : {world.alice, bob}) world.gateway.deliver(id, frame);
  world.gateway.flush();
  CHECK(world.sent(1) == frame->wire());
}

TEST_CASE("a session that goes while it lags leaves the next one nothing") {
  Lagging world;
  world.gateway.on_close(0, 1006);
  const SessionId next = world.admit(0);
  world.transport.at[0].room = 0;
  world.gateway.deliver(next, reply("a"));
  world.gateway.flush();
  world.events.lines.clear();
  world.make_room(0);
  CHECK(world.events.take().empty());
}
