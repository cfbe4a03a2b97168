#include "simulated_directory.hpp"

namespace chatcore::simulation {

namespace {

Error unavailable() { return {ErrorCode::unavailable, "simulated: unavailable", {}}; }

}  // namespace

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
void SimulatedDirectory::put_user(User user, Executor& executor, Completion<Status> done) {
  directory_.put_user(std::move(user), executor, std::move(done));
}
void SimulatedDirectory::put_device(Device device, Executor& executor, Completion<Status> done) {
  directory_.put_device(std::move(device), executor, std::move(done));
}
void SimulatedDirectory::remove_device(UserId user, DeviceId device, Executor& executor,
                                       Completion<Status> done) {
  directory_.remove_device(std::move(user), std::move(device), executor, std::move(done));
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
