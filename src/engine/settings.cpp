#include "engine/settings.hpp"

#include "engine/engine_shard.hpp"

namespace chatcore::engine {

namespace {

constexpr std::size_t kMaxWaiting = 16;  // changes of one user
constexpr std::chrono::milliseconds kTryAgain{500};

Error told(const Error& error) {
  if (error.code == ErrorCode::not_found) return {ErrorCode::not_found, "the user is not known", {}};
  return {ErrorCode::unavailable, "the directory did not answer", kTryAgain};
}

protocol::Settings settings_of(const User& user) {
  return {user.readReceipts, user.lastSeenAudience, user.onlineAudience};
}

}  // namespace

void SettingsHome::get(Requester from) {
  context_.directory->users({UserId(from.user())}, *context_.executor,
                            [busy = context_.busy, this, from](const std::vector<Result<User>>& users) {
                              if (!users[0])
                                return outlet_.error(from.session, from.id, {}, told(users[0].error()));
                              outlet_.send(from.session, [&](std::string& out) {
                                protocol::append_settings(out, from.id, settings_of(*users[0]));
                              });
                            });
}

void SettingsHome::update(Requester from, protocol::SettingsUpdate change) {
  const UserId user(from.user());
  auto& waiting = changes_[user];
  if (waiting.size() >= kMaxWaiting)
    return outlet_.error(from.session, from.id, {},
                         {ErrorCode::overloaded, "too many changes at once", kTryAgain});
  waiting.push_back({std::move(from), change});
  if (waiting.size() == 1) next(user);
}

void SettingsHome::next(const UserId& user) {
  context_.directory->users(
      {user}, *context_.executor,
      [busy = context_.busy, this, user](const std::vector<Result<User>>& users) { write(user, users[0]); });
}

void SettingsHome::write(const UserId& user, const Result<User>& known) {
  if (!known) return finish(user, known.error(), nullptr);
  User now = *known;
  const protocol::SettingsUpdate& wanted = changes_[user].front().wanted;
  now.readReceipts = wanted.readReceipts.value_or(now.readReceipts);
  now.lastSeenAudience = wanted.lastSeen.value_or(now.lastSeenAudience);
  now.onlineAudience = wanted.online.value_or(now.onlineAudience);
  context_.directory->put_user(
      now, *context_.executor,
      [busy = context_.busy, this, user, now](const Status& stored) { finish(user, stored, &now); });
}

void SettingsHome::finish(const UserId& user, const Status& stored, const User* now) {
  const auto found = changes_.find(user);
  const Requester from = std::move(found->second.front().from);
  found->second.pop_front();
  const bool more = !found->second.empty();
  if (!more) changes_.erase(found);
  // Also after a failure: it may have been written all the same.
  for (std::uint32_t shard = 0; now != nullptr && shard < context_.link->count(); ++shard)
    context_.on_shard(shard, [user](EngineShard& every) { every.settings_changed(user); });
  if (stored) {
    outlet_.ok(from.session, from.id);
    tell_others(from, *now);
  } else {
    outlet_.error(from.session, from.id, {}, told(stored.error()));
  }
  if (more) next(user);
}

void SettingsHome::tell_others(const Requester& from, const User& now) {
  const FrameRef frame =
      outlet_.frame([&](std::string& out) { protocol::append_settings(out, {}, settings_of(now)); },
                    {DeliveryClass::ephemeral, {}, 0});
  context_.router->publish(context_.link->self(), context_.inbox(from.user()),
                           {frame, 0, from.session, nullptr});
}

}  // namespace chatcore::engine
