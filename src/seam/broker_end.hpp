#pragma once

#include <memory>
#include <string>
#include <vector>

#include "chatcore/ports/broker.hpp"
#include "chatcore/ports/clock.hpp"
#include "chatcore/ports/log.hpp"
#include "seam/packet.hpp"

namespace chatcore::seam {

/// Packets to and from a broker: one shard's channel. Everything on the shard's thread.
class BrokerEnd {
 public:
  struct Ports {
    Broker* broker = nullptr;
    Executor* executor = nullptr;
    const Clock* clock = nullptr;
    Log* log = nullptr;
  };
  using Heed = UniqueFunction<void(const PacketView&)>;

  /// `own`: the channel where answers are heard; `more`: others that are.
  BrokerEnd(Ports ports, std::string own, std::vector<std::string> more = {});

  /// Views are valid during the call. `ready`: what is published from now on is heard.
  void start(Heed heed, Task ready);
  /// Hears and says nothing any more.
  void stop();
  /// Subscribes again where that has failed.
  void tick();
  /// What the broker does not take is lost, like what it loses.
  void put(const std::string& channel, const std::vector<Packet>& packets);
  /// The broker still has to answer on the executor.
  [[nodiscard]] bool owed() const noexcept { return busy_.use_count() > 1; }

 private:
  void subscribe();

  Ports ports_;
  std::string own_;
  std::vector<std::string> channels_;
  std::unique_ptr<Broker::Subscription> subscription_;
  Heed heed_;
  Task ready_;
  bool stopped_ = false;
  std::chrono::milliseconds complainAt_{0};
  /// Every call to the broker holds a copy in its completion.
  std::shared_ptr<const int> busy_ = std::make_shared<const int>(0);
  bool asked_ = false;
  std::chrono::milliseconds askAgainAt_{0};
};

}  // namespace chatcore::seam
