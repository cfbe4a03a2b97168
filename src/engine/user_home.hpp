#pragma once

#include <absl/container/flat_hash_set.h>
#include <absl/container/inlined_vector.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/string_map.hpp"
#include "core/timer_wheel.hpp"
#include "engine/context.hpp"
#include "engine/event_command.hpp"
#include "engine/outlet.hpp"

namespace chatcore::engine {

/// What a watcher may see of a user.
struct Visibility {
  bool online = true;
  bool lastSeen = true;
};

/// One user's state as somebody asked for it.
struct PresenceAnswer {
  UserId userId;
  bool online = false;
  Timestamp lastSeen = 0;
};

/// The users whose home is this shard: their connected devices, whether they are online, and who wants to
/// know. One thread; completions come back to it.
class UserHome {
 public:
  UserHome(Context& context, Outlet& outlet);

  /// A device is about to be admitted. An older connection of the same device is closed 4502; one device
  /// too many is closed 4004 itself. `registered` runs here when the lease is held.
  /// `order`: of two connections of one device the one with the higher stays, whichever is told here first.
  void connect(SessionId session, std::uint64_t order, PrincipalRef who, Task registered);
  void disconnect(SessionId session, const Principal& who);
  [[nodiscard]] std::vector<DeviceId> connected(std::string_view user) const;
  /// Closes the connection of a device 4503; an empty device: all of the user's.
  void revoke(const UserId& user, const DeviceId& device);

  using Answer = UniqueFunction<void(std::vector<PresenceAnswer>)>;
  /// The state of each of these users that `from` may see; with `watch`, every change until `unwatch`.
  void query(Requester from, std::vector<UserId> users, bool watch, Answer answer);
  void unwatch(SessionId watcher, std::span<const UserId> users);

  /// What `other` may see of `user` has to be found out again; until then it is nothing.
  void blocks_changed(const UserId& user, const UserId& other);

  void end_of_turn();
  void tick();
  [[nodiscard]] std::size_t known() const noexcept { return users_.size(); }

 private:
  struct DeviceSession {
    SessionId session = 0;
    std::uint64_t order = 0;
    LeaseEpoch epoch = 0;
    PrincipalRef who;
    bool acquiring = false;
  };
  struct Watcher {
    SessionId session = 0;
    UserId user;
    Visibility sees;
  };
  struct User {
    Topic inbox;  ///< whose name is the user's
    absl::InlinedVector<DeviceSession, 1> devices;
    std::unique_ptr<std::vector<Watcher>> watchers;  ///< null: none
    bool announced = false;                          ///< watchers hold the user to be online
    bool timed = false;                              ///< a timer will look at the debounce
    std::int64_t offlineAt = 0;                      ///< steady millis; 0: no debounce is running
    Timestamp lastSeen = 0;                          ///< when the last device went; 0: ask the directory

    [[nodiscard]] std::string_view name() const { return inbox->name().substr(kInboxPrefix.size()); }
  };
  struct Query;

  /// Found by name. One entry per connected user: what it weighs, every idle connection weighs.
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const noexcept { return StringHash{}(name); }
    std::size_t operator()(const std::unique_ptr<User>& user) const noexcept {
      return StringHash{}(user->name());
    }
  };
  struct NameEqual {
    using is_transparent = void;
    bool operator()(const std::unique_ptr<User>& a, std::string_view b) const { return a->name() == b; }
    bool operator()(const std::unique_ptr<User>& a, const std::unique_ptr<User>& b) const {
      return a->name() == b->name();
    }
  };

  [[nodiscard]] User* find(std::string_view user) const;
  User& find_or_add(const Topic& inbox);
  void on_acquired(const DeviceLease& lease, const Result<AcquireResult>& result);
  void debounce_ended(const UserId& user);
  void announce(const UserId& user, const User& state, bool online);
  void forget_if_idle(const UserId& user);
  void renew();
  void check_privacy(std::shared_ptr<Query> query);
  void check_contacts(std::shared_ptr<Query> query, std::vector<BlockQuery> pairs,
                      std::vector<std::size_t> of);
  void answer(std::shared_ptr<Query> query);
  /// Null: the lease is not the newest of a device that is connected.
  [[nodiscard]] DeviceSession* holder_of(const DeviceLease& lease) const;
  [[nodiscard]] DeviceLease lease_of(const DeviceSession& device) const;

  Context& context_;
  Outlet& outlet_;
  absl::flat_hash_set<std::unique_ptr<User>, NameHash, NameEqual> users_;
  TimerWheel<UserId> debounces_;
  std::int64_t nextRenewal_ = 0;
  std::vector<DeviceLease> acquiring_;
  std::vector<Task> registered_;
  std::vector<DeviceLease> releasing_;
  std::vector<std::weak_ptr<Query>> asking_;  ///< those that will watch
};

}  // namespace chatcore::engine
