#include <doctest/doctest.h>

#include <algorithm>
#include <future>
#include <set>
#include <stdexcept>
#include <vector>

#include "scenario.hpp"

namespace chatcore::faulttest {

namespace {

constexpr auto kGrace = 10min;  // longer than any failure here is waited out

struct Outcome {
  Json shown;
  std::set<std::string> notified;
  bool failed = false;  ///< a call met the fault
  bool stopped = false;
};

std::set<std::string> notified_by(const TestServer& server) {
  std::set<std::string> notified;
  for (const Notification& one : server.push.sent())
    notified.insert(one.device.userId + " " + Json::parse(one.content).get<std::string>());
  return notified;
}

/// What is told when the grace is over, and what failed once has been tried again.
std::set<std::string> notify(TestServer& server, const std::set<std::string>& expected) {
  server.clock.advance(kGrace);
  TestServer::eventually([&] {
    server.clock.advance(1s);
    server.queue.run_due();
    const std::set<std::string> told = notified_by(server);
    return server.queue.size() == 0 &&
           std::includes(told.begin(), told.end(), expected.begin(), expected.end());
  });
  return notified_by(server);
}

/// `call`: which one fails, counted from when the server is there; 0: none does.
Outcome perform(const Scenario& scenario, std::uint64_t call, Fault fault, std::uint32_t shards) {
  TestServer server(shards, PortCall::any);
  server.options.gateway.closeLinger = 1ms;
  if (!scenario.notified.empty()) {
    server.with_push();
    server.options.engine.pushGrace = kGrace;
    for (const char* user : {"bob", "carol"})
      server.put_device(user, "phone", std::string("token of ") + user);
  }
  server.start();
  if (!TestServer::eventually([&] { return server.faultyStore.recovered() >= kPartitions; }))
    throw std::runtime_error("the server does not come up");
  if (call != 0) server.plan.fail(server.plan.calls() + call, fault);
  Outcome outcome;
  {
    Performance performance(server);
    performance.play(scenario);
    server.plan.heal();
    outcome.failed = server.plan.failed() != 0;
    outcome.shown = performance.everything_shown();
    if (!scenario.notified.empty()) outcome.notified = notify(server, scenario.notified);
  }
  outcome.stopped = server.stop();
  return outcome;
}

/// Somebody who was away may be told more than has changed, and never less.
void check_away(const Json& told, const Json& expected) {
  for (const auto& [user, shown] : expected.items()) {
    const auto& away = told.at(user);
    for (const auto& [id, entry] : shown.at("away").items()) {
      CAPTURE(user);
      CAPTURE(id);
      REQUIRE(away.at("away").contains(id));
      CHECK_EQ(away.at("away").at(id), entry);
    }
    for (const Json& section : shown.at("away account")) {
      const Json& sections = away.at("away account");
      CHECK_MESSAGE(std::find(sections.begin(), sections.end(), section) != sections.end(),
                    user << " is not told of " << section);
    }
  }
}

Json without_away(Json shown) {
  for (Json& one : shown) {
    one.erase("away");
    one.erase("away account");
  }
  return shown;
}

/// Several at once: a server that stops mostly waits.
std::vector<std::future<Outcome>> perform_next(const Scenario& scenario, std::uint64_t first, Fault fault) {
  constexpr std::uint64_t kAtOnce = 8;
  std::vector<std::future<Outcome>> outcomes;
  for (std::uint64_t call = first; call < first + kAtOnce; ++call)
    outcomes.push_back(std::async(std::launch::async, [&scenario, call, fault] {
      return perform(scenario, call, fault, 1 + call % 2);
    }));
  return outcomes;
}

/// Fails the first call of a port, the second, and so on, until the scenario passes untouched.
void walk(const Scenario& scenario, Fault fault) {
  const Json expected = perform(scenario, 0, fault, 1).shown;
  constexpr std::uint64_t kMostCalls = 600;
  std::uint64_t call = 1;
  for (bool untouched = false; !untouched && call < kMostCalls;) {
    for (auto& next : perform_next(scenario, call, fault)) {
      CAPTURE(scenario.name);
      CAPTURE(call);
      const Outcome outcome = next.get();
      CHECK(outcome.stopped);
      CHECK_EQ(Json::diff(without_away(expected), without_away(outcome.shown)).dump(), "[]");
      check_away(outcome.shown, expected);
      CHECK_EQ(outcome.notified, scenario.notified);
      untouched |= !outcome.failed;
      if (!untouched) ++call;
    }
  }
  CHECK_GT(call, scenario.steps.size());
  CHECK_LT(call, kMostCalls);
  MESSAGE(scenario.name << ": " << call - 1 << " calls failed, one at a time");
}

}  // namespace

TEST_CASE("whichever call of a port fails, everything asked for is done and shown to everybody") {
  for (const Scenario& scenario : scenarios()) walk(scenario, Fault::refused);
}

TEST_CASE("whichever call of a port is carried out and said to have failed, it is done once") {
  for (const Scenario& scenario : scenarios()) walk(scenario, Fault::unknown_but_written);
}

}  // namespace chatcore::faulttest
