#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "base64.hpp"
#include "claims.hpp"
#include "fuzz.hpp"
#include "key_material.hpp"
#include "token.hpp"
#include "tokens.hpp"

/// The first byte says what the rest is: `T` a token; `H`, `E` the header and, on the next line, the claims
/// of a token that is signed here with HS256 or EdDSA; `K` a key; `B` base64. A digit after `T`, `H` or `E`
/// picks the authenticator's options. Nothing may be accepted that was not signed, or does not hold now.
namespace chatcore::fuzz {

namespace {

using namespace chatcore::jwt;
using nlohmann::json;

const tokens::EdPair& pair() {
  static const tokens::EdPair made(7);
  return made;
}

const std::vector<JwtKey>& keys() {
  static const std::vector<JwtKey> all = {JwtKey::hs256(tokens::kSecret).value(),
                                          JwtKey::hs256("another secret, of 32 bytes or more", "k1").value(),
                                          JwtKey::ed25519(pair().publicKey).value()};
  return all;
}

JwtOptions options_of(char digit) {
  JwtOptions options;
  const auto bits = static_cast<unsigned>(digit);
  options.requireExpiry = (bits & 1) != 0;
  if ((bits & 2) != 0) options.issuer = "login";
  if ((bits & 4) != 0) options.audience = "chat";
  if ((bits & 8) != 0) options.leeway = std::chrono::seconds(0);
  return options;
}

void check_identity(const Identity& identity, std::string_view token, const JwtOptions& options) {
  const auto dot = token.find('.');
  const auto text = decode_base64url(token.substr(dot + 1, token.rfind('.') - dot - 1));
  require(text.has_value(), "claims that were taken are base64url");
  const json claims = json::parse(*text, nullptr, false);
  require(claims.is_object() && claims.value("sub", "") == identity.userId, "a user is the token's sub");
  require(valid_id(identity.userId), "a user is an id");
  require(identity.deviceId.empty() || valid_id(identity.deviceId), "a device is an id");
  const Timestamp leeway = std::chrono::milliseconds(options.leeway).count();
  require(identity.expiresAt == 0 ? !claims.contains("exp") || claims.at("exp") == 0
                                  : identity.expiresAt + leeway > tokens::kNow,
          "no token outlives its exp");
  require(!options.requireExpiry || claims.contains("exp"), "an exp is there where one is required");
  require(options.issuer.empty() || claims.value("iss", "") == options.issuer, "the issuer is the right one");
}

bool signed_by_a_key(std::string_view token) {
  const auto dot = token.rfind('.');
  const auto signature = decode_base64url(token.substr(dot + 1));
  if (!signature) return false;
  return std::any_of(keys().begin(), keys().end(), [&](const JwtKey& key) {
    return key.material().verifies(token.substr(0, dot), *signature);
  });
}

void check_token(std::string_view token, const JwtOptions& options) {
  const Exact exact(token);
  const auto answer = identify(exact.view(), keys(), options, tokens::kNow);
  if (!answer) {
    require(answer.error().code == ErrorCode::unauthorized, "a refusal is `unauthorized`");
    return;
  }
  require(signed_by_a_key(token), "nothing is taken unsigned");
  check_identity(*answer, token, options);

  // Every spelling of a token but one is another token.
  Cuts cuts(token);
  std::string changed(token);
  char& byte = changed[cuts.below(changed.size())];
  byte = static_cast<char>(byte ^ (1 + cuts.below(255)));
  require(!identify(changed, keys(), options, tokens::kNow), "a changed token is refused");
}

void check_signed(std::string_view text, const JwtOptions& options, bool eddsa) {
  const auto header = take_until(text, '\n');
  const std::string token = eddsa ? tokens::eddsa(pair(), text, header) : tokens::hs256(text, header);
  check_token(token, options);
}

void check_key(std::string_view text) {
  const Exact exact(text);
  const auto shared = JwtKey::hs256(exact.view());
  require(shared.has_value() || shared.error().code == ErrorCode::invalid_argument, "a bad secret is named");
  const auto open = JwtKey::ed25519(exact.view());
  require(open.has_value() || open.error().code == ErrorCode::invalid_argument, "a bad key is named");
  require(!open || open->material().bytes.size() == crypto_sign_PUBLICKEYBYTES, "a key has its size");
}

void check_base64(std::string_view text) {
  const Exact exact(text);
  if (const auto bytes = decode_base64url(exact.view()))
    require(tokens::base64url(*bytes) == text, "bytes have one spelling");
  static_cast<void>(decode_any_base64(exact.view()));
  require(decode_base64url(tokens::base64url(text)) == text, "base64url brings back what went in");
}

}  // namespace

}  // namespace chatcore::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace chatcore::fuzz;
  if (size < 2) return 0;
  const char what = static_cast<char>(data[0]);
  if (what == 'K') check_key(text_of(data + 1, size - 1));
  if (what == 'B') check_base64(text_of(data + 1, size - 1));
  const auto options = options_of(static_cast<char>(data[1]));
  if (what == 'T') check_token(text_of(data + 2, size - 2), options);
  if (what == 'H' || what == 'E') check_signed(text_of(data + 2, size - 2), options, what == 'E');
  return 0;
}
