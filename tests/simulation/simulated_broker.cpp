#include "simulated_broker.hpp"

#include <algorithm>

namespace chatcore::simulation {

class SimulatedBroker::Connection final : public Broker::Subscription {
 public:
  Connection(SimulatedBroker& broker, std::shared_ptr<Subscriber> subscriber)
      : broker_(broker), subscriber_(std::move(subscriber)) {}
  ~Connection() override {
    subscriber_->alive = false;
    std::erase(broker_.subscribers_, subscriber_);
    std::erase_if(broker_.lanes_, [&](const auto& way) {
      if (std::get<2>(way.first) != subscriber_->number) return false;
      broker_.world_.scheduler.close(way.second);
      return true;
    });
  }

  void subscribe(std::vector<std::string> channels, Completion<Status> done) override {
    broker_.calls_.call<Status>(*subscriber_->executor, kSubscribe, std::move(done),
                                [to = subscriber_, channels, &broker = broker_](bool) -> Status {
                                  if (broker.world_.faults.percent(broker.world_.trouble.brokerRefuses))
                                    return Error{ErrorCode::unavailable, "simulated: unavailable", {}};
                                  to->channels.insert(to->channels.end(), channels.begin(), channels.end());
                                  return {};
                                });
  }
  void unsubscribe(std::vector<std::string> channels, Completion<Status> done) override {
    broker_.calls_.call<Status>(*subscriber_->executor, kSubscribe, std::move(done),
                                [to = subscriber_, channels](bool) -> Status {
                                  for (const std::string& channel : channels)
                                    std::erase(to->channels, channel);
                                  return {};
                                });
  }

 private:
  SimulatedBroker& broker_;
  std::shared_ptr<Subscriber> subscriber_;
};

std::unique_ptr<Broker::Subscription> SimulatedBroker::connect(Executor& executor, BrokerListener listener) {
  auto subscriber = std::make_shared<Subscriber>();
  subscriber->number = ++numbers_;
  subscriber->executor = &executor;
  subscriber->listener = std::move(listener);
  subscribers_.push_back(subscriber);
  return std::make_unique<Connection>(*this, std::move(subscriber));
}

void SimulatedBroker::publish(std::vector<BrokerMessage> batch, Executor& executor, Completion<Status> done) {
  calls_.call<Status>(executor, kPublish, std::move(done),
                      [this, publisher = &executor, batch = std::move(batch)](bool) -> Status {
                        if (world_.faults.percent(world_.trouble.brokerRefuses))
                          return Error{ErrorCode::unavailable, "simulated: unavailable", {}};
                        for (const BrokerMessage& message : batch)
                          for (const auto& subscriber : subscribers_)
                            if (std::find(subscriber->channels.begin(), subscriber->channels.end(),
                                          message.channel) != subscriber->channels.end())
                              send(*publisher, subscriber, message);
                        return {};
                      });
}

void SimulatedBroker::send(Executor& publisher, const std::shared_ptr<Subscriber>& to,
                           const BrokerMessage& message) {
  if (is_cut_off(&publisher) || is_cut_off(to->executor) || world_.faults.percent(world_.trouble.brokerLoses))
    return tell_loss(to, message.channel);
  const Scheduler::Lane lane = lane_of({number_of(publisher), message.channel, to->number});
  world_.scheduler.post(lane, delay(), [this, to, message] { arrive(to, message); });
  if (!world_.faults.percent(world_.trouble.brokerRepeats)) return;
  world_.scheduler.at(world_.now() + delay() + delay(), [this, to, message] { arrive(to, message); });
}

void SimulatedBroker::arrive(const std::shared_ptr<Subscriber>& at, const BrokerMessage& message) {
  if (!at->alive) return;
  world_.trace.mix(message.payload->size());
  at->executor->post([at, message] {
    if (at->alive) at->listener.messages({message});
  });
}

void SimulatedBroker::tell_loss(const std::shared_ptr<Subscriber>& to, const std::string& channel) {
  world_.trace.line("broker", "loses a message on " + channel);
  world_.scheduler.at(world_.now() + Millis(world_.delays.between(0, 2'000)), [to, channel] {
    if (!to->alive) return;
    to->executor->post([to, channel] {
      if (to->alive) to->listener.discontinuity(channel);
    });
  });
}

void SimulatedBroker::cut_off(const std::vector<Executor*>& executors, Millis until) {
  for (Executor* executor : executors) cutOff_[executor] = until;
}

bool SimulatedBroker::is_cut_off(Executor* executor) const {
  const auto found = cutOff_.find(executor);
  return found != cutOff_.end() && world_.now() < found->second;
}

void SimulatedBroker::forget(const std::vector<Executor*>& executors) {
  calls_.forget(executors);
  for (Executor* executor : executors) {
    publishers_.erase(executor);
    cutOff_.erase(executor);
  }
}

std::uint64_t SimulatedBroker::number_of(Executor& publisher) {
  const auto [found, fresh] = publishers_.try_emplace(&publisher, numbers_ + 1);
  if (fresh) ++numbers_;
  return found->second;
}

Scheduler::Lane SimulatedBroker::lane_of(const Way& way) {
  const auto [found, fresh] = lanes_.try_emplace(way);
  if (fresh) found->second = world_.scheduler.open();
  return found->second;
}

Millis SimulatedBroker::delay() {
  return world_.delay(world_.scenario.slowestPort + world_.trouble.slowestBroker);
}

}  // namespace chatcore::simulation
