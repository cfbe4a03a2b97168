#include <doctest/doctest.h>

#include <vector>

#include "tokens.hpp"

using namespace tokens;

namespace {

const EdPair kPair(7);
const EdPair kStranger(8);

std::string with_signature(std::string_view token, std::string_view signature) {
  return std::string(token.substr(0, token.rfind('.') + 1)) + std::string(signature);
}
std::string claims_at(const char* name, std::int64_t secondsFromNow) {
  return std::string(R"({"sub":"alice",")") + name + "\":" + std::to_string(kNow / 1000 + secondsFromNow) +
         "}";
}
std::string expiring_after(std::int64_t seconds) { return "alice||" + std::to_string(kNow + seconds * 1000); }

/// The same 256 bits in another spelling: the last digit of 43 carries two unused bits.
std::string non_canonical(std::string token) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  token.back() = kAlphabet[kAlphabet.find(token.back()) + 1];
  return token;
}

}  // namespace

TEST_CASE("a good token names its user and device") {
  Desk desk;
  CHECK(desk(hs256(kAlice)) == "alice||0");
  CHECK(desk(hs256(R"({"sub":"alice","dev":"phone"})")) == "alice|phone|0");
  CHECK(desk(hs256(R"({"sub":"a@b.c:D_1-2","other":{"x":[1,{"y":null}]}})")) == "a@b.c:D_1-2||0");
  CHECK(desk(hs256(claims_at("exp", 60))) == expiring_after(60));
}

TEST_CASE("the algorithm belongs to the key, not to the token") {
  Desk hmacDesk;
  Desk edDesk({JwtKey::ed25519(kPair.publicKey).value()});
  struct Row {
    const char* what;
    std::string token;
    Desk& desk;
  };
  const std::string none = unsigned_part(R"({"alg":"none"})", kAlice);
  const std::vector<Row> rows = {
      {"none without a signature", none + ".", hmacDesk},
      {"None in another case", unsigned_part(R"({"alg":"NoNe"})", kAlice) + ".", hmacDesk},
      {"none with a good HMAC", hs256(kAlice, R"({"alg":"none"})"), hmacDesk},
      {"HS384 over an HS256 signature", hs256(kAlice, R"({"alg":"HS384"})"), hmacDesk},
      {"hs256 in lower case", hs256(kAlice, R"({"alg":"hs256"})"), hmacDesk},
      {"an HMAC said to be EdDSA", hs256(kAlice, kEdHeader), hmacDesk},
      {"the public key used as an HMAC secret", hs256(kAlice, kHeader, kPair.publicKey), edDesk},
      {"the same, said to be EdDSA", hs256(kAlice, kEdHeader, kPair.publicKey), edDesk},
      {"the public key's text used as a secret", hs256(kAlice, kHeader, base64url(kPair.publicKey)), edDesk},
      {"none where a public key is expected", none + ".", edDesk},
      {"an EdDSA signature said to be HS256", eddsa(kPair, kAlice, kHeader), edDesk},
      {"alg missing", hs256(kAlice, R"({"typ":"JWT"})"), hmacDesk},
      {"alg null", hs256(kAlice, R"({"alg":null})"), hmacDesk},
      {"alg a list", hs256(kAlice, R"({"alg":["HS256"]})"), hmacDesk},
      {"alg twice", hs256(kAlice, R"({"alg":"none","alg":"HS256"})"), hmacDesk},
      {"alg with a NUL", hs256(kAlice, R"({"alg":"HS256\u0000"})"), hmacDesk},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK(row.desk(row.token).starts_with("! "));
  }
}

