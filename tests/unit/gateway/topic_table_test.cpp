#include "gateway/topic_table.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "fakes.hpp"

using namespace chatcore;
using namespace chatcore::gateway;

namespace {

using Slots = std::vector<ConnectionSlot>;

struct Table {
  ~Table() {
    for (ConnectionSlot slot = 0; slot < sessions.slots(); ++slot) topics.forget(slot);
  }
  TopicNames names{kShard + 1};
  RecordingRouter router;
  SessionTable sessions{kShard, GatewayOptions{}};
  Lines stale;
  TopicTable topics{kShard, sessions, router,
                    [this](const Topic& topic, const std::vector<SessionId>& takers) {
                      std::string line(topic->name());
                      for (SessionId taker : takers) line += ' ' + std::to_string(slot_of(taker));
                      stale.push_back(line);
                    }};
  Topic group = names.intern("group");

  SessionId open(ConnectionSlot slot) {
    sessions.open(slot, 0);
    sessions.hot(slot).state = SessionState::admitted;
    return sessions.id(slot);
  }
  /// A session with its user's inbox.
  SessionId device(ConnectionSlot slot, const Topic& inbox) {
    const SessionId id = open(slot);
    CHECK(topics.subscribe(id, inbox, 0) == SubscribeOutcome::ok);
    return id;
  }
  Slots takers(const Topic& topic) const {
    Slots slots;
    for (SessionId id : topics.takers(topic)) slots.push_back(slot_of(id));
    std::sort(slots.begin(), slots.end());
    return slots;
  }
  void publish(Seq memberSeq, Seq seq, DeliveryClass kind = DeliveryClass::live) {
    topics.publish(group, {FrameRef::text("x", {kind, "c", seq}), memberSeq, 0, nullptr});
  }
  /// Slots that something was queued for since the last call.
  Slots reached() {
    Slots slots = std::exchange(sessions.dirty(), {});
    for (ConnectionSlot slot : slots) {
      sessions.hot(slot).dirty = false;
      if (auto* first = std::exchange(sessions.hot(slot).first, nullptr)) first->release_references(1);
    }
    std::sort(slots.begin(), slots.end());
    return slots;
  }
  std::string missed() {
    std::string text;
    for (const auto& [session, mark] : std::exchange(topics.missed(), {}))
      text += std::to_string(slot_of(session)) + ':' + mark.key + '=' + std::to_string(mark.number) + ' ';
    return text;
  }
};

}  // namespace

TEST_CASE("the router hears of the first taker and of the last, and of nobody between") {
  Table table;
  const SessionId alice = table.open(0), bob = table.open(1);
  table.topics.subscribe(alice, table.group, 1);
  table.topics.subscribe(alice, table.group, 1);
  table.topics.subscribe(bob, table.group, 1);
  CHECK(table.router.calls == Lines{"take 3 group"});
  CHECK(table.takers(table.group) == Slots{0, 1});
  table.topics.unsubscribe(alice, table.group);
  table.topics.unsubscribe(alice, table.group);
  CHECK(table.router.calls.size() == 1);
  table.topics.unsubscribe(bob, table.group);
  CHECK(table.router.calls == Lines{"take 3 group", "leave 3 group"});
  CHECK(table.topics.topics() == 0);
}

TEST_CASE("a claim older than the table is refused, one as new or newer taken") {
  for (const auto& [claim, outcome] : {std::pair<Seq, SubscribeOutcome>{4, SubscribeOutcome::stale_claim},
                                       {5, SubscribeOutcome::ok},
                                       {6, SubscribeOutcome::ok}}) {
    Table table;
    table.topics.subscribe(table.open(0), table.group, 5);
    CHECK(table.topics.subscribe(table.open(1), table.group, claim) == outcome);
    CHECK(table.takers(table.group) == (outcome == SubscribeOutcome::ok ? Slots{0, 1} : Slots{0}));
  }
}

TEST_CASE("a newer claim of one user does not vouch for the others") {
  Table table;
  table.topics.subscribe(table.open(0), table.group, 5);
  table.topics.subscribe(table.open(1), table.group, 9);
  table.publish(9, 10);
  CHECK(table.reached().empty());
  CHECK(table.stale == Lines{"group 0 1"});
}

TEST_CASE("sessions that are gone or closing take nothing") {
  Table table;
  const SessionId gone = table.open(0);
  table.sessions.close(0);
  CHECK(table.topics.subscribe(gone, table.group, 1) == SubscribeOutcome::gone);
  const SessionId closing = table.open(1);
  table.sessions.hot(1).state = SessionState::closing;
  CHECK(table.topics.subscribe(closing, table.group, 1) == SubscribeOutcome::gone);
  CHECK(table.router.calls.empty());
}

TEST_CASE("a stale table asks once, delivers nothing meanwhile, and keeps only who is allowed") {
  Table table;
  const SessionId alice = table.open(0), bob = table.open(1), carol = table.open(2);
  for (SessionId id : {alice, bob, carol}) table.topics.subscribe(id, table.group, 3);
  table.publish(3, 4);
  CHECK(table.reached() == Slots{0, 1, 2});
  table.publish(6, 7);
  table.publish(6, 9, DeliveryClass::ephemeral);
  table.publish(6, 8);
  CHECK(table.reached().empty());
  CHECK(table.stale == Lines{"group 0 1 2"});

  table.topics.refreshed(table.group, 6, {carol, alice});
  CHECK(table.takers(table.group) == Slots{0, 2});
  CHECK(table.missed() == "0:c=8 2:c=8 ");
  table.publish(6, 10);
  CHECK(table.reached() == Slots{0, 2});
  CHECK(table.stale.size() == 1);
}

