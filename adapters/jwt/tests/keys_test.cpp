#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "tokens.hpp"

using namespace tokens;

namespace {

std::string spki_pem(std::string_view publicKey) {
  std::string der("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", 12);
  der.append(publicKey);
  std::string text(sodium_base64_ENCODED_LEN(der.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(der.data()), der.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  text.resize(text.find('\0'));
  return "-----BEGIN PUBLIC KEY-----\n" + text + "\n-----END PUBLIC KEY-----\n";
}

struct KeyFile {
  std::string path = "jwt_key_file_test." + std::to_string(::getpid());
  explicit KeyFile(std::string_view contents) {
    std::ofstream(path, std::ios::binary)
        .write(contents.data(), static_cast<std::streamsize>(contents.size()));
  }
  ~KeyFile() { std::remove(path.c_str()); }
};

bool refused(const Result<JwtKey>& key) { return !key && key.error().code == ErrorCode::invalid_argument; }

}  // namespace

TEST_CASE("an Ed25519 key is taken raw, as base64 in either alphabet, and as PEM") {
  const EdPair pair(7);
  std::string padded = base64url(pair.publicKey) + "=";
  for (const std::string& spelling :
       {pair.publicKey, base64url(pair.publicKey), padded, padded + "\n", spki_pem(pair.publicKey)}) {
    CAPTURE(spelling);
    auto key = JwtKey::ed25519(spelling);
    REQUIRE(key);
    Desk desk({*key});
    CHECK(desk(eddsa(pair, kAlice)) == "alice||0");
  }
}

TEST_CASE("what is not an Ed25519 public key is refused when it is loaded") {
  const EdPair pair(7);
  CHECK(refused(JwtKey::ed25519("")));
  CHECK(refused(JwtKey::ed25519(pair.publicKey.substr(1))));
  CHECK(refused(JwtKey::ed25519(pair.secretKey)));
  CHECK(refused(
      JwtKey::ed25519("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----")));
  CHECK(refused(JwtKey::ed25519("-----BEGIN PUBLIC KEY-----")));
  CHECK(refused(JwtKey::ed25519("-----BEGIN PUBLIC KEY-----END PUBLIC KEY-----")));
  CHECK(refused(JwtKey::ed25519("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----")));
  CHECK(refused(JwtKey::ed25519(spki_pem(pair.publicKey + "x"))));
  CHECK(refused(JwtKey::ed25519(std::string(32, '\0'))));           // small order
  CHECK(refused(JwtKey::ed25519("\x01" + std::string(31, '\0'))));  // the neutral element
  CHECK(refused(JwtKey::ed25519(std::string(32, '\xff'))));         // not canonical
  CHECK(refused(JwtKey::ed25519(pair.publicKey, std::string(257, 'k'))));
}

TEST_CASE("an HS256 secret has 32 to 1024 bytes and is no PEM") {
  CHECK(refused(JwtKey::hs256(std::string(31, 's'))));
  CHECK(JwtKey::hs256(std::string(32, 's')));
  CHECK(JwtKey::hs256(std::string(1024, 's')));
  CHECK(refused(JwtKey::hs256(std::string(1025, 's'))));
  CHECK(refused(JwtKey::hs256(spki_pem(EdPair(1).publicKey))));
}

TEST_CASE("an authenticator takes 1 to 16 keys, no kid twice, and a small leeway") {
  const auto key = [](std::string kid) { return JwtKey::hs256(kSecret, std::move(kid)).value(); };
  CHECK(!JwtAuthenticator::create({}));
  CHECK(!JwtAuthenticator::create(std::vector<JwtKey>(17, key(""))));
  CHECK(!JwtAuthenticator::create({key("a"), key("a")}));
  CHECK(JwtAuthenticator::create({key("a"), key("b"), key(""), key("")}));
  JwtOptions options;
  options.leeway = std::chrono::seconds(601);
  CHECK(!JwtAuthenticator::create({key("")}, options));
  options.leeway = std::chrono::seconds(-1);
  CHECK(!JwtAuthenticator::create({key("")}, options));
}

TEST_CASE("a key file gives its contents without an editor's line break") {
  {
    const KeyFile plain(kSecret + "\n");
    CHECK(*read_key_file(plain.path) == kSecret);
  }
  const KeyFile text(kSecret + "\r\n");
  CHECK(*read_key_file(text.path) == kSecret);
}

TEST_CASE("a raw key file keeps a last byte that looks like a line break") {
  const std::string raw = std::string(31, '\x80') + "\n";
  const KeyFile file(raw);
  CHECK(*read_key_file(file.path) == raw);
}

TEST_CASE("an empty or oversized key file and a directory are refused") {
  CHECK(read_key_file("no-such-file").error().code == ErrorCode::io_error);
  CHECK(read_key_file(".").error().code == ErrorCode::io_error);
  const KeyFile big(std::string(16 * 1024 + 1, 'x'));
  CHECK(read_key_file(big.path).error().code == ErrorCode::invalid_argument);
}

TEST_CASE("an empty key file is refused") {
  const KeyFile empty("\n");
  CHECK(read_key_file(empty.path).error().code == ErrorCode::invalid_argument);
}
