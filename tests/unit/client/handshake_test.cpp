#include "client/handshake.hpp"

#include <doctest/doctest.h>

#include "driver.hpp"

using namespace chatcore;
using namespace chatcore::client;

TEST_CASE("urls are taken apart") {
  struct Row {
    const char* url;
    const char* host;
    const char* port;
    const char* target;
  };
  for (const Row& row :
       {Row{"ws://127.0.0.1:8080/v1/ws", "127.0.0.1", "8080", "/v1/ws"},
        Row{"ws://chat.example", "chat.example", "80", "/"},
        Row{"ws://chat.example?x=1", "chat.example", "80", "/?x=1"},
        Row{"ws://[::1]:9/ws?a=b", "::1", "9", "/ws?a=b"}, Row{"ws://[::1]", "::1", "80", "/"}}) {
    CAPTURE(row.url);
    const auto url = parse_url(row.url);
    REQUIRE(url);
    CHECK(url->host == row.host);
    CHECK(url->port == row.port);
    CHECK(url->target == row.target);
  }
}

TEST_CASE("urls that cannot be used are refused") {
  for (const char* url : {"", "http://x", "wss://x", "ws://", "ws://:80", "ws://x:0", "ws://x:70000",
                          "ws://x:y", "ws://[::1", "ws://[::1]9", "ws://x/a b", "ws://x/\r\nEvil: 1"}) {
    CAPTURE(url);
    CHECK(!parse_url(url));
  }
}

TEST_CASE("development authentication goes into the query, a token into its header") {
  const Url url = *parse_url("ws://h:1/v1/ws");
  const std::string open = upgrade_request(url, "k", "", "al@x", "phone");
  CHECK(open.starts_with("GET /v1/ws?user=al%40x&device=phone HTTP/1.1\r\nHost: h:1\r\n"));
  CHECK(open.find("Authorization") == std::string::npos);
  const std::string secured = upgrade_request(url, "k", "secret", "alice", "phone");
  CHECK(secured.starts_with("GET /v1/ws?device=phone HTTP/1.1\r\n"));
  CHECK(secured.find("\r\nAuthorization: Bearer secret\r\n") != std::string::npos);
}

TEST_CASE("only the right answer opens the connection") {
  const std::string key = "dGhlIHNhbXBsZSBub25jZQ==";
  const std::string good =
      "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
  CHECK(check_upgrade_response(good, key).code == 0);
  CHECK(check_upgrade_response(good, "AAAAAAAAAAAAAAAAAAAAAA==").reason == "bad_handshake");
  CHECK(check_upgrade_response("HTTP/1.1 101 X\r\n\r\n", key).reason == "bad_handshake");
  CHECK(check_upgrade_response("SSH-2.0-x\r\n\r\n", key).reason == "not_http");
  CHECK(check_upgrade_response("HTTP/1.1 401 X\r\n\r\n", key).code == 4500);
  const Refusal busy = check_upgrade_response("HTTP/1.1 503 X\r\nRetry-After: 3\r\n\r\n", key);
  CHECK(busy.code == 1006);
  CHECK(busy.reason == "http_503;retryAfterMs=3000");
}

TEST_CASE("a handshake key is 16 bytes in base64") {
  testing::MiddleRandom random;
  const std::string key = make_handshake_key(random);
  CHECK(key.size() == 24);
  CHECK(key.ends_with("=="));
  CHECK(key != make_handshake_key(random));
}