TEST_CASE("a refresh that is itself too old asks again at the next event") {
  Table table;
  const SessionId alice = table.open(0);
  table.topics.subscribe(alice, table.group, 3);
  table.publish(6, 7);
  table.topics.refreshed(table.group, 5, {alice});
  table.publish(6, 8);
  CHECK(table.reached().empty());
  CHECK(table.stale == Lines{"group 0", "group 0"});
}

TEST_CASE("answers to no question, or for a topic nobody takes, change nothing") {
  Table table;
  const SessionId alice = table.open(0);
  table.topics.refreshed(table.group, 9, {});
  table.topics.subscribe(alice, table.group, 3);
  table.topics.refreshed(table.group, 9, {});
  CHECK(table.takers(table.group) == Slots{0});
}

TEST_CASE("a membership change moves the devices of the users it names") {
  Table table;
  const Topic alice = table.names.intern("alice"), bob = table.names.intern("bob"),
              zoe = table.names.intern("zoe");
  table.topics.subscribe(table.device(0, alice), table.group, 1);
  table.topics.subscribe(table.device(1, alice), table.group, 1);
  table.device(2, bob);
  table.device(3, bob);
  SUBCASE("added and removed at once") {
    table.topics.change_members(table.group, {5, 1, {bob}, {alice}});
    CHECK(table.takers(table.group) == Slots{2, 3});
    table.publish(5, 6);
    CHECK(table.reached() == Slots{2, 3});
    CHECK(table.stale.empty());
  }
  SUBCASE("of a group that nobody here took before") {
    const Topic other = table.names.intern("other");
    table.router.calls.clear();
    table.topics.change_members(other, {1, 0, {alice, bob}, {}});
    CHECK(table.takers(other) == Slots{0, 1, 2, 3});
    CHECK(table.router.calls == Lines{"take 3 other"});
  }
  SUBCASE("but not a session on its way out") {
    table.sessions.hot(3).state = SessionState::closing;
    table.topics.change_members(table.group, {5, 1, {bob}, {}});
    CHECK(table.takers(table.group) == Slots{0, 1, 2});
  }
  SUBCASE("nor one that has it already, twice") {
    table.topics.change_members(table.group, {5, 1, {alice, bob}, {}});
    table.topics.change_members(table.group, {5, 1, {bob}, {}});
    CHECK(table.takers(table.group) == Slots{0, 1, 2, 3});
  }
  SUBCASE("and gives the topic back if nobody came of it") {
    const Topic other = table.names.intern("other");
    table.router.calls.clear();
    table.topics.change_members(other, {1, 0, {zoe}, {}});
    CHECK(table.router.calls == Lines{"leave 3 other"});
  }
  SUBCASE("and gives it back when the last taker was removed") {
    table.router.calls.clear();
    table.topics.change_members(table.group, {5, 1, {}, {alice}});
    CHECK(table.takers(table.group).empty());
    CHECK(std::count(table.router.calls.begin(), table.router.calls.end(), "take 3 group") == 0);
    CHECK(table.router.calls.back() == "leave 3 group");
  }
}

TEST_CASE("a change that does not continue what the table knows removes, and refreshes for the rest") {
  Table table;
  const Topic alice = table.names.intern("alice"), bob = table.names.intern("bob"),
              carol = table.names.intern("carol");
  const SessionId a = table.device(0, alice);
  const SessionId b = table.device(1, bob);
  table.device(2, carol);
  for (SessionId id : {a, b}) table.topics.subscribe(id, table.group, 3);
  table.topics.change_members(table.group, {9, 7, {carol}, {bob}});
  CHECK(table.takers(table.group) == Slots{0});
  CHECK(table.stale == Lines{"group 0 2"});  // carol too: she may have come in
  table.publish(9, 10);
  CHECK(table.reached().empty());
}

TEST_CASE("whatever the order of coming and going, each side of the table agrees with the other") {
  std::mt19937 random(20'240'607);
  Table table;
  constexpr std::uint32_t kSlots = 24, kTopics = 12;
  std::vector<Topic> topics;
  for (std::uint32_t i = 0; i < kTopics; ++i) topics.push_back(table.names.intern("t" + std::to_string(i)));
  std::map<std::uint32_t, std::set<ConnectionSlot>> model;
  for (ConnectionSlot slot = 0; slot < kSlots; ++slot) table.open(slot);
  for (int step = 0; step < 20'000; ++step) {
    const ConnectionSlot slot = random() % kSlots;
    const std::uint32_t topic = random() % kTopics;
    switch (random() % 16) {
      case 0:
        table.topics.forget(slot);
        for (auto& [_, slots] : model) slots.erase(slot);
        table.sessions.close(slot);
        table.open(slot);
        break;
      case 1:
      case 2:
      case 3:
      case 4:
      case 5:
      case 6:
      case 7:
        table.topics.unsubscribe(table.sessions.id(slot), topics[topic]);
        model[topic].erase(slot);
        break;
      default:
        table.topics.subscribe(table.sessions.id(slot), topics[topic], 0);
        model[topic].insert(slot);
    }
    if (step % 16 != 0) continue;
    for (std::uint32_t i = 0; i < kTopics; ++i)
      REQUIRE(table.takers(topics[i]) == Slots(model[i].begin(), model[i].end()));
  }
}
