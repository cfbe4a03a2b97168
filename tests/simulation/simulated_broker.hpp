#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "chatcore/ports/broker.hpp"
#include "port_calls.hpp"

namespace chatcore::simulation {

/// Channels between servers, as bad as the port allows: what is published comes late, not at all (and then
/// somebody is told so, later), or twice, the second time perhaps behind what came after it. Only the order
/// of one publisher's messages on one channel is kept.
class SimulatedBroker final : public Broker {
 public:
  explicit SimulatedBroker(World& world) : world_(world), calls_(world) {}

  void forget(const std::vector<Executor*>& executors);
  /// Nothing comes to these shards, or from them, for a while.
  void cut_off(const std::vector<Executor*>& executors, Millis until);

  [[nodiscard]] std::unique_ptr<Subscription> connect(Executor& executor, BrokerListener listener) override;
  void publish(std::vector<BrokerMessage> batch, Executor& executor, Completion<Status> done) override;

 private:
  enum Kind : PortCalls::Kind { kPublish, kSubscribe };
  struct Subscriber {
    std::uint64_t number = 0;
    Executor* executor = nullptr;
    BrokerListener listener;
    std::vector<std::string> channels;
    bool alive = true;
  };
  class Connection;
  /// What has to keep its order: one publisher, one channel, one subscriber.
  using Way = std::tuple<std::uint64_t, std::string, std::uint64_t>;

  void send(Executor& publisher, const std::shared_ptr<Subscriber>& to, const BrokerMessage& message);
  void arrive(const std::shared_ptr<Subscriber>& at, const BrokerMessage& message);
  void tell_loss(const std::shared_ptr<Subscriber>& to, const std::string& channel);
  [[nodiscard]] bool is_cut_off(Executor* executor) const;
  [[nodiscard]] std::uint64_t number_of(Executor& publisher);
  [[nodiscard]] Scheduler::Lane lane_of(const Way& way);
  [[nodiscard]] Millis delay();

  World& world_;
  PortCalls calls_;
  std::vector<std::shared_ptr<Subscriber>> subscribers_;
  std::map<Way, Scheduler::Lane> lanes_;
  std::map<Executor*, Millis> cutOff_;
  std::map<Executor*, std::uint64_t> publishers_;
  std::uint64_t numbers_ = 0;
};

}  // namespace chatcore::simulation
