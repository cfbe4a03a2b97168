#pragma once

#include <cstdint>

#include "chatcore/engine/options.hpp"
#include "chatcore/gateway/options.hpp"
#include "chatcore/gateway/seam_options.hpp"
#include "choices.hpp"

namespace chatcore::simulation {

/// What a seed makes of the world: how many of everything, how tight the bounds, and which kinds of trouble
/// there are at all. Most seeds leave most kinds out, so that each is met alone and in company.
struct Scenario {
  std::uint32_t shards = 1;
  static constexpr std::uint32_t kMostUsers = 16;
  std::uint32_t users = 3;
  std::uint32_t devicesPerUser = 2;
  std::uint32_t operations = 150;
  GatewayOptions gateway;
  EngineOptions engine;
  std::uint32_t gateways = 0;  ///< servers with connections only; 0: one server is everything
  std::uint32_t engines = 1;   ///< servers that may be the engine of the gateways
  SeamOptions seam;
  bool tight = false;                     ///< small outboxes and sockets
  std::uint32_t socketBytes = 64 * 1024;  ///< what a connection holds that its client has not read
  std::int64_t slowestLink = 20;          ///< milliseconds
  std::int64_t slowestPort = 3;

  // Kinds of trouble.
  bool crashes = false;
  bool linkCuts = false;
  bool stalls = false;        ///< clients that stop reading for a while
  bool storeErrors = false;   ///< refused, unavailable
  bool storeUnknown = false;  ///< appends answered `unknown`, written or not
  bool slowStore = false;
  bool directoryErrors = false;
  bool wallJumps = false;
  bool vanishing = false;  ///< clients that lose their memory and begin again from something older
  bool blocks = false;
  bool expiry = false;         ///< messages that end by themselves
  bool slowDirectory = false;  ///< with the presence and the authenticator: slower than a handshake may take
  bool deviceLimit = false;    ///< users have a device more than they may
  bool repeats = false;        ///< a client sends the same clientMsgId once more
  bool brokerRefuses = false;  ///< what is published is turned down
  bool brokerLoses = false;
  bool brokerRepeats = false;
  bool slowBroker = false;
  bool partitions = false;  ///< a server hears nothing of the others for a while
  bool hooks = false;       ///< the host decides, by asking somebody

  /// What an engine says to a gateway, or hears from it, may be this long under way. Where the broker is in
  /// order it is much less.
  [[nodiscard]] std::chrono::milliseconds between_servers() const {
    return std::chrono::milliseconds(gateways == 0 ? 0 : 10'000);
  }
  /// Gateways and their engine may take one another to be gone.
  [[nodiscard]] bool parts() const {
    return gateways != 0 && (crashes || brokerRefuses || brokerLoses || slowBroker || partitions);
  }
  /// Frames may have been dropped on their way to a device that read slowly.
  [[nodiscard]] bool lags() const { return stalls || tight; }
  /// What a server has in memory only stays there.
  [[nodiscard]] bool remembers() const {
    return !crashes && !storeErrors && !storeUnknown && !wallJumps && engine.maxLoadedConversations > 10;
  }

  [[nodiscard]] static Scenario of(std::uint64_t seed);
};

/// What of the trouble is going on at the moment, in percent of calls.
struct Trouble {
  unsigned appendRefused = 0;
  unsigned appendUnknown = 0;
  unsigned callFails = 0;
  unsigned directoryFails = 0;
  unsigned hookFails = 0;
  unsigned brokerRefuses = 0;
  unsigned brokerLoses = 0;
  unsigned brokerRepeats = 0;
  std::int64_t slowestBroker = 0;    ///< milliseconds on top
  std::int64_t slowestCall = 0;      ///< milliseconds on top
  std::int64_t slowestQuestion = 0;  ///< likewise, of the directory, the presence and the authenticator
};

}  // namespace chatcore::simulation
