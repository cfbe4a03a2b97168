#include "chatcore/testing/broker_conformance.hpp"

#include <algorithm>
#include <map>
#include <thread>

#include "eventually.hpp"

namespace chatcore::testing {

BrokerFixture::~BrokerFixture() = default;

namespace {

using Channels = std::vector<std::string>;

BrokerMessage message(std::string channel, std::string payload) {
  return {std::move(channel), std::make_shared<const std::string>(std::move(payload))};
}

void publish(Broker& broker, std::vector<BrokerMessage> batch) {
  TestExecutor executor;
  const auto status = executor.wait<Status>(
      [&](Executor& on, auto done) { broker.publish(std::move(batch), on, std::move(done)); });
  expect(status.has_value(), "the publish to be taken");
}

/// A subscription and what it heard: messages as "channel=payload", discontinuities as "!channel".
struct Hearer {
  explicit Hearer(BrokerFixture& fixture) {
    BrokerListener listener;
    listener.messages = [this](std::vector<BrokerMessage> batch) {
      for (const auto& each : batch) heard.push_back(each.channel + "=" + *each.payload);
      if (leaveWhenHeard) subscription.reset();
    };
    listener.discontinuity = [this](const std::string& channel) { heard.push_back("!" + channel); };
    subscription = fixture.broker().connect(executor, std::move(listener));
  }

  TestExecutor executor;
  std::vector<std::string> heard;
  bool leaveWhenHeard = false;
  std::unique_ptr<Broker::Subscription> subscription;

