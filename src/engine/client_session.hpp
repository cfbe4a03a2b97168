#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chatcore/gateway/seam.hpp"
#include "chatcore/ports/authenticator.hpp"
#include "engine/event_command.hpp"
#include "engine/rate_limits.hpp"
#include "engine/sync_token.hpp"
#include "protocol/request_id.hpp"

namespace chatcore::engine {

/// What remains of a sync of everything after a page.
struct SyncContinuation {
  struct Rest {
    ConversationId conversationId;
    Seq from = 0;  ///< first seq not sent yet
    Seq head = 0;  ///< when it was listed
    Timestamp lastEventAt = 0;
    bool large = false;
    bool tellHidden = false;
    bool again = false;  ///< has changed since the sync began, and may have been told before
  };
  std::string token;  ///< the only one that continues it
  std::uint64_t origin = 0;
  bool anywhere = false;  ///< its token says the same to another connection
  std::uint32_t newest = 0;
  SyncToken end;  ///< what its last page's token will say, as far as it is known
  std::vector<Rest> rest;
};

/// What only some sessions have, and none while it idles after its welcome.
struct SessionExtras {
  Credentials credentials;
  std::vector<std::string> early;    ///< frames that came before the welcome
  std::optional<Identity> identity;  ///< known, but the device is not
  std::uint64_t order = 0;           ///< of the connections of this process
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
    authenticating,  ///< and, where the host has to be asked, until it has answered
    admitting,       ///< topics and lease are on their way
    live,
  };

  SessionId id = 0;
  PrincipalRef who;           ///< null until the credentials are known to be good
  std::uint64_t address = 0;  ///< RateLimits::address_key; 0 where nothing is limited
  Patience patience;
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
