#pragma once

#include <deque>

#include "core/string_map.hpp"
#include "engine/context.hpp"
#include "engine/event_command.hpp"
#include "engine/outlet.hpp"
#include "protocol/commands.hpp"

namespace chatcore::engine {

/// The settings of the users whose home is this shard: read from the directory and written back one change
/// after the other, so that two devices that change different ones do not undo each other's.
class SettingsHome {
 public:
  SettingsHome(Context& context, Outlet& outlet) : context_(context), outlet_(outlet) {}

  void get(Requester from);
  void update(Requester from, protocol::SettingsUpdate change);

 private:
  struct Change {
    Requester from;
    protocol::SettingsUpdate wanted;
  };
  void next(const UserId& user);
  void write(const UserId& user, const Result<User>& known);
  /// `now`: what was to be stored; null: nothing was.
  void finish(const UserId& user, const Status& stored, const User* now);
  void tell_others(const Requester& from, const User& now);

  Context& context_;
  Outlet& outlet_;
  StringMap<std::deque<Change>> changes_;  ///< the first of each is under way
};

}  // namespace chatcore::engine