  void subscribe(Channels channels) {
    const auto status = executor.wait<Status>(
        [&](Executor&, auto done) { subscription->subscribe(std::move(channels), std::move(done)); });
    expect(status.has_value(), "the subscription to succeed");
  }
  void unsubscribe(Channels channels) {
    const auto status = executor.wait<Status>(
        [&](Executor&, auto done) { subscription->unsubscribe(std::move(channels), std::move(done)); });
    expect(status.has_value(), "leaving to succeed");
  }
  [[nodiscard]] bool has(const std::string& what) const {
    return std::find(heard.begin(), heard.end(), what) != heard.end();
  }
  void until(const std::string& what) {
    expect_eventually(executor, [&] { return has(what); }, what + " to be heard");
  }
  /// What came, with repetitions (which are allowed) left out.
  [[nodiscard]] std::vector<std::string> distinct() const {
    std::vector<std::string> once;
    for (const auto& each : heard) {
      if (std::find(once.begin(), once.end(), each) == once.end()) once.push_back(each);
    }
    return once;
  }
};

void subscribed_channels_arrive(BrokerFixture& fixture) {
  Hearer hearer(fixture);
  hearer.subscribe({"a", "b"});
  publish(fixture.broker(), {message("a", "1"), message("c", "x"), message("b", "2"), message("a", "3")});
  publish(fixture.broker(), {message("a", "last")});
  publish(fixture.broker(), {message("b", "last")});
  hearer.until("a=last");
  hearer.until("b=last");
  expect(hearer.has("a=1") && hearer.has("b=2") && hearer.has("a=3"), "every message on the channels");
  expect(!hearer.has("c=x"), "nothing of a channel that was not subscribed");
}

void payloads_arrive_whole(BrokerFixture& fixture) {
  Hearer hearer(fixture);
  hearer.subscribe({"a"});
  std::string everyByte;
  for (int i = 0; i < 256; ++i) everyByte.push_back(static_cast<char>(i));
  const std::string large(100'000, 'x');
  publish(fixture.broker(), {message("a", everyByte), message("a", ""), message("a", large)});
  hearer.until("a=" + large);
  expect(hearer.distinct() == Channels{"a=" + everyByte, "a=", "a=" + large}, "payloads byte for byte");
}

void one_publisher_in_order(BrokerFixture& fixture) {
  Hearer hearer(fixture);
  hearer.subscribe({"a"});
  Channels expected;
  for (int batch = 0; batch < 20; ++batch) {
    std::vector<BrokerMessage> messages;
    for (int i = 0; i < 10; ++i) {
      expected.push_back("a=" + std::to_string(batch * 10 + i));
      messages.push_back(message("a", std::to_string(batch * 10 + i)));
    }
    publish(fixture.broker(), std::move(messages));
    if (batch % 3 == 0) hearer.executor.drain();
  }
  hearer.until(expected.back());
  expect(hearer.distinct() == expected, "a publisher's messages in order");
}

void publishers_on_many_threads(BrokerFixture& fixture) {
  constexpr int kThreads = 4;
  constexpr int kMessages = 200;
  Hearer hearer(fixture);
  hearer.subscribe({"a"});
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&fixture, t] {
      TestExecutor executor;
      int answered = 0;
      for (int i = 0; i < kMessages; ++i) {
        fixture.broker().publish({message("a", std::to_string(t) + ":" + std::to_string(i))}, executor,
                                 [&answered](Status) { ++answered; });
      }
      while (answered < kMessages) {
        if (!executor.run_one()) std::this_thread::yield();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (int t = 0; t < kThreads; ++t) {
    hearer.until("a=" + std::to_string(t) + ":" + std::to_string(kMessages - 1));
  }
  std::map<std::string, int> next;
  for (const auto& each : hearer.distinct()) {
    const auto colon = each.find(':');
    expect(std::stoi(each.substr(colon + 1)) == next[each.substr(0, colon)]++, "each publisher's own order");
  }
}

void every_subscription_hears(BrokerFixture& fixture) {
  Hearer first(fixture);
  Hearer second(fixture);
  first.subscribe({"a"});
  second.subscribe({"a"});
  first.subscribe({"a"});
  publish(fixture.broker(), {message("a", "1"), message("a", "2")});
  first.until("a=2");
  second.until("a=2");
  expect(first.has("a=1") && second.has("a=1"), "each subscription to hear its channel");
}

void leaving_a_channel(BrokerFixture& fixture) {
  Hearer hearer(fixture);
  hearer.subscribe({"a", "b"});
  hearer.unsubscribe({"a", "never"});
  hearer.heard.clear();
  publish(fixture.broker(), {message("a", "1"), message("b", "2")});
  hearer.until("b=2");
  expect(!hearer.has("a=1"), "nothing of a channel that was left");
  hearer.subscribe({"a"});
  publish(fixture.broker(), {message("a", "3")});
  hearer.until("a=3");
}

void never_inside_the_call(BrokerFixture& fixture) {
  Hearer hearer(fixture);
  int completed = 0;
  hearer.subscription->subscribe({"a"}, [&](Status) { ++completed; });
  expect(completed == 0, "subscribe not to complete inside the call");
  expect_eventually(hearer.executor, [&] { return completed == 1; }, "subscribe to complete");
  TestExecutor other;
  fixture.broker().publish({message("a", "1")}, other, [&](Status) { ++completed; });
  expect(completed == 1 && hearer.heard.empty(), "publish to run nothing inside the call");
  expect_eventually(other, [&] { return completed == 2; }, "publish to complete on its own executor");
  expect(hearer.heard.empty(), "the listener to run on the subscriber's executor only");
  hearer.until("a=1");
}

void nobody_listens(BrokerFixture& fixture) { publish(fixture.broker(), {message("nobody-here", "1")}); }

void nothing_after_the_end(BrokerFixture& fixture) {
  Hearer hearer(fixture);
  Hearer witness(fixture);
  hearer.subscribe({"a"});
  witness.subscribe({"a"});
  publish(fixture.broker(), {message("a", "1")});
  hearer.subscription.reset();
  publish(fixture.broker(), {message("a", "2")});
  witness.until("a=2");
  hearer.executor.drain();
  expect(hearer.heard.empty(), "nothing to be delivered after the subscription's end");
}

void ended_by_its_own_listener(BrokerFixture& fixture) {
  Hearer hearer(fixture);
  Hearer witness(fixture);
  hearer.subscribe({"a"});
  witness.subscribe({"a"});
  hearer.leaveWhenHeard = true;
  publish(fixture.broker(), {message("a", "1")});
  hearer.until("a=1");
  hearer.heard.clear();
  publish(fixture.broker(), {message("a", "2")});
  witness.until("a=2");
  hearer.executor.drain();
  expect(hearer.heard.empty(), "a listener to be able to end its subscription");
}

void overflow_is_told(BrokerFixture& fixture) {
  constexpr std::size_t kSent = Broker::kMaxPendingMessages + 1000;
  std::size_t received = 0;
  bool told = false;
  TestExecutor executor;
  BrokerListener listener;
  listener.messages = [&](std::vector<BrokerMessage> batch) { received += batch.size(); };
  listener.discontinuity = [&](const std::string& channel) {
    expect(channel == "a" || channel.empty(), "the channel that lost messages, or all");
    told = true;
  };
  const auto subscription = fixture.broker().connect(executor, std::move(listener));
  const auto status =
      executor.wait<Status>([&](Executor&, auto done) { subscription->subscribe({"a"}, std::move(done)); });
  expect(status.has_value(), "the subscription to succeed");
  const BrokerMessage same = message("a", "x");
  for (std::size_t sent = 0; sent < kSent; sent += 8 * 1024) {
    publish(fixture.broker(),
            std::vector<BrokerMessage>(std::min<std::size_t>(8 * 1024, kSent - sent), same));
  }
  // Delivered at least in part, and if not whole then that is said.
  expect_eventually(executor, [&] { return told || received >= kSent; }, "all messages, or a discontinuity");
  publish(fixture.broker(), {same});
  const std::size_t before = received;
  expect_eventually(executor, [&] { return received > before; }, "delivery to go on after an overflow");
}

void loss_is_told(BrokerFixture& fixture) {
  Hearer hearer(fixture);
  hearer.subscribe({"a"});
  publish(fixture.broker(), {message("a", "1")});
  hearer.until("a=1");
  if (!fixture.lose_next("a")) return;
  publish(fixture.broker(), {message("a", "lost")});
  expect_eventually(
      hearer.executor, [&] { return hearer.has("!a") || hearer.has("!"); }, "the loss to be told");
  expect(!hearer.has("a=lost"), "the message to be lost");
  publish(fixture.broker(), {message("a", "2")});
  hearer.until("a=2");
}

}  // namespace

std::vector<ConformanceCase> broker_conformance(std::function<std::unique_ptr<BrokerFixture>()> make) {
  return CaseList<BrokerFixture>(std::move(make))
      .add("messages on subscribed channels arrive, others do not", subscribed_channels_arrive)
      .add("payloads arrive byte for byte", payloads_arrive_whole)
      .add("a publisher's messages on a channel arrive in order", one_publisher_in_order)
      .add("publishers on many threads keep their own order each", publishers_on_many_threads)
      .add("every subscription hears its channels", every_subscription_hears)
      .add("a channel that was left is not heard, until it is subscribed again", leaving_a_channel)
      .add("completions and listeners run on their executor, never inside the call", never_inside_the_call)
      .add("publishing where nobody listens succeeds", nobody_listens)
      .add("nothing is delivered after a subscription's end", nothing_after_the_end)
      .add("a listener may end its own subscription", ended_by_its_own_listener)
      .add("what does not fit is dropped and told", overflow_is_told)
      .add("a loss is followed by a discontinuity", loss_is_told)
      .take();
}

}  // namespace chatcore::testing
