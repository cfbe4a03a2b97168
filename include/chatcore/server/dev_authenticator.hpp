#pragma once

#include "chatcore/ports/authenticator.hpp"

namespace chatcore {

/// Believes what the client says: the identity is `claimedUser` on `claimedDevice` ("default" if none is
/// named), for ever; a token is not looked at. For development on one machine only: a server refuses to start
/// with it on an address that is not loopback. `unauthorized` if either is not a valid id.
class CHATCORE_API DevAuthenticator final : public Authenticator {
 public:
  void authenticate(std::vector<Credentials> batch, Executor& executor,
                    Completion<std::vector<Result<Identity>>> done) override;
  [[nodiscard]] bool loopback_only() const noexcept override { return true; }
};

}  // namespace chatcore
