#pragma once

#include <sodium.h>

#include <array>
#include <string>
#include <string_view>

#include "chatcore/jwt/authenticator.hpp"
#include "chatcore/testing/manual_clock.hpp"
#include "chatcore/testing/test_executor.hpp"

/// Makes tokens the way a host's login service (or an attacker) would.
namespace tokens {

using namespace chatcore;

inline const std::string kSecret = "0123456789abcdef0123456789abcdef";
inline constexpr Timestamp kNow = 1'700'000'000'000;
inline const std::string kHeader = R"({"alg":"HS256","typ":"JWT"})";
inline const std::string kEdHeader = R"({"alg":"EdDSA"})";
inline const std::string kAlice = R"({"sub":"alice"})";

inline std::string base64url(std::string_view bytes) {
  std::string text(sodium_base64_ENCODED_LEN(bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                    bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  text.resize(text.find('\0'));
  return text;
}

inline std::string hmac(std::string_view secret, std::string_view message) {
  crypto_auth_hmacsha256_state state;
  std::string mac(crypto_auth_hmacsha256_BYTES, '\0');
  crypto_auth_hmacsha256_init(&state, reinterpret_cast<const unsigned char*>(secret.data()), secret.size());
  crypto_auth_hmacsha256_update(&state, reinterpret_cast<const unsigned char*>(message.data()),
                                message.size());
  crypto_auth_hmacsha256_final(&state, reinterpret_cast<unsigned char*>(mac.data()));
  return mac;
}

/// An Ed25519 pair from a seed, so that tests repeat.
struct EdPair {
  std::string publicKey = std::string(crypto_sign_PUBLICKEYBYTES, '\0');
  std::string secretKey = std::string(crypto_sign_SECRETKEYBYTES, '\0');

  explicit EdPair(unsigned char seedByte) {
    std::array<unsigned char, crypto_sign_SEEDBYTES> seed;
    seed.fill(seedByte);
    crypto_sign_seed_keypair(reinterpret_cast<unsigned char*>(publicKey.data()),
                             reinterpret_cast<unsigned char*>(secretKey.data()), seed.data());
  }
  [[nodiscard]] std::string sign(std::string_view message) const {
    std::string signature(crypto_sign_BYTES, '\0');
    crypto_sign_detached(reinterpret_cast<unsigned char*>(signature.data()), nullptr,
                         reinterpret_cast<const unsigned char*>(message.data()), message.size(),
                         reinterpret_cast<const unsigned char*>(secretKey.data()));
    return signature;
  }
};

inline std::string unsigned_part(std::string_view header, std::string_view claims) {
  return base64url(header) + "." + base64url(claims);
}
inline std::string hs256(std::string_view claims, std::string_view header = kHeader,
                         std::string_view secret = kSecret) {
  const std::string text = unsigned_part(header, claims);
  return text + "." + base64url(hmac(secret, text));
}
inline std::string eddsa(const EdPair& pair, std::string_view claims, std::string_view header = kEdHeader) {
  const std::string text = unsigned_part(header, claims);
  return text + "." + base64url(pair.sign(text));
}

inline Result<Identity> ask(Authenticator& authenticator, std::string token) {
  testing::TestExecutor executor;
  auto answers = executor.wait<std::vector<Result<Identity>>>([&](Executor& on, auto done) {
    authenticator.authenticate({Credentials{std::move(token), "", "", "192.0.2.1"}}, on, std::move(done));
  });
  return std::move(answers.at(0));
}

/// "user device expiresAt", or "! " and the reason.
inline std::string told(Authenticator& authenticator, std::string token) {
  auto answer = ask(authenticator, std::move(token));
  if (answer) return answer->userId + "|" + answer->deviceId + "|" + std::to_string(answer->expiresAt);
  if (answer.error().code != ErrorCode::unauthorized) return "wrong code: " + answer.error().message;
  return "! " + answer.error().message;
}

/// One authenticator with its own clock.
struct Desk {
  testing::ManualClock clock{kNow};
  std::unique_ptr<JwtAuthenticator> authenticator;

  explicit Desk(std::vector<JwtKey> keys, JwtOptions options = {})
      : authenticator(JwtAuthenticator::create(std::move(keys), std::move(options), clock).value()) {}
  explicit Desk(JwtOptions options = {}) : Desk({JwtKey::hs256(kSecret).value()}, std::move(options)) {}

  std::string operator()(std::string token) { return told(*authenticator, std::move(token)); }
};

}  // namespace tokens
