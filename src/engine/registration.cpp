#include <algorithm>

#include "engine/device_policy.hpp"
#include "engine/engine_shard.hpp"

/// A device's way into its user's home, and what is kept of when it was there.
namespace chatcore::engine {

namespace {

constexpr std::uint32_t kRecordedEvery = 1;  // hours
constexpr std::uint32_t kRecordedDaily = 24;
constexpr std::chrono::minutes kRecordInterval{10};
constexpr std::size_t kMostRecorded = 4096;  // in one interval

std::uint32_t hour_of(Timestamp at) { return static_cast<std::uint32_t>(at / 3'600'000); }

}  // namespace

/// A device that is on its way in.
struct UserHome::Newcomer {
  SessionId session = 0;
  PrincipalRef who;
  std::string platform;
  Task registered;
};

void UserHome::ask_to_register(SessionId session, PrincipalRef who, std::string platform, Task registered) {
  newcomers_.push_back(std::make_shared<Newcomer>(
      Newcomer{session, std::move(who), std::move(platform), std::move(registered)}));
}

void UserHome::ask_for_devices() {
  if (newcomers_.empty()) return;
  std::vector<UserId> users;
  for (const auto& newcomer : newcomers_) users.emplace_back(newcomer->who->user());
  context_.directory->devices(std::move(users), *context_.executor,
                              [busy = context_.busy, this, newcomers = std::exchange(newcomers_, {})](
                                  std::vector<Result<std::vector<Device>>> known) {
                                for (std::size_t i = 0; i < newcomers.size(); ++i)
                                  decide(newcomers[i], std::move(known[i]));
                              });
}

/// Null: it has gone or is about to, or another connection of the same device has taken its place.
UserHome::DeviceSession* UserHome::find_session(const Newcomer& newcomer) const {
  User* state = find(newcomer.who->user());
  if (state == nullptr) return nullptr;
  const auto found = std::find_if(
      state->devices.begin(), state->devices.end(),
      [&](const DeviceSession& device) { return device.session == newcomer.session && !device.revoked; });
  return found == state->devices.end() ? nullptr : &*found;
}

void UserHome::decide(const std::shared_ptr<Newcomer>& newcomer, Result<std::vector<Device>> known) {
  if (find_session(*newcomer) == nullptr) return;
  const UserId user(newcomer->who->user());
  const DeviceId& device = newcomer->who->device;
  // It waits for `left`: what the directory said may be of before.
  if (is_leaving(user, device)) return;
  if (!known) {
    // Nobody is kept out because the directory does not answer.
    context_.log->write(LogLevel::warn, "devices", "not registered: " + known.error().message);
    return admit(*newcomer);
  }
  // Another one has just been let in: what it was let in by does not hold any more.
  const auto& devices = find(user)->devices;
  if (std::any_of(devices.begin(), devices.end(), [](const DeviceSession& other) {
        return other.stage == DeviceSession::Stage::registering;
      })) {
    heldBack_.push_back(newcomer);
    return;
  }
  std::erase_if(*known, [&](const Device& one) { return is_leaving(user, one.deviceId); });
  const Timestamp now = context_.now();
  const Registration registration = register_device(*known, connected(user), device, now, context_.options);
  EngineShard& here = *(*context_.shards)[context_.link->self()];
  for (const DeviceId& removed : registration.removed) here.forget_device(user, removed);
  DeviceSession* session = find_session(*newcomer);
  if (session == nullptr) return;
  if (registration.refused) return outlet_.close(newcomer->session, CloseCode::too_many_devices);
  if (registration.isNew) {
    session->stage = DeviceSession::Stage::registering;
    session->recordedHour = hour_of(now);
    if (registration.returns) return forget_then_put(newcomer);
    return put_new(newcomer);
  }
  const auto record =
      std::find_if(known->begin(), known->end(), [&](const Device& one) { return one.deviceId == device; });
  session->recordedHour = hour_of(record->lastActive);
  const bool says = !newcomer->platform.empty() && newcomer->platform != record->platform;
  if (says || hour_of(now) >= session->recordedHour + kRecordedEvery)
    record_active(user, *session, newcomer->platform);
  admit(*newcomer);
}

void UserHome::forget_then_put(const std::shared_ptr<Newcomer>& newcomer) {
  const UserId user(newcomer->who->user());
  context_.store->forget_tokens({DeviceKey{user, newcomer->who->device}});
  context_.directory->remove_device(user, newcomer->who->device, *context_.executor,
                                    [busy = context_.busy, this, newcomer, user](const Status&) {
                                      EngineShard& here = *(*context_.shards)[context_.link->self()];
                                      here.tell_hook_of_removal(user, newcomer->who->device);
                                      put_new(newcomer);
                                    });
}

void UserHome::put_new(const std::shared_ptr<Newcomer>& newcomer) {
  const Timestamp now = context_.now();
  const UserId user(newcomer->who->user());
  context_.directory->put_device(
      {user, newcomer->who->device, newcomer->platform, {}, now, now}, *context_.executor,
      [busy = context_.busy, this, newcomer, user, now](const Status& stored) {
        if (!stored) {
          context_.log->write(LogLevel::warn, "devices", "not registered: " + stored.error().message);
          return introduce(newcomer, now);
        }
        EngineShard& here = *(*context_.shards)[context_.link->self()];
        here.notes().note(user, AccountSection::devices, [this, newcomer, now](const Status& noted) {
          if (!noted) context_.log->write(LogLevel::warn, "devices", "not noted: " + noted.error().message);
          introduce(newcomer, now);
        });
      });
}

void UserHome::introduce(const std::shared_ptr<Newcomer>& newcomer, Timestamp now) {
  newcomers_.insert(newcomers_.end(), heldBack_.begin(), heldBack_.end());
  heldBack_.clear();
  if (find_session(*newcomer) == nullptr) return hand_over(*newcomer->who);
  const FrameRef frame = outlet_.frame(
      [&](std::string& out) {
        protocol::append_device_added(out, newcomer->who->device, newcomer->platform, now);
      },
      {DeliveryClass::ephemeral, {}, 0});
  context_.router->publish(context_.link->self(), newcomer->who->inbox,
                           {frame, 0, newcomer->session, nullptr});
  admit(*newcomer);
}

/// Another connection of the device has come while this one was being registered: now it is that one's turn.
void UserHome::hand_over(const Principal& who) {
  User* state = find(who.user());
  if (state == nullptr) return;
  for (DeviceSession& device : state->devices)
    if (device.who->device == who.device && device.stage == DeviceSession::Stage::registering)
      device.stage = DeviceSession::Stage::asking;
}

void UserHome::admit(Newcomer& newcomer) {
  DeviceSession* session = find_session(newcomer);
  if (session == nullptr) return;
  session->stage = DeviceSession::Stage::here;
  arrive(*find(newcomer.who->user()), newcomer.session, newcomer.who, std::move(newcomer.registered));
}

void UserHome::record_active(const UserId& user, DeviceSession& device, std::string platform) {
  // It would be put back.
  if (is_leaving(user, device.who->device)) return;
  const Timestamp now = context_.now();
  device.recordedHour = hour_of(now);
  context_.directory->put_device({user, device.who->device, std::move(platform), {}, now, 0},
                                 *context_.executor, [busy = context_.busy, this](const Status& stored) {
                                   if (!stored)
                                     context_.log->write(LogLevel::warn, "devices",
                                                         "activity not stored: " + stored.error().message);
                                 });
}

void UserHome::record_leaving(const UserId& user, DeviceSession& device) {
  if (device.revoked || device.stage != DeviceSession::Stage::here) return;
  if (hour_of(context_.now()) >= device.recordedHour + kRecordedEvery) record_active(user, device, {});
}

/// Who stays connected for weeks is active all the while, also if this process ends without a word.
void UserHome::record_the_present() {
  const std::int64_t now = context_.clock->steady().count();
  if (now < nextRecord_) return;
  nextRecord_ = now + std::chrono::milliseconds(kRecordInterval).count();
  const std::uint32_t hour = hour_of(context_.now());
  std::size_t recorded = 0;
  for (const auto& user : users_)
    for (DeviceSession& device : user->devices) {
      if (device.stage != DeviceSession::Stage::here || device.revoked) continue;
      if (hour < device.recordedHour + kRecordedDaily) continue;
      if (++recorded > kMostRecorded) return;
      record_active(UserId(user->name()), device, {});
    }
}

}  // namespace chatcore::engine
