#include <doctest/doctest.h>

#include "tokens.hpp"

using namespace tokens;

namespace {

// RFC 7515, appendix A.1.
constexpr std::string_view kRfc7515Secret =
    "\x03\x23\x35\x4b\x2b\x0f\xa5\xbc\x83\x7e\x06\x65\x77\x7b\xa6\x8f\x5a\xb3\x28\xe6\xf0\x54\xc9\x28\xa9\x0f"
    "\x84\xb2\xd2\x50"
    "\x2e\xbf\xd3\xfb\x5a\x92\xd2\x06\x47\xef\x96\x8a\xb4\xc3\x77\x62\x3d\x22\x3d\x2e\x21\x72\x05\x2e\x4f\x08"
    "\xc0\xcd\x9a\xf5"
    "\x67\xd0\x80\xa3";
const std::string kRfc7515Token =
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

// RFC 8037, appendix A.
const std::string kRfc8037Key = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
const std::string kRfc8037Token =
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
    ".hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

}  // namespace

TEST_CASE("the HMAC vector of RFC 7515 verifies, and its claims are then judged") {
  Desk desk({JwtKey::hs256(kRfc7515Secret).value()});
  CHECK(desk(kRfc7515Token) == "! the token has expired");
  desk.clock.jump_wall(std::chrono::milliseconds(1300819380000 - kNow));
  CHECK(desk(kRfc7515Token) == "! sub is not a user id");
}

TEST_CASE("the Ed25519 vector of RFC 8037 verifies, and its payload is then found to be no claims") {
  Desk desk({JwtKey::ed25519(kRfc8037Key).value()});
  CHECK(desk(kRfc8037Token) == "! the token's claims are not a JSON object");
}

TEST_CASE("changing any one character of a vector is noticed") {
  Desk hmacDesk({JwtKey::hs256(kRfc7515Secret).value()});
  hmacDesk.clock.jump_wall(std::chrono::milliseconds(1300819380000 - kNow));
  Desk edDesk({JwtKey::ed25519(kRfc8037Key).value()});
  for (std::size_t i = 0; i < kRfc7515Token.size(); ++i) {
    std::string changed = kRfc7515Token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    CHECK(hmacDesk(changed) != "! sub is not a user id");
  }
  for (std::size_t i = 0; i < kRfc8037Token.size(); ++i) {
    std::string changed = kRfc8037Token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    CHECK(edDesk(changed) != "! the token's claims are not a JSON object");
  }
}
