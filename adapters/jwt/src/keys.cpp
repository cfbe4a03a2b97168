#include <sodium.h>

#include <array>
#include <optional>

#include "base64.hpp"
#include "key_material.hpp"

namespace chatcore {

namespace {

constexpr std::size_t kMinSecretBytes = 32;  // RFC 7518 3.2: at least the size of the hash
constexpr std::size_t kMaxSecretBytes = 1024;
constexpr std::size_t kMaxKidBytes = 256;
constexpr std::size_t kMaxPemBytes = 4096;
constexpr std::string_view kPemBegin = "-----BEGIN PUBLIC KEY-----";
constexpr std::string_view kPemEnd = "-----END PUBLIC KEY-----";
// SEQUENCE { SEQUENCE { OID 1.3.101.112 } BIT STRING (33 bytes, none unused) }, RFC 8410.
constexpr std::string_view kSpkiPrefix("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", 12);

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Error refuse(std::string message) { return Error{ErrorCode::invalid_argument, std::move(message)}; }

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::optional<std::string> key_of_pem(std::string_view pem) {
  if (pem.size() > kMaxPemBytes || !pem.starts_with(kPemBegin) || !pem.ends_with(kPemEnd))
    return std::nullopt;
  pem.remove_prefix(kPemBegin.size());
  if (pem.size() < kPemEnd.size()) return std::nullopt;
  pem.remove_suffix(kPemEnd.size());
  std::string digits;
  for (char c : pem) {
    if (c != '\r' && c != '\n') digits.push_back(c);
  }
  auto der = jwt::decode_any_base64(digits);
  if (!der || !der->starts_with(kSpkiPrefix)) return std::nullopt;
  return der->substr(kSpkiPrefix.size());
}

std::optional<std::string> public_key_bytes(std::string_view given) {
  if (given.size() == crypto_sign_PUBLICKEYBYTES) return std::string(given);
  const std::string_view text = trimmed(given);
  if (text.starts_with("-----")) return key_of_pem(text);
  return text.size() <= kMaxPemBytes ? jwt::decode_any_base64(text) : std::nullopt;
}

Status check_common(std::string_view kid) {
  if (sodium_init() < 0) return Error{ErrorCode::internal, "libsodium cannot start"};
  if (kid.size() > kMaxKidBytes) return refuse("a kid has at most 256 bytes");
  return {};
}

bool verifies_hmac(std::string_view secret, std::string_view message, std::string_view signature) {
  if (signature.size() != crypto_auth_hmacsha256_BYTES) return false;
  crypto_auth_hmacsha256_state state;
  std::array<unsigned char, crypto_auth_hmacsha256_BYTES> expected;
  crypto_auth_hmacsha256_init(&state, bytes_of(secret), secret.size());
  crypto_auth_hmacsha256_update(&state, bytes_of(message), message.size());
  crypto_auth_hmacsha256_final(&state, expected.data());
  sodium_memzero(&state, sizeof state);
  return sodium_memcmp(expected.data(), signature.data(), expected.size()) == 0;
}

}  // namespace

JwtKey::Material::~Material() { sodium_memzero(bytes.data(), bytes.size()); }

bool JwtKey::Material::verifies(std::string_view message, std::string_view signature) const {
  if (algorithm == Algorithm::hs256) return verifies_hmac(bytes, message, signature);
  return signature.size() == crypto_sign_BYTES &&
         crypto_sign_verify_detached(bytes_of(signature), bytes_of(message), message.size(),
                                     bytes_of(bytes)) == 0;
}

Result<JwtKey> JwtKey::hs256(std::string_view secret, std::string kid) {
  if (auto status = check_common(kid); !status) return std::move(status).error();
  if (secret.size() < kMinSecretBytes || secret.size() > kMaxSecretBytes) {
    return refuse("an HS256 secret has 32 to 1024 bytes");
  }
  if (trimmed(secret).starts_with("-----BEGIN")) return refuse("a PEM key is not an HS256 secret");
  return JwtKey(std::make_shared<const Material>(Material::Algorithm::hs256, std::string(secret)),
                std::move(kid));
}

Result<JwtKey> JwtKey::ed25519(std::string_view publicKey, std::string kid) {
  if (auto status = check_common(kid); !status) return std::move(status).error();
  auto bytes = public_key_bytes(publicKey);
  if (!bytes || bytes->size() != crypto_sign_PUBLICKEYBYTES) {
    return refuse("not an Ed25519 public key (32 bytes, base64 of them, or PEM SubjectPublicKeyInfo)");
  }
  // A point of small order would verify signatures that nobody made.
  if (crypto_core_ed25519_is_valid_point(bytes_of(*bytes)) != 1) {
    return refuse("not a valid point of Ed25519");
  }
  return JwtKey(std::make_shared<const Material>(Material::Algorithm::eddsa, *std::move(bytes)),
                std::move(kid));
}

}  // namespace chatcore
