#include "chatcore/testing/router_conformance.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <utility>

#include "routing/local_router.hpp"

using namespace chatcore;
using testing::RoutedItem;

namespace {

/// A shard whose fan-out only remembers, and whose mail waits until it is let through.
struct FakeShard final : ShardLink, FanOut {
  std::uint32_t number = 0;
  std::deque<std::pair<std::uint32_t, Task>> mail;
  std::vector<RoutedItem> items;

  [[nodiscard]] std::uint32_t self() const noexcept override { return number; }
  [[nodiscard]] std::uint32_t count() const noexcept override { return testing::RouterFixture::kShards; }
  void send(std::uint32_t shard, Task task) override { mail.emplace_back(shard, std::move(task)); }

  SubscribeOutcome subscribe(SessionId, const Topic&, Seq) override { return SubscribeOutcome::ok; }
  void unsubscribe(SessionId, const Topic&) override {}
  void publish(const Topic& topic, const Envelope& envelope) override {
    items.push_back({std::string(topic->name()), std::string(envelope.frame->payload()), envelope.memberSeq,
                     envelope.except});
  }
  void change_members(const Topic& topic, const MembershipDelta& delta) override {
    items.push_back({std::string(topic->name()), {}, delta.memberSeq, 0});
  }
};

class Fixture final : public testing::RouterFixture {
 public:
  Fixture() {
    for (std::uint32_t i = 0; i < kShards; ++i) {
      shards_[i].number = i;
      router_.add_shard(shards_[i], shards_[i]);
    }
  }
  Router& router() override { return router_; }
  TopicNames& topics() override { return names_; }
  std::vector<RoutedItem> arrived(std::uint32_t shard) override {
    for (FakeShard& each : shards_) {
      for (; !each.mail.empty(); each.mail.pop_front()) each.mail.front().second();
    }
    return std::exchange(shards_[shard].items, {});
  }

 private:
  TopicNames names_{kShards};
  FakeShard shards_[kShards];
  routing::LocalRouter router_;
};

}  // namespace

TEST_CASE("routing inside one process keeps the promises of a router") {
  for (const auto& each : testing::router_conformance([] { return std::make_unique<Fixture>(); })) {
    CAPTURE(each.name);
    CHECK_NOTHROW(each.run());
  }
}

TEST_CASE("routing to another shard waits for the end of the turn, to one's own does not") {
  TopicNames names(2);
  FakeShard here, there;
  there.number = 1;
  routing::LocalRouter router;
  router.add_shard(here, here);
  router.add_shard(there, there);
  const Topic topic = names.intern("t");
  for (std::uint32_t shard : {0U, 1U}) router.take(shard, topic);
  router.publish(0, topic, {FrameRef::text("x"), 0, 0, nullptr});
  CHECK(here.items.size() == 1);
  CHECK(there.items.empty());
  REQUIRE(here.mail.size() == 1);
  CHECK(here.mail.front().first == 1);
  here.mail.front().second();
  CHECK(there.items.size() == 1);
  here.mail.clear();
}
