#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chatcore/gateway/seam.hpp"
#include "chatcore/ports/authenticator.hpp"
#include "engine/event_command.hpp"
#include "protocol/request_id.hpp"

namespace chatcore::engine {

/// What remains of a watermark sync after a page.
struct SyncContinuation {
  struct Rest {
    ConversationId conversationId;
    Seq from = 0;  ///< first seq not sent yet
  };
  std::string token;  ///< the only one that continues it
  std::vector<Rest> rest;
};

/// Tokens refill by time; a burst of two seconds' worth is kept.
struct TokenBucket {
  float tokens = -1;  ///< -1: not used yet
  std::int64_t lastMillis = 0;

  [[nodiscard]] bool take(std::uint32_t perSecond, std::int64_t nowMillis) {
    const float burst = 2.0F * static_cast<float>(perSecond);
    if (tokens < 0)
      tokens = burst;
    else
      tokens = std::min(burst, tokens + static_cast<float>(nowMillis - lastMillis) *
                                            static_cast<float>(perSecond) / 1000.0F);
    lastMillis = nowMillis;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  }
};

/// What only some sessions have, and none while it idles after its welcome.
struct SessionExtras {
  Credentials credentials;
  std::vector<std::string> early;    ///< frames that came before the welcome
  std::optional<Identity> identity;  ///< known, but the device is not
  protocol::RequestId helloId;
  bool saidHello = false;
  std::string platform;
  std::vector<UserId> watched;  ///< sorted
  std::optional<SyncContinuation> sync;
};

/// A connection as the engine of its shard sees it.
struct ClientSession {
  enum class State : std::uint8_t {
    vacant,
    expecting_hello,
    authenticating,
    admitting,  ///< topics and lease are on their way
    live,
  };

  SessionId id = 0;
  PrincipalRef who;  ///< null until the credentials are known to be good
  TokenBucket events;
  std::unique_ptr<SessionExtras> extras;
  State state = State::vacant;
  bool registered = false;  ///< the lease is held
  bool subscribed = false;  ///< every topic is taken
  bool background = false;

  [[nodiscard]] std::string_view user() const { return who->user(); }
  [[nodiscard]] const DeviceId& device() const { return who->device; }
  SessionExtras& more() {
    if (extras == nullptr) extras = std::make_unique<SessionExtras>();
    return *extras;
  }
};

}  // namespace chatcore::engine
