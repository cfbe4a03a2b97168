#include "chatcore/testing/presence_conformance.hpp"

#include <thread>

#include "eventually.hpp"

namespace chatcore::testing {

PresenceFixture::~PresenceFixture() = default;

namespace {

using std::chrono::milliseconds;

DeviceLease lease(std::string user, std::string device, std::uint64_t session = 1, LeaseEpoch epoch = 0) {
  return DeviceLease{std::move(user), std::move(device), "server-a", 7, session, epoch};
}

/// The port, called and waited for.
struct Caller {
  explicit Caller(PresenceFixture& f) : fixture(f) {}
  PresenceFixture& fixture;
  TestExecutor executor;
  std::vector<DeviceLease> expired;

  std::vector<Result<AcquireResult>> acquire_all(std::vector<DeviceLease> batch) {
    return executor.wait<std::vector<Result<AcquireResult>>>([&](Executor& on, auto done) {
      fixture.presence().acquire(std::move(batch), fixture.ttl(), on, std::move(done));
    });
  }
  AcquireResult acquire(DeviceLease wanted) {
    auto answers = acquire_all({std::move(wanted)});
    expect(answers.size() == 1 && answers[0].has_value(), "the lease to be granted");
    return *answers[0];
  }
  /// Acquires and returns the lease as it is now held.
  DeviceLease hold(DeviceLease wanted) {
    wanted.epoch = acquire(wanted).epoch;
    return wanted;
  }
  RenewOutcome renew(DeviceLease held) {
    auto answers = executor.wait<std::vector<Result<RenewOutcome>>>([&](Executor& on, auto done) {
      fixture.presence().renew({std::move(held)}, fixture.ttl(), on, std::move(done));
    });
    expect(answers.size() == 1 && answers[0].has_value(), "an answer to the renewal");
    return *answers[0];
  }
  void release(DeviceLease held) {
    auto status = executor.wait<Status>(
        [&](Executor& on, auto done) { fixture.presence().release({std::move(held)}, on, std::move(done)); });
    expect(status.has_value(), "the release to succeed");
  }
  std::vector<std::vector<DeviceLease>> find_all(std::vector<UserId> users) {
    auto answers = executor.wait<std::vector<Result<std::vector<DeviceLease>>>>(
        [&](Executor& on, auto done) { fixture.presence().find(std::move(users), on, std::move(done)); });
    std::vector<std::vector<DeviceLease>> found;
    for (auto& answer : answers) {
      expect(answer.has_value(), "find to succeed");
      found.push_back(std::move(*answer));
    }
    return found;
  }
  std::vector<DeviceLease> find(const UserId& user) { return find_all({user}).at(0); }
  bool live(const DeviceLease& held) {
    for (const DeviceLease& found : find(held.userId)) {
      if (found.deviceId == held.deviceId && found.epoch == held.epoch) return true;
    }
    return false;
  }
  void watch() {
    fixture.presence().watch_expiries(executor, [this](std::vector<DeviceLease> ended) {
      for (auto& each : ended) expired.push_back(std::move(each));
    });
  }
  bool told(const DeviceLease& held) const {
    for (const auto& each : expired) {
      if (each.userId == held.userId && each.deviceId == held.deviceId && each.epoch == held.epoch)
        return true;
    }
    return false;
  }
};

void answers_in_order(PresenceFixture& fixture) {
  Caller call(fixture);
  call.hold(lease("bob", "phone"));
  const auto granted =
      call.acquire_all({lease("alice", "phone"), lease("bob", "phone", 2), lease("carol", "tablet")});
  expect(granted.size() == 3, "one answer per lease");
  expect(!granted[0]->displaced && granted[1]->displaced && !granted[2]->displaced, "answers in order");
  const auto found = call.find_all({"carol", "nobody", "alice"});
  expect(found.size() == 3, "one answer per user");
  expect(found[0].size() == 1 && found[0][0].deviceId == "tablet", "carol's device first");
  expect(found[1].empty(), "nothing of a user without leases");
  expect(found[2].size() == 1 && found[2][0].userId == "alice", "alice's device last");
}

void never_inside_the_call(PresenceFixture& fixture) {
  Caller call(fixture);
  int answered = 0;
  Presence& presence = fixture.presence();
  presence.acquire({lease("alice", "phone")}, fixture.ttl(), call.executor, [&](auto) { ++answered; });
  presence.renew({lease("alice", "phone", 1, 1)}, fixture.ttl(), call.executor, [&](auto) { ++answered; });
  presence.find({"alice"}, call.executor, [&](auto) { ++answered; });
  presence.release({lease("alice", "phone", 1, 1)}, call.executor, [&](auto) { ++answered; });
  presence.find({}, call.executor, [&](auto) { ++answered; });
  expect(answered == 0, "no completion before the executor runs");
  expect_eventually(call.executor, [&] { return answered == 5; }, "each call to complete once");
  call.executor.drain();
  expect(answered == 5, "each call to complete only once");
}

void found_as_it_was_acquired(PresenceFixture& fixture) {
  Caller call(fixture);
  const DeviceLease held = call.hold(DeviceLease{"alice", "phone", "server-b", 9, 77, 0});
  const auto found = call.find("alice");
  expect(found.size() == 1, "one lease");
  expect(found[0].userId == "alice" && found[0].deviceId == "phone" && found[0].serverId == "server-b" &&
             found[0].boot == 9 && found[0].session == 77,
         "every field of the lease");
  expect(held.epoch != 0 && found[0].epoch == held.epoch, "the epoch that was granted");
}

void devices_are_separate(PresenceFixture& fixture) {
  Caller call(fixture);
  const auto phone = call.hold(lease("alice", "phone"));
  const auto web = call.hold(lease("alice", "web"));
  const auto bobs = call.hold(lease("bob", "phone"));
  expect(call.find("alice").size() == 2 && call.find("bob").size() == 1, "each user's own devices");
  call.release(web);
  expect(call.live(phone) && !call.live(web) && call.live(bobs), "only the released device to end");
}

void epochs_grow(PresenceFixture& fixture) {
  Caller call(fixture);
  LeaseEpoch last = 0;
  const auto higher = [&last](const DeviceLease& held) {
    expect(held.epoch > last, "a higher epoch than every earlier one");
    last = held.epoch;
  };
  higher(call.hold(lease("alice", "phone", 1)));
  higher(call.hold(lease("alice", "phone", 2)));
  const auto released = call.hold(lease("alice", "phone", 3));
  higher(released);
  call.release(released);
  higher(call.hold(lease("alice", "phone", 4)));
  fixture.advance(fixture.ttl() * 2);
  higher(call.hold(lease("alice", "phone", 5)));
  higher(call.hold(lease("alice", "phone", 6, last + 1000)));
  expect(last > 1000, "an epoch above the one that the caller knew");
  higher(call.hold(lease("alice", "phone", 7)));
}

void displaced_is_told(PresenceFixture& fixture) {
  Caller call(fixture);
  const auto first = call.hold(lease("alice", "phone", 1));
  auto wanted = lease("alice", "phone", 2);
  wanted.serverId = "server-b";
  const auto second = call.acquire(wanted);
  expect(second.displaced, "the first session to be displaced");
  expect(second.previous.session == 1 && second.previous.serverId == "server-a" &&
             second.previous.boot == 7 && second.previous.epoch == first.epoch,
         "the lease that was displaced");
  const auto found = call.find("alice");
  expect(found.size() == 1 && found[0].session == 2, "one lease of the device, the new one");
}

void an_earlier_boot_displaces_nobody(PresenceFixture& fixture) {
  Caller call(fixture);
  const auto held = call.hold(lease("alice", "phone", 1));
  auto late = lease("alice", "phone", 1);
  late.boot = held.boot - 1;
  const auto answers = call.acquire_all({late});
  expect(!answers[0] && answers[0].error().code == ErrorCode::fenced, "what comes late to be fenced");
  expect(call.renew(held) == RenewOutcome::ok, "the lease of the later boot to be held");
  auto elsewhere = late;
  elsewhere.serverId = "server-b";
  expect(call.acquire(elsewhere).displaced, "another server's boots to be another matter");
}

void an_earlier_owner_displaces_nobody(PresenceFixture& fixture) {
  Caller call(fixture);
  auto wanted = lease("alice", "phone", 1);
  wanted.term = 2;
  const auto held = call.hold(wanted);
  auto late = lease("alice", "phone", 1);
  late.serverId = "server-b";
  late.boot = held.boot + 1;
  late.term = 1;
  const auto answers = call.acquire_all({late});
  expect(!answers[0] && answers[0].error().code == ErrorCode::fenced, "what comes late to be fenced");
  expect(call.renew(held) == RenewOutcome::ok, "the later owner's lease to be held");
  late.term = 3;
  expect(call.acquire(late).displaced, "the next owner to displace it");
}

void ended_leases_displace_nobody(PresenceFixture& fixture) {
  Caller call(fixture);
  call.release(call.hold(lease("alice", "phone", 1)));
  expect(!call.acquire(lease("alice", "phone", 2)).displaced, "a released lease not to be displaced");
  fixture.advance(fixture.ttl() * 2);
  expect(!call.acquire(lease("alice", "phone", 3)).displaced, "an expired lease not to be displaced");
}

void the_same_session_displaces_nobody(PresenceFixture& fixture) {
  Caller call(fixture);
  const auto first = call.hold(lease("alice", "phone", 1));
  const auto again = call.acquire(first);
  expect(!again.displaced && again.epoch > first.epoch, "a repeated acquire to be a new epoch and no more");
}

void renewal_keeps_alive(PresenceFixture& fixture) {
  Caller call(fixture);
  const auto held = call.hold(lease("alice", "phone"));
  for (int i = 0; i < 4; ++i) {
    fixture.advance(fixture.ttl() / 2);
    expect(call.renew(held) == RenewOutcome::ok, "the renewal to be taken");
    expect(call.live(held), "the lease to be live");
  }
}

void expiry_without_renewal(PresenceFixture& fixture) {
  Caller call(fixture);
  const auto held = call.hold(lease("alice", "phone"));
  fixture.advance(fixture.ttl() / 2);
  expect(call.live(held), "the lease to be live before its time");
  fixture.advance(fixture.ttl());
  expect(call.find("alice").empty(), "the lease to be gone after its time");
  expect(call.renew(held) == RenewOutcome::unknown, "its renewal to be unknown");
  expect(call.find("alice").empty(), "a late renewal not to revive it");
}

void older_epochs_are_fenced(PresenceFixture& fixture) {
  Caller call(fixture);
  const auto first = call.hold(lease("alice", "phone", 1));
  const auto second = call.hold(lease("alice", "phone", 2));
  expect(call.renew(first) == RenewOutcome::fenced, "the older session to be fenced");
  call.release(first);
  expect(call.live(second), "a release with an old epoch to change nothing");
  expect(call.renew(second) == RenewOutcome::ok, "the newer session to go on");
}

void unknown_leases(PresenceFixture& fixture) {
  Caller call(fixture);
  expect(call.renew(lease("alice", "phone", 1, 5)) == RenewOutcome::unknown, "a lease that never was");
  const auto held = call.hold(lease("alice", "phone"));
  call.release(held);
  expect(call.renew(held) == RenewOutcome::unknown, "a released lease");
  call.release(held);
  const auto again = call.hold(held);
  expect(again.epoch > held.epoch, "acquiring with the old epoch as the lower bound");
  expect(call.renew(again) == RenewOutcome::ok, "the new lease to hold");
}

void expiries_are_told(PresenceFixture& fixture) {
  Caller call(fixture);
  call.watch();
  const auto lost = call.hold(lease("alice", "phone"));
  const auto released = call.hold(lease("bob", "phone"));
  call.release(released);
  fixture.advance(fixture.ttl() / 2);
  const auto kept = call.hold(lease("carol", "phone"));
  call.executor.drain();
  expect(call.expired.empty(), "nothing told before its time");
  fixture.advance(fixture.ttl() * 3 / 4);
  expect_eventually(call.executor, [&] { return call.told(lost); }, "the expiry to be told");
  call.executor.drain();
  expect(!call.told(released), "a released lease not to be told");
  expect(!call.told(kept) && call.live(kept), "a live lease not to be told");
  fixture.presence().stop();
}

void nothing_after_stop(PresenceFixture& fixture) {
  Caller call(fixture);
  call.watch();
  const auto held = call.hold(lease("alice", "phone"));
  fixture.advance(fixture.ttl() * 2);
  fixture.presence().stop();
  const std::size_t before = call.expired.size();
  call.executor.drain();
  call.find("alice");
  call.executor.drain();
  expect(call.expired.size() == before, "the watcher not to be called after stop");
}

void any_thread(PresenceFixture& fixture) {
  std::vector<std::thread> threads;
  std::vector<int> failures(4, 0);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&fixture, &failures, t] {
      try {
        Caller call(fixture);
        for (std::uint64_t i = 0; i < 50; ++i) {
          const auto held = call.hold(lease("user" + std::to_string(t), "phone", i));
          if (call.renew(held) != RenewOutcome::ok || !call.live(held)) ++failures[t];
          if (i % 3 == 0) call.release(held);
        }
      } catch (const std::exception&) {
        ++failures[t];
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (int count : failures) expect(count == 0, "every thread's leases to be its own");
}

}  // namespace

std::vector<ConformanceCase> presence_conformance(std::function<std::unique_ptr<PresenceFixture>()> make) {
  return CaseList<PresenceFixture>(std::move(make))
      .add("a batch is answered item by item, in order", answers_in_order)
      .add("calls complete once, and never inside the call", never_inside_the_call)
      .add("a lease is found as it was acquired", found_as_it_was_acquired)
      .add("devices and users are separate", devices_are_separate)
      .add("epochs grow, also past release, expiry and the caller's own", epochs_grow)
      .add("a live lease that is displaced is told", displaced_is_told)
      .add("an earlier boot of the same server displaces nobody", an_earlier_boot_displaces_nobody)
      .add("an earlier owner displaces nobody", an_earlier_owner_displaces_nobody)
      .add("a lease that has ended is not displaced", ended_leases_displace_nobody)
      .add("a session that acquires again displaces nobody", the_same_session_displaces_nobody)
      .add("renewals keep a lease alive", renewal_keeps_alive)
      .add("a lease that is not renewed ends, and stays ended", expiry_without_renewal)
      .add("older epochs are fenced", older_epochs_are_fenced)
      .add("a lease that is not there is unknown", unknown_leases)
      .add("expiries are told at least once, and only expiries", expiries_are_told)
      .add("nothing is told after stop", nothing_after_stop)
      .add("calls may come from any thread", any_thread)
      .take();
}

}  // namespace chatcore::testing
