#include "faulty_ports.hpp"

#include <memory>
#include <utility>

namespace chatcore::faulttest {

namespace {

Error injected() { return {ErrorCode::unavailable, "injected: unavailable", {}}; }

/// True if the call was failed or held; false: the caller is to make it.
template <class Answer>
bool meets_fault(FaultPlan& plan, Executor& executor, Completion<std::vector<Answer>>& done,
                 std::size_t items, const std::source_location& call = std::source_location::current()) {
  const Fault fault = plan.next(call);
  if (fault == Fault::none) return false;
  if (fault == Fault::delayed) {
    // The real answer is taken at once and told later: it is as old as the call.
    done = [&plan, &executor, later = std::move(done)](std::vector<Answer> answers) mutable {
      struct Held {
        Completion<std::vector<Answer>> done;
        std::vector<Answer> answers;
      };
      auto held = std::make_unique<Held>(Held{std::move(later), std::move(answers)});
      plan.hold([&executor, held = std::move(held)]() mutable {
        complete(executor, std::move(held->done), std::move(held->answers));
      });
    };
    return false;
  }
  std::vector<Answer> answers;
  for (std::size_t i = 0; i < items; ++i) answers.emplace_back(injected());
  complete(executor, std::move(done), std::move(answers));
  return true;
}

/// True if a change is not to be made; whether or not it is, its caller is told of the fault.
bool suffers(Fault fault, Executor& executor, Completion<chatcore::Status>& done) {
  if (fault == Fault::none) return false;
  if (fault == Fault::unknown_but_written) {
    done = [later = std::move(done)](const chatcore::Status&) mutable { later(injected()); };
    return false;
  }
  complete(executor, std::move(done), chatcore::Status(injected()));
  return true;
}

}  // namespace

AppendResult OneFaultStore::told(Fault fault) const {
  AppendResult result;
  result.error = injected();
  result.outcome = AppendOutcome::unknown;
  if (fault == Fault::refused) result.outcome = refusal_;
  if (fault == Fault::fenced) result.outcome = AppendOutcome::fenced;
  return result;
}

void OneFaultStore::append_one_by_one(std::vector<AppendRequest> batch, Executor& executor,
                                      Completion<std::vector<AppendResult>> done) {
  std::vector<Fault> faults;
  std::vector<AppendRequest> passed;
  std::vector<AppendRequest> held;
  for (AppendRequest& request : batch) {
    faults.push_back(plan_.next());
    const bool written = faults.back() == Fault::none || faults.back() == Fault::unknown_but_written;
    (written ? passed : held).push_back(std::move(request));
  }
  store_.append(std::move(passed), executor,
                [this, faults = std::move(faults), held = std::move(held),
                 done = std::move(done)](std::vector<AppendResult> real) mutable {
                  std::vector<AppendResult> results;
                  std::size_t next = 0;
                  std::size_t nextHeld = 0;
                  for (const Fault fault : faults) {
                    const bool written = fault == Fault::none || fault == Fault::unknown_but_written;
                    if (fault == Fault::none) {
                      results.push_back(std::move(real[next++]));
                      continue;
                    }
                    results.push_back(told(fault));
                    results.back().request =
                        written ? std::move(real[next++].request) : std::move(held[nextHeld++]);
                  }
                  done(std::move(results));
                });
}

void OneFaultStore::append(std::vector<AppendRequest> batch, Executor& executor,
                           Completion<std::vector<AppendResult>> done) {
  if (call_ == PortCall::append_one) return append_one_by_one(std::move(batch), executor, std::move(done));
  on(PortCall::append)
      .append(std::move(batch), executor,
              [this, done = std::move(done)](std::vector<AppendResult> results) mutable {
                if (answersLost_)
                  for (AppendResult& result : results) result.outcome = AppendOutcome::unknown;
                done(std::move(results));
              });
}

void OneFaultStore::claim(std::vector<ClaimRequest> batch, Executor& executor,
                          Completion<std::vector<Result<LogState>>> done) {
  on(PortCall::claim).claim(std::move(batch), executor, std::move(done));
}

void OneFaultStore::read(std::vector<ReadRequest> batch, Executor& executor,
                         Completion<std::vector<Result<EventRange>>> done) {
  on(PortCall::read).read(std::move(batch), executor, std::move(done));
}

void OneFaultStore::find_messages(std::vector<MessageQuery> batch, Executor& executor,
                                  Completion<std::vector<Result<std::optional<FoundMessage>>>> done) {
  on(PortCall::find_messages).find_messages(std::move(batch), executor, std::move(done));
}

void OneFaultStore::hide(std::vector<HideRequest> batch, Executor& executor,
                         Completion<std::vector<Status>> done) {
  on(PortCall::any).hide(std::move(batch), executor, std::move(done));
}

void OneFaultStore::find_sends(std::vector<SendKey> batch, Executor& executor,
                               Completion<std::vector<Result<std::optional<OriginalSend>>>> done) {
  on(PortCall::find_sends).find_sends(std::move(batch), executor, std::move(done));
}

void OneFaultStore::advance(std::vector<CursorUpdate> batch, Executor& executor,
                            Completion<std::vector<Result<Cursor>>> done) {
  on(PortCall::advance).advance(std::move(batch), executor, std::move(done));
}

void OneFaultStore::conversations_of(std::vector<UserConversationsRequest> batch, Executor& executor,
                                     Completion<std::vector<Result<std::vector<UserConversation>>>> done) {
  on(PortCall::conversations_of).conversations_of(std::move(batch), executor, std::move(done));
}

void OneFaultStore::members(std::vector<MembersRequest> batch, Executor& executor,
                            Completion<std::vector<Result<std::vector<Member>>>> done) {
  on(PortCall::any).members(std::move(batch), executor, std::move(done));
}

void OneFaultStore::set_preferences(std::vector<PreferencesRequest> batch, Executor& executor,
                                    Completion<std::vector<Result<Preferences>>> done) {
  on(PortCall::any).set_preferences(std::move(batch), executor, std::move(done));
}

void OneFaultStore::mark_timeline(std::vector<TimelineMarkRequest> batch, Executor& executor,
                                  Completion<std::vector<Result<TimelineMark>>> done) {
  on(PortCall::mark_timeline).mark_timeline(std::move(batch), executor, std::move(done));
}

void OneFaultStore::kept_tokens(std::vector<DeviceKey> batch, Executor& executor,
                                Completion<std::vector<Result<std::optional<std::string>>>> done) {
  on(PortCall::kept_tokens).kept_tokens(std::move(batch), executor, std::move(done));
}

void OneFaultStore::forget_tokens(std::vector<DeviceKey> devices) {
  on(PortCall::any).forget_tokens(std::move(devices));
}

void OneFaultStore::tell_timelines(std::vector<AccountChange> batch, Executor& executor,
                                   Completion<std::vector<Status>> done) {
  on(PortCall::tell_timelines).tell_timelines(std::move(batch), executor, std::move(done));
}

void OneFaultStore::timeline(std::vector<TimelineRequest> batch, Executor& executor,
                             Completion<std::vector<Result<std::vector<TimelineEntry>>>> done) {
  on(PortCall::timeline).timeline(std::move(batch), executor, std::move(done));
}

void OneFaultStore::recover(std::uint32_t partition, Executor& executor,
                            Completion<Result<std::vector<ConversationId>>> done) {
  ++recovered_;
  store_.recover(partition, executor, std::move(done));
}

void OneFaultStore::settled(std::vector<ConversationId> logs) { on(PortCall::any).settled(std::move(logs)); }

void OneFaultDirectory::users(std::vector<UserId> batch, Executor& executor,
                              Completion<std::vector<Result<User>>> done) {
  if (counts(call_, PortCall::users) && meets_fault(plan_, executor, done, batch.size())) return;
  directory_.users(std::move(batch), executor, std::move(done));
}

void OneFaultDirectory::blocks(std::vector<BlockQuery> batch, Executor& executor,
                               Completion<std::vector<Result<BlockState>>> done) {
  if (counts(call_, PortCall::blocks) && meets_fault(plan_, executor, done, batch.size())) return;
  directory_.blocks(std::move(batch), executor, std::move(done));
}

void OneFaultDirectory::put_user(User user, Executor& executor, Completion<Status> done) {
  if (counts(call_, PortCall::any) && suffers(plan_.next(), executor, done)) return;
  directory_.put_user(std::move(user), executor, std::move(done));
}
void OneFaultDirectory::devices(std::vector<UserId> batch, Executor& executor,
                                Completion<std::vector<Result<std::vector<Device>>>> done) {
  if (counts(call_, PortCall::any) && meets_fault(plan_, executor, done, batch.size())) return;
  directory_.devices(std::move(batch), executor, std::move(done));
}
void OneFaultDirectory::put_device(Device device, Executor& executor, Completion<Status> done) {
  if (counts(call_, PortCall::any) && suffers(plan_.next(), executor, done)) return;
  directory_.put_device(std::move(device), executor, std::move(done));
}
void OneFaultDirectory::remove_device(UserId user, DeviceId device, Executor& executor,
                                      Completion<Status> done) {
  const Fault fault = counts(call_, PortCall::remove_device) ? plan_.next() : Fault::none;
  if (fault == Fault::delayed)
    return plan_.hold([this, user, device, &executor, done = std::move(done)]() mutable {
      directory_.remove_device(user, device, executor, std::move(done));
    });
  if (suffers(fault, executor, done)) return;
  directory_.remove_device(std::move(user), std::move(device), executor, std::move(done));
}
void OneFaultDirectory::drop_push_tokens(std::vector<std::string> tokens, Executor& executor,
                                         Completion<Status> done) {
  if (counts(call_, PortCall::any) && suffers(plan_.next(), executor, done)) return;
  directory_.drop_push_tokens(std::move(tokens), executor, std::move(done));
}
void OneFaultDirectory::set_blocks(UserId by, std::vector<UserId> whom, bool blocked, Executor& executor,
                                   Completion<Status> done) {
  if (counts(call_, PortCall::set_blocks) && suffers(plan_.next(), executor, done)) return;
  directory_.set_blocks(std::move(by), std::move(whom), blocked, executor, std::move(done));
}

void OneFaultDirectory::blocks_of(std::vector<UsersRequest> batch, Executor& executor,
                                  Completion<std::vector<Result<std::vector<UserId>>>> done) {
  if (counts(call_, PortCall::any) && meets_fault(plan_, executor, done, batch.size())) return;
  directory_.blocks_of(std::move(batch), executor, std::move(done));
}
void OneFaultDirectory::contacts(std::vector<BlockQuery> batch, Executor& executor,
                                 Completion<std::vector<Result<bool>>> done) {
  if (counts(call_, PortCall::any) && meets_fault(plan_, executor, done, batch.size())) return;
  directory_.contacts(std::move(batch), executor, std::move(done));
}
void OneFaultDirectory::set_contacts(UserId of, std::vector<UserId> whom, bool present, Executor& executor,
                                     Completion<Status> done) {
  if (counts(call_, PortCall::set_contacts) && suffers(plan_.next(), executor, done)) return;
  directory_.set_contacts(std::move(of), std::move(whom), present, executor, std::move(done));
}

void OneFaultDirectory::contacts_of(std::vector<UsersRequest> batch, Executor& executor,
                                    Completion<std::vector<Result<std::vector<UserId>>>> done) {
  if (counts(call_, PortCall::any) && meets_fault(plan_, executor, done, batch.size())) return;
  directory_.contacts_of(std::move(batch), executor, std::move(done));
}
void OneFaultDirectory::last_seen(std::vector<UserId> batch, Executor& executor,
                                  Completion<std::vector<Result<Timestamp>>> done) {
  if (counts(call_, PortCall::any) && meets_fault(plan_, executor, done, batch.size())) return;
  directory_.last_seen(std::move(batch), executor, std::move(done));
}
void OneFaultDirectory::set_last_seen(UserId user, Timestamp at, Executor& executor,
                                      Completion<Status> done) {
  if (counts(call_, PortCall::any) && suffers(plan_.next(), executor, done)) return;
  directory_.set_last_seen(std::move(user), at, executor, std::move(done));
}

void OneFaultPresence::acquire(std::vector<DeviceLease> batch, std::chrono::milliseconds ttl,
                               Executor& executor, Completion<std::vector<Result<AcquireResult>>> done) {
  if (counts(call_, PortCall::acquire) && meets_fault(plan_, executor, done, batch.size())) return;
  presence_.acquire(std::move(batch), ttl, executor, std::move(done));
}
void OneFaultPresence::renew(std::vector<DeviceLease> batch, std::chrono::milliseconds ttl,
                             Executor& executor, Completion<std::vector<Result<RenewOutcome>>> done) {
  if (counts(call_, PortCall::any) && meets_fault(plan_, executor, done, batch.size())) return;
  presence_.renew(std::move(batch), ttl, executor, std::move(done));
}
void OneFaultPresence::release(std::vector<DeviceLease> batch, Executor& executor, Completion<Status> done) {
  if (counts(call_, PortCall::any) && suffers(plan_.next(), executor, done)) return;
  presence_.release(std::move(batch), executor, std::move(done));
}
void OneFaultPresence::find(std::vector<UserId> batch, Executor& executor,
                            Completion<std::vector<Result<std::vector<DeviceLease>>>> done) {
  if (counts(call_, PortCall::any) && meets_fault(plan_, executor, done, batch.size())) return;
  presence_.find(std::move(batch), executor, std::move(done));
}
void OneFaultPresence::watch_expiries(Executor& executor,
                                      UniqueFunction<void(std::vector<DeviceLease>)> expired) {
  presence_.watch_expiries(executor, std::move(expired));
}
void OneFaultPresence::stop() { presence_.stop(); }

void OneFaultQueue::enqueue(std::vector<Job> batch, Executor& executor, Completion<chatcore::Status> done) {
  if (counts(call_, PortCall::any) && suffers(plan_.next(), executor, done)) return;
  queue_.enqueue(std::move(batch), executor, std::move(done));
}
void OneFaultQueue::consume(const std::string& queue, Executor& executor,
                            UniqueFunction<void(std::vector<Job>, Finish)> handler) {
  queue_.consume(queue, executor, std::move(handler));
}
void OneFaultQueue::stop() { queue_.stop(); }
void OneFaultQueue::dead_letters(const std::string& queue, std::uint32_t limit, Executor& executor,
                                 Completion<Result<std::vector<Job>>> done) {
  queue_.dead_letters(queue, limit, executor, std::move(done));
}

void OneFaultPush::send(std::vector<Notification> batch, Executor& executor,
                        Completion<std::vector<PushOutcome>> done) {
  const Fault fault = counts(call_, PortCall::any) ? plan_.next() : Fault::none;
  if (fault == Fault::none) return push_.send(std::move(batch), executor, std::move(done));
  std::vector<PushOutcome> away(batch.size(), PushOutcome::retry);
  if (fault != Fault::unknown_but_written) return complete(executor, std::move(done), std::move(away));
  push_.send(std::move(batch), executor,
             [later = std::move(done), away = std::move(away)](std::vector<PushOutcome>) mutable {
               later(std::move(away));
             });
}

void OneFaultAuthenticator::authenticate(std::vector<Credentials> batch, Executor& executor,
                                         Completion<std::vector<Result<Identity>>> done) {
  if (meets_fault(plan_, executor, done, batch.size())) return;
  authenticator_.authenticate(std::move(batch), executor, std::move(done));
}

class OneFaultBroker::Connection final : public Broker::Subscription {
 public:
  Connection(std::unique_ptr<Subscription> real, FaultPlan& plan, Executor& executor)
      : real_(std::move(real)), plan_(plan), executor_(executor) {}

  void subscribe(std::vector<std::string> channels, Completion<Status> done) override {
    if (suffers(plan_.next(), executor_, done)) return;
    real_->subscribe(std::move(channels), std::move(done));
  }
  void unsubscribe(std::vector<std::string> channels, Completion<Status> done) override {
    if (suffers(plan_.next(), executor_, done)) return;
    real_->unsubscribe(std::move(channels), std::move(done));
  }

 private:
  std::unique_ptr<Subscription> real_;
  FaultPlan& plan_;
  Executor& executor_;
};

std::unique_ptr<Broker::Subscription> OneFaultBroker::connect(Executor& executor, BrokerListener listener) {
  return std::make_unique<Connection>(broker_.connect(executor, std::move(listener)), plan_, executor);
}

void OneFaultBroker::publish(std::vector<BrokerMessage> batch, Executor& executor, Completion<Status> done) {
  if (suffers(plan_.next(), executor, done)) return;
  broker_.publish(std::move(batch), executor, std::move(done));
}

}  // namespace chatcore::faulttest
