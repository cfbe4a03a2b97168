#include "engine/user_home.hpp"

#include <algorithm>

#include "core/simulation_bug.hpp"
#include "engine/hook_desk.hpp"

namespace chatcore::engine {

namespace {
constexpr std::size_t kRenewBatch = 4096;
constexpr std::uint32_t kComeBackMillis = 10'000;
constexpr std::uint32_t kLookUpAgainMillis = 100;
// Of one user, registered or about to be: what an embedded directory holds, and as many at its door.
constexpr std::size_t kMaxDevices = 64;
}  // namespace

/// What is being found out for one asker.
struct UserHome::Query {
  Requester from;
  std::vector<UserId> users;
  std::vector<Visibility> sees;
  std::vector<bool> unknown;  ///< it could not be found out
  std::vector<bool> exists;
  std::vector<bool> watch;
  Answer done;
  bool again = false;  ///< what it has found out may have changed since
};

UserHome::UserHome(Context& context, Outlet& outlet)
    : context_(context),
      outlet_(outlet),
      debounces_(context.clock->steady()),
      statuses_(context.clock->steady()),
      revisions_(context.clock->steady()) {}

UserHome::User* UserHome::find(std::string_view user) const {
  const auto found = users_.find(user);
  return found == users_.end() ? nullptr : found->get();
}

UserHome::User& UserHome::find_or_add(const Topic& inbox) {
  if (User* known = find(inbox->name().substr(kInboxPrefix.size()))) return *known;
  auto user = std::make_unique<User>();
  user->inbox = inbox;
  return **users_.insert(std::move(user)).first;
}

DeviceLease UserHome::lease_of(const DeviceSession& device) const {
  return {UserId(device.who->user()),
          device.who->device,
          context_.serverId,
          context_.boot,
          device.session,
          device.epoch,
          context_.term};
}

void UserHome::connect(SessionId session, std::uint64_t order, PrincipalRef who, std::string platform,
                       Task registered) {
  const UserId user(who->user());
  User& state = find_or_add(who->inbox);
  const auto same = std::find_if(state.devices.begin(), state.devices.end(), [&](const DeviceSession& known) {
    return known.who->device == who->device;
  });
  if (same != state.devices.end() && same->order > order) {
    // It took longer to get here than the connection that came after it.
    outlet_.close(session, CloseCode::replaced);
    return;
  }
  if (same != state.devices.end() && (same->revoked || is_leaving(user, who->device))) {
    // What that one was let in by holds no more: this one is asked about as if there had been none.
    const SessionId older = same->session;
    disconnect(older, *who);
    outlet_.close(older, CloseCode::replaced);
    return connect(session, order, std::move(who), std::move(platform), std::move(registered));
  }
  if (same != state.devices.end()) {
    // Closing tells this home at once that the old session is gone: by then it must not be the device's.
    const SessionId replaced = std::exchange(same->session, session);
    same->order = order;
    same->epoch = 0;
    same->acquiring = true;
    const bool here = same->stage == DeviceSession::Stage::here;
    outlet_.close(replaced, CloseCode::replaced);
    if (here) {
      if (!platform.empty()) record_active(user, *same, std::move(platform));
      return arrive(state, session, who, std::move(registered));
    }
  } else if (state.devices.size() >= kMaxDevices) {
    outlet_.close(session, CloseCode::overloaded, kComeBackMillis);
    return;
  } else {
    state.devices.push_back({session, order, 0, who, true});
  }
  ask_to_register(session, std::move(who), std::move(platform), std::move(registered));
}

void UserHome::arrive(User& state, SessionId session, const PrincipalRef& who, Task registered) {
  const UserId user(who->user());
  state.offlineAt = 0;
  if (!state.announced) {
    state.announced = true;
    announce(user, state, true);
  }
  if (context_.presence != nullptr)
    acquiring_.push_back({user, who->device, context_.serverId, context_.boot, session, 0, context_.term});
  registered_.push_back(std::move(registered));
}

UserHome::DeviceSession* UserHome::holder_of(const DeviceLease& lease) const {
  User* state = find(lease.userId);
  if (state == nullptr) return nullptr;
  const auto found =
      std::find_if(state->devices.begin(), state->devices.end(), [&](const DeviceSession& device) {
        if (device.session != lease.session) return false;
        return (device.epoch == lease.epoch && !device.acquiring) || CHATCORE_BUG("late renewals count");
      });
  return found == state->devices.end() ? nullptr : &*found;
}

void UserHome::on_acquired(const DeviceLease& lease, const Result<AcquireResult>& result) {
  // Presence is advice; a device is not kept out because it cannot be registered. The renewal tries again.
  if (!result) context_.log->write(LogLevel::warn, "presence", "no lease: " + result.error().message);
  User* state = find(lease.userId);
  if (state == nullptr) return;
  for (DeviceSession& device : state->devices) {
    if (device.session != lease.session) continue;
    device.acquiring = false;
    if (result) device.epoch = result->epoch;
  }
}

void UserHome::disconnect(SessionId session, const Principal& who) {
  const UserId user(who.user());
  User* known = find(user);
  if (known == nullptr) return;
  User& state = *known;
  const auto gone =
      std::find_if(state.devices.begin(), state.devices.end(), [&](const DeviceSession& device) {
        return device.session == session && device.who->device == who.device;
      });
  if (gone == state.devices.end()) return;  // replaced by a newer connection of the same device
  const bool wasHere = gone->stage == DeviceSession::Stage::here;
  if (wasHere && context_.presence != nullptr) releasing_.push_back(lease_of(*gone));
  record_leaving(user, *gone);
  state.devices.erase(gone);
  if (!wasHere) return forget_if_idle(user);
  if (state.present()) return;
  state.lastSeen = context_.now();
  const auto debounce = context_.options.presenceDebounce;
  const auto until = context_.clock->steady() + (CHATCORE_BUG("no debounce") ? debounce * 0 : debounce);
  state.offlineAt = until.count();
  if (!std::exchange(state.timed, true)) debounces_.add(until, user);
}

std::vector<DeviceId> UserHome::connected(std::string_view user) const {
  std::vector<DeviceId> devices;
  if (const User* state = find(user))
    for (const DeviceSession& device : state->devices)
      if (device.stage != DeviceSession::Stage::asking && !device.revoked)
        devices.push_back(device.who->device);
  return devices;
}

void UserHome::revoke(const UserId& user, const DeviceId& device) {
  User* state = find(user);
  if (state == nullptr) return;
  // Closing takes the device off the list.
  std::vector<SessionId> revoked;
  for (DeviceSession& known : state->devices) {
    if (!device.empty() && known.who->device != device) continue;
    known.revoked = true;
    revoked.push_back(known.session);
  }
  for (const SessionId session : revoked) outlet_.close(session, CloseCode::device_removed);
}

void UserHome::leaves(const UserId& user, const DeviceId& device) { leaving_[user].push_back(device); }

void UserHome::left(const UserId& user, const DeviceId& device) {
  const auto leaving = leaving_.find(user);
  std::vector<DeviceId>& devices = leaving->second;
  devices.erase(std::find(devices.begin(), devices.end(), device));
  if (devices.empty()) leaving_.erase(leaving);
  User* state = find(user);
  if (state == nullptr || is_leaving(user, device)) return;
  const auto waiting =
      std::find_if(state->devices.begin(), state->devices.end(), [&](const DeviceSession& known) {
        return known.who->device == device && !known.revoked && known.stage != DeviceSession::Stage::here;
      });
  if (waiting == state->devices.end()) return;
  // What the directory still says of before reaches nobody.
  waiting->revoked = true;
  outlet_.close(waiting->session, CloseCode::overloaded, kLookUpAgainMillis);
}

bool UserHome::is_leaving(const UserId& user, const DeviceId& device) const {
  if (CHATCORE_BUG("who is leaving is let in")) return false;
  const auto leaving = leaving_.find(user);
  return leaving != leaving_.end() &&
         std::find(leaving->second.begin(), leaving->second.end(), device) != leaving->second.end();
}

std::size_t UserHome::leaving(std::string_view user) const {
  const auto leaving = leaving_.find(user);
  return leaving == leaving_.end() ? 0 : leaving->second.size();
}

void UserHome::debounce_ended(const UserId& user) {
  User* known = find(user);
  if (known == nullptr) return;
  User& state = *known;
  state.timed = false;
  if (state.present() || state.offlineAt == 0) return;
  if (state.offlineAt > context_.clock->steady().count()) {  // it has come and gone again meanwhile
    state.timed = true;
    debounces_.add(std::chrono::milliseconds(state.offlineAt), user);
    return;
  }
  state.offlineAt = 0;
  state.announced = false;
  state.status = nullptr;
  context_.directory->set_last_seen(
      user, state.lastSeen, *context_.executor, [busy = context_.busy, this](const Status& status) {
        if (!status)
          context_.log->write(LogLevel::warn, "presence", "lastSeen not stored: " + status.error().message);
      });
  announce(user, state, false);
  forget_if_idle(user);
}

void UserHome::announce(const UserId& user, const User& state, bool online) {
  if (context_.hooks != nullptr) tell_hook(context_, [&](Hooks& hooks) { hooks.on_presence(user, online); });
  tell_watchers(state, online);
}

protocol::PresenceStatus UserHome::status_of(const User& state, bool online, Timestamp lastSeen) {
  protocol::PresenceStatus told{state.name(), online, lastSeen};
  if (online && state.status != nullptr) {
    told.availability = state.status->availability;
    told.text = state.status->text;
  }
  return told;
}

void UserHome::tell_watchers(const User& state, bool online) {
  if (state.watchers == nullptr) return;
  const auto update = [&](Timestamp lastSeen) {
    return outlet_.frame(
        [&](std::string& out) { protocol::append_presence_update(out, status_of(state, online, lastSeen)); },
        {DeliveryClass::ephemeral, {}, 0});
  };
  const FrameRef plain = update(0);
  const FrameRef dated = online ? plain : update(state.lastSeen);
  for (const Watcher& watcher : *state.watchers)
    if (watcher.sees.online) outlet_.deliver(watcher.session, watcher.sees.lastSeen ? dated : plain);
}

void UserHome::set_status(const UserId& user, Availability availability, std::string text) {
  User* state = find(user);
  if (state == nullptr || !state->present()) return;
  if (state->status == nullptr) state->status = std::make_unique<UserStatus>();
  UserStatus& status = *state->status;
  if (status.availability == availability && status.text == text) return;
  status.availability = availability;
  status.text = std::move(text);
  if (status.held) return;
  if (status.nextTold <= context_.clock->steady().count()) return tell_status(*state);
  status.held = true;
  statuses_.add(std::chrono::milliseconds(status.nextTold), user);
}

void UserHome::tell_status(User& state) {
  state.status->held = false;
  state.status->nextTold = (context_.clock->steady() + context_.options.statusInterval).count();
  tell_watchers(state, true);
}

/// The timer may be one of before the user was offline.
void UserHome::status_due(const UserId& user) {
  User* state = find(user);
  if (state == nullptr || state->status == nullptr || !state->status->held) return;
  if (state->status->nextTold <= context_.clock->steady().count()) tell_status(*state);
}

void UserHome::forget_if_idle(const UserId& user) {
  const auto found = users_.find(user);
  if (found == users_.end()) return;
  User& state = **found;
  if (state.watchers != nullptr && state.watchers->empty()) state.watchers = nullptr;
  if (state.devices.empty() && state.watchers == nullptr && state.offlineAt == 0) users_.erase(found);
}

void UserHome::query(Requester from, std::vector<UserId> users, bool watch, Answer answer) {
  auto query = std::make_shared<Query>();
  query->from = std::move(from);
  query->users = std::move(users);
  query->exists.assign(query->users.size(), true);
  query->watch.assign(query->users.size(), watch);
  query->done = std::move(answer);
  std::erase_if(asking_, [](const std::weak_ptr<Query>& asked) { return asked.expired(); });
  if (watch) asking_.push_back(query);
  check_blocks(std::move(query));
}

void UserHome::check_blocks(std::shared_ptr<Query> query) {
  query->again = false;
  query->sees.assign(query->users.size(), Visibility{});
  query->unknown.assign(query->users.size(), false);
  std::vector<BlockQuery> pairs;
  for (const UserId& user : query->users) pairs.push_back({user, UserId(query->from.user())});
  context_.directory->blocks(std::move(pairs), *context_.executor,
                             [busy = context_.busy, this, query](std::vector<Result<BlockState>> states) {
                               // Unknown counts as blocked: what may be secret is not shown on a failure.
                               for (std::size_t i = 0; i < states.size(); ++i) {
                                 if (!states[i] || states[i]->any()) query->sees[i] = {false, false};
                                 if (!states[i]) query->unknown[i] = true;
                               }
                               check_privacy(query);
                             });
}

void UserHome::check_privacy(std::shared_ptr<Query> query) {
  context_.directory->users(query->users, *context_.executor,
                            [busy = context_.busy, this, query](std::vector<Result<chatcore::User>> users) {
                              std::vector<BlockQuery> pairs;
                              std::vector<ForContacts> of;
                              for (std::size_t i = 0; i < users.size(); ++i) {
                                if (!users[i]) query->sees[i] = {false, false};
                                if (!users[i] && users[i].error().code != ErrorCode::not_found)
                                  query->unknown[i] = true;
                                if (!users[i] || query->users[i] == query->from.user()) continue;
                                Visibility& sees = query->sees[i];
                                if (users[i]->onlineAudience == Audience::nobody) sees.online = false;
                                if (users[i]->lastSeenAudience == Audience::nobody) sees.lastSeen = false;
                                const ForContacts part{
                                    i, sees.online && users[i]->onlineAudience == Audience::contacts,
                                    sees.lastSeen && users[i]->lastSeenAudience == Audience::contacts};
                                if (!part.online && !part.lastSeen) continue;
                                pairs.push_back({query->users[i], UserId(query->from.user())});
                                of.push_back(part);
                              }
                              if (pairs.empty()) return answer(query);
                              check_contacts(query, std::move(pairs), std::move(of));
                            });
}

void UserHome::check_contacts(std::shared_ptr<Query> query, std::vector<BlockQuery> pairs,
                              std::vector<ForContacts> of) {
  context_.directory->contacts(
      std::move(pairs), *context_.executor,
      [busy = context_.busy, this, query, of = std::move(of)](std::vector<Result<bool>> contacts) {
        for (std::size_t i = 0; i < contacts.size(); ++i) {
          if (contacts[i] && *contacts[i]) continue;
          if (!contacts[i]) query->unknown[of[i].which] = true;
          if (of[i].online) query->sees[of[i].which].online = false;
          if (of[i].lastSeen) query->sees[of[i].which].lastSeen = false;
        }
        answer(query);
      });
}

void UserHome::answer(std::shared_ptr<Query> query) {
  context_.directory->last_seen(
      query->users, *context_.executor,
      [busy = context_.busy, this, query](std::vector<Result<Timestamp>> times) {
        if (query->again) return check_blocks(query);
        std::vector<PresenceAnswer> answers;
        for (std::size_t i = 0; i < query->users.size(); ++i) {
          const UserId& user = query->users[i];
          const Visibility sees = query->unknown[i] ? Visibility{false, false} : query->sees[i];
          const User* known = find(user);
          const bool online = sees.online && known != nullptr && known->announced;
          Timestamp lastSeen = times[i] ? *times[i] : 0;
          if (known != nullptr) lastSeen = std::max(lastSeen, known->lastSeen);
          PresenceAnswer& told =
              answers.emplace_back(PresenceAnswer{user, online, online || !sees.lastSeen ? 0 : lastSeen});
          if (online && known->status != nullptr) {
            told.availability = known->status->availability;
            told.text = known->status->text;
          }
          if (!query->watch[i]) continue;
          User& watched = find_or_add(context_.inbox(user));
          if (watched.watchers == nullptr) watched.watchers = std::make_unique<std::vector<Watcher>>();
          std::erase_if(*watched.watchers,
                        [&](const Watcher& watcher) { return watcher.session == query->from.session; });
          watched.watchers->push_back(
              {query->from.session, UserId(query->from.user()), sees, query->unknown[i]});
          if (query->unknown[i]) revise_again(watched);
        }
        query->done(std::move(answers));
      });
}

void UserHome::ask_again(const UserId& user) {
  for (const std::weak_ptr<Query>& asked : asking_)
    if (const auto query = asked.lock())
      query->again |= std::find(query->users.begin(), query->users.end(), user) != query->users.end();
}

void UserHome::blocks_changed(const UserId& user, const UserId& other) {
  ask_again(user);
  User* known = find(user);
  if (known == nullptr || known->watchers == nullptr) return;
  for (Watcher& watcher : *known->watchers) {
    if (watcher.user != other) continue;
    const Visibility before = std::exchange(watcher.sees, {false, false});
    tell_difference(*known, watcher, before);
    query({watcher.session, PrincipalRef::make(context_.inbox(other), {}), {}}, {user}, true,
          [this, session = watcher.session](const std::vector<PresenceAnswer>& now) {
            tell_visible(session, now[0]);
          });
  }
}

void UserHome::unwatch(SessionId watcher, std::span<const UserId> users) {
  // An answer that is still on its way must not make a watcher of a session that has gone.
  for (const std::weak_ptr<Query>& asked : asking_) {
    const auto query = asked.lock();
    if (query == nullptr || query->from.session != watcher) continue;
    for (std::size_t i = 0; i < query->users.size(); ++i)
      if (std::find(users.begin(), users.end(), query->users[i]) != users.end()) query->watch[i] = false;
  }
  for (const UserId& user : users) {
    User* known = find(user);
    if (known == nullptr || known->watchers == nullptr) continue;
    std::erase_if(*known->watchers, [&](const Watcher& item) { return item.session == watcher; });
    forget_if_idle(user);
  }
}

void UserHome::end_of_turn() {
  ask_for_devices();
  if (context_.presence == nullptr) {  // one process alone: this home knows every device there is
    for (Task& registered : std::exchange(registered_, {})) registered();
    return;
  }
  if (!acquiring_.empty()) {
    auto leases = std::exchange(acquiring_, {});
    context_.presence->acquire(
        leases, context_.options.presenceTtl, *context_.executor,
        [busy = context_.busy, this, leases,
         registered = std::exchange(registered_, {})](std::vector<Result<AcquireResult>> results) mutable {
          for (std::size_t i = 0; i < leases.size(); ++i) {
            on_acquired(leases[i], results[i]);
            registered[i]();
          }
        });
  }
  if (!releasing_.empty())
    context_.presence->release(std::exchange(releasing_, {}), *context_.executor,
                               [busy = context_.busy](const Status&) {
                                 // A lease that could not be released ends by itself.
                               });
}

void UserHome::tick() {
  debounces_.advance(context_.clock->steady(), [this](const UserId& user) { debounce_ended(user); });
  statuses_.advance(context_.clock->steady(), [this](const UserId& user) { status_due(user); });
  revisions_.advance(context_.clock->steady(), [this](const UserId& user) {
    if (User* state = find(user)) state->revisited = false;
    settings_changed(user);
  });
  record_the_present();
  const std::int64_t now = context_.clock->steady().count();
  if (now < nextRenewal_) return;
  nextRenewal_ = now + context_.options.presenceTtl.count() / 3;
  renew();
}

void UserHome::renew() {
  if (context_.presence == nullptr) return;
  std::vector<DeviceLease> batch;
  const auto flush = [&] {
    if (batch.empty()) return;
    auto leases = std::exchange(batch, {});
    context_.presence->renew(
        leases, context_.options.presenceTtl, *context_.executor,
        [busy = context_.busy, this, leases](std::vector<Result<RenewOutcome>> outcomes) {
          for (std::size_t i = 0; i < leases.size(); ++i) {
            if (!outcomes[i]) continue;
            // Another connection of the device, or this one, may hold a newer lease by now.
            DeviceSession* const holder = holder_of(leases[i]);
            if (holder == nullptr) continue;
            if (*outcomes[i] == RenewOutcome::fenced) outlet_.close(leases[i].session, CloseCode::replaced);
            if (*outcomes[i] != RenewOutcome::unknown) continue;
            holder->acquiring = true;
            acquiring_.push_back(leases[i]);
            registered_.push_back([] {});
          }
        });
  };
  for (const auto& user : users_) {
    for (DeviceSession& device : user->devices) {
      if (device.acquiring) continue;
      if (device.epoch != 0) {
        batch.push_back(lease_of(device));
        continue;
      }
      device.acquiring = true;
      acquiring_.push_back(lease_of(device));
      registered_.push_back([] {});
    }
    if (batch.size() >= kRenewBatch) flush();
  }
  flush();
}

}  // namespace chatcore::engine
