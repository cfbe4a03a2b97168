#include <algorithm>

#include "core/simulation_bug.hpp"
#include "engine/device_policy.hpp"
#include "engine/engine_shard.hpp"

/// What a user does with its own devices.
namespace chatcore::engine {

namespace {
constexpr std::size_t kMaxLeaving = 64;  // of one user, at a user's request
}

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
  const auto inactive = inactive_devices(known, connected, context_.now(), context_.options);
  const Device* primary = primary_of(known, context_.options);
  const auto listed = [](std::vector<protocol::DeviceEntry>& entries, const DeviceId& device) {
    return std::find_if(entries.begin(), entries.end(),
                        [&](const auto& entry) { return entry.deviceId == device; });
  };
  std::vector<protocol::DeviceEntry> entries;
  for (const Device& device : known)
    entries.push_back(
        {device.deviceId, device.platform, device.lastActive, false, false, &device == primary});
  for (const DeviceId& device : connected) {
    const auto entry = listed(entries, device);
    if (entry == entries.end()) {
      entries.push_back({device, {}, 0, true});
    } else {
      entry->online = true;
    }
  }
  for (const DeviceId& device : inactive)
    if (const auto entry = listed(entries, device); entry != entries.end()) entries.erase(entry);
  std::sort(entries.begin(), entries.end(),
            [](const auto& left, const auto& right) { return left.deviceId < right.deviceId; });
  for (protocol::DeviceEntry& entry : entries) entry.current = entry.deviceId == from.device();
  outlet_.send(from.session, [&](std::string& out) { protocol::append_devices_page(out, from.id, entries); });
  for (const DeviceId& device : inactive) forget_device(UserId(from.user()), device);
}

void EngineShard::remove_device(ClientSession& session, const protocol::RequestId& id, DeviceId device) {
  const Requester from = requester(session, id);
  const auto remove = [this, from](std::vector<DeviceId> devices) {
    on_shard(context_.home_of(from.user()),
             [from, devices = std::move(devices)](EngineShard& home) { home.remove_devices(from, devices); });
  };
  if (context_.options.deviceRoles == DeviceRoles::all_equal) return remove({std::move(device)});
  context_.directory->devices(
      {UserId(from.user())}, *context_.executor,
      [busy = context_.busy, this, from, device,
       remove](const std::vector<Result<std::vector<Device>>>& answers) {
        if (!answers[0])
          return outlet_.error(
              from.session, from.id, {},
              {ErrorCode::unavailable, "the directory did not answer", std::chrono::milliseconds(500)});
        std::vector<DeviceId> leaving{device};
        const Device* primary = primary_of(*answers[0], context_.options);
        if (primary != nullptr && primary->deviceId == device)
          for (const Device& companion : *answers[0])
            if (companion.deviceId != device) leaving.push_back(companion.deviceId);
        remove(std::move(leaving));
      });
}

/// The first one is what was asked for; the others go with it.
void EngineShard::remove_devices(const Requester& from, const std::vector<DeviceId>& devices) {
  const UserId user(from.user());
  const auto refuse = [this, from](ErrorCode code, const char* reason) {
    outlet_.error(from.session, from.id, {}, {code, reason, std::chrono::milliseconds(500)});
  };
  if (users_.leaving(user) >= kMaxLeaving)
    return refuse(ErrorCode::overloaded, "too many devices are being removed");
  take_out(user, devices[0], [this, from, user, devices, refuse](const Status& removed) {
    if (!removed) return refuse(ErrorCode::unavailable, "the device could not be removed");
    // Whoever has removed itself hears no more than this.
    if (devices[0] == from.device()) outlet_.ok(from.session, from.id);
    tell_hook_of_removal(user, devices[0]);
    device_gone(user, devices[0]);
    notes_.note(user, AccountSection::devices, [this, from, user, devices, refuse](const Status& noted) {
      if (noted)
        outlet_.ok(from.session, from.id);
      else
        refuse(ErrorCode::unavailable, "the store did not answer");
      // The one that asked may be among them.
      for (std::size_t i = 1; i < devices.size(); ++i) forget_device(user, devices[i]);
    });
  });
}

void EngineShard::forget_device(const UserId& user, const DeviceId& device) {
  on_shard(context_.home_of(user), [user, device](EngineShard& home) { home.make_leave(user, device); });
}

void EngineShard::make_leave(const UserId& user, const DeviceId& device) {
  if (users_.is_leaving(user, device)) return;
  take_out(user, device, [this, user](const Status& removed) {
    if (!removed)
      return context_.log->write(LogLevel::warn, "devices", "not removed: " + removed.error().message);
    notes_.note(user, AccountSection::devices, [this](const Status& noted) {
      if (!noted) context_.log->write(LogLevel::warn, "devices", "not noted: " + noted.error().message);
    });
  });
  tell_hook_of_removal(user, device);
  device_gone(user, device);
}

void EngineShard::take_out(const UserId& user, const DeviceId& device,
                           UniqueFunction<void(const Status&)> done) {
  users_.leaves(user, device);
  context_.directory->remove_device(
      user, device, *context_.executor,
      [busy = context_.busy, this, user, device, done = std::move(done)](const Status& removed) mutable {
        done(removed);
        // Also after a failure: it may have been removed all the same.
        users_.left(user, device);
      });
}

void EngineShard::tell_hook_of_removal(const UserId& user, const DeviceId& device) {
  if (context_.hooks == nullptr) return;
  tell_hook(context_, [&](Hooks& hooks) { hooks.on_device_removed(user, device); });
}

void EngineShard::device_gone(const UserId& user, const DeviceId& device) {
  context_.store->forget_tokens({DeviceKey{user, device}});
  const std::uint32_t shards = CHATCORE_BUG("removed devices stay connected") ? 0 : context_.link->count();
  for (std::uint32_t shard = 0; shard < shards; ++shard)
    on_shard(shard, [user, device](EngineShard& every) { every.revoke(user, device); });
  const FrameRef frame =
      outlet_.frame([&](std::string& out) { protocol::append_device_removed(out, device, context_.now()); },
                    {DeliveryClass::ephemeral, {}, 0});
  context_.router->publish(context_.link->self(), context_.inbox(user), {frame, 0, 0, nullptr});
}

}  // namespace chatcore::engine
