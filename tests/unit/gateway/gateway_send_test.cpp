#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "fakes.hpp"

using namespace chatcore;
using namespace chatcore::gateway;

namespace {

std::string wires(std::initializer_list<FrameRef> frames) {
  std::string bytes;
  for (const FrameRef& frame : frames) bytes += frame->wire();
  return bytes;
}

}  // namespace

TEST_CASE("nothing leaves before the flush, and one flush sends all that piled up in one write") {
  World world;
  const SessionId alice = world.admit(0);
  const FrameRef a = live("one"), b = reply("two"), c = ephemeral("three");
  for (const FrameRef& frame : {a, b, c}) world.gateway.deliver(alice, frame);
  CHECK(world.transport.at[0].writes == 0);
  world.gateway.flush();
  CHECK(world.transport.at[0].writes == 1);
  CHECK(world.sent(0) == wires({a, b, c}));
  world.gateway.flush();
  CHECK(world.transport.at[0].writes == 1);
}

TEST_CASE("sessions that get the same, other, fewer and more frames each get exactly theirs") {
  World world;
  const FrameRef a = live("aa"), b = live("bbb"), c = live("c");
  const std::vector<std::vector<FrameRef>> wanted{{a, b}, {a, b}, {b, a}, {a, b, c}, {c}, {a, b}, {}};
  for (ConnectionSlot slot = 0; slot < wanted.size(); ++slot) {
    const SessionId id = world.admit(slot);
    for (const FrameRef& frame : wanted[slot]) world.gateway.deliver(id, frame);
  }
  world.gateway.flush();
  for (ConnectionSlot slot = 0; slot < wanted.size(); ++slot) {
    std::string expected;
    for (const FrameRef& frame : wanted[slot]) expected += frame->wire();
    CAPTURE(slot);
    CHECK(world.sent(slot) == expected);
    CHECK(world.transport.at[slot].writes == (wanted[slot].empty() ? 0 : 1));
  }
}

TEST_CASE("frames that are gone from memory are not taken for new ones at the same address") {
  // Allocators like to give back what was freed last: one of the two orders meets the same addresses again.
  for (const bool reversed : {false, true}) {
    World world;
    const SessionId alice = world.admit(0);
    for (int turn = 0; turn < 20; ++turn) {
      FrameRef first = live("f" + std::to_string(turn)), second = live("s" + std::to_string(turn));
      if (reversed) std::swap(first, second);
      const std::string expected = wires({first, second});
      world.gateway.deliver(alice, first);
      world.gateway.deliver(alice, second);
      first = second = FrameRef();
      world.gateway.flush();
      REQUIRE(world.sent(0) == expected);
    }
  }
}

TEST_CASE("more frames than one release batch holds still reach everybody whole") {
  World world;
  std::vector<std::string> expected(4);
  for (ConnectionSlot slot = 0; slot < 4; ++slot) {
    const SessionId id = world.admit(slot);
    for (int i = 0; i < 150; ++i) {
      const FrameRef frame = live(std::to_string(slot) + "/" + std::to_string(i));
      expected[slot] += frame->wire();
      world.gateway.deliver(id, frame);
    }
  }
  world.gateway.flush();
  for (ConnectionSlot slot = 0; slot < 4; ++slot) CHECK(world.sent(slot) == expected[slot]);
}

TEST_CASE("a partial write goes on where it stopped, whatever the size of the pieces") {
  for (const std::size_t payload : {1U, 3U, 130U, 30'000U}) {
    for (const std::size_t room : {1U, 2U, 3U, 7U, 64U, 131U, 1000U, 65'536U}) {
      if (payload / room > 2'000) continue;
      CAPTURE(payload);
      CAPTURE(room);
      World world;
      const SessionId alice = world.admit(0);
      std::string expected;
      world.transport.at[0].room = room;
      for (char letter = 'a'; letter < 'f'; ++letter) {
        const FrameRef frame = live(std::string(payload, letter));
        expected += frame->wire();
        world.gateway.deliver(alice, frame);
        if (letter == 'b') world.gateway.flush();
      }
      for (std::size_t step = 0; step <= expected.size() / room + 2; ++step) world.make_room(0, room);
      CHECK(world.sent(0) == expected);
    }
  }
}

TEST_CASE("a session that waits for room is not written to until there is some") {
  World world;
  const SessionId alice = world.admit(0);
  world.transport.at[0].room = 2;
  const FrameRef a = live("first"), b = live("second");
  world.gateway.deliver(alice, a);
  world.gateway.flush();
  world.gateway.deliver(alice, b);
  world.gateway.flush();
  world.gateway.flush();
  CHECK(world.transport.at[0].writes == 1);
  world.make_room(0);
  CHECK(world.sent(0) == wires({a, b}));
}

TEST_CASE("what is too large to be worth a copy goes out as pieces") {
  World world;
  const SessionId alice = world.admit(0);
  const FrameRef a = live(std::string(40'000, 'a')), b = live(std::string(40'000, 'b'));
  world.gateway.deliver(alice, a);
  world.gateway.deliver(alice, b);
  world.gateway.flush();
  CHECK(world.transport.at[0].pieces == 2);
  CHECK(world.sent(0) == wires({a, b}));
}

TEST_CASE("before it is admitted a session gets replies only") {
  World world;
  const SessionId alice = world.connect(0);
  const FrameRef answer = reply("welcome"), event = live("event");
  world.gateway.deliver(alice, event);
  world.gateway.deliver(alice, ephemeral("typing"));
  world.gateway.deliver(alice, answer);
  world.gateway.flush();
  CHECK(world.sent(0) == answer->wire());
  world.gateway.admit(alice);
  world.gateway.deliver(alice, event);
  world.gateway.flush();
  CHECK(world.sent(0) == event->wire());
}
