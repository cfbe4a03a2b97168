#pragma once

#include <string_view>

/// `CHATCORE_BUG("name")` marks where the simulation plants a defect, to see that it would be found. False,
/// and nothing in the program, but in the simulation's own build, where one may be chosen by name.
#ifdef CHATCORE_SIMULATION_BUGS
#define CHATCORE_BUG(name) (::chatcore::simulation::planted() == std::string_view(name))
#else
#define CHATCORE_BUG(name) false
#endif

namespace chatcore::simulation {

#ifdef CHATCORE_SIMULATION_BUGS
/// The bug that is switched on; empty: none.
[[nodiscard]] std::string_view planted() noexcept;
#endif

}  // namespace chatcore::simulation
