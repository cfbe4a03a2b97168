#include "bugs.hpp"

#include <algorithm>

#include "core/simulation_bug.hpp"

namespace chatcore::simulation {

namespace {
std::string chosen;
}

#ifdef CHATCORE_SIMULATION_BUGS
std::string_view planted() noexcept { return chosen; }
#endif

const std::vector<std::string>& known_bugs() {
  static const std::vector<std::string> kBugs = {};
  return kBugs;
}

bool plant_bug(const std::string& name) {
#ifdef CHATCORE_SIMULATION_BUGS
  if (std::find(known_bugs().begin(), known_bugs().end(), name) == known_bugs().end()) return false;
  chosen = name;
  return true;
#else
  static_cast<void>(name);
  return false;
#endif
}

}  // namespace chatcore::simulation
