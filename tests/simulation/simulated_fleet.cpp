#include "simulated_fleet.hpp"

namespace chatcore::simulation {

namespace {

constexpr std::uint64_t kServerStream = 5;
constexpr std::uint64_t kFleetStream = 8;
constexpr std::uint64_t kFirstGatewayStream = 20;

}  // namespace

SimulatedFleet::SimulatedFleet(World& world, SimulatedPorts& ports)
    : world_(world), choices_(world.seed, kFleetStream) {
  const Scenario& scenario = world.scenario;
  if (scenario.gateways == 0) {
    engines_.push_back(
        std::make_unique<SimulatedServer>(world, ports, ServerRole::whole, "server-1", kServerStream));
    return;
  }
  for (std::uint32_t i = 0; i < scenario.engines; ++i)
    engines_.push_back(std::make_unique<SimulatedServer>(
        world, ports, ServerRole::engine, "engine-" + std::to_string(i + 1), kServerStream + 100 * i));
  for (std::uint32_t i = 0; i < scenario.gateways; ++i)
    gateways_.push_back(std::make_unique<SimulatedServer>(
        world, ports, ServerRole::gateway, "gateway-" + std::to_string(i + 1), kFirstGatewayStream + i));
}

void SimulatedFleet::start() {
  start_engine();
  for (auto& gateway : gateways_) gateway->start(++terms_);
}

void SimulatedFleet::start_engine() {
  if (engine().up()) return;
  if (engines_.size() > 1) serving_ = choices_.index(engines_.size());
  engine().start(++terms_);
}

void SimulatedFleet::crash_one(Choices& misfortune) {
  const bool engineCrashes = gateways_.empty() || choices_.percent(50);
  SimulatedServer& crashing = engineCrashes ? engine() : *choices_.pick(gateways_);
  if (!crashing.up()) return;
  crashing.crash();
  const Millis down(misfortune.percent(50) ? 0 : misfortune.between(0, 4'000));
  world_.scheduler.at(world_.now() + down, [this, &crashing, engineCrashes] {
    if (engineCrashes) return start_engine();
    if (!crashing.up()) crashing.start(++terms_);
  });
}

void SimulatedFleet::cut_one_off(Choices& misfortune) {
  SimulatedServer& alone = choices_.percent(30) ? engine() : *choices_.pick(gateways_);
  alone.cut_off(world_.now() + Millis(misfortune.between(100, 6'000)));
}

void SimulatedFleet::bring_up() {
  start_engine();
  for (auto& gateway : gateways_)
    if (!gateway->up()) gateway->start(++terms_);
}

void SimulatedFleet::crash_all() {
  for (auto& gateway : gateways_)
    if (gateway->up()) gateway->crash();
  if (engine().up()) engine().crash();
}

bool SimulatedFleet::accept(std::shared_ptr<Link> link, const std::string& query, Millis made) {
  SimulatedServer& server = gateways_.empty() ? engine() : *choices_.pick(gateways_);
  return server.accept(std::move(link), query, made);
}

void SimulatedFleet::blocks_changed(const UserId& a, const UserId& b) { engine().blocks_changed(a, b); }

std::string SimulatedFleet::leftovers() {
  std::string left = engine().leftovers();
  for (auto& gateway : gateways_) {
    const std::string more = gateway->leftovers();
    if (!more.empty()) left += (left.empty() ? "" : ", ") + more;
  }
  return left;
}

}  // namespace chatcore::simulation
