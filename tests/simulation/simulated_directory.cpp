#include "simulated_directory.hpp"

namespace chatcore::simulation {

namespace {

Error unavailable() { return {ErrorCode::unavailable, "simulated: unavailable", {}}; }

}  // namespace

void SimulatedDirectory::forget(const std::vector<Executor*>& executors) {
  calls_.forget(executors);
  // Nobody is left who waits for that.
  for (auto& [device, life] : world_.deviceLives) life.removals = 0;
}

void SimulatedDirectory::block_now(const UserId& by, const UserId& whom, bool blocked) {
  static_cast<void>(Collector::ask<Status>([&](Executor& executor, Completion<Status> done) {
    directory_.set_block(by, whom, blocked, executor, std::move(done));
  }));
}

template <class Item, class Value>
void SimulatedDirectory::ask(void (Directory::*method)(std::vector<Item>, Executor&,
                                                       Completion<std::vector<Result<Value>>>),
                             std::vector<Item> batch, Executor& executor,
                             Completion<std::vector<Result<Value>>> done) {
  using Answer = std::vector<Result<Value>>;
  auto held = std::make_shared<std::vector<Item>>(std::move(batch));
  const auto kind = static_cast<PortCalls::Kind>(world_.delays.index(2));
  calls_.call<Answer>(executor, kind, std::move(done), [this, method, held](bool) {
    if (world_.faults.percent(world_.trouble.directoryFails)) {
      world_.trace.line("directory", "fails");
      return Answer(held->size(), Result<Value>(unavailable()));
    }
    return Collector::ask<Answer>([&](Executor& collector, Completion<Answer> answered) {
      (directory_.*method)(std::move(*held), collector, std::move(answered));
    });
  });
}

void SimulatedDirectory::users(std::vector<UserId> batch, Executor& executor,
                               Completion<std::vector<Result<User>>> done) {
  ask<UserId, User>(&Directory::users, std::move(batch), executor, std::move(done));
}
void SimulatedDirectory::devices(std::vector<UserId> batch, Executor& executor,
                                 Completion<std::vector<Result<std::vector<Device>>>> done) {
  ask<UserId, std::vector<Device>>(&Directory::devices, std::move(batch), executor, std::move(done));
}
void SimulatedDirectory::blocks(std::vector<BlockQuery> batch, Executor& executor,
                                Completion<std::vector<Result<BlockState>>> done) {
  ask<BlockQuery, BlockState>(&Directory::blocks, std::move(batch), executor, std::move(done));
}
void SimulatedDirectory::contacts(std::vector<BlockQuery> batch, Executor& executor,
                                  Completion<std::vector<Result<bool>>> done) {
  ask<BlockQuery, bool>(&Directory::contacts, std::move(batch), executor, std::move(done));
}
void SimulatedDirectory::last_seen(std::vector<UserId> batch, Executor& executor,
                                   Completion<std::vector<Result<Timestamp>>> done) {
  ask<UserId, Timestamp>(&Directory::last_seen, std::move(batch), executor, std::move(done));
}

void SimulatedDirectory::change(PortCalls::Kind kind, Executor& executor, Completion<Status> done,
                                UniqueFunction<void(Executor&, Completion<Status>)> make,
                                std::function<void()> told) {
  auto held = std::make_shared<UniqueFunction<void(Executor&, Completion<Status>)>>(std::move(make));
  calls_.call<Status>(executor, kind, std::move(done), [this, held, note = std::move(told)](bool heard) {
    // A change by a server that is gone is not made: its successor would know of it by and by only.
    const bool failing = !heard || world_.faults.percent(world_.trouble.directoryFails);
    if (failing) world_.trace.line("directory", "fails");
    if (failing && (!heard || world_.faults.percent(50))) return Status(unavailable());
    const Status made = Collector::ask<Status>(
        [&](Executor& collector, Completion<Status> answered) { (*held)(collector, std::move(answered)); });
    if (failing) return Status(unavailable());
    if (note) note();
    return made;
  });
}

void SimulatedDirectory::put_user(User user, Executor& executor, Completion<Status> done) {
  world_.settingsTouched[user.userId] = world_.now();
  change(kUsers, executor, std::move(done), [this, user](Executor& collector, Completion<Status> answered) {
    World::ReadReceipts& receipts = world_.readReceipts[user.userId];
    if (receipts.shown != user.readReceipts) receipts = {user.readReceipts, world_.now()};
    directory_.put_user(user, collector, std::move(answered));
  });
}

void SimulatedDirectory::put_device(Device device, Executor& executor, Completion<Status> done) {
  change(kDevices, executor, std::move(done),
         [this, device](Executor& collector, Completion<Status> answered) {
           world_.deviceLives[{device.userId, device.deviceId}].registered = world_.now();
           directory_.put_device(device, collector, std::move(answered));
         });
}

void SimulatedDirectory::remove_device(UserId user, DeviceId device, Executor& executor,
                                       Completion<Status> done) {
  World::DeviceLife& life = world_.deviceLives[{user, device}];
  if (life.removals++ == 0) life.leaving = world_.now();
  Completion<Status> told([this, &life, done = std::move(done)](Status removed) mutable {
    --life.removals;
    if (removed) life.told = world_.now();
    done(std::move(removed));
  });
  change(
      kDevices, executor, std::move(told),
      [this, user, device](Executor& collector, Completion<Status> answered) {
        directory_.remove_device(user, device, collector, std::move(answered));
      },
      // Who is told that it failed lets the device go on.
      [this, user, device] {
        world_.trace.line("directory", "removes " + user + "-" + device);
        world_.deviceLives[{user, device}].removed = world_.now();
      });
}

void SimulatedDirectory::drop_push_tokens(std::vector<std::string> tokens, Executor& executor,
                                          Completion<Status> done) {
  directory_.drop_push_tokens(std::move(tokens), executor, std::move(done));
}
void SimulatedDirectory::set_blocks(UserId by, std::vector<UserId> whom, bool blocked, Executor& executor,
                                    Completion<Status> done) {
  directory_.set_blocks(std::move(by), std::move(whom), blocked, executor, std::move(done));
}

void SimulatedDirectory::blocks_of(std::vector<UsersRequest> batch, Executor& executor,
                                   Completion<std::vector<Result<std::vector<UserId>>>> done) {
  ask<UsersRequest, std::vector<UserId>>(&Directory::blocks_of, std::move(batch), executor, std::move(done));
}
void SimulatedDirectory::set_contacts(UserId of, std::vector<UserId> whom, bool present, Executor& executor,
                                      Completion<Status> done) {
  directory_.set_contacts(std::move(of), std::move(whom), present, executor, std::move(done));
}

void SimulatedDirectory::contacts_of(std::vector<UsersRequest> batch, Executor& executor,
                                     Completion<std::vector<Result<std::vector<UserId>>>> done) {
  ask<UsersRequest, std::vector<UserId>>(&Directory::contacts_of, std::move(batch), executor,
                                         std::move(done));
}
void SimulatedDirectory::set_last_seen(UserId user, Timestamp at, Executor& executor,
                                       Completion<Status> done) {
  directory_.set_last_seen(std::move(user), at, executor, std::move(done));
}

void SimulatedPresence::acquire(std::vector<DeviceLease> batch, std::chrono::milliseconds ttl,
                                Executor& executor, Completion<std::vector<Result<AcquireResult>>> done) {
  using Answer = std::vector<Result<AcquireResult>>;
  calls_.call<Answer>(executor, 0, std::move(done), [this, batch = std::move(batch), ttl](bool) {
    if (fails()) return Answer(batch.size(), Result<AcquireResult>(unavailable()));
    return Collector::ask<Answer>([&](Executor& collector, Completion<Answer> answered) {
      presence_.acquire(batch, ttl, collector, std::move(answered));
    });
  });
}

void SimulatedPresence::renew(std::vector<DeviceLease> batch, std::chrono::milliseconds ttl,
                              Executor& executor, Completion<std::vector<Result<RenewOutcome>>> done) {
  using Answer = std::vector<Result<RenewOutcome>>;
  calls_.call<Answer>(executor, 0, std::move(done), [this, batch = std::move(batch), ttl](bool) {
    if (fails()) return Answer(batch.size(), Result<RenewOutcome>(unavailable()));
    return Collector::ask<Answer>([&](Executor& collector, Completion<Answer> answered) {
      presence_.renew(batch, ttl, collector, std::move(answered));
    });
  });
}

void SimulatedPresence::release(std::vector<DeviceLease> batch, Executor& executor, Completion<Status> done) {
  calls_.call<Status>(executor, 0, std::move(done), [this, batch = std::move(batch)](bool) {
    if (fails()) return Status(unavailable());
    return Collector::ask<Status>([&](Executor& collector, Completion<Status> answered) {
      presence_.release(batch, collector, std::move(answered));
    });
  });
}

void SimulatedPresence::find(std::vector<UserId> batch, Executor& executor,
                             Completion<std::vector<Result<std::vector<DeviceLease>>>> done) {
  presence_.find(std::move(batch), executor, std::move(done));
}
void SimulatedPresence::watch_expiries(Executor& executor,
                                       UniqueFunction<void(std::vector<DeviceLease>)> expired) {
  presence_.watch_expiries(executor, std::move(expired));
}
void SimulatedPresence::stop() { presence_.stop(); }

void SimulatedAuthenticator::authenticate(std::vector<Credentials> batch, Executor& executor,
                                          Completion<std::vector<Result<Identity>>> done) {
  using Answer = std::vector<Result<Identity>>;
  const auto kind = static_cast<PortCalls::Kind>(world_.delays.index(2));
  calls_.call<Answer>(executor, kind, std::move(done), [this, batch = std::move(batch)](bool) {
    if (world_.faults.percent(world_.trouble.directoryFails))
      return Answer(batch.size(), Result<Identity>(unavailable()));
    return Collector::ask<Answer>([&](Executor& collector, Completion<Answer> answered) {
      authenticator_.authenticate(batch, collector, std::move(answered));
    });
  });
}

}  // namespace chatcore::simulation
