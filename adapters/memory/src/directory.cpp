#include "chatcore/memory/directory.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace chatcore {

namespace {

constexpr std::size_t kMaxDevices = 32;

Error invalid(const char* what) { return Error{.code = ErrorCode::invalid_argument, .message = what}; }

using Pairs = std::unordered_map<UserId, std::set<UserId>>;

bool holds(const Pairs& pairs, const UserId& first, const UserId& second) {
  const auto found = pairs.find(first);
  return found != pairs.end() && found->second.contains(second);
}

Status set(Pairs& pairs, const UserId& of, const std::vector<UserId>& whom, bool present, std::size_t most) {
  if (!valid_id(of) || !std::all_of(whom.begin(), whom.end(), valid_id)) return invalid("not an id");
  std::set<UserId> changed = pairs[of];
  for (const UserId& user : whom) {
    if (present)
      changed.insert(user);
    else
      changed.erase(user);
  }
  if (present && changed.size() > most)
    return Error{.code = ErrorCode::too_large, .message = "the list has as many users as it may"};
  if (changed.empty())
    pairs.erase(of);
  else
    pairs[of] = std::move(changed);
  return {};
}

std::vector<UserId> page(const Pairs& pairs, const UsersRequest& request) {
  std::vector<UserId> users;
  const auto found = pairs.find(request.of);
  if (found == pairs.end()) return users;
  for (auto next = found->second.upper_bound(request.after);
       next != found->second.end() && users.size() < request.limit; ++next)
    users.push_back(*next);
  return users;
}

}  // namespace

struct MemoryDirectory::State {
  using Devices = std::map<DeviceId, Device>;

  Result<User> user(const UserId& id) const {
    if (const auto found = users.find(id); found != users.end()) return found->second;
    if (options.knownUsersOnly || !valid_id(id))
      return Error{.code = ErrorCode::not_found, .message = "no such user"};
    User unknown;
    unknown.userId = id;
    return unknown;
  }

  Status put(Device device) {
    if (!valid_id(device.userId) || !valid_id(device.deviceId)) return invalid("not an id");
    Devices& mine = devices[device.userId];
    const auto known = mine.find(device.deviceId);
    if (known == mine.end() && mine.size() >= kMaxDevices)
      return Error{.code = ErrorCode::overloaded, .message = "a user has at most 32 devices"};
    if (known != mine.end()) {
      if (device.pushToken.empty()) device.pushToken = known->second.pushToken;
      if (device.platform.empty()) device.platform = known->second.platform;
      if (device.registeredAt == 0) device.registeredAt = known->second.registeredAt;
    }
    if (device.registeredAt == 0) device.registeredAt = device.lastActive;
    const DeviceId id = device.deviceId;
    mine.insert_or_assign(id, std::move(device));
    return {};
  }

  void drop_tokens(const std::vector<std::string>& tokens) {
    const std::unordered_set<std::string> dead(tokens.begin(), tokens.end());
    for (auto& [user, mine] : devices) {
      for (auto& [id, device] : mine) {
        if (dead.contains(device.pushToken)) device.pushToken.clear();
      }
    }
  }

  template <class Answer, class Batch, class Decide>
  void answer(const Batch& batch, Executor& executor, Completion<std::vector<Answer>> done, Decide decide) {
    std::vector<Answer> answers;
    answers.reserve(batch.size());
    std::lock_guard lock(mutex);
    for (const auto& item : batch) answers.push_back(decide(item));
    complete(executor, std::move(done), std::move(answers));
  }

  template <class Change>
  void change(Executor& executor, Completion<Status> done, Change what) {
    std::lock_guard lock(mutex);
    complete(executor, std::move(done), Status(what()));
  }

  std::mutex mutex;
  MemoryDirectoryOptions options;
  std::unordered_map<UserId, User> users;
  std::unordered_map<UserId, Devices> devices;
  std::unordered_map<UserId, Timestamp> lastSeen;
  Pairs blocks;
  Pairs contacts;
};

MemoryDirectory::MemoryDirectory(MemoryDirectoryOptions options) : state_(std::make_unique<State>()) {
  state_->options = options;
}
MemoryDirectory::~MemoryDirectory() = default;

void MemoryDirectory::users(std::vector<UserId> batch, Executor& executor,
                            Completion<std::vector<Result<User>>> done) {
  state_->answer<Result<User>>(batch, executor, std::move(done),
                               [this](const UserId& id) { return state_->user(id); });
}

