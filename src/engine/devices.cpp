#include <algorithm>

#include "engine/engine_shard.hpp"

/// What a user does with its own devices.
namespace chatcore::engine {

/// Those that the directory knows, and those that are connected.
void EngineShard::list_devices(ClientSession& session, const protocol::RequestId& id) {
  const Requester from = requester(session, id);
  const std::uint32_t here = context_.link->self();
  context_.directory->devices(
      {UserId(session.user())}, *context_.executor,
      [busy = context_.busy, this, from, here](std::vector<Result<std::vector<Device>>> answers) {
        if (!answers[0])
          return outlet_.error(
              from.session, from.id, {},
              {ErrorCode::unavailable, "the directory did not answer", std::chrono::milliseconds(500)});
        on_shard(context_.home_of(from.user()), [from, here,
                                                 known = std::move(*answers[0])](EngineShard& home) mutable {
          auto connected = home.users_.connected(from.user());
          home.on_shard(here, [from, known = std::move(known), connected = std::move(connected)](
                                  EngineShard& origin) { origin.tell_devices(from, known, connected); });
        });
      });
}

void EngineShard::tell_devices(const Requester& from, const std::vector<Device>& known,
                               const std::vector<DeviceId>& connected) {
  std::vector<protocol::DeviceEntry> entries;
  for (const Device& device : known) entries.push_back({device.deviceId, device.platform, device.lastActive});
  for (const DeviceId& device : connected) {
    const auto entry = std::find_if(entries.begin(), entries.end(),
                                    [&](const auto& listed) { return listed.deviceId == device; });
    if (entry == entries.end()) {
      entries.push_back({device, {}, 0, true});
    } else {
      entry->online = true;
    }
  }
  std::sort(entries.begin(), entries.end(),
            [](const auto& left, const auto& right) { return left.deviceId < right.deviceId; });
  for (protocol::DeviceEntry& entry : entries) entry.current = entry.deviceId == from.device();
  outlet_.send(from.session, [&](std::string& out) { protocol::append_devices_page(out, from.id, entries); });
}

void EngineShard::remove_device(ClientSession& session, const protocol::RequestId& id, DeviceId device) {
  const Requester from = requester(session, id);
  context_.directory->remove_device(
      UserId(from.user()), device, *context_.executor,
      [busy = context_.busy, this, from, device](const Status& removed) {
        if (!removed)
          return outlet_.error(
              from.session, from.id, {},
              {ErrorCode::unavailable, "the device could not be removed", std::chrono::milliseconds(500)});
        if (context_.hooks != nullptr) {
          try {
            context_.hooks->on_device_removed(UserId(from.user()), device);
          } catch (const std::exception& failure) {
            context_.log->write(LogLevel::error, "hooks", failure.what());
          }
        }
        outlet_.ok(from.session, from.id);
        for (std::uint32_t shard = 0; shard < context_.link->count(); ++shard)
          on_shard(shard,
                   [user = UserId(from.user()), device](EngineShard& every) { every.revoke(user, device); });
      });
}

}  // namespace chatcore::engine
