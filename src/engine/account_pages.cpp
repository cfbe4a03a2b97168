#include "engine/account.hpp"

/// What of an account is read.
namespace chatcore::engine {

void AccountHome::settings(Requester from) {
  context_.directory->users({UserId(from.user())}, *context_.executor,
                            [busy = context_.busy, this, from](const std::vector<Result<User>>& users) {
                              if (!users[0])
                                return outlet_.error(from.session, from.id, {},
                                                     told_of_directory(users[0].error()));
                              outlet_.send(from.session, [&](std::string& out) {
                                protocol::append_settings(out, from.id, settings_of(*users[0]));
                              });
                            });
}

void AccountHome::profile(Requester from, protocol::ProfileGet wanted) {
  const UserId user = wanted.userId.empty() ? UserId(from.user()) : std::move(wanted.userId);
  context_.directory->users({user}, *context_.executor,
                            [busy = context_.busy, this, from, user](const std::vector<Result<User>>& users) {
                              if (!users[0])
                                return outlet_.error(from.session, from.id, {},
                                                     told_of_directory(users[0].error()));
                              outlet_.send(from.session, [&](std::string& out) {
                                protocol::append_profile(out, from.id, user, users[0]->displayName);
                              });
                            });
}

void AccountHome::list(Requester from, protocol::UserListGet wanted) {
  auto done = [busy = context_.busy, this, from, limit = wanted.limit,
               list = wanted.list](std::vector<Result<std::vector<UserId>>> answers) {
    if (!answers[0]) return outlet_.error(from.session, from.id, {}, told_of_directory(answers[0].error()));
    std::vector<UserId>& users = *answers[0];
    const bool more = users.size() > limit;
    if (more) users.resize(limit);
    outlet_.send(from.session, [&](std::string& out) {
      protocol::append_users_page(out, from.id, to_string(list), users, more ? users.back() : UserId(), more);
    });
  };
  // One more than is asked for says whether there is more.
  std::vector<UsersRequest> batch{{UserId(from.user()), std::move(wanted.cursor), wanted.limit + 1}};
  if (wanted.list == protocol::UserList::contacts)
    context_.directory->contacts_of(std::move(batch), *context_.executor, std::move(done));
  else
    context_.directory->blocks_of(std::move(batch), *context_.executor, std::move(done));
}

}  // namespace chatcore::engine