void MemoryDirectory::put_user(User user, Executor& executor, Completion<Status> done) {
  state_->change(executor, std::move(done), [&]() -> Status {
    if (!valid_id(user.userId)) return invalid("not an id");
    const UserId id = user.userId;
    state_->users.insert_or_assign(id, std::move(user));
    return {};
  });
}

void MemoryDirectory::devices(std::vector<UserId> batch, Executor& executor,
                              Completion<std::vector<Result<std::vector<Device>>>> done) {
  state_->answer<Result<std::vector<Device>>>(batch, executor, std::move(done), [this](const UserId& id) {
    std::vector<Device> all;
    if (const auto found = state_->devices.find(id); found != state_->devices.end()) {
      for (const auto& [name, device] : found->second) all.push_back(device);
    }
    return all;
  });
}

void MemoryDirectory::put_device(Device device, Executor& executor, Completion<Status> done) {
  state_->change(executor, std::move(done), [&] { return state_->put(std::move(device)); });
}

void MemoryDirectory::remove_device(UserId user, DeviceId device, Executor& executor,
                                    Completion<Status> done) {
  state_->change(executor, std::move(done), [&]() -> Status {
    if (const auto found = state_->devices.find(user); found != state_->devices.end()) {
      found->second.erase(device);
      if (found->second.empty()) state_->devices.erase(found);
    }
    return {};
  });
}

void MemoryDirectory::drop_push_tokens(std::vector<std::string> tokens, Executor& executor,
                                       Completion<Status> done) {
  state_->change(executor, std::move(done), [&]() -> Status {
    std::erase(tokens, std::string());
    state_->drop_tokens(tokens);
    return {};
  });
}

void MemoryDirectory::blocks(std::vector<BlockQuery> batch, Executor& executor,
                             Completion<std::vector<Result<BlockState>>> done) {
  state_->answer<Result<BlockState>>(batch, executor, std::move(done), [this](const BlockQuery& pair) {
    return BlockState{holds(state_->blocks, pair.a, pair.b), holds(state_->blocks, pair.b, pair.a)};
  });
}

void MemoryDirectory::set_blocks(UserId by, std::vector<UserId> whom, bool blocked, Executor& executor,
                                 Completion<Status> done) {
  state_->change(executor, std::move(done),
                 [&] { return set(state_->blocks, by, whom, blocked, kMaxBlocks); });
}

void MemoryDirectory::blocks_of(std::vector<UsersRequest> batch, Executor& executor,
                                Completion<std::vector<Result<std::vector<UserId>>>> done) {
  state_->answer<Result<std::vector<UserId>>>(
      batch, executor, std::move(done),
      [this](const UsersRequest& request) { return page(state_->blocks, request); });
}

void MemoryDirectory::contacts(std::vector<BlockQuery> batch, Executor& executor,
                               Completion<std::vector<Result<bool>>> done) {
  state_->answer<Result<bool>>(batch, executor, std::move(done), [this](const BlockQuery& pair) {
    return holds(state_->contacts, pair.a, pair.b);
  });
}

void MemoryDirectory::set_contacts(UserId of, std::vector<UserId> whom, bool present, Executor& executor,
                                   Completion<Status> done) {
  state_->change(executor, std::move(done),
                 [&] { return set(state_->contacts, of, whom, present, kMaxContacts); });
}

void MemoryDirectory::contacts_of(std::vector<UsersRequest> batch, Executor& executor,
                                  Completion<std::vector<Result<std::vector<UserId>>>> done) {
  state_->answer<Result<std::vector<UserId>>>(
      batch, executor, std::move(done),
      [this](const UsersRequest& request) { return page(state_->contacts, request); });
}

void MemoryDirectory::last_seen(std::vector<UserId> batch, Executor& executor,
                                Completion<std::vector<Result<Timestamp>>> done) {
  state_->answer<Result<Timestamp>>(batch, executor, std::move(done), [this](const UserId& id) {
    const auto found = state_->lastSeen.find(id);
    return found == state_->lastSeen.end() ? Timestamp{0} : found->second;
  });
}

void MemoryDirectory::set_last_seen(UserId user, Timestamp at, Executor& executor, Completion<Status> done) {
  state_->change(executor, std::move(done), [&]() -> Status {
    if (!valid_id(user)) return invalid("not an id");
    state_->lastSeen[user] = at;
    return {};
  });
}

}  // namespace chatcore
