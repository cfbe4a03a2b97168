#pragma once

#include <span>
#include <string_view>

#include "chatcore/jwt/authenticator.hpp"

namespace chatcore::jwt {

/// Decides about one token at one moment. The signature is checked before the claims are looked at.
Result<Identity> identify(std::string_view token, std::span<const JwtKey> keys, const JwtOptions& options,
                          Timestamp now);

}  // namespace chatcore::jwt
