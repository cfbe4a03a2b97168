#include "device_rows.hpp"

#include <algorithm>

#include "keys.hpp"
#include "values.hpp"

namespace chatcore::rocks {

namespace {

constexpr std::size_t kMaxDevices = 32;

Error damaged() { return Error{.code = ErrorCode::corrupted, .message = "a user's devices are damaged"}; }

Status load(DirectoryRows& rows, const std::string& key, std::vector<Device>& devices) {
  auto row = rows.get(key);
  if (!row) return std::move(row).error();
  if (*row && !decode_devices(key, **row, devices)) return damaged();
  return {};
}

std::vector<Device>::iterator find(std::vector<Device>& devices, const DeviceId& id) {
  return std::find_if(devices.begin(), devices.end(),
                      [&](const Device& device) { return device.deviceId == id; });
}

void store(DirectoryRows& rows, const std::string& key, const std::vector<Device>& devices) {
  if (devices.empty()) {
    rows.erase(key);
  } else {
    rows.put(key, encode_devices(key, devices));
  }
}

std::string token_key(const std::string& token) { return directory_key(DirectoryRow::token, token); }

/// The row of a token that a device no longer has goes, unless another device has taken the token over.
Status forget_token(DirectoryRows& rows, const std::string& token, const std::string& holder) {
  if (token.empty()) return {};
  auto row = rows.get(token_key(token));
  if (!row) return std::move(row).error();
  if (*row && **row == holder) rows.erase(token_key(token));
  return {};
}

}  // namespace

std::string directory_key(DirectoryRow kind, std::string_view rest) {
  std::string key(1, static_cast<char>(kind));
  return key.append(rest);
}

Status put_device_rows(DirectoryRows& rows, Device device) {
  const std::string key = directory_key(DirectoryRow::devices, device.userId);
  const std::string holder = pair_key(device.userId, device.deviceId);
  std::vector<Device> devices;
  if (Status loaded = load(rows, key, devices); !loaded) return loaded;
  auto known = find(devices, device.deviceId);
  if (known == devices.end()) {
    if (devices.size() >= kMaxDevices)
      return Error{.code = ErrorCode::overloaded, .message = "a user has at most 32 devices"};
    known = devices.emplace(devices.end());
  }
  if (device.pushToken.empty()) {
    device.pushToken = known->pushToken;
  } else {
    if (Status forgotten = forget_token(rows, known->pushToken, holder); !forgotten) return forgotten;
    // Also when it is the one that is known: another device may have had it meanwhile.
    rows.put(token_key(device.pushToken), holder);
  }
  if (device.platform.empty()) device.platform = known->platform;
  if (device.registeredAt == 0) device.registeredAt = known->registeredAt;
  if (device.registeredAt == 0) device.registeredAt = device.lastActive;
  *known = std::move(device);
  store(rows, key, devices);
  return {};
}

Status remove_device_rows(DirectoryRows& rows, const UserId& user, const DeviceId& device) {
  const std::string key = directory_key(DirectoryRow::devices, user);
  std::vector<Device> devices;
  if (Status loaded = load(rows, key, devices); !loaded) return loaded;
  const auto known = find(devices, device);
  if (known == devices.end()) return {};
  if (Status forgotten = forget_token(rows, known->pushToken, pair_key(user, device)); !forgotten)
    return forgotten;
  devices.erase(known);
  store(rows, key, devices);
  return {};
}

Status drop_token_rows(DirectoryRows& rows, const std::string& token) {
  auto row = rows.get(token_key(token));
  if (!row) return std::move(row).error();
  if (!*row) return {};
  const std::string holder = **row;
  const std::string_view deviceId = second_of_pair(holder);
  if (deviceId.empty())
    return Error{.code = ErrorCode::corrupted, .message = "the row of a push token is damaged"};
  rows.erase(token_key(token));
  const std::string user = holder.substr(1, holder.size() - 1 - deviceId.size());
  const std::string key = directory_key(DirectoryRow::devices, user);
  std::vector<Device> devices;
  if (Status loaded = load(rows, key, devices); !loaded) return loaded;
  const auto known = find(devices, DeviceId(deviceId));
  if (known == devices.end() || known->pushToken != token) return {};
  known->pushToken.clear();
  store(rows, key, devices);
  return {};
}

}  // namespace chatcore::rocks