TEST_CASE("only a whole signature by the right key counts") {
  Desk hmacDesk;
  Desk edDesk({JwtKey::ed25519(kPair.publicKey).value()});
  const std::string good = hs256(kAlice);
  const std::string edGood = eddsa(kPair, kAlice);
  const std::string mac = hmac(kSecret, good.substr(0, good.rfind('.')));
  std::string malleable = kPair.sign(edGood.substr(0, edGood.rfind('.')));
  malleable.back() = static_cast<char>(malleable.back() | 0x80);
  REQUIRE(edDesk(edGood) == "alice||0");

  CHECK(hmacDesk(hs256(kAlice, kHeader, "another secret of thirty-two byte")) ==
        "! the signature does not match");
  CHECK(edDesk(eddsa(kStranger, kAlice)) == "! the signature does not match");
  CHECK(hmacDesk(with_signature(good, "")) == "! the signature does not match");
  CHECK(hmacDesk(with_signature(good, base64url(mac.substr(0, 31)))) == "! the signature does not match");
  CHECK(hmacDesk(with_signature(good, base64url(mac.substr(0, 16)))) == "! the signature does not match");
  CHECK(hmacDesk(with_signature(good, base64url(mac + '\0'))) == "! the signature does not match");
  CHECK(hmacDesk(with_signature(good, base64url(std::string(32, '\0')))) == "! the signature does not match");
  CHECK(edDesk(with_signature(edGood, base64url(std::string(64, '\0')))) == "! the signature does not match");
  CHECK(edDesk(with_signature(edGood, base64url(malleable))) == "! the signature does not match");
  CHECK(edDesk(edGood.substr(0, edGood.size() - 2)).starts_with("! "));

  const std::string bob = base64url(R"({"sub":"bob"})");
  CHECK(hmacDesk(base64url(kHeader) + "." + bob + good.substr(good.rfind('.'))) ==
        "! the signature does not match");
}

TEST_CASE("a key brought along in the token is never used") {
  Desk desk({JwtKey::ed25519(kPair.publicKey).value()});
  const std::string jwk = R"({"alg":"EdDSA","jwk":{"kty":"OKP","crv":"Ed25519","x":")" +
                          base64url(kStranger.publicKey) + R"("}})";
  CHECK(desk(eddsa(kStranger, kAlice, jwk)) == "! the signature does not match");
  CHECK(desk(eddsa(kStranger, kAlice, R"({"alg":"EdDSA","jku":"https://evil.example/keys"})")) ==
        "! the signature does not match");
}

TEST_CASE("a key with a kid takes only tokens that name it") {
  Desk desk({JwtKey::hs256(kSecret, "old").value(), JwtKey::ed25519(kPair.publicKey, "new").value()});
  CHECK(desk(hs256(kAlice, R"({"alg":"HS256","kid":"old"})")) == "alice||0");
  CHECK(desk(eddsa(kPair, kAlice, R"({"alg":"EdDSA","kid":"new"})")) == "alice||0");
  for (const char* header :
       {R"({"alg":"HS256"})", R"({"alg":"HS256","kid":"new"})", R"({"alg":"HS256","kid":""})",
        R"({"alg":"HS256","kid":"OLD"})", R"({"alg":"HS256","kid":1})", R"({"alg":"HS256","kid":null})",
        R"({"alg":"HS256","kid":"../../dev/null"})", R"({"alg":"HS256","kid":"x","kid":"old"})"}) {
    CAPTURE(header);
    CHECK(desk(hs256(kAlice, header)).starts_with("! "));
  }
}

TEST_CASE("several keys without a kid are tried in turn") {
  Desk desk({JwtKey::hs256(std::string(32, 'x')).value(), JwtKey::hs256(kSecret).value(),
             JwtKey::ed25519(kPair.publicKey).value()});
  CHECK(desk(hs256(kAlice)) == "alice||0");
  CHECK(desk(hs256(kAlice, R"({"alg":"HS256","kid":"whatever"})")) == "alice||0");
  CHECK(desk(eddsa(kPair, kAlice)) == "alice||0");
  CHECK(desk(hs256(kAlice, kHeader, std::string(32, 'y'))) == "! the signature does not match");
}

TEST_CASE("extensions that must be understood are refused") {
  Desk desk;
  CHECK(desk(hs256(kAlice, R"({"alg":"HS256","crit":["exp"],"exp":1})")) ==
        "! the token needs an unknown extension");
  CHECK(desk(hs256(kAlice, R"({"alg":"HS256","crit":[]})")) == "! the token needs an unknown extension");
  CHECK(desk(hs256(kAlice, R"({"alg":"HS256","b64":false})")) == "! the token needs an unknown extension");
}

TEST_CASE("every byte string has one spelling in base64url") {
  Desk desk;
  const std::string good = hs256(kAlice);
  REQUIRE(desk(good) == "alice||0");
  CHECK(desk(non_canonical(good)) == "! the signature is not base64url");
  for (const char* tail : {"=", "==", " ", "\n", "\t", "A", "+", "/", "%3D"}) {
    CAPTURE(tail);
    CHECK(desk(good + tail).starts_with("! "));
  }
  CHECK(desk(good + std::string(1, '\0')).starts_with("! "));
  CHECK(desk(" " + good).starts_with("! "));
  CHECK(desk("Bearer " + good).starts_with("! "));
}

TEST_CASE("a token has three parts and at most 4 KiB") {
  Desk desk;
  CHECK(desk("") == "! no token");
  for (const std::string& token :
       {std::string("."), std::string(".."), std::string("..."), std::string("a.b"), std::string("a.b.c.d"),
        std::string("a.b.c"), hs256(kAlice) + ".", "." + hs256(kAlice), hs256(kAlice) + "..x", hs256("", ""),
        std::string(4096, '.'), std::string(4096, 'a')}) {
    CAPTURE(token);
    CHECK(desk(token).starts_with("! "));
  }
  const auto padded = [](std::size_t bytes) {
    return R"({"sub":"alice","x":")" + std::string(bytes, 'x') + "\"}";
  };
  std::string largest;
  for (std::size_t bytes = 2900; hs256(padded(bytes)).size() <= 4096; ++bytes) largest = hs256(padded(bytes));
  REQUIRE(largest.size() >= 4094);
  CHECK(desk(largest) == "alice||0");
  CHECK(desk(hs256(padded(3100))) == "! the token is too large");
  CHECK(desk(std::string(1 << 20, 'a')) == "! the token is too large");
}

