#include "engine/account.hpp"

#include <algorithm>

#include "engine/engine_shard.hpp"

/// Changes of an account, and what follows from them.
namespace chatcore::engine {

namespace {

constexpr std::size_t kMaxWaiting = 16;  // changes of one user
constexpr std::chrono::milliseconds kTryAgain{500};
constexpr FrameInfo kNews{DeliveryClass::ephemeral, {}, 0};

struct SectionOf {
  AccountSection operator()(const protocol::SettingsUpdate&) const { return AccountSection::settings; }
  AccountSection operator()(const protocol::ProfileUpdate&) const { return AccountSection::profile; }
  AccountSection operator()(const protocol::UserListChange& change) const {
    return change.list == protocol::UserList::contacts ? AccountSection::contacts : AccountSection::blocks;
  }
};

bool names_oneself(const AccountHome::Wanted& wanted, std::string_view user) {
  const auto* change = std::get_if<protocol::UserListChange>(&wanted);
  return change != nullptr && change->add &&
         std::binary_search(change->users.begin(), change->users.end(), user);
}

}  // namespace

Error told_of_directory(const Error& error) {
  if (error.code == ErrorCode::not_found) return {ErrorCode::not_found, "the user is not known", {}};
  if (error.code == ErrorCode::too_large) return {ErrorCode::too_large, "too many users in this list", {}};
  return {ErrorCode::unavailable, "the directory did not answer", kTryAgain};
}

protocol::Settings settings_of(const User& user) {
  return {user.readReceipts, user.lastSeenAudience, user.onlineAudience};
}

void AccountHome::change(Requester from, Wanted wanted) {
  if (names_oneself(wanted, from.user()))
    return outlet_.error(from.session, from.id, {},
                         {ErrorCode::bad_request, "`users` must not name oneself", {}});
  const UserId user(from.user());
  auto& waiting = changes_[user];
  if (waiting.size() >= kMaxWaiting)
    return outlet_.error(from.session, from.id, {},
                         {ErrorCode::overloaded, "too many changes at once", kTryAgain});
  waiting.push_back({std::move(from), std::move(wanted)});
  if (waiting.size() == 1) next(user);
}

void AccountHome::next(const UserId& user) {
  if (const auto* list = std::get_if<protocol::UserListChange>(&first(user).wanted))
    return change_list(user, *list);
  context_.directory->users({user}, *context_.executor,
                            [busy = context_.busy, this, user](const std::vector<Result<User>>& users) {
                              change_user(user, users[0]);
                            });
}

void AccountHome::change_user(const UserId& user, const Result<User>& known) {
  if (!known) return finish(user, told_of_directory(known.error()));
  User now = *known;
  if (const auto* settings = std::get_if<protocol::SettingsUpdate>(&first(user).wanted)) {
    now.readReceipts = settings->readReceipts.value_or(now.readReceipts);
    now.lastSeenAudience = settings->lastSeen.value_or(now.lastSeenAudience);
    now.onlineAudience = settings->online.value_or(now.onlineAudience);
  } else {
    now.displayName = std::get<protocol::ProfileUpdate>(first(user).wanted).displayName;
  }
  const bool profile = std::holds_alternative<protocol::ProfileUpdate>(first(user).wanted);
  const FrameRef news = outlet_.frame(
      [&](std::string& out) {
        if (profile)
          protocol::append_profile(out, {}, user, now.displayName);
        else
          protocol::append_settings(out, {}, settings_of(now));
      },
      kNews);
  context_.directory->put_user(
      std::move(now), *context_.executor,
      [busy = context_.busy, this, user, news](const Status& status) { stored(user, status, news); });
}

void AccountHome::change_list(const UserId& user, const protocol::UserListChange& change) {
  const FrameRef news = outlet_.frame(
      [&](std::string& out) {
        protocol::append_users_changed(out, to_string(change.list), change.add, change.users);
      },
      kNews);
  auto done = [busy = context_.busy, this, user, news](const Status& status) { stored(user, status, news); };
  if (change.list == protocol::UserList::contacts)
    context_.directory->set_contacts(user, change.users, change.add, *context_.executor, std::move(done));
  else
    context_.directory->set_blocks(user, change.users, change.add, *context_.executor, std::move(done));
}

void AccountHome::take_effect(const UserId& user, bool made) {
  const Wanted& wanted = first(user).wanted;
  const auto on_every_shard = [&](auto use) {
    for (std::uint32_t shard = 0; shard < context_.link->count(); ++shard) context_.on_shard(shard, use);
  };
  if (std::holds_alternative<protocol::SettingsUpdate>(wanted))
    return on_every_shard([user](EngineShard& every) { every.settings_changed(user); });
  const auto* list = std::get_if<protocol::UserListChange>(&wanted);
  if (list == nullptr) return;
  if (list->list == protocol::UserList::blocks)
    return on_every_shard([user, others = list->users,
                           blocked = made ? std::optional(list->add) : std::nullopt](EngineShard& every) {
      every.blocks_changed(user, others, blocked);
    });
  context_.on_shard(context_.link->self(), [&](EngineShard& home) { home.users().settings_changed(user); });
}

void AccountHome::stored(const UserId& user, const Status& status, const FrameRef& news) {
  // Also after a failure: it may have been written all the same.
  take_effect(user, status.has_value());
  if (!status) return finish(user, told_of_directory(status.error()));
  const Change& change = first(user);
  context_.router->publish(context_.link->self(), context_.inbox(user),
                           {news, 0, change.from.session, nullptr});
  notes_.note(user, std::visit(SectionOf{}, change.wanted), [this, user](const Status& noted) {
    if (noted) return finish(user, {});
    // It is made; made again, it is noted again.
    finish(user, Error{ErrorCode::unavailable, "the store did not answer", kTryAgain});
  });
}

void AccountHome::finish(const UserId& user, const Status& status) {
  const auto found = changes_.find(user);
  const Requester from = std::move(found->second.front().from);
  found->second.pop_front();
  const bool more = !found->second.empty();
  if (!more) changes_.erase(found);
  if (status)
    outlet_.ok(from.session, from.id);
  else
    outlet_.error(from.session, from.id, {}, status.error());
  if (more) next(user);
}

}  // namespace chatcore::engine
