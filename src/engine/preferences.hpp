#pragma once

#include <deque>

#include "core/string_map.hpp"
#include "engine/context.hpp"
#include "engine/event_command.hpp"
#include "engine/outlet.hpp"

namespace chatcore::engine {

/// What the users whose home is this shard want of their conversations: stored one change after the other, in
/// the order in which they came, so that the last one holds and the last one told is what holds.
class PreferencesHome {
 public:
  PreferencesHome(Context& context, Outlet& outlet) : context_(context), outlet_(outlet) {}

  /// At most 64 of a user's changes may wait; the next one is `overloaded`.
  void change(Requester from, LogStore::PreferencesRequest wanted);

 private:
  struct Change {
    Requester from;
    LogStore::PreferencesRequest wanted;
  };
  void next(const UserId& user);
  void write(const UserId& user);
  void stored(const UserId& user, const Preferences& now);
  /// The first of the user's changes is over.
  void refuse(const UserId& user, const Error& error);
  void finish(const UserId& user);

  Context& context_;
  Outlet& outlet_;
  StringMap<std::deque<Change>> changes_;  ///< the first of each is under way
};

}  // namespace chatcore::engine