TEST_CASE("times hold with half a minute of leeway") {
  struct Row {
    const char* claim;
    std::int64_t secondsFromNow;
    bool good;
  };
  for (const Row& row : std::vector<Row>{{"exp", 1, true},
                                         {"exp", -29, true},
                                         {"exp", -30, false},
                                         {"exp", -86400, false},
                                         {"nbf", 0, true},
                                         {"nbf", 30, true},
                                         {"nbf", 31, false},
                                         {"iat", 30, true},
                                         {"iat", 31, false},
                                         {"iat", -86400, true}}) {
    CAPTURE(row.claim);
    CAPTURE(row.secondsFromNow);
    Desk desk;
    CHECK(desk(hs256(claims_at(row.claim, row.secondsFromNow))).starts_with("alice") == row.good);
  }
}

TEST_CASE("a token is judged by the wall clock at each use") {
  Desk desk;
  const std::string token = hs256(claims_at("exp", 10));
  CHECK(desk(token) == expiring_after(10));
  desk.clock.advance(std::chrono::seconds(39));
  CHECK(desk(token) == expiring_after(10));
  desk.clock.advance(std::chrono::seconds(1));
  CHECK(desk(token) == "! the token has expired");
}

TEST_CASE("a time that is no time is refused") {
  Desk desk;
  for (const char* value : {R"("1800000000")", "null", "true", "[]", "{}", "1e400", "-1e400",
                            "9223372036854775807", "18446744073709551615", "99999999999999999999999999",
                            "1e300", "253402300800", "0x10", "NaN", "Infinity"}) {
    for (const char* claim : {"exp", "nbf", "iat"}) {
      CAPTURE(value);
      CAPTURE(claim);
      CHECK(desk(hs256(std::string(R"({"sub":"alice",")") + claim + "\":" + value + "}")).starts_with("! "));
    }
  }
  CHECK(desk(hs256(R"({"sub":"alice","exp":0})")) == "! the token has expired");
  CHECK(desk(hs256(R"({"sub":"alice","exp":-1})")) == "! the token has expired");
  CHECK(desk(hs256(R"({"sub":"alice","exp":1700000000.9})")) == "alice||1700000000000");
}

TEST_CASE("an expiry can be demanded") {
  JwtOptions options;
  options.requireExpiry = true;
  Desk desk(options);
  CHECK(desk(hs256(kAlice)) == "! the token has no exp");
  CHECK(desk(hs256(claims_at("exp", 5))) == expiring_after(5));
}

