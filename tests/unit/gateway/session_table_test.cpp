#include "gateway/session_table.hpp"

#include <doctest/doctest.h>

#include <set>

#include "fakes.hpp"
#include "live_allocations.hpp"

using namespace chatcore;
using namespace chatcore::gateway;

namespace {

GatewayOptions small() {
  GatewayOptions options;
  options.outboxHighWater = 100;
  options.outboxLimit = 200;
  return options;
}

const std::string kLong(60, 'x');

Frame* sized(DeliveryClass kind) {
  static const FrameRef frames[] = {FrameRef::text(kLong, {DeliveryClass::reply, {}, 0}),
                                    FrameRef::text(kLong, {DeliveryClass::live, "c", 1}),
                                    FrameRef::text(kLong, {DeliveryClass::ephemeral, {}, 0})};
  return frames[static_cast<int>(kind)].get();
}

}  // namespace

TEST_CASE("what becomes of a frame is decided by the session's state and the frame's class") {
  struct Row {
    SessionState state;
    bool reply, live, ephemeral;
  };
  for (const Row& row :
       {Row{SessionState::open, true, false, false}, Row{SessionState::admitted, true, true, true},
        Row{SessionState::lagging, true, false, false}, Row{SessionState::closing, false, false, false}}) {
    for (const auto& [kind, taken] :
         {std::pair{DeliveryClass::reply, row.reply}, std::pair{DeliveryClass::live, row.live},
          std::pair{DeliveryClass::ephemeral, row.ephemeral}}) {
      CAPTURE(static_cast<int>(row.state));
      CAPTURE(static_cast<int>(kind));
      SessionTable table(kShard, GatewayOptions{});
      table.open(0, 0);
      SessionHot& session = table.hot(0);
      session.state = row.state;
      if (row.state == SessionState::lagging) table.outbox_of(session).lag = std::make_unique<Lag>();
      const auto references = table.enqueue_shared(0, sized(kind));
      CHECK(references == (taken ? 1 : 0));
      sized(kind)->add_references(references);
    }
  }
}

TEST_CASE("bounds: what makes a session lagging, and what asks for its end") {
  SessionTable table(kShard, small());
  table.open(0, 0);
  SessionHot& session = table.hot(0);
  session.state = SessionState::admitted;
  const auto enqueue = [&](DeliveryClass kind) {
    const auto references = table.enqueue_shared(0, sized(kind));
    sized(kind)->add_references(references);
    return references == 1;
  };
  CHECK(enqueue(DeliveryClass::live));
  CHECK(session.first != nullptr);
  CHECK(enqueue(DeliveryClass::reply));
  CHECK(session.first == nullptr);
  REQUIRE(session.outbox != nullptr);
  CHECK(session.outbox->bytes == 124);
  SUBCASE("an ephemeral frame over the high water marks too") {
    CHECK_FALSE(enqueue(DeliveryClass::ephemeral));
  }
  SUBCASE("a live frame over the high water") {
    CHECK_FALSE(enqueue(DeliveryClass::live));
    CHECK(session.outbox->lag->marks.at("c") == 1);
  }
  CHECK(session.state == SessionState::lagging);
  CHECK(enqueue(DeliveryClass::reply));
  CHECK_FALSE(session.abortRequested);
  CHECK_FALSE(enqueue(DeliveryClass::reply));
  CHECK(session.abortRequested);
}

TEST_CASE("a slot is dirty once, until the flush has taken it") {
  SessionTable table(kShard, GatewayOptions{});
  for (ConnectionSlot slot : {0U, 1U}) {
    table.open(slot, 0);
    table.hot(slot).state = SessionState::admitted;
  }
  for (int i = 0; i < 3; ++i) {
    table.enqueue(1, reply("a"));
    table.enqueue(0, reply("b"));
  }
  CHECK(table.dirty() == std::vector<ConnectionSlot>{1, 0});
}

TEST_CASE("ids are unique over shards, slots and generations, and never 0") {
  std::set<SessionId> seen{0};
  for (std::uint32_t shard : {0U, 1U, 63U}) {
    SessionTable table(shard, GatewayOptions{});
    for (int generation = 0; generation < 5; ++generation) {
      for (ConnectionSlot slot : {0U, 7U}) {
        table.open(slot, 0);
        const SessionId id = table.id(slot);
        CHECK(seen.insert(id).second);
        CHECK(shard_of(id) == shard);
        CHECK(slot_of(id) == slot);
        CHECK(table.alive(id));
        table.close(slot);
        CHECK_FALSE(table.alive(id));
      }
    }
  }
}

TEST_CASE("generations begin anew after 16 million without an id of 0") {
  SessionTable table(0, GatewayOptions{});
  table.open(0, 0);
  table.hot(0).generation = (1U << 24) - 1;
  table.close(0);
  table.open(0, 0);
  CHECK(table.hot(0).generation == 1);
  CHECK(table.alive(table.id(0)));
}

TEST_CASE("ids of slots that never were are not alive") {
  SessionTable table(kShard, GatewayOptions{});
  CHECK_FALSE(table.alive(0));
  CHECK_FALSE(table.alive(SessionId{kShard} << 56 | SessionId{1} << 32 | 900));
}

TEST_CASE("a session that goes gives back every frame it held") {
  SessionTable table(kShard, GatewayOptions{});
  for (const int frames : {0, 1, 2, 40}) {
    table.open(0, 0);
    table.hot(0).state = SessionState::admitted;
    table.dirty().reserve(8);
    table.dirty().clear();
    Frame* frame = Frame::make_text("hello", {});
    for (int i = 0; i < frames; ++i) frame->add_references(table.enqueue_shared(0, frame));
    table.close(0);
    const long before = live_allocations();
    frame->release_references(1);
    CHECK(live_allocations() == before - 1);
  }
  CHECK(table.open_sessions() == 0);
}
