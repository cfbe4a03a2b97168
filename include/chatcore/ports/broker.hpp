#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "chatcore/completion.hpp"
#include "chatcore/result.hpp"

namespace chatcore {

/// Bytes on a raw channel. Shared so that a broadcast inside one process copies nothing.
struct BrokerMessage {
  std::string channel;
  std::shared_ptr<const std::string> payload;
};

/// Hears a subscription. Runs on the subscriber's executor.
struct BrokerListener {
  UniqueFunction<void(std::vector<BrokerMessage>)> messages;
  /// Messages may have been lost on this channel, or on all if the name is empty (reconnect, overflow).
  UniqueFunction<void(const std::string& channel)> discontinuity;
};

/// Raw channels between servers: zero or more deliveries, in the order of each publisher per channel;
/// duplicates possible; loss is followed by `discontinuity`. Any thread.
class CHATCORE_API Broker {
 public:
  virtual ~Broker();
  /// One connection to the broker: its channels are subscribed and left by name.
  class CHATCORE_API Subscription {
   public:
    virtual ~Subscription();  ///< nothing is delivered once this returns on the executor's thread
    /// Completes when messages published from now on will arrive.
    virtual void subscribe(std::vector<std::string> channels, Completion<Status> done) = 0;
    virtual void unsubscribe(std::vector<std::string> channels, Completion<Status> done) = 0;
  };
  /// The executor must outlive the subscription. At most `kMaxPendingMessages` wait for it; the rest are
  /// dropped and told as discontinuity.
  [[nodiscard]] virtual std::unique_ptr<Subscription> connect(Executor& executor,
                                                              BrokerListener listener) = 0;
  /// Completes when handed to the broker; `unavailable` if it cannot be.
  virtual void publish(std::vector<BrokerMessage> batch, Executor& executor, Completion<Status> done) = 0;

  static constexpr std::size_t kMaxPendingMessages = 65536;
};

}  // namespace chatcore
