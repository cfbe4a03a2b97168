#include "gateway/websocket_handshake.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "gateway/sha1.hpp"

using namespace chatcore::gateway;

namespace {

constexpr std::string_view kKey = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
constexpr std::string_view kVersion = "Sec-WebSocket-Version: 13\r\n";
constexpr std::string_view kUpgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n";

/// The decision, in one line.
std::string decide(std::string_view headers, std::string_view method = "GET") {
  const auto bytes =
      std::string(method) + " /v1/ws HTTP/1.1\r\nHost: chat.example\r\n" + std::string(headers) + "\r\n";
  const auto head = HttpHeadParser().parse(bytes);
  REQUIRE(std::holds_alternative<HeadComplete>(head));
  const auto decision = decide_upgrade(std::get<HeadComplete>(head).request);
  if (const auto* refused = std::get_if<UpgradeRefused>(&decision)) return std::to_string(refused->status);
  return "101 " + std::string(std::get<UpgradeAccepted>(decision).subprotocol);
}

std::string join(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const auto part : parts) text += part;
  return text;
}

std::string with(std::string_view more) { return join({kUpgrade, kKey, kVersion, more}); }

std::string hex(std::string_view message) {
  std::string text;
  for (const auto byte : sha1(message)) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

}  // namespace

TEST_CASE("SHA-1 gives the digests of FIPS 180") {
  CHECK(hex("") == "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  CHECK(hex("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  CHECK(hex(std::string(1000000, 'a')) == "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

TEST_CASE("SHA-1 pads right at every length around a block") {
  // From `head -c N /dev/zero | tr '\0' 'a' | sha1sum`.
  CHECK(hex(std::string(55, 'a')) == "c1c8bbdc22796e28c0e15163d20899b65621d65a");
  CHECK(hex(std::string(56, 'a')) == "c2db330f6083854c99d4b5bfb6e8f29f201be699");
  CHECK(hex(std::string(63, 'a')) == "03f09f5b158a7a8cdad920bddc29b81c18a551f5");
  CHECK(hex(std::string(64, 'a')) == "0098ba824b5c16427bd7a1122a5a442a25ec644d");
  CHECK(hex(std::string(65, 'a')) == "11655326c708d70319be2610e8a57d9a5b959d3b");
}

TEST_CASE("the accept key is the one of RFC 6455") {
  const auto key = websocket_accept_key("dGhlIHNhbXBsZSBub25jZQ==");
  CHECK(std::string(key.data(), key.size()) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST_CASE("a proper upgrade is accepted however its names are written") {
  CHECK(decide(with("")) == "101 ");
  CHECK(decide(join({"UPGRADE: WebSocket\r\nconnection: keep-alive, upgrade\r\n", kKey, kVersion})) ==
        "101 ");
  CHECK(decide(join({"Upgrade: h2c, websocket\r\nConnection: close\r\nConnection: ,\t UPGRADE ,\r\n", kKey,
                     kVersion})) == "101 ");
  CHECK(decide(with("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n")) == "101 ");
}

TEST_CASE("the subprotocol is ours when it is offered, and none when none is") {
  const auto offer = [](std::string_view value) {
    return decide(with(join({"Sec-WebSocket-Protocol: ", value, "\r\n"})));
  };
  CHECK(offer("chatcore.v1.json") == "101 chatcore.v1.json");
  CHECK(offer("chatcore.v2.json, chatcore.v1.json") == "101 chatcore.v1.json");
  CHECK(offer("chatcore.v2.json\r\nSec-WebSocket-Protocol: chatcore.v1.json") == "101 chatcore.v1.json");
  CHECK(offer("") == "101 ");
  CHECK(offer("graphql-ws") == "400");
  CHECK(offer("Chatcore.v1.json") == "400");
  CHECK(offer("chatcore.v1.json, a b") == "400");
}

TEST_CASE("what is not a proper upgrade is refused with the status that helps") {
  struct Row {
    const char* why;
    std::string headers;
    std::string status;
  };
  for (const auto& row : std::vector<Row>{
           {"no upgrade at all", "", "426"},
           {"an upgrade to something else", join({"Upgrade: h2c\r\nConnection: Upgrade\r\n", kKey, kVersion}),
            "426"},
           {"no Connection", join({"Upgrade: websocket\r\n", kKey, kVersion}), "400"},
           {"a Connection that does not list it",
            join({"Upgrade: websocket\r\nConnection: keep-alive\r\n", kKey, kVersion}), "400"},
           {"a Connection token that only contains it",
            join({"Upgrade: websocket\r\nConnection: upgraded\r\n", kKey, kVersion}), "400"},
           {"no version", join({kUpgrade, kKey}), "400"},
           {"an old version", join({kUpgrade, kKey, "Sec-WebSocket-Version: 8\r\n"}), "426"},
           {"a list of versions", join({kUpgrade, kKey, "Sec-WebSocket-Version: 13, 8\r\n"}), "426"},
           {"two versions", with("Sec-WebSocket-Version: 13\r\n"), "400"},
           {"no key", join({kUpgrade, kVersion}), "400"},
           {"two keys", with(kKey), "400"},
           {"an empty key", join({kUpgrade, "Sec-WebSocket-Key:\r\n", kVersion}), "400"},
       }) {
    CAPTURE(row.why);
    CHECK(decide(row.headers) == row.status);
  }
  CHECK(decide(with(""), "POST") == "405");
  CHECK(decide(with(""), "HEAD") == "405");
  CHECK(decide(with(""), "get") == "405");
}

TEST_CASE("the key is base64 of 16 bytes") {
  const auto key = [](std::string_view value) {
    return decide(join({kUpgrade, "Sec-WebSocket-Key: ", value, "\r\n", kVersion}));
  };
  CHECK(key("AAAAAAAAAAAAAAAAAAAAAA==") == "101 ");
  CHECK(key("AQIDBAUGBwgJCgsMDQ4PEC==") == "101 ");  // as RFC 6455 writes it, last bits set and all
  CHECK(key("AAAAAAAAAAAAAAAAAAAA") == "400");       // 15 bytes
  CHECK(key("AAAAAAAAAAAAAAAAAAAAAAA=") == "400");   // 17 bytes
  CHECK(key("AAAAAAAAAAAAAAAAAAAAAAAA") == "400");   // 18 bytes
  CHECK(key("AAAAAAAAAAAAAAAAAAAAAA") == "400");     // unpadded
  CHECK(key("AAAAAAAAAAAAAAAAAAAA-_==") == "400");   // the other alphabet
  CHECK(key("AAAAAAAAAA AAAAAAAAAAA==") == "400");
  CHECK(key("AAAAAAAAAA=AAAAAAAAAAA==") == "400");
}

TEST_CASE("the upgrade response names the key, and a subprotocol only if one was offered") {
  UpgradeAccepted accepted{websocket_accept_key("dGhlIHNhbXBsZSBub25jZQ=="), {}};
  std::string out = "before";
  append_upgrade_response(out, accepted);
  CHECK(out ==
        "beforeHTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
  accepted.subprotocol = kJsonSubprotocol;
  out.clear();
  append_upgrade_response(out, accepted);
  CHECK(out.ends_with("xOo=\r\nSec-WebSocket-Protocol: chatcore.v1.json\r\n\r\n"));
}

TEST_CASE("an error response has a body of the length it says, closes, and carries what its status demands") {
  std::string out;
  append_error_response(out, 404, "no such path");
  CHECK(out ==
        "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "X-Content-Type-Options: nosniff\r\nContent-Length: 13\r\n\r\nno such path\n");
  const auto contains = [&out](int status, std::string_view part, std::uint32_t retry = 0) {
    out.clear();
    append_error_response(out, status, "x", retry);
    return out.find(part) != std::string::npos;
  };
  CHECK(contains(405, "\r\nAllow: GET\r\n"));
  CHECK(contains(426, "\r\nSec-WebSocket-Version: 13\r\n"));
  CHECK(contains(426, "\r\nUpgrade: websocket\r\n"));
  CHECK(contains(426, "\r\nConnection: Upgrade, close\r\n"));
  CHECK(contains(503, "\r\nRetry-After: 7\r\n", 7));
  CHECK_FALSE(contains(503, "Retry-After"));
  CHECK_FALSE(contains(400, "Sec-WebSocket-Version"));
}
