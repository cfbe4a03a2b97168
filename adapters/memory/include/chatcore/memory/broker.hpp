#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "chatcore/ports/broker.hpp"

namespace chatcore {

struct MemoryBrokerOptions {
  std::size_t maxPending = Broker::kMaxPendingMessages;  ///< messages that wait for one subscription
  std::size_t maxChannels = 1'000'000;  ///< (channel, subscription) pairs; `overloaded` beyond
};

/// Channels within one process. A publish is one lock for the whole batch and at most one post per executor
/// that takes something; payloads are shared, not copied. Subscriptions may outlive the broker. Thread-safe.
/// A crash loses what was not delivered.
///
/// The functions below `publish` play out what real brokers do.
class CHATCORE_API MemoryBroker final : public Broker {
 public:
  static constexpr std::size_t kMaxChannelBytes = 256;

  explicit MemoryBroker(MemoryBrokerOptions options = {});
  ~MemoryBroker() override;

  [[nodiscard]] std::unique_ptr<Subscription> connect(Executor& executor, BrokerListener listener) override;
  void publish(std::vector<BrokerMessage> batch, Executor& executor, Completion<Status> done) override;

  /// The next `count` deliveries (message × subscription) are lost, and told as discontinuity.
  void drop_next(std::size_t count);
  /// The next `count` deliveries happen twice.
  void duplicate_next(std::size_t count);
  /// The next `count` batches are answered `unavailable` and not delivered.
  void fail_next_publishes(std::size_t count);
  /// Tells those subscribed to the channel, or everybody if it is empty, that messages may be missing.
  void break_channel(const std::string& channel);

  struct State;  ///< private to the adapter

 private:
  std::shared_ptr<State> state_;
};

}  // namespace chatcore
