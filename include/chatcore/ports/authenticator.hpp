#pragma once

#include <string>
#include <vector>

#include "chatcore/completion.hpp"
#include "chatcore/model/user.hpp"
#include "chatcore/result.hpp"

namespace chatcore {

/// What a client showed of itself. Everything in it is untrusted; sizes are bounded by the gateway.
struct Credentials {
  std::string token;          ///< bearer token; empty if none was shown
  std::string claimedUser;    ///< `?user=`, for development authentication only
  std::string claimedDevice;  ///< `?device=` or hello's deviceId
  std::string remoteAddress;  ///< textual, without the port
};

/// Credentials to identity, or a reason.
class CHATCORE_API Authenticator {
 public:
  virtual ~Authenticator();
  /// `unauthorized` (close 4500; final) or `unavailable` (close 4004; the client comes back). An identity
  /// without a device takes the claimed one. The gateway gives up after its handshake deadline (10 s).
  virtual void authenticate(std::vector<Credentials> batch, Executor& executor,
                            Completion<std::vector<Result<Identity>>> done) = 0;
  /// True: believes too much to be reached from other machines; a server refuses to start with it elsewhere.
  [[nodiscard]] virtual bool loopback_only() const noexcept { return false; }
};

}  // namespace chatcore
