#pragma once

#include <vector>

#include "chatcore/engine/options.hpp"
#include "chatcore/model/user.hpp"

/// Which of a user's devices stay: decided from what is known of them, without asking anybody.
namespace chatcore::engine {

/// What becomes of a user's devices when one of them connects.
struct Registration {
  bool refused = false;           ///< one too many
  bool isNew = false;             ///< to be registered
  bool returns = false;           ///< new again: it was known, and is to be forgotten first
  std::vector<DeviceId> removed;  ///< others
};
/// `connected`: those that are here at this moment, registered or not; the newcomer may be among them.
[[nodiscard]] Registration register_device(const std::vector<Device>& known,
                                           const std::vector<DeviceId>& connected, const DeviceId& newcomer,
                                           Timestamp now, const EngineOptions& options);

/// Those that were inactive for too long, and whoever goes with them.
[[nodiscard]] std::vector<DeviceId> inactive_devices(const std::vector<Device>& known,
                                                     const std::vector<DeviceId>& connected, Timestamp now,
                                                     const EngineOptions& options);

/// Null: there is none, or all are equal.
[[nodiscard]] const Device* primary_of(const std::vector<Device>& known, const EngineOptions& options);

}  // namespace chatcore::engine
