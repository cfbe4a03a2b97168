#pragma once

#include <string>
#include <vector>

namespace chatcore::simulation {

/// The defects that CHATCORE_BUG marks in the sources.
[[nodiscard]] const std::vector<std::string>& known_bugs();
/// Switches one on. False: no such bug, or a build without them.
bool plant_bug(const std::string& name);

}  // namespace chatcore::simulation
