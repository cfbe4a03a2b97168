#include "chatcore/testing/interest_registry_conformance.hpp"

#include <algorithm>
#include <thread>

#include "eventually.hpp"

namespace chatcore::testing {

InterestRegistryFixture::~InterestRegistryFixture() = default;

namespace {

using Topics = std::vector<std::string>;
using Servers = std::vector<ServerRef>;

const ServerRef kA{"server-a", 7};
const ServerRef kALater{"server-a", 8};
const ServerRef kB{"server-b", 1};

struct Caller {
  explicit Caller(InterestRegistryFixture& f) : fixture(f) {}
  InterestRegistryFixture& fixture;
  TestExecutor executor;

  void add(const ServerRef& server, Topics topics) {
    const std::size_t count = topics.size();
    const auto answers = executor.wait<std::vector<Status>>([&](Executor& on, auto done) {
      fixture.registry().register_interest(server, std::move(topics), fixture.ttl(), on, std::move(done));
    });
    expect(answers.size() == count, "one answer per topic");
    for (const auto& answer : answers) expect(answer.has_value(), "the registration to succeed");
  }
  std::vector<InterestOutcome> renew(const ServerRef& server, Topics topics) {
    const auto answers = executor.wait<std::vector<Result<InterestOutcome>>>([&](Executor& on, auto done) {
      fixture.registry().renew(server, std::move(topics), fixture.ttl(), on, std::move(done));
    });
    std::vector<InterestOutcome> outcomes;
    for (const auto& answer : answers) {
      expect(answer.has_value(), "the renewal to be answered");
      outcomes.push_back(*answer);
    }
    return outcomes;
  }
  void withdraw(const ServerRef& server, Topics topics) {
    const auto status = executor.wait<Status>([&](Executor& on, auto done) {
      fixture.registry().withdraw(server, std::move(topics), on, std::move(done));
    });
    expect(status.has_value(), "the withdrawal to succeed");
  }
  std::vector<Servers> find_all(Topics topics) {
    auto answers = executor.wait<std::vector<Result<Servers>>>(
        [&](Executor& on, auto done) { fixture.registry().find(std::move(topics), on, std::move(done)); });
    std::vector<Servers> found;
    for (auto& answer : answers) {
      expect(answer.has_value(), "find to succeed");
      found.push_back(std::move(*answer));
    }
    return found;
  }
  Servers find(const std::string& topic) { return find_all({topic}).at(0); }
};

void found_after_completion(InterestRegistryFixture& fixture) {
  Caller call(fixture);
  expect(call.find("group-chat-1").empty(), "no taker of a new topic");
  call.add(kB, {"group-chat-1"});
  call.add(kA, {"group-chat-1", "group-chat-2"});
  call.add(kALater, {"group-chat-1"});
  expect(call.find("group-chat-1") == Servers{kA, kALater, kB}, "all takers by server and boot, ascending");
  expect(call.find("group-chat-2") == Servers{kA}, "each topic's own takers");
}

void answers_in_order(InterestRegistryFixture& fixture) {
  Caller call(fixture);
  call.add(kA, {"t1", "t3"});
  const auto found = call.find_all({"t3", "t2", "t1", "t3"});
  expect(found == std::vector<Servers>{{kA}, {}, {kA}, {kA}}, "one answer per topic, in order");
  const auto renewed = call.renew(kA, {"t2", "t1"});
  expect(renewed == std::vector{InterestOutcome::unknown, InterestOutcome::ok}, "renewals answered in order");
}

void never_inside_the_call(InterestRegistryFixture& fixture) {
  Caller call(fixture);
  int answered = 0;
  InterestRegistry& registry = fixture.registry();
  registry.register_interest(kA, {"t"}, fixture.ttl(), call.executor, [&](auto) { ++answered; });
  registry.renew(kA, {"t"}, fixture.ttl(), call.executor, [&](auto) { ++answered; });
  registry.find({"t"}, call.executor, [&](auto) { ++answered; });
  registry.withdraw(kA, {"t"}, call.executor, [&](auto) { ++answered; });
  registry.find({}, call.executor, [&](auto) { ++answered; });
  expect(answered == 0, "no completion before the executor runs");
  expect_eventually(call.executor, [&] { return answered == 5; }, "each call to complete once");
  call.executor.drain();
  expect(answered == 5, "each call to complete only once");
}

void registering_again(InterestRegistryFixture& fixture) {
  Caller call(fixture);
  call.add(kA, {"t", "t"});
  fixture.advance(fixture.ttl() * 3 / 4);
  call.add(kA, {"t"});
  expect(call.find("t") == Servers{kA}, "one entry of a server");
  fixture.advance(fixture.ttl() * 3 / 4);
  expect(call.find("t") == Servers{kA}, "the lease to be extended");
}

void leases_end(InterestRegistryFixture& fixture) {
  Caller call(fixture);
  call.add(kA, {"t", "u"});
  call.add(kB, {"t"});
  fixture.advance(fixture.ttl() / 2);
  expect(call.renew(kB, {"t"}) == std::vector{InterestOutcome::ok}, "the renewal to be taken");
  fixture.advance(fixture.ttl() * 3 / 4);
  expect(call.find("t") == Servers{kB}, "the entry of a server that does not renew to end");
  expect(call.find("u").empty(), "each of its entries to end");
  expect(call.renew(kA, {"t"}) == std::vector{InterestOutcome::unknown}, "what has ended to be unknown");
  expect(call.find("t") == Servers{kB}, "a late renewal not to bring it back");
  call.add(kA, {"t"});
  expect(call.find("t") == Servers{kA, kB}, "registering again to bring it back");
}

void withdrawal(InterestRegistryFixture& fixture) {
  Caller call(fixture);
  call.add(kA, {"t", "u"});
  call.add(kALater, {"t"});
  call.add(kB, {"t"});
  call.withdraw(kA, {"t", "never"});
  expect(call.find("t") == Servers{kALater, kB}, "only the server's own entry to go");
  expect(call.find("u") == Servers{kA}, "its other topics to stay");
  expect(call.renew(kA, {"t"}) == std::vector{InterestOutcome::unknown}, "a withdrawn entry to be unknown");
  call.withdraw(kA, {"t"});
  call.add(kA, {"t"});
  expect(call.find("t") == Servers{kA, kALater, kB}, "a withdrawn entry to be free again");
}

void any_thread(InterestRegistryFixture& fixture) {
  std::vector<std::thread> threads;
  std::vector<int> failures(4, 0);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&fixture, &failures, t] {
      try {
        Caller call(fixture);
        const ServerRef self{"server-" + std::to_string(t), 1};
        for (int i = 0; i < 50; ++i) {
          call.add(self, {"shared"});
          const Servers found = call.find("shared");
          if (std::find(found.begin(), found.end(), self) == found.end()) ++failures[t];
          if (i % 3 == 0) call.withdraw(self, {"shared"});
        }
      } catch (const std::exception&) {
        ++failures[t];
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (int count : failures) expect(count == 0, "every thread to see what it registered");
}

}  // namespace

std::vector<ConformanceCase> interest_registry_conformance(
    std::function<std::unique_ptr<InterestRegistryFixture>()> make) {
  return CaseList<InterestRegistryFixture>(std::move(make))
      .add("a find after the completion sees every taker, in order", found_after_completion)
      .add("a batch is answered topic by topic, in order", answers_in_order)
      .add("calls complete once, and never inside the call", never_inside_the_call)
      .add("registering again extends the lease", registering_again)
      .add("an entry that is not renewed ends, and stays ended", leases_end)
      .add("a withdrawal ends the server's own entry and no other", withdrawal)
      .add("calls may come from any thread", any_thread)
      .take();
}

}  // namespace chatcore::testing
