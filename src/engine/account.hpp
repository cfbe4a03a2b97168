#pragma once

#include <deque>
#include <variant>

#include "core/string_map.hpp"
#include "engine/account_notes.hpp"
#include "engine/context.hpp"
#include "engine/event_command.hpp"
#include "engine/outlet.hpp"
#include "protocol/commands.hpp"

namespace chatcore::engine {

/// What users say of themselves and keep of others: settings, profile, contacts and blocks, all of it the
/// directory's. One user's changes are made one after the other by the user's home, so that two devices that
/// change different things do not undo each other's. Each takes effect on this server, is noted in the user's
/// timeline and is then answered.
class AccountHome {
 public:
  AccountHome(Context& context, Outlet& outlet, AccountNotes& notes)
      : context_(context), outlet_(outlet), notes_(notes) {}

  // Read by any shard (account_pages.cpp)
  void settings(Requester from);
  void profile(Requester from, protocol::ProfileGet wanted);
  void list(Requester from, protocol::UserListGet wanted);

  /// On the user's home.
  using Wanted = std::variant<protocol::SettingsUpdate, protocol::ProfileUpdate, protocol::UserListChange>;
  void change(Requester from, Wanted wanted);

 private:
  struct Change {
    Requester from;
    Wanted wanted;
  };
  void next(const UserId& user);
  void change_user(const UserId& user, const Result<User>& known);
  void change_list(const UserId& user, const protocol::UserListChange& change);
  /// `made`: or perhaps not.
  void take_effect(const UserId& user, bool made);
  void stored(const UserId& user, const Status& status, const FrameRef& news);
  void finish(const UserId& user, const Status& status);
  [[nodiscard]] const Change& first(const UserId& user) { return changes_[user].front(); }

  Context& context_;
  Outlet& outlet_;
  AccountNotes& notes_;
  StringMap<std::deque<Change>> changes_;  ///< the first of each is under way
};

/// What a client is told of a directory's error.
[[nodiscard]] Error told_of_directory(const Error& error);
[[nodiscard]] protocol::Settings settings_of(const User& user);

}  // namespace chatcore::engine
