#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "simulated_device.hpp"
#include "simulated_fleet.hpp"

namespace chatcore::simulation {

struct Outcome {
  std::uint64_t seed = 0;
  std::uint64_t traceHash = 0;
  std::uint64_t steps = 0;
  Millis simulated{0};
  std::uint64_t committed = 0;  ///< events
  std::string violation;        ///< empty: none
};

/// One seed's whole life: people and trouble for a while, quiet in between and at the end, and what must hold
/// then.
class Simulation {
 public:
  Simulation(std::uint64_t seed, std::FILE* trace);
  ~Simulation();
  [[nodiscard]] Outcome run();

 private:
  // The clock (simulation.cpp)
  [[nodiscard]] bool broken() const { return !world_.violation.empty(); }
  void pass(Millis time);
  void pass_presence_time();

  // People (people.cpp)
  void act();
  void act_in_group(SimulatedDevice& device);
  void change_group(SimulatedDevice& device, const ConversationId& id);
  void change_message(SimulatedDevice& device);
  void read_something(SimulatedDevice& device);
  void look_around(SimulatedDevice& device);
  void change_account(SimulatedDevice& device);
  void come_or_go(SimulatedDevice& device);
  void manage_account(SimulatedDevice& device);
  [[nodiscard]] std::string some_settings();
  /// One device more than its user may have: it comes and goes, and is away when all is quiet.
  [[nodiscard]] bool spare(const SimulatedDevice& device) const {
    return world_.scenario.deviceLimit && device.number() > world_.scenario.engine.maxDevicesPerUser;
  }
  [[nodiscard]] const UserId& someone() { return people_.pick(users_); }
  [[nodiscard]] std::string some_users();
  [[nodiscard]] ConversationId some_conversation(const UserId& user);
  void command(SimulatedDevice& device, std::string json);

  // Trouble (trouble.cpp)
  void make_trouble();
  void block_somebody();
  void calm();

  // What must hold (invariants.cpp)
  void settle();
  void check_quiet();
  [[nodiscard]] std::string unsettled() const;
  void check_presence();
  void check_watched(SimulatedDevice& device);
  void check_preferences();
  void check_cleared();
  void check_receipts();
  void check_receipts_page(const SimulatedDevice& device, const std::string& page);
  void check_lists();
  void check_list(const SimulatedDevice& device, const std::string& page);
  void check_pins(const SimulatedDevice& device, const std::string& listed, const Truth::Log& log,
                  const std::string& told);
  [[nodiscard]] std::optional<std::string> ask(SimulatedDevice& device, std::string json);
  void check_histories();
  void check_history(const SimulatedDevice& device, const std::string& page);
  void check_sends();
  void check_order(const SimulatedDevice& device);
  void everybody_leaves();

  World world_;
  SimulatedPorts ports_;
  SimulatedFleet fleet_;
  std::vector<std::unique_ptr<SimulatedDevice>> devices_;
  std::vector<UserId> users_;
  std::vector<ConversationId> groups_;
  Choices people_;
  Choices misfortune_;
  std::string lastCommand_;
};

}  // namespace chatcore::simulation
