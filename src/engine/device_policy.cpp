#include "engine/device_policy.hpp"

#include <algorithm>
#include <tuple>

namespace chatcore::engine {

namespace {

constexpr Timestamp kDay = 24LL * 3600 * 1000;

bool among(const std::vector<DeviceId>& devices, const DeviceId& device) {
  return std::find(devices.begin(), devices.end(), device) != devices.end();
}

bool registered_before(const Device& left, const Device& right) {
  return std::tie(left.registeredAt, left.deviceId) < std::tie(right.registeredAt, right.deviceId);
}

/// A device that counts, and how much it is missed.
struct Candidate {
  bool connected = false;
  Timestamp lastActive = 0;
  Timestamp registeredAt = 0;
  DeviceId deviceId;

  [[nodiscard]] auto rank() const { return std::tie(connected, lastActive, registeredAt, deviceId); }
};

/// Whoever stays beside the newcomer.
std::vector<Candidate> others(const std::vector<Device>& known, const std::vector<DeviceId>& connected,
                              const std::vector<DeviceId>& gone, const DeviceId& newcomer, Timestamp now) {
  std::vector<Candidate> staying;
  std::vector<DeviceId> strangers = connected;
  for (const Device& device : known) {
    std::erase(strangers, device.deviceId);
    if (device.deviceId == newcomer || among(gone, device.deviceId)) continue;
    staying.push_back(
        {among(connected, device.deviceId), device.lastActive, device.registeredAt, device.deviceId});
  }
  for (const DeviceId& stranger : strangers)
    if (stranger != newcomer) staying.push_back({true, now, now, stranger});
  return staying;
}

}  // namespace

const Device* primary_of(const std::vector<Device>& known, const EngineOptions& options) {
  if (known.empty() || options.deviceRoles == DeviceRoles::all_equal) return nullptr;
  return &*std::min_element(known.begin(), known.end(), registered_before);
}

std::vector<DeviceId> inactive_devices(const std::vector<Device>& known,
                                       const std::vector<DeviceId>& connected, Timestamp now,
                                       const EngineOptions& options) {
  std::vector<DeviceId> gone;
  if (options.deviceInactivityDays == 0) return gone;
  const Timestamp since = now - kDay * options.deviceInactivityDays;
  for (const Device& device : known)
    if (device.lastActive != 0 && device.lastActive < since && !among(connected, device.deviceId))
      gone.push_back(device.deviceId);
  const Device* primary = primary_of(known, options);
  if (primary == nullptr || !among(gone, primary->deviceId)) return gone;
  gone.clear();
  for (const Device& device : known) gone.push_back(device.deviceId);
  return gone;
}

Registration register_device(const std::vector<Device>& known, const std::vector<DeviceId>& connected,
                             const DeviceId& newcomer, Timestamp now, const EngineOptions& options) {
  Registration registration;
  // Coming does not undo that it was away for too long.
  std::vector<DeviceId> present = connected;
  std::erase(present, newcomer);
  registration.removed = inactive_devices(known, present, now, options);
  registration.returns = std::erase(registration.removed, newcomer) != 0;
  const bool isKnown = std::any_of(known.begin(), known.end(),
                                   [&](const Device& device) { return device.deviceId == newcomer; });
  registration.isNew = !isKnown || registration.returns;
  if (!registration.isNew) return registration;
  const Device* primary = primary_of(known, options);
  auto staying = others(known, present, registration.removed, newcomer, now);
  while (staying.size() >= options.maxDevicesPerUser) {
    auto leaves = staying.end();
    if (options.deviceOverflow == DeviceOverflow::evict_oldest_companion)
      for (auto candidate = staying.begin(); candidate != staying.end(); ++candidate) {
        if (primary != nullptr && candidate->deviceId == primary->deviceId) continue;
        if (leaves == staying.end() || candidate->rank() < leaves->rank()) leaves = candidate;
      }
    if (leaves == staying.end()) {
      registration.refused = true;
      return registration;
    }
    registration.removed.push_back(leaves->deviceId);
    staying.erase(leaves);
  }
  return registration;
}

}  // namespace chatcore::engine
