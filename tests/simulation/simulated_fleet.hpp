#pragma once

#include <memory>
#include <string>
#include <vector>

#include "simulated_server.hpp"

namespace chatcore::simulation {

/// All servers: one that is everything, or some with connections and the one engine that serves them. Where
/// there are two with engines, another one may follow when the one that serves has crashed.
class SimulatedFleet {
 public:
  SimulatedFleet(World& world, SimulatedPorts& ports);

  void start();
  /// Of one of them, which is up again after a while, or whose place another one takes.
  void crash_one(Choices& misfortune);
  /// One of them hears nothing of the others for a while.
  void cut_one_off(Choices& misfortune);
  /// Whoever is down.
  void bring_up();
  void crash_all();

  /// False: nobody listens there.
  [[nodiscard]] bool accept(std::shared_ptr<Link> link, const std::string& query, Millis made);
  void blocks_changed(const UserId& a, const UserId& b);
  /// Once nobody is connected any more: what should be gone and is not; empty if nothing.
  [[nodiscard]] std::string leftovers();

 private:
  [[nodiscard]] SimulatedServer& engine() { return *engines_[serving_]; }
  void start_engine();

  World& world_;
  std::vector<std::unique_ptr<SimulatedServer>> engines_;  ///< `whole` where there are no gateways
  std::vector<std::unique_ptr<SimulatedServer>> gateways_;
  std::size_t serving_ = 0;
  Term terms_ = 0;  ///< begun so far, by engines, and boots of gateways
  Choices choices_;
};

}  // namespace chatcore::simulation
