#include "chatcore/testing/router_conformance.hpp"

#include "eventually.hpp"

namespace chatcore::testing {

RouterFixture::~RouterFixture() = default;

namespace {

using Items = std::vector<RoutedItem>;
constexpr std::uint32_t kShards = RouterFixture::kShards;

struct Caller {
  explicit Caller(RouterFixture& f) : fixture(f), router(f.router()) {}
  RouterFixture& fixture;
  Router& router;
  Topic group = fixture.topics().intern("group-chat-1");
  Topic other = fixture.topics().intern("group-chat-2");
  Topic inbox = fixture.topics().intern("user-inbox-ann");

  void publish(std::uint32_t from, const Topic& topic, const std::string& payload, Seq memberSeq = 0,
               SessionId except = 0) {
    router.publish(from, topic, {FrameRef::text(payload), memberSeq, except, nullptr});
  }
  void arrives(std::uint32_t shard, const Items& items, const std::string& what) {
    expect(fixture.arrived(shard) == items, what);
  }
  [[nodiscard]] RoutedItem frame(const Topic& topic, const std::string& payload, Seq memberSeq = 0,
                                 SessionId except = 0) const {
    return {std::string(topic->name()), payload, memberSeq, except};
  }
  [[nodiscard]] RoutedItem change(const Topic& topic, Seq memberSeq) const {
    return {std::string(topic->name()), {}, memberSeq, 0};
  }
};

void takers_only(RouterFixture& fixture) {
  Caller call(fixture);
  for (std::uint32_t from = 0; from < kShards; ++from) {
    call.publish(from, call.group, "nobody");
    call.arrives(0, {}, "nothing where nobody takes it");
    call.arrives(1, {}, "nothing where nobody takes it");
  }
  call.router.take(1, call.group);
  for (std::uint32_t from = 0; from < kShards; ++from) {
    call.publish(from, call.group, "one", 4, 77);
    call.publish(from, call.other, "two");
    call.arrives(1, {call.frame(call.group, "one", 4, 77)}, "the taker's frame, whole and once");
    call.arrives(0, {}, "nothing for a shard that takes nothing");
  }
}

void every_taker(RouterFixture& fixture) {
  Caller call(fixture);
  for (std::uint32_t shard = 0; shard < kShards; ++shard) call.router.take(shard, call.group);
  call.publish(1, call.group, "one");
  for (std::uint32_t shard = 0; shard < kShards; ++shard)
    call.arrives(shard, {call.frame(call.group, "one")}, "one copy for each shard that takes it");
}

void leaving(RouterFixture& fixture) {
  Caller call(fixture);
  for (std::uint32_t shard = 0; shard < kShards; ++shard) call.router.take(shard, call.group);
  call.router.take(0, call.other);
  call.router.leave(0, call.group);
  call.publish(1, call.group, "one");
  call.publish(1, call.other, "two");
  call.arrives(0, {call.frame(call.other, "two")}, "only what the shard still takes");
  call.arrives(1, {call.frame(call.group, "one")}, "the other shard to stay");
  call.router.take(0, call.group);
  call.publish(1, call.group, "three");
  call.arrives(0, {call.frame(call.group, "three")}, "who takes it again to get it again");
}

void in_order(RouterFixture& fixture) {
  Caller call(fixture);
  for (std::uint32_t shard = 0; shard < kShards; ++shard) call.router.take(shard, call.group);
  Items expected;
  for (int i = 0; i < 200; ++i) {
    if (i % 20 == 19) {
      call.router.change_members(0, call.group, {static_cast<Seq>(i), static_cast<Seq>(i - 20), {}, {}});
      expected.push_back(call.change(call.group, static_cast<Seq>(i)));
    } else {
      call.publish(0, call.group, std::to_string(i), static_cast<Seq>(i));
      expected.push_back(call.frame(call.group, std::to_string(i), static_cast<Seq>(i)));
    }
  }
  for (std::uint32_t shard = 0; shard < kShards; ++shard)
    call.arrives(shard, expected, "what one shard says of a topic to arrive in that order");
}

void changes_reach_newcomers(RouterFixture& fixture) {
  Caller call(fixture);
  call.router.take(0, call.group);
  call.router.take(1, call.inbox);
  call.router.change_members(0, call.group, {5, 1, {call.inbox}, {}});
  call.publish(0, call.group, "after", 5);
  const Items both{call.change(call.group, 5), call.frame(call.group, "after", 5)};
  call.arrives(1, both, "the shard of a new member to hear of the change, and of all that follows");
  call.arrives(0, both, "the shards of old members to hear of it too");
}

void changes_reach_the_removed(RouterFixture& fixture) {
  Caller call(fixture);
  for (std::uint32_t shard = 0; shard < kShards; ++shard) call.router.take(shard, call.group);
  call.router.change_members(1, call.group, {5, 1, {}, {call.inbox}});
  for (std::uint32_t shard = 0; shard < kShards; ++shard)
    call.arrives(shard, {call.change(call.group, 5)},
                 "every shard that takes the topic to hear of a removal");
}

void changes_reach_nobody_else(RouterFixture& fixture) {
  Caller call(fixture);
  call.router.take(1, call.other);
  call.router.change_members(0, call.group, {5, 1, {call.inbox}, {call.inbox}});
  for (std::uint32_t shard = 0; shard < kShards; ++shard)
    call.arrives(shard, {}, "no change where neither the topic nor the new member is taken");
}

}  // namespace

std::vector<ConformanceCase> router_conformance(std::function<std::unique_ptr<RouterFixture>()> make) {
  return CaseList<RouterFixture>(std::move(make))
      .add("a frame comes whole and once to the shards that take its topic, and to no other", takers_only)
      .add("every shard that takes the topic gets its copy", every_taker)
      .add("a shard that leaves a topic keeps its others, and may take it again", leaving)
      .add("frames and changes of one shard arrive in order", in_order)
      .add("a change reaches the shards of new members, ahead of what follows it", changes_reach_newcomers)
      .add("a change reaches every shard that takes the topic", changes_reach_the_removed)
      .add("a change reaches nobody whom it does not concern", changes_reach_nobody_else)
      .take();
}

}  // namespace chatcore::testing
