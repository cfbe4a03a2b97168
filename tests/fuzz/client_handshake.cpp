#include "client/handshake.hpp"

#include "fuzz.hpp"
#include "gateway/http_head.hpp"
#include "gateway/websocket_handshake.hpp"

/// What a client makes of what it is given: `R` a server's answer to its upgrade request; `U` a url, and on
/// the lines after it user, device and token, from which the request is made that the server must understand.
namespace chatcore::fuzz {

namespace {

constexpr std::string_view kHandshakeKey = "dGhlIHNhbXBsZSBub25jZQ==";

class InputRandom final : public Random {
 public:
  explicit InputRandom(std::string_view input) : cuts_(input) {}
  void fill(std::span<std::byte> bytes) override {
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(cuts_.below(256));
  }

 private:
  Cuts cuts_;
};

void check_response(std::string_view head) {
  const Exact exact(head);
  const client::Refusal refusal = client::check_upgrade_response(exact.view(), kHandshakeKey);
  if (refusal.code != 0) {
    require(refusal.code == 1006 || refusal.code == 4500, "a refusal has a code");
    require(!refusal.reason.empty() && refusal.reason.size() < 64, "a refusal says why, briefly");
    return;
  }
  require(head.starts_with("HTTP/1.1 101"), "only a 101 is an acceptance");
  const auto key = gateway::websocket_accept_key(kHandshakeKey);
  require(head.find(std::string_view(key.data(), key.size())) != std::string_view::npos,
          "that proves itself");
}

bool plain(std::string_view text) {
  for (const char c : text)
    if (c <= ' ' || c >= 127) return false;
  return true;
}

void check_request(std::string_view rest) {
  const auto text = take_until(rest, '\n');
  const auto user = take_until(rest, '\n');
  const auto device = take_until(rest, '\n');
  const auto token = take_until(rest, '\n');
  const Exact exact(text);
  const auto url = client::parse_url(exact.view());
  if (!url) {
    require(url.error().code == ErrorCode::invalid_argument || url.error().code == ErrorCode::unsupported,
            "a bad url is named");
    return;
  }
  require(!url->host.empty() && !url->port.empty() && url->target.starts_with('/'), "a url has its parts");
  if (!plain(token)) return;
  InputRandom random(text);
  const std::string key = client::make_handshake_key(random);
  const std::string request = client::upgrade_request(*url, key, token, user, device);
  gateway::HttpHeadParser parser;
  const auto result = parser.parse(request);
  const auto* complete = std::get_if<gateway::HeadComplete>(&result);
  if (complete == nullptr) return;  // its path or host is none that a server would take
  require(complete->consumed == request.size(), "one request is one head");
  require(std::holds_alternative<gateway::UpgradeAccepted>(gateway::decide_upgrade(complete->request)),
          "a client's request is an upgrade");
  if (url->target.find('?') != std::string::npos) return;
  const auto given = [&](std::string_view name) {
    return gateway::query_parameter(complete->request.query, name).value_or("");
  };
  require(given("device") == device, "the device arrives as it was");
  require(given("user") == (token.empty() ? user : ""), "the user too, where there is no token");
}

}  // namespace

}  // namespace chatcore::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace chatcore::fuzz;
  if (size == 0) return 0;
  const std::string_view rest = text_of(data + 1, size - 1);
  if (data[0] == 'R') check_response(rest);
  if (data[0] == 'U') check_request(rest);
  return 0;
}
