#pragma once

#include <absl/container/flat_hash_set.h>
#include <absl/container/inlined_vector.h>

#include <algorithm>
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
  Availability availability = Availability::online;  ///< of who is online
  std::string text = {};
};

/// The users whose home is this shard: their connected devices, whether they are online, and who wants to
/// know. One thread; completions come back to it.
class UserHome {
 public:
  UserHome(Context& context, Outlet& outlet);

  /// A device is about to be admitted. An older connection of the same device is closed 4502; a new device is
  /// registered in the directory, and one too many is closed 4505 or takes another one's place.
  /// `registered` runs here when that is done and the lease is held.
  /// `order`: of two connections of one device the one with the higher stays, whichever is told here first.
  void connect(SessionId session, std::uint64_t order, PrincipalRef who, std::string platform,
               Task registered);
  void disconnect(SessionId session, const Principal& who);
  [[nodiscard]] std::vector<DeviceId> connected(std::string_view user) const;
  /// Closes the connection of a device 4503; an empty device: all of the user's.
  void revoke(const UserId& user, const DeviceId& device);

  /// The device is being taken out of the directory: until `left`, whoever connects as it waits, as long as a
  /// handshake may take.
  void leaves(const UserId& user, const DeviceId& device);
  /// The directory has answered. Whoever waited is told to come again, and is what the directory says then.
  void left(const UserId& user, const DeviceId& device);
  [[nodiscard]] bool is_leaving(const UserId& user, const DeviceId& device) const;
  /// Of one user; a device that is taken out twice counts twice.
  [[nodiscard]] std::size_t leaving(std::string_view user) const;

  using Answer = UniqueFunction<void(std::vector<PresenceAnswer>)>;
  /// The state of each of these users that `from` may see; with `watch`, every change until `unwatch`.
  void query(Requester from, std::vector<UserId> users, bool watch, Answer answer);
  void unwatch(SessionId watcher, std::span<const UserId> users);
  /// `told` has now been sent to a watcher, later than what is sent from here: what is not so any more is
  /// told.
  void confirm(SessionId watcher, const std::vector<PresenceAnswer>& told);

  /// What `other` may see of `user` has to be found out again; until then it is nothing. Told where it makes
  /// a difference, like the user's going and coming.
  void blocks_changed(const UserId& user, const UserId& other);
  /// Likewise what everybody may see of `user`. Watchers are told where it makes a difference. Where it
  /// cannot be found out it is tried again, and nothing is shown until it is known.
  void settings_changed(const UserId& user);

