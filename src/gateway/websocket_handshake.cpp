#include "gateway/websocket_handshake.hpp"

#include <algorithm>
#include <optional>

#include "gateway/sha1.hpp"

namespace chatcore::gateway {
namespace {

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

UpgradeRefused bad(std::string_view reason) { return {400, reason}; }

/// Calls `visit(element)` for each non-empty element of a comma-separated header, over all its lines, until
/// it returns false. Empty elements are allowed and mean nothing (RFC 9110, 5.6.1).
template <class Visit>
bool for_each_element(const HttpRequest& request, std::string_view name, Visit visit) {
  for (std::size_t i = 0; i < request.headerCount; ++i) {
    if (!equals_ignoring_case(request.headers[i].name, name)) continue;
    auto rest = request.headers[i].value;
    while (!rest.empty()) {
      const auto comma = std::min(rest.find(','), rest.size());
      const auto element = trim_whitespace(rest.substr(0, comma));
      if (!element.empty() && !visit(element)) return false;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return true;
}

bool lists(const HttpRequest& request, std::string_view header, std::string_view token) {
  return !for_each_element(
      request, header, [token](std::string_view element) { return !equals_ignoring_case(element, token); });
}

/// Base64 of 16 bytes. The four bits that the last letter has too many may be anything: the key that RFC 6455
/// itself shows for the bytes 1 to 16 leaves one of them set.
bool is_handshake_key(std::string_view key) {
  return key.size() == 24 && key.ends_with("==") &&
         key.substr(0, 22).find_first_not_of(kBase64) == std::string_view::npos;
}

struct Offer {
  bool any = false;
  bool ours = false;
  bool malformed = false;
};

Offer read_offer(const HttpRequest& request) {
  Offer offer;
  offer.malformed = !for_each_element(request, "Sec-WebSocket-Protocol", [&offer](std::string_view protocol) {
    offer.any = true;
    offer.ours = offer.ours || protocol == kJsonSubprotocol;
    return is_token(protocol);
  });
  return offer;
}

std::optional<UpgradeRefused> check_request(const HttpRequest& request) {
  if (request.method != "GET") return UpgradeRefused{405, "only GET is allowed here"};
  if (!lists(request, "Upgrade", "websocket")) return UpgradeRefused{426, "this is a WebSocket endpoint"};
  if (!lists(request, "Connection", "Upgrade")) return bad("Connection does not list Upgrade");

  if (request.count("Sec-WebSocket-Version") != 1) return bad("Sec-WebSocket-Version must be given once");
  if (request.header("Sec-WebSocket-Version") != "13") {
    return UpgradeRefused{426, "only WebSocket version 13 is spoken here"};
  }
  if (request.count("Sec-WebSocket-Key") != 1) return bad("Sec-WebSocket-Key must be given once");
  if (!is_handshake_key(*request.header("Sec-WebSocket-Key"))) return bad("malformed Sec-WebSocket-Key");
  return std::nullopt;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 414:
      return "URI Too Long";
    case 426:
      return "Upgrade Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Error";
  }
}

}  // namespace

UpgradeDecision decide_upgrade(const HttpRequest& request) {
  if (const auto refused = check_request(request)) return *refused;
  const auto offer = read_offer(request);
  if (offer.malformed) return bad("malformed Sec-WebSocket-Protocol");
  if (offer.any && !offer.ours) return bad("none of the offered subprotocols is spoken here");
  return UpgradeAccepted{websocket_accept_key(*request.header("Sec-WebSocket-Key")),
                         offer.any ? kJsonSubprotocol : std::string_view{}};
}

AcceptKey websocket_accept_key(std::string_view key) noexcept {
  std::array<char, 128> input;
  constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  const auto keySize = std::min(key.size(), input.size() - kGuid.size());
  auto* const end = std::copy(kGuid.begin(), kGuid.end(), std::copy_n(key.begin(), keySize, input.begin()));
  const auto digest = sha1({input.data(), static_cast<std::size_t>(end - input.data())});

  AcceptKey encoded;
  for (std::size_t in = 0, out = 0; out < encoded.size(); in += 3, out += 4) {
    const bool last = in + 2 >= digest.size();  // 20 bytes leave two over
    const unsigned group = digest[in] << 16 | digest[in + 1] << 8 | (last ? 0 : digest[in + 2]);
    for (std::size_t i = 0; i < 4; ++i) encoded[out + i] = kBase64[(group >> (18 - 6 * i)) & 63];
  }
  encoded.back() = '=';
  return encoded;
}

void append_upgrade_response(std::string& out, const UpgradeAccepted& accepted) {
  out += "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  out.append("Sec-WebSocket-Accept: ").append(accepted.acceptKey.data(), accepted.acceptKey.size());
  if (!accepted.subprotocol.empty()) {
    out.append("\r\nSec-WebSocket-Protocol: ").append(accepted.subprotocol);
  }
  out += "\r\n\r\n";
}

void append_error_response(std::string& out, int status, std::string_view text,
                           std::uint32_t retryAfterSeconds) {
  out.append("HTTP/1.1 ").append(std::to_string(status)).append(" ").append(reason_phrase(status));
  // An upgrade that is offered must be named by Connection as well (RFC 9110, 7.8).
  out += status == 426 ? "\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13"
                       : "\r\nConnection: close";
  if (status == 405) out += "\r\nAllow: GET";
  if (retryAfterSeconds != 0) out.append("\r\nRetry-After: ").append(std::to_string(retryAfterSeconds));
  out += "\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nContent-Length: ";
  out.append(std::to_string(text.size() + 1)).append("\r\n\r\n").append(text).append("\n");
}

}  // namespace chatcore::gateway
