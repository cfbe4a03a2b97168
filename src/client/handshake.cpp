#include "client/handshake.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>

#include "gateway/websocket_handshake.hpp"

namespace chatcore::client {

namespace {

constexpr std::uint16_t kNoCloseFrame = 1006;
constexpr std::uint16_t kUnauthorized = 4500;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string percent_encoded(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 128 && (std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_')) {
      out.push_back(c);
    } else {
      out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
  return out;
}

bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 127; });
}

std::optional<std::string_view> header(std::string_view head, std::string_view name) {
  for (std::size_t at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at + 2)) {
    const std::string_view rest = head.substr(at + 2);
    const std::string_view line = rest.substr(0, rest.find("\r\n"));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || lower(line.substr(0, colon)) != name) continue;
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
    return value;
  }
  return std::nullopt;
}

int number(std::string_view text) {
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  const auto bad = [](const char* why) { return Error{ErrorCode::invalid_argument, why, {}}; };
  if (text.starts_with("wss://")) return Error{ErrorCode::unsupported, "wss is not supported", {}};
  constexpr std::string_view kScheme = "ws://";
  if (!text.starts_with(kScheme)) return bad("the url must begin with ws://");
  if (!printable(text)) return bad("the url holds spaces or control characters");
  text.remove_prefix(kScheme.size());

  Url url;
  const std::size_t targetAt = std::min(text.find_first_of("/?"), text.size());
  url.authority = text.substr(0, targetAt);
  url.target = text.substr(targetAt);
  if (url.target.empty() || url.target.front() == '?') url.target.insert(url.target.begin(), '/');

  const std::string_view authority = text.substr(0, targetAt);
  const bool bracketed = authority.starts_with('[');
  const std::size_t hostEnd =
      bracketed ? authority.find(']') : std::min(authority.find(':'), authority.size());
  if (hostEnd == std::string_view::npos) return bad("unbalanced brackets in the url");
  url.host = bracketed ? authority.substr(1, hostEnd - 1) : authority.substr(0, hostEnd);
  std::string_view port = authority.substr(std::min(hostEnd + (bracketed ? 1 : 0), authority.size()));
  if (!port.empty() && port.front() != ':') return bad("the url's port is not a number");
  if (!port.empty()) port.remove_prefix(1);
  url.port = port.empty() ? "80" : std::string(port);
  if (url.host.empty()) return bad("the url names no host");
  if (number(url.port) < 1 || number(url.port) > 65535) return bad("the url's port is not a number");
  return url;
}

std::string make_handshake_key(Random& random) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::array<std::uint8_t, 18> bytes{};
  random.fill(std::as_writable_bytes(std::span(bytes).first(16)));
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const unsigned triple = static_cast<unsigned>(bytes[i] << 16 | bytes[i + 1] << 8 | bytes[i + 2]);
    for (unsigned shift : {18U, 12U, 6U, 0U}) out.push_back(kDigits[triple >> shift & 63]);
  }
  return out.replace(22, 2, "==");
}

std::string upgrade_request(const Url& url, std::string_view key, std::string_view token,
                            std::string_view user, std::string_view device) {
  std::string target = url.target;
  const auto add = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    target += target.find('?') == std::string::npos ? '?' : '&';
    target.append(name).append("=").append(percent_encoded(value));
  };
  if (token.empty()) add("user", user);
  add("device", device);

  std::string out = "GET " + target + " HTTP/1.1\r\nHost: " + url.authority +
                    "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13"
                    "\r\nSec-WebSocket-Key: ";
  out.append(key).append("\r\nSec-WebSocket-Protocol: ").append(gateway::kJsonSubprotocol).append("\r\n");
  if (!token.empty()) out.append("Authorization: Bearer ").append(token).append("\r\n");
  return out + "\r\n";
}

Refusal check_upgrade_response(std::string_view head, std::string_view key) {
  if (!head.starts_with("HTTP/1.1 ") || head.size() < 12) return {kNoCloseFrame, "not_http"};
  const int status = number(head.substr(9, 3));
  if (status == 401 || status == 403) return {kUnauthorized, "unauthorized"};
  if (status != 101) {
    std::string reason = "http_" + std::to_string(status);
    const int seconds = std::clamp(number(header(head, "retry-after").value_or("0")), 0, 300);
    if (seconds > 0) reason += ";retryAfterMs=" + std::to_string(seconds * 1000);
    return {kNoCloseFrame, reason};
  }
  const gateway::AcceptKey expected = gateway::websocket_accept_key(key);
  const bool accepted =
      lower(header(head, "upgrade").value_or("")) == "websocket" &&
      lower(header(head, "connection").value_or("")).find("upgrade") != std::string::npos &&
      header(head, "sec-websocket-accept") == std::string_view(expected.data(), expected.size());
  if (!accepted) return {kNoCloseFrame, "bad_handshake"};
  const auto protocol = header(head, "sec-websocket-protocol");
  if (protocol && *protocol != gateway::kJsonSubprotocol) return {kNoCloseFrame, "bad_subprotocol"};
  return {};
}

}  // namespace chatcore::client
