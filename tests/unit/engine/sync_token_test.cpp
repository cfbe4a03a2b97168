#include "engine/sync_token.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace chatcore;
using engine::decode_token;
using engine::encode_token;
using engine::SyncToken;
using engine::SyncTokenPage;
using engine::SyncTokenStart;

namespace {

SyncToken rich() {
  SyncToken token;
  token.since = std::uint64_t{7} << 40 | 123;
  token.page = SyncTokenPage{std::uint64_t{7} << 40 | 456, "group.1", 17};
  token.know_large("big", 1'000'000);
  token.know_large("other", 0);
  return token;
}

}  // namespace

TEST_CASE("a token comes back as it was given") {
  const std::string text = encode_token(rich(), 99, "alice");
  const auto token = decode_token(text, 99, "alice");
  REQUIRE(token);
  CHECK(token->since == rich().since);
  REQUIRE(token->page);
  CHECK(token->page->end == rich().page->end);
  CHECK(token->page->after == "group.1");
  CHECK(token->page->from == 17);
  CHECK(token->known_large("big") == 1'000'000);
  CHECK(token->known_large("other") == 0);
  CHECK_FALSE(token->known_large("unknown"));
  CHECK_FALSE(decode_token(encode_token({}, 99, "alice"), 99, "alice")->page);
}

TEST_CASE("a token says where in everything a sync goes on") {
  SyncToken given = rich();
  given.start = SyncTokenStart{1'700'000'000'123, true, 20};
  const auto token = decode_token(encode_token(given, 99, "alice"), 99, "alice");
  REQUIRE(token);
  REQUIRE(token->start);
  CHECK(token->start->lastEventAt == 1'700'000'000'123);
  CHECK(token->start->again);
  CHECK(token->start->newest == 20);
  CHECK(token->page->after == "group.1");
  CHECK(token->known_large("big") == 1'000'000);
  CHECK_FALSE(decode_token(encode_token(rich(), 99, "alice"), 99, "alice")->start);
}

TEST_CASE("another's token is garbage, and one of another store") {
  const std::string text = encode_token(rich(), 99, "alice");
  CHECK_FALSE(decode_token(text, 99, "bob"));
  CHECK_FALSE(decode_token(text, 98, "alice"));
}

TEST_CASE("no token that was changed or cut off is taken") {
  const std::string text = encode_token(rich(), 99, "alice");
  for (std::size_t i = 0; i < text.size(); ++i) {
    CAPTURE(i);
    std::string changed = text;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    CHECK_FALSE(decode_token(changed, 99, "alice"));
    CHECK_FALSE(decode_token(text.substr(0, i), 99, "alice"));
  }
  CHECK_FALSE(decode_token(text + "A", 99, "alice"));
  for (const char* garbage : {"", "t.", "t.A", "t.****", "w.abc", "t.AAAAAAAAAAAAAAAAAAAAAA"})
    CHECK_FALSE(decode_token(garbage, 99, "alice"));
}

TEST_CASE("a token is never longer than what the server takes") {
  SyncToken token = rich();
  token.page->after = std::string(64, 'x');
  token.start = SyncTokenStart{INT64_MAX, true, 200};
  for (int i = 0; i < 2000; ++i) token.know_large("group" + std::to_string(i), UINT64_C(1) << 53);
  CHECK(token.large.size() == SyncToken::kMaxLarge);
  const std::string text = encode_token(token, 99, std::string(64, 'u'));
  CHECK(text.size() <= 8192);
  CHECK(decode_token(text, 99, std::string(64, 'u')));
}
