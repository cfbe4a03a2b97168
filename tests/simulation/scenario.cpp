#include "scenario.hpp"

#include <algorithm>

namespace chatcore::simulation {

namespace {

using std::chrono::milliseconds;

void quicken(Scenario& scenario) {
  GatewayOptions& gateway = scenario.gateway;
  gateway.handshakeTimeout = milliseconds(3'000);
  gateway.heartbeat = milliseconds(5'000);
  gateway.idleTimeout = milliseconds(10'000);
  gateway.closeLinger = milliseconds(500);
  gateway.maxLag = milliseconds(6'000);
  EngineOptions& engine = scenario.engine;
  engine.presenceTtl = milliseconds(6'000);
  engine.presenceDebounce = milliseconds(2'000);
  engine.heartbeat = milliseconds(4'000);
  engine.typingTtl = milliseconds(1'500);
  engine.headAfterQuiet = milliseconds(1'000);
  engine.pushGrace = milliseconds(500);
  engine.pushTokenCache = milliseconds(1'000);
  engine.hooks.connectDeadline = milliseconds(1'500);
  engine.hooks.persistDeadline = milliseconds(1'000);
  engine.statusInterval = milliseconds(1'000);
  engine.settingsCache = milliseconds(10'000);
}

bool tighten(Scenario& scenario, Choices& choices) {
  bool tight = false;
  if (choices.percent(40)) {
    scenario.gateway.outboxHighWater = static_cast<std::uint32_t>(choices.between(600, 4'000));
    // Room for the largest page and some answers, or a client that asks for no more is closed for ever.
    scenario.gateway.outboxLimit = static_cast<std::uint32_t>(choices.between(32, 64)) * 1024;
    scenario.gateway.maxMarks = static_cast<std::uint32_t>(choices.between(1, 3));
    scenario.socketBytes = static_cast<std::uint32_t>(choices.between(300, 3'000));
    tight = true;
  }
  if (choices.percent(30))
    scenario.engine.maxLoadedConversations = static_cast<std::uint32_t>(choices.between(0, 3));
  if (choices.percent(20)) scenario.engine.maxAppendBatch = static_cast<std::uint32_t>(choices.between(1, 3));
  if (choices.percent(10))
    scenario.engine.maxWaitingPerConversation = static_cast<std::uint32_t>(choices.between(2, 6));
  if (choices.percent(20)) scenario.engine.editWindow = scenario.engine.deleteWindow = milliseconds(5'000);
  if (choices.percent(15)) {
    scenario.engine.rateLimits.events = {{3, 6}, {5, 10}, {}};
    scenario.engine.rateLimits.queries = {{10, 20}, {20, 40}, {}};
  } else if (choices.percent(50)) {
    scenario.engine.rateLimits = RateLimitOptions::off();
  }
  return tight;
}

/// Tens of clients, where there are a few otherwise.
void gather_a_crowd(Scenario& scenario, Choices& choices) {
  scenario.users = static_cast<std::uint32_t>(choices.between(8, Scenario::kMostUsers));
  scenario.devicesPerUser = std::max(scenario.devicesPerUser, 2U);
  scenario.operations *= 3;
}

/// Connections on some servers, their engine on another one.
void spread_over_servers(Scenario& scenario, Choices& choices) {
  scenario.gateways = static_cast<std::uint32_t>(choices.between(1, 3));
  scenario.engines = static_cast<std::uint32_t>(choices.between(1, 2));
  // What a server leaves behind meets its successor.
  scenario.crashes |= choices.percent(50);
  scenario.slowDirectory |= choices.percent(30);
  for (bool Scenario::* kind : {&Scenario::brokerRefuses, &Scenario::brokerLoses, &Scenario::brokerRepeats,
                                &Scenario::slowBroker, &Scenario::partitions})
    scenario.*kind = choices.percent(30);
  SeamOptions& seam = scenario.seam;
  seam.announce = milliseconds(300);
  seam.comeBackWithin = milliseconds(1'000);
  seam.link.beat = milliseconds(300);
  seam.link.resendAfter = milliseconds(100);
  seam.link.silence = milliseconds(2'000);
  if (choices.percent(30)) seam.packetBytes = static_cast<std::size_t>(choices.between(1, 2'000));
  if (choices.percent(20))
    seam.link.maxUnacknowledged = static_cast<std::size_t>(choices.between(32, 128)) * 1024;
}

}  // namespace

Scenario Scenario::of(std::uint64_t seed) {
  Choices choices(seed, 1);
  Scenario scenario;
  quicken(scenario);
  scenario.shards = static_cast<std::uint32_t>(choices.between(1, 3));
  scenario.users = static_cast<std::uint32_t>(choices.between(2, 4));
  scenario.devicesPerUser = static_cast<std::uint32_t>(choices.between(1, 2));
  scenario.operations = static_cast<std::uint32_t>(choices.between(40, 160));
  scenario.tight = tighten(scenario, choices);
  // A page must get through within the time that a client waits for it.
  if (choices.percent(40))
    scenario.slowestLink = scenario.tight ? choices.between(20, 60) : choices.between(50, 400);
  if (choices.percent(30)) scenario.slowestPort = choices.between(10, 100);
  for (bool Scenario::* kind :
       {&Scenario::crashes, &Scenario::linkCuts, &Scenario::stalls, &Scenario::storeErrors,
        &Scenario::storeUnknown, &Scenario::slowStore, &Scenario::directoryErrors, &Scenario::wallJumps,
        &Scenario::vanishing, &Scenario::blocks, &Scenario::repeats, &Scenario::expiry,
        &Scenario::slowDirectory, &Scenario::deviceLimit})
    scenario.*kind = choices.percent(30);
  if (scenario.deviceLimit) scenario.engine.maxDevicesPerUser = scenario.devicesPerUser++;
  // Drawn last: what came before there were hooks is as it was.
  scenario.hooks = choices.percent(30);
  if (choices.percent(30)) scenario.engine.hooks.persistFailure = HookFailure::open;
  if (choices.percent(30)) scenario.engine.hooks.connectFailure = HookFailure::open;
  if (choices.percent(20)) scenario.engine.hooks.maxQuestions = 2;
  if (choices.percent(3)) gather_a_crowd(scenario, choices);
  if (choices.percent(30)) spread_over_servers(scenario, choices);
  return scenario;
}

}  // namespace chatcore::simulation
