#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "chatcore/ports/authenticator.hpp"
#include "chatcore/ports/clock.hpp"

namespace chatcore {

/// A key that signs tokens, together with the one algorithm it may be used with: a token's `alg` must name
/// that algorithm, so a public key can never be taken for a shared secret, nor `none` for anything. Copies
/// share the key; the last one wipes it.
class CHATCORE_API JwtKey {
 public:
  /// HMAC-SHA-256 with a secret of 32 to 1024 bytes, used as they are. A PEM text is refused: it is a key
  /// of another algorithm.
  [[nodiscard]] static Result<JwtKey> hs256(std::string_view secret, std::string kid = {});
  /// EdDSA with an Ed25519 public key: 32 raw bytes, base64 or base64url of them, or a PEM
  /// SubjectPublicKeyInfo (`-----BEGIN PUBLIC KEY-----`).
  [[nodiscard]] static Result<JwtKey> ed25519(std::string_view publicKey, std::string kid = {});

  [[nodiscard]] const std::string& kid() const noexcept { return kid_; }

  struct Material;  ///< private to the adapter
  [[nodiscard]] const Material& material() const noexcept { return *material_; }

 private:
  JwtKey(std::shared_ptr<const Material> material, std::string kid)
      : material_(std::move(material)), kid_(std::move(kid)) {}

  std::shared_ptr<const Material> material_;
  std::string kid_;
};

struct JwtOptions {
  std::string issuer;          ///< `iss` must equal it; empty: not checked
  std::string audience;        ///< `aud` must be or contain it; empty: not checked
  bool requireExpiry = false;  ///< refuse tokens without `exp`
  /// How far clocks may disagree, for exp, nbf and iat; 0 to 10 minutes.
  std::chrono::seconds leeway{30};
};

/// Bearer tokens (JWT in JWS compact form, at most 4 KiB) to identities: `sub` is the user, `dev`, if there,
/// the device, `exp` the identity's end. Everything that is not exactly right is
/// `unauthorized`; nothing is fetched, so `unavailable` does not occur.
///
/// A key with a `kid` takes only tokens that name it; a key without one takes any token. A token is checked
/// in the calling thread (about 1 µs for HS256, 60 µs for EdDSA) and is safe to check from any thread.
class CHATCORE_API JwtAuthenticator final : public Authenticator {
 public:
  static constexpr std::size_t kMaxTokenBytes = 4096;
  static constexpr std::size_t kMaxKeys = 16;

  /// One to 16 keys, no kid twice; otherwise `invalid_argument`. The clock must outlive the authenticator.
  [[nodiscard]] static Result<std::unique_ptr<JwtAuthenticator>> create(std::vector<JwtKey> keys,
                                                                        JwtOptions options = {},
                                                                        Clock& clock = system_clock());

  void authenticate(std::vector<Credentials> batch, Executor& executor,
                    Completion<std::vector<Result<Identity>>> done) override;

 private:
  JwtAuthenticator(std::vector<JwtKey> keys, JwtOptions options, Clock& clock);

  std::vector<JwtKey> keys_;
  JwtOptions options_;
  Clock& clock_;
};

/// The contents of a key file, 1 byte to 16 KiB; a line break at the end of a printable text is left out,
/// since editors and shells add one. `io_error` or `invalid_argument`.
[[nodiscard]] CHATCORE_API Result<std::string> read_key_file(const std::string& path);

}  // namespace chatcore
