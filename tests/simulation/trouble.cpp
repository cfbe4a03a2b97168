#include "simulation.hpp"

namespace chatcore::simulation {

void Simulation::make_trouble() {
  const Scenario& scenario = world_.scenario;
  if (misfortune_.percent(12)) {
    Trouble& now = world_.trouble;
    now = {};
    const auto sometimes = [&](bool kind, unsigned most) {
      return kind && misfortune_.percent(60) ? static_cast<unsigned>(misfortune_.between(5, most)) : 0U;
    };
    now.appendRefused = sometimes(scenario.storeErrors, 50);
    now.callFails = sometimes(scenario.storeErrors, 40);
    now.appendUnknown = sometimes(scenario.storeUnknown, 60);
    now.directoryFails = sometimes(scenario.directoryErrors, 60);
    now.slowestCall = sometimes(scenario.slowStore, 900);
    now.hookFails = scenario.hooks ? sometimes(true, 50) : 0;
    now.slowestQuestion = sometimes(scenario.slowDirectory, 5'000);
    const bool fleet = scenario.gateways != 0;
    now.brokerRefuses = fleet ? sometimes(scenario.brokerRefuses, 60) : 0;
    now.brokerLoses = fleet ? sometimes(scenario.brokerLoses, 60) : 0;
    now.brokerRepeats = fleet ? sometimes(scenario.brokerRepeats, 60) : 0;
    now.slowestBroker = fleet ? sometimes(scenario.slowBroker, 900) : 0;
    world_.trace.line(
        "trouble", "refused " + std::to_string(now.appendRefused) + " failing " +
                       std::to_string(now.callFails) + " unknown " + std::to_string(now.appendUnknown) +
                       " directory " + std::to_string(now.directoryFails) + " slow " +
                       std::to_string(now.slowestCall) + " questions " + std::to_string(now.slowestQuestion));
    if (fleet)
      world_.trace.line("trouble", "broker refuses " + std::to_string(now.brokerRefuses) + " loses " +
                                       std::to_string(now.brokerLoses) + " repeats " +
                                       std::to_string(now.brokerRepeats) + " slow " +
                                       std::to_string(now.slowestBroker));
  }
  if (scenario.crashes && misfortune_.percent(3)) fleet_.crash_one(misfortune_);
  if (scenario.gateways != 0 && scenario.partitions && misfortune_.percent(3))
    fleet_.cut_one_off(misfortune_);
  if (scenario.blocks && misfortune_.percent(8)) block_somebody();
  SimulatedDevice& device = *misfortune_.pick(devices_);
  if (scenario.linkCuts && misfortune_.percent(8) && device.link() != nullptr) device.link()->cut();
  if (scenario.stalls && misfortune_.percent(10) && device.link() != nullptr)
    device.link()->stall(world_.now() + Millis(misfortune_.between(100, 9'000)));
  if (scenario.wallJumps && misfortune_.percent(5)) {
    const Millis jump(misfortune_.between(-60'000, 60'000));
    world_.trace.line("clock", "jumps by " + std::to_string(jump.count()));
    world_.clock.jump_wall(jump);
  }
}

void Simulation::block_somebody() {
  const UserId& by = misfortune_.pick(users_);
  const UserId& whom = misfortune_.pick(users_);
  if (by == whom) return;
  World::Block& block = world_.blockList[{by, whom}];
  block = {!block.blocked, world_.now()};
  world_.trace.line(by, (block.blocked ? "blocks " : "unblocks ") + whom);
  ports_.directory.block_now(by, whom, block.blocked);
  fleet_.blocks_changed(by, whom);
}

void Simulation::calm() {
  world_.trace.line("trouble", "is over");
  world_.trouble = {};
  fleet_.bring_up();
  for (auto& device : devices_)
    if (spare(*device) && device->running()) device->vanish();
  for (auto& device : devices_) {
    if (spare(*device)) continue;
    if (!device->running()) device->come_back();
    if (device->offline()) device->connect();
  }
}

}  // namespace chatcore::simulation
