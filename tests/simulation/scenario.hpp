#pragma once

#include <cstdint>

#include "chatcore/engine/options.hpp"
#include "chatcore/gateway/options.hpp"
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
  bool hooks = false;          ///< the host decides, by asking somebody

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
  std::int64_t slowestCall = 0;      ///< milliseconds on top
  std::int64_t slowestQuestion = 0;  ///< likewise, of the directory, the presence and the authenticator
};

}  // namespace chatcore::simulation