TEST_CASE("user and device must be ids") {
  Desk desk;
  for (const char* value : {R"("")", R"("a b")", R"("a\u0000")", R"("ä")", R"("a\n")", R"("../x")", "1",
                            "null", "{}", R"(["alice"])", "true"}) {
    CAPTURE(value);
    CHECK(desk(hs256(std::string(R"({"sub":)") + value + "}")) == "! sub is not a user id");
    CHECK(desk(hs256(std::string(R"({"sub":"alice","dev":)") + value + "}")) == "! dev is not a device id");
  }
  CHECK(desk(hs256("{}")) == "! sub is not a user id");
  CHECK(desk(hs256(R"({"sub":")" + std::string(64, 'a') + "\"}")).starts_with("aaa"));
  CHECK(desk(hs256(R"({"sub":")" + std::string(65, 'a') + "\"}")) == "! sub is not a user id");
}

TEST_CASE("claims are one strict JSON object, though well signed") {
  Desk desk;
  const std::string nul("{\"sub\":\"alice\"}\0,", 17);
  const std::vector<std::string> rows = {
      "",
      "null",
      "[]",
      "\"alice\"",
      "[{\"sub\":\"alice\"}]",
      R"({"sub":"alice"} )"
      "x",
      R"({"sub":"alice",})",
      R"({"sub":"alice","sub":"bob"})",
      R"({"sub":"alice","s\u0075b":"bob"})",
      R"({"sub":"alice","x":{"a":1,"a":2}})",
      R"({'sub':'alice'})",
      R"({sub:"alice"})",
      R"(/**/{"sub":"alice"})",
      "\xef\xbb\xbf{\"sub\":\"alice\"}",
      nul,
      "{\"sub\":\"alice\",\"x\":\"\xff\"}",
      R"({"sub":"alice","x":"\ud800"})",
      R"({"sub":"alice")",
      R"({"sub":"alice","x":)" + std::string(20, '[') + std::string(20, ']') + "}",
      R"({"sub":"alice","x":)" + std::string(2800, '['),
      R"({"sub":"alice","x":01})"};
  for (const std::string& claims : rows) {
    CAPTURE(claims);
    CHECK(desk(hs256(claims)) == "! the token's claims are not a JSON object");
  }
}

TEST_CASE("issuer and audience are checked when asked for") {
  JwtOptions options;
  options.issuer = "https://id.example";
  options.audience = "chat";
  Desk desk(options);
  const auto with = [](const std::string& iss, const std::string& aud) {
    return hs256(R"({"sub":"alice","iss":)" + iss + R"(,"aud":)" + aud + "}");
  };
  const std::string issuer = R"("https://id.example")";
  CHECK(desk(with(issuer, R"("chat")")) == "alice||0");
  CHECK(desk(with(issuer, R"(["mail","chat"])")) == "alice||0");
  for (const char* audience :
       {R"("mail")", R"("chat2")", "[]", R"(["mail"])", R"(["chat",1])", "null", "1", R"({"chat":"chat"})"}) {
    CAPTURE(audience);
    CHECK(desk(with(issuer, audience)) == "! the token is for another audience");
  }
  for (const char* other : {R"("https://id.example/")", R"("")", "null", R"(["https://id.example"])"}) {
    CAPTURE(other);
    CHECK(desk(with(other, R"("chat")")) == "! the token is from another issuer");
  }
  CHECK(desk(hs256(kAlice)) == "! the token is from another issuer");
}

TEST_CASE("a batch is answered in order, on the executor, never inside the call") {
  Desk desk;
  testing::TestExecutor executor;
  std::vector<Result<Identity>> answers;
  desk.authenticator->authenticate({{hs256(kAlice), "mallory", "stolen", ""}, {"bad", "alice", "", ""}},
                                   executor,
                                   [&](std::vector<Result<Identity>> got) { answers = std::move(got); });
  CHECK(answers.empty());
  executor.drain();
  REQUIRE(answers.size() == 2);
  CHECK(answers[0]->userId == "alice");
  CHECK(answers[0]->deviceId.empty());
  CHECK(!answers[1]);
}

TEST_CASE("what a client claims of itself is no credential") {
  Desk desk;
  testing::TestExecutor executor;
  auto answers = executor.wait<std::vector<Result<Identity>>>([&](Executor& on, auto done) {
    desk.authenticator->authenticate({{"", "alice", "phone", "127.0.0.1"}}, on, std::move(done));
  });
  CHECK(answers[0].error().code == ErrorCode::unauthorized);
}