  /// What the user says of being online, until the last device has gone: told to watchers at once, or when
  /// `statusInterval` is over since they were told last; the latest counts.
  void set_status(const UserId& user, Availability availability, std::string text);

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
    bool revoked = false;  ///< about to be closed, and forgotten already
    enum class Stage : std::uint8_t {
      asking,       ///< the directory is asked which devices there are
      registering,  ///< it may come in
      here,
    };
    Stage stage = Stage::asking;
    std::uint32_t recordedHour = 0;  ///< since 1970: when the directory was last told that it is active
  };
  struct Watcher {
    SessionId session = 0;
    UserId user;
    Visibility sees;
    bool unknown = false;  ///< what it sees could not be found out, and is nothing until it is
  };
  struct UserStatus {
    Availability availability = Availability::online;
    std::string text;
    std::int64_t nextTold = 0;  ///< steady millis: not sooner
    bool held = false;          ///< a timer will tell
  };
  struct User {
    Topic inbox;  ///< whose name is the user's
    absl::InlinedVector<DeviceSession, 1> devices;
    std::unique_ptr<std::vector<Watcher>> watchers;  ///< null: none
    std::unique_ptr<UserStatus> status;              ///< null: online, and no more
    bool announced = false;                          ///< watchers hold the user to be online
    bool timed = false;                              ///< a timer will look at the debounce
    bool revisited = false;                          ///< a timer will look at what watchers may see
    std::int64_t offlineAt = 0;                      ///< steady millis; 0: no debounce is running
    Timestamp lastSeen = 0;                          ///< when the last device went; 0: ask the directory

    /// Some device is more than on its way in.
    [[nodiscard]] bool present() const {
      return std::any_of(devices.begin(), devices.end(), [](const DeviceSession& device) {
        return device.stage == DeviceSession::Stage::here;
      });
    }
    [[nodiscard]] std::string_view name() const { return inbox->name().substr(kInboxPrefix.size()); }
  };
  struct Query;
  /// What of one user is to be seen by contacts only.
  struct ForContacts {
    std::size_t which = 0;
    bool online = false;
    bool lastSeen = false;
  };

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

  // A device's way in (registration.cpp)
  struct Newcomer;
  void ask_to_register(SessionId session, PrincipalRef who, std::string platform, Task registered);
  void ask_for_devices();
  void decide(const std::shared_ptr<Newcomer>& newcomer, Result<std::vector<Device>> known);
  void forget_then_put(const std::shared_ptr<Newcomer>& newcomer);
  void put_new(const std::shared_ptr<Newcomer>& newcomer);
  void introduce(const std::shared_ptr<Newcomer>& newcomer, Timestamp now);
  void hand_over(const Principal& who);
  void admit(Newcomer& newcomer);
  void record_active(const UserId& user, DeviceSession& device, std::string platform);
  void record_leaving(const UserId& user, DeviceSession& device);
  void record_the_present();
  [[nodiscard]] DeviceSession* find_session(const Newcomer& newcomer) const;

  void arrive(User& state, SessionId session, const PrincipalRef& who, Task registered);
  [[nodiscard]] User* find(std::string_view user) const;
  User& find_or_add(const Topic& inbox);
  void on_acquired(const DeviceLease& lease, const Result<AcquireResult>& result);
  void debounce_ended(const UserId& user);
  void announce(const UserId& user, const User& state, bool online);
  void tell_watchers(const User& state, bool online);
  void tell_status(User& state);
  void status_due(const UserId& user);
  /// With `availability` and text of who is online.
  [[nodiscard]] static protocol::PresenceStatus status_of(const User& state, bool online, Timestamp lastSeen);
  void forget_if_idle(const UserId& user);
  void renew();
  void check_blocks(std::shared_ptr<Query> query);
  void check_privacy(std::shared_ptr<Query> query);
  void check_contacts(std::shared_ptr<Query> query, std::vector<BlockQuery> pairs,
                      std::vector<ForContacts> of);
  void answer(std::shared_ptr<Query> query);
  void ask_again(const UserId& user);
  // What the watchers of one user may see (watchers.cpp)
  struct Revision;
  void revise(const UserId& user);
  void revise_contacts(std::shared_ptr<Revision> revision, const Result<chatcore::User>& settings);
  void revised(const Revision& revision);
  void revise_again(User& state);
  void tell_difference(const User& state, const Watcher& watcher, Visibility before);
  void tell_state(const User& state, const Watcher& watcher);
  void tell_visible(SessionId watcher, const PresenceAnswer& now);
  /// Null: the lease is not the newest of a device that is connected.
  [[nodiscard]] DeviceSession* holder_of(const DeviceLease& lease) const;
  [[nodiscard]] DeviceLease lease_of(const DeviceSession& device) const;

  Context& context_;
  Outlet& outlet_;
  absl::flat_hash_set<std::unique_ptr<User>, NameHash, NameEqual> users_;
  TimerWheel<UserId> debounces_;
  TimerWheel<UserId> statuses_;
  TimerWheel<UserId> revisions_;
  std::int64_t nextRenewal_ = 0;
  std::int64_t nextRecord_ = 0;
  std::vector<std::shared_ptr<Newcomer>> newcomers_;
  /// Until another device of their user has been registered.
  std::vector<std::shared_ptr<Newcomer>> heldBack_;
  StringMap<std::vector<DeviceId>> leaving_;  ///< by user
  std::vector<DeviceLease> acquiring_;
  std::vector<Task> registered_;
  std::vector<DeviceLease> releasing_;
  std::vector<std::weak_ptr<Query>> asking_;  ///< those that will watch
  StringMap<bool> revising_;                  ///< true: once more
};

}  // namespace chatcore::engine
