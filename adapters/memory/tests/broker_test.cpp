#include "chatcore/memory/broker.hpp"

#include <doctest/doctest.h>

#include "chatcore/testing/broker_conformance.hpp"
#include "chatcore/testing/test_executor.hpp"

using namespace chatcore;

namespace {

class Fixture final : public testing::BrokerFixture {
 public:
  Broker& broker() override { return broker_; }
  bool lose_next(const std::string&) override {
    broker_.drop_next(1);
    return true;
  }

 private:
  MemoryBroker broker_;
};

/// Counts the posts, each of which wakes a shard.
class CountingExecutor final : public Executor {
 public:
  void post(Task task) override {
    ++posts;
    inner.post(std::move(task));
  }
  std::size_t posts = 0;
  testing::TestExecutor inner;
};

struct Desk {
  explicit Desk(MemoryBrokerOptions options = {}) : broker(options) {}
  MemoryBroker broker;
  CountingExecutor executor;
  testing::TestExecutor publisher;
  std::vector<std::string> heard;

  std::unique_ptr<Broker::Subscription> connect(std::vector<std::string> channels) {
    BrokerListener listener;
    listener.messages = [this](std::vector<BrokerMessage> batch) {
      std::string line;
      for (const auto& each : batch) line += *each.payload;
      heard.push_back(line);
    };
    listener.discontinuity = [this](const std::string& channel) { heard.push_back("!" + channel); };
    auto subscription = broker.connect(executor, std::move(listener));
    subscription->subscribe(std::move(channels), [](Status status) { CHECK(status); });
    executor.inner.drain();
    executor.posts = 0;
    return subscription;
  }
  Status publish(const std::string& channel, const std::string& letters) {
    std::vector<BrokerMessage> batch;
    for (char c : letters) batch.push_back({channel, std::make_shared<const std::string>(1, c)});
    return publisher.wait<Status>(
        [&](Executor& on, auto done) { broker.publish(std::move(batch), on, std::move(done)); });
  }
  std::vector<std::string> hear() {
    executor.inner.drain();
    return std::exchange(heard, {});
  }
};
using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("memory broker keeps the promises of the port") {
  for (const auto& each : testing::broker_conformance([] { return std::make_unique<Fixture>(); })) {
    CAPTURE(each.name);
    CHECK_NOTHROW(each.run());
  }
}

TEST_CASE("all that piled up for an executor costs one post and one call per subscription") {
  Desk desk;
  const auto first = desk.connect({"a", "b"});
  const auto second = desk.connect({"a"});
  CHECK(desk.publish("a", "123"));
  CHECK(desk.publish("b", "45"));
  CHECK(desk.executor.posts == 1);
  CHECK(desk.hear() == Lines{"12345", "123"});
  CHECK(desk.publish("a", "6"));
  CHECK(desk.executor.posts == 2);
  CHECK(desk.publish("nobody", "7"));
  CHECK(desk.executor.posts == 2);
}

TEST_CASE("a broadcast shares its payload") {
  Desk desk;
  const auto payload = std::make_shared<const std::string>("x");
  const auto first = desk.connect({"a"});
  const auto second = desk.connect({"a"});
  desk.broker.publish({{"a", payload}}, desk.publisher, [](Status) {});
  CHECK(payload.use_count() == 3);
  CHECK(desk.hear().size() == 2);
  CHECK(payload.use_count() == 1);
}

TEST_CASE("what goes over the bound is dropped and told after what was kept") {
  Desk desk({.maxPending = 3});
  const auto subscription = desk.connect({"a", "b"});
  CHECK(desk.publish("a", "12"));
  CHECK(desk.publish("b", "345"));
  CHECK(desk.publish("a", "6"));
  CHECK(desk.hear() == Lines{"123", "!b", "!a"});
  CHECK(desk.publish("a", "7"));
  CHECK(desk.hear() == Lines{"7"});
}

TEST_CASE("a loss on very many channels is told as a loss on all") {
  Desk desk({.maxPending = 1});
  std::vector<std::string> channels;
  for (int i = 0; i < 100; ++i) channels.push_back("c" + std::to_string(i));
  const auto subscription = desk.connect(channels);
  for (const auto& channel : channels) CHECK(desk.publish(channel, "x"));
  CHECK(desk.hear() == Lines{"x", "!"});
}

TEST_CASE("faults can be played") {
  Desk desk;
  const auto subscription = desk.connect({"a"});
  desk.broker.drop_next(1);
  CHECK(desk.publish("a", "123"));
  CHECK(desk.hear() == Lines{"23", "!a"});
  desk.broker.duplicate_next(1);
  CHECK(desk.publish("a", "12"));
  CHECK(desk.hear() == Lines{"112"});
  desk.broker.fail_next_publishes(1);
  CHECK(desk.publish("a", "1").error().code == ErrorCode::unavailable);
  CHECK(desk.hear().empty());
  desk.broker.break_channel("a");
  CHECK(desk.hear() == Lines{"!a"});
  desk.broker.break_channel("");
  CHECK(desk.hear() == Lines{"!"});
  desk.broker.break_channel("unheard");
  CHECK(desk.hear().empty());
}

TEST_CASE("channels are bounded and have names") {
  Desk desk({.maxPending = 10, .maxChannels = 2});
  const auto subscription = desk.connect({"a", "b"});
  ErrorCode code{};
  const auto fails_with = [&](std::vector<std::string> channels) {
    subscription->subscribe(std::move(channels), [&](Status status) { code = status.error().code; });
    desk.executor.inner.drain();
    return code;
  };
  CHECK(fails_with({"c"}) == ErrorCode::overloaded);
  CHECK(fails_with({""}) == ErrorCode::invalid_argument);
  CHECK(fails_with({std::string(257, 'c')}) == ErrorCode::invalid_argument);
  subscription->unsubscribe({"a"}, [](Status) {});
  subscription->subscribe({"c"}, [](Status status) { CHECK(status); });
  desk.executor.inner.drain();
}

TEST_CASE("a subscription may outlive the broker, and an executor its subscriptions") {
  Desk desk;
  auto broker = std::make_unique<MemoryBroker>();
  auto subscription = broker->connect(desk.executor, BrokerListener{[](auto) {}, [](auto&) {}});
  subscription->subscribe({"a"}, [](Status) {});
  broker->publish({{"a", std::make_shared<const std::string>("x")}}, desk.publisher, [](Status) {});
  broker.reset();
  subscription.reset();
  desk.executor.inner.drain();
}
