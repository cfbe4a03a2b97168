#include "simulation.hpp"

namespace chatcore::simulation {

namespace {

constexpr std::uint64_t kMostSteps = 3'000'000;
constexpr std::uint64_t kFirstDeviceStream = 100;

}  // namespace

Simulation::Simulation(std::uint64_t seed, std::FILE* trace)
    : world_(seed, trace), ports_(world_), fleet_(world_, ports_), people_(seed, 6), misfortune_(seed, 7) {
  static const char* const kNames[Scenario::kMostUsers] = {"ann", "bob", "cat", "dan", "eve", "fay",
                                                           "gus", "hal", "ida", "jon", "kim", "leo",
                                                           "mia", "ned", "ola", "pam"};
  for (std::uint32_t i = 0; i < world_.scenario.users; ++i) {
    users_.emplace_back(kNames[i]);
    for (std::uint32_t k = 1; k <= world_.scenario.devicesPerUser; ++k)
      devices_.push_back(std::make_unique<SimulatedDevice>(world_, fleet_, users_.back(), k,
                                                           kFirstDeviceStream + devices_.size()));
  }
}

Simulation::~Simulation() {
  for (auto& device : devices_)
    if (device->running()) device->vanish();
  fleet_.crash_all();
  world_.scheduler.drop_all();
}

void Simulation::pass(Millis time) {
  const Millis until = world_.now() + time;
  while (!broken() && world_.scheduler.step(until))
    if (world_.scheduler.steps() > kMostSteps) world_.fail("it never comes to rest");
}

void Simulation::pass_presence_time() {
  ports_.presence.pass_time();
  world_.scheduler.at(world_.now() + Millis(1'000), [this] { pass_presence_time(); });
}

Outcome Simulation::run() {
  const Millis begun = world_.now();
  fleet_.start();
  pass_presence_time();
  for (auto& device : devices_) {
    if (spare(*device)) continue;
    device->begin();
    pass(Millis(people_.between(0, 200)));
  }
  const bool pause = people_.percent(40);
  const std::uint32_t operations = world_.scenario.operations;
  for (std::uint32_t i = 0; i < operations && !broken(); ++i) {
    pass(Millis(people_.percent(60) ? people_.between(0, 30) : people_.between(0, 600)));
    make_trouble();
    act();
    if (pause && i == operations / 2) settle();
  }
  settle();
  check_quiet();
  everybody_leaves();
  Outcome outcome;
  outcome.seed = world_.seed;
  outcome.traceHash = world_.trace.hash();
  outcome.steps = world_.scheduler.steps();
  outcome.simulated = world_.now() - begun;
  for (const auto& [id, log] : world_.truth.logs()) outcome.committed += log.events.size();
  outcome.violation = world_.violation;
  return outcome;
}

}  // namespace chatcore::simulation
