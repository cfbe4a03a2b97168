#pragma once

#include <string>
#include <string_view>

#include "chatcore/jwt/authenticator.hpp"

namespace chatcore {

struct JwtKey::Material {
  enum class Algorithm { hs256, eddsa };

  Material(Algorithm of, std::string secret) : algorithm(of), bytes(std::move(secret)) {}
  ~Material();
  Material(const Material&) = delete;
  Material& operator=(const Material&) = delete;

  [[nodiscard]] std::string_view name() const { return algorithm == Algorithm::hs256 ? "HS256" : "EdDSA"; }
  [[nodiscard]] bool verifies(std::string_view message, std::string_view signature) const;

  Algorithm algorithm;
  std::string bytes;
};

}  // namespace chatcore
