#include "token.hpp"

#include <algorithm>

#include "base64.hpp"
#include "claims.hpp"
#include "key_material.hpp"

namespace chatcore::jwt {

namespace {

using nlohmann::json;

Error refuse(std::string message) { return Error{ErrorCode::unauthorized, std::move(message)}; }

struct Parts {
  std::string_view header;
  std::string_view claims;
  std::string_view signature;
  std::string_view signedText;
};

std::optional<Parts> split(std::string_view token) {
  const auto first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const auto second = token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos)
    return std::nullopt;
  return Parts{token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1),
               token.substr(0, second)};
}

const std::string* text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : found->get_ptr<const json::string_t*>();
}

std::optional<json> parse_part(std::string_view part) {
  const auto text = decode_base64url(part);
  return text ? parse_object(*text) : std::nullopt;
}

Status check_signature(const Parts& parts, const json& header, std::span<const JwtKey> keys) {
  // Extensions that must be understood: none is. `b64` would change what is signed.
  if (header.contains("crit") || header.contains("b64"))
    return refuse("the token needs an unknown extension");
  const std::string* algorithm = text_of(header, "alg");
  if (algorithm == nullptr) return refuse("the token names no algorithm");
  const std::string* kid = text_of(header, "kid");
  if (kid == nullptr && header.contains("kid")) return refuse("the token's kid is not a string");
  const auto signature = decode_base64url(parts.signature);
  if (!signature) return refuse("the signature is not base64url");

  bool tried = false;
  for (const JwtKey& key : keys) {
    if (!key.kid().empty() && (kid == nullptr || *kid != key.kid())) continue;
    if (key.material().name() != *algorithm) continue;
    tried = true;
    if (key.material().verifies(parts.signedText, *signature)) return {};
  }
  return refuse(tried ? "the signature does not match" : "no key takes this token");
}

/// Milliseconds, or nothing if the claim is absent; an error if it is not a time.
Result<std::optional<Timestamp>> time_claim(const json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end()) return std::optional<Timestamp>();
  const auto time = numeric_date_ms(*found);
  if (!time) return refuse(std::string(name) + " is not a time");
  return std::optional<Timestamp>(*time);
}

/// The moment the identity ends (0: never), or why it does not hold now.
Result<Timestamp> check_times(const json& claims, const JwtOptions& options, Timestamp now) {
  const Timestamp leeway = std::chrono::milliseconds(options.leeway).count();
  auto expires = time_claim(claims, "exp");
  if (!expires) return std::move(expires).error();
  if (!*expires && options.requireExpiry) return refuse("the token has no exp");
  if (*expires && now >= **expires + leeway) return refuse("the token has expired");
  for (const char* name : {"nbf", "iat"}) {
    auto begins = time_claim(claims, name);
    if (!begins) return std::move(begins).error();
    if (*begins && now < **begins - leeway) return refuse("the token is not valid yet");
  }
  return *expires ? **expires : Timestamp{0};
}

bool names_audience(const json& claims, const std::string& audience) {
  const auto found = claims.find("aud");
  if (found == claims.end()) return false;
  if (!found->is_array()) return found->is_string() && *found == audience;
  const bool allText =
      std::all_of(found->begin(), found->end(), [](const json& item) { return item.is_string(); });
  return allText && std::find(found->begin(), found->end(), audience) != found->end();
}

Status check_origin(const json& claims, const JwtOptions& options) {
  if (!options.issuer.empty()) {
    const std::string* issuer = text_of(claims, "iss");
    if (issuer == nullptr || *issuer != options.issuer) return refuse("the token is from another issuer");
  }
  if (!options.audience.empty() && !names_audience(claims, options.audience)) {
    return refuse("the token is for another audience");
  }
  return {};
}

Result<Identity> identity_of(const json& claims, Timestamp expiresAt) {
  const std::string* user = text_of(claims, "sub");
  if (user == nullptr || !valid_id(*user)) return refuse("sub is not a user id");
  Identity identity{*user, {}, expiresAt};
  if (claims.contains("dev")) {
    const std::string* device = text_of(claims, "dev");
    if (device == nullptr || !valid_id(*device)) return refuse("dev is not a device id");
    identity.deviceId = *device;
  }
  return identity;
}

}  // namespace

Result<Identity> identify(std::string_view token, std::span<const JwtKey> keys, const JwtOptions& options,
                          Timestamp now) {
  if (token.empty()) return refuse("no token");
  if (token.size() > JwtAuthenticator::kMaxTokenBytes) return refuse("the token is too large");
  const auto parts = split(token);
  if (!parts) return refuse("the token does not have three parts");
  const auto header = parse_part(parts->header);
  if (!header) return refuse("the token's header is not a JSON object");
  if (auto status = check_signature(*parts, *header, keys); !status) return std::move(status).error();

  const auto claims = parse_part(parts->claims);
  if (!claims) return refuse("the token's claims are not a JSON object");
  auto expiresAt = check_times(*claims, options, now);
  if (!expiresAt) return std::move(expiresAt).error();
  if (auto status = check_origin(*claims, options); !status) return std::move(status).error();
  return identity_of(*claims, *expiresAt);
}

}  // namespace chatcore::jwt
