#include <algorithm>

#include "engine/user_home.hpp"

/// Who watches a user, when that user changes what others may see.
namespace chatcore::engine {

/// What is being found out anew for everybody who watches one user.
struct UserHome::Revision {
  UserId user;
  std::vector<UserId> watchers;  ///< sorted, each once
  std::vector<Visibility> sees;
  std::vector<bool> unknown;  ///< it could not be found out
};

namespace {
constexpr std::chrono::seconds kReviseAgain{1};
}  // namespace

void UserHome::settings_changed(const UserId& user) {
  ask_again(user);
  const User* known = find(user);
  if (known == nullptr || known->watchers == nullptr) return;
  // One round of questions at a time, however often it changes.
  if (const auto [revising, isNew] = revising_.try_emplace(user, false); !isNew) {
    revising->second = true;
    return;
  }
  revise(user);
}

void UserHome::revise(const UserId& user) {
  const User* known = find(user);
  auto revision = std::make_shared<Revision>();
  revision->user = user;
  if (known != nullptr && known->watchers != nullptr)
    for (const Watcher& watcher : *known->watchers) revision->watchers.push_back(watcher.user);
  std::sort(revision->watchers.begin(), revision->watchers.end());
  revision->watchers.erase(std::unique(revision->watchers.begin(), revision->watchers.end()),
                           revision->watchers.end());
  revision->sees.resize(revision->watchers.size());
  revision->unknown.resize(revision->watchers.size());
  std::vector<BlockQuery> pairs;
  for (const UserId& watcher : revision->watchers) pairs.push_back({user, watcher});
  context_.directory->blocks(
      std::move(pairs), *context_.executor,
      [busy = context_.busy, this, revision](const std::vector<Result<BlockState>>& states) {
        for (std::size_t i = 0; i < states.size(); ++i) {
          revision->unknown[i] = !states[i];
          if (!states[i] || states[i]->any()) revision->sees[i] = {false, false};
        }
        context_.directory->users(
            {revision->user}, *context_.executor,
            [busy = context_.busy, this, revision](const std::vector<Result<chatcore::User>>& users) {
              revise_contacts(revision, users[0]);
            });
      });
}

void UserHome::revise_contacts(std::shared_ptr<Revision> revision, const Result<chatcore::User>& settings) {
  const Audience online = settings ? settings->onlineAudience : Audience::nobody;
  const Audience lastSeen = settings ? settings->lastSeenAudience : Audience::nobody;
  if (!settings && settings.error().code != ErrorCode::not_found)
    revision->unknown.assign(revision->watchers.size(), true);
  for (std::size_t i = 0; i < revision->sees.size(); ++i) {
    if (revision->watchers[i] == revision->user) continue;
    if (online == Audience::nobody) revision->sees[i].online = false;
    if (lastSeen == Audience::nobody) revision->sees[i].lastSeen = false;
  }
  if (online != Audience::contacts && lastSeen != Audience::contacts) return revised(*revision);
  std::vector<BlockQuery> pairs;
  for (const UserId& watcher : revision->watchers) pairs.push_back({revision->user, watcher});
  context_.directory->contacts(
      std::move(pairs), *context_.executor,
      [busy = context_.busy, this, revision, online, lastSeen](const std::vector<Result<bool>>& contacts) {
        for (std::size_t i = 0; i < contacts.size(); ++i) {
          if (revision->watchers[i] == revision->user || (contacts[i] && *contacts[i])) continue;
          if (!contacts[i]) revision->unknown[i] = true;
          if (online == Audience::contacts) revision->sees[i].online = false;
          if (lastSeen == Audience::contacts) revision->sees[i].lastSeen = false;
        }
        revised(*revision);
      });
}

void UserHome::revised(const Revision& revision) {
  if (const auto again = revising_.find(revision.user); again->second) {
    again->second = false;
    return revise(revision.user);
  }
  revising_.erase(revision.user);
  User* known = find(revision.user);
  if (known == nullptr || known->watchers == nullptr) return;
  bool again = false;
  for (Watcher& watcher : *known->watchers) {
    const auto found = std::lower_bound(revision.watchers.begin(), revision.watchers.end(), watcher.user);
    // Who has come meanwhile has been told what holds now.
    if (found == revision.watchers.end() || *found != watcher.user) continue;
    const auto i = static_cast<std::size_t>(found - revision.watchers.begin());
    const bool wasUnknown = std::exchange(watcher.unknown, revision.unknown[i]);
    // Not told to have gone, which nobody knows, nor of what happens meanwhile.
    const Visibility before =
        std::exchange(watcher.sees, watcher.unknown ? Visibility{false, false} : revision.sees[i]);
    again |= watcher.unknown;
    if (watcher.unknown) continue;
    if (wasUnknown)
      tell_state(*known, watcher);
    else
      tell_difference(*known, watcher, before);
  }
  if (again) revise_again(*known);
}

void UserHome::revise_again(User& state) {
  if (std::exchange(state.revisited, true)) return;
  revisions_.add(context_.clock->steady() + kReviseAgain, UserId(state.name()));
}

namespace {

std::pair<bool, Timestamp> shown(bool announced, Timestamp lastSeen, Visibility sees) {
  const bool online = announced && sees.online;
  return {online, online || !sees.lastSeen ? Timestamp{0} : lastSeen};
}

}  // namespace

void UserHome::tell_difference(const User& state, const Watcher& watcher, Visibility before) {
  if (shown(state.announced, state.lastSeen, watcher.sees) != shown(state.announced, state.lastSeen, before))
    tell_state(state, watcher);
}

void UserHome::tell_state(const User& state, const Watcher& watcher) {
  const auto [online, lastSeen] = shown(state.announced, state.lastSeen, watcher.sees);
  outlet_.send(
      watcher.session,
      [&](std::string& out) { protocol::append_presence_update(out, status_of(state, online, lastSeen)); },
      {DeliveryClass::ephemeral, {}, 0});
}

void UserHome::confirm(SessionId watcher, const std::vector<PresenceAnswer>& told) {
  for (const PresenceAnswer& answer : told) {
    const User* state = find(answer.userId);
    if (state == nullptr || state->watchers == nullptr) continue;
    const auto found = std::find_if(state->watchers->begin(), state->watchers->end(),
                                    [&](const Watcher& one) { return one.session == watcher; });
    if (found == state->watchers->end()) continue;
    const bool online = shown(state->announced, state->lastSeen, found->sees).first;
    const protocol::PresenceStatus now = status_of(*state, online, 0);
    const bool same =
        online == answer.online && now.availability == answer.availability && now.text == answer.text;
    if (!same) tell_state(*state, *found);
  }
}

/// To a watcher that was told of nobody: whom it sees again.
void UserHome::tell_visible(SessionId watcher, const PresenceAnswer& now) {
  if (!now.online && now.lastSeen == 0) return;
  outlet_.send(watcher,
               [&](std::string& out) {
                 protocol::append_presence_update(
                     out, {now.userId, now.online, now.lastSeen, now.availability, now.text});
               },
               {DeliveryClass::ephemeral, {}, 0});
}

}  // namespace chatcore::engine
