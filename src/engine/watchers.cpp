#include <algorithm>

#include "engine/user_home.hpp"

/// Who watches a user, when that user changes what others may see.
namespace chatcore::engine {

/// What is being found out anew for everybody who watches one user.
struct UserHome::Revision {
  UserId user;
  std::vector<UserId> watchers;  ///< sorted, each once
  std::vector<Visibility> sees;
};

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
  std::vector<BlockQuery> pairs;
  for (const UserId& watcher : revision->watchers) pairs.push_back({user, watcher});
  context_.directory->blocks(
      std::move(pairs), *context_.executor,
      [busy = context_.busy, this, revision](const std::vector<Result<BlockState>>& states) {
        for (std::size_t i = 0; i < states.size(); ++i)
          if (!states[i] || states[i]->any()) revision->sees[i] = {false, false};
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
  for (Watcher& watcher : *known->watchers) {
    const auto found = std::lower_bound(revision.watchers.begin(), revision.watchers.end(), watcher.user);
    // Who has come meanwhile has been told what holds now.
    if (found == revision.watchers.end() || *found != watcher.user) continue;
    const Visibility before = watcher.sees;
    watcher.sees = revision.sees[static_cast<std::size_t>(found - revision.watchers.begin())];
    tell_difference(*known, watcher, before);
  }
}

void UserHome::tell_difference(const User& state, const Watcher& watcher, Visibility before) {
  const auto shown = [&](Visibility sees) {
    const bool online = state.announced && sees.online;
    return std::pair(online, online || !sees.lastSeen ? Timestamp{0} : state.lastSeen);
  };
  const auto now = shown(watcher.sees);
  if (now == shown(before)) return;
  outlet_.send(watcher.session,
               [&](std::string& out) {
                 protocol::append_presence_update(out, status_of(state, now.first, now.second));
               },
               {DeliveryClass::ephemeral, {}, 0});
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
