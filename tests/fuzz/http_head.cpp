#include "gateway/http_head.hpp"

#include <algorithm>
#include <iterator>
#include <optional>

#include "client/handshake.hpp"
#include "fuzz.hpp"
#include "gateway/websocket_handshake.hpp"

/// The input is what a connection sends before anything else. Whole and in pieces it must be judged alike;
/// what is let through must be what RFC 9112 allows, seen with other eyes; the answers must be well-formed.
namespace chatcore::fuzz {

namespace {

using namespace chatcore::gateway;

struct Verdict {
  int status = 0;  ///< 0: more is needed; 101: a head
  std::string reason;
  std::size_t consumed = 0;
  std::string request;
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

Verdict verdict_of(const HeadResult& result) {
  Verdict verdict;
  if (const auto* rejected = std::get_if<HeadRejected>(&result)) {
    verdict.status = rejected->status;
    verdict.reason = rejected->reason;
  } else if (const auto* complete = std::get_if<HeadComplete>(&result)) {
    const HttpRequest& request = complete->request;
    verdict.status = 101;
    verdict.consumed = complete->consumed;
    verdict.request.append(request.method).append("\n").append(request.path).append("\n");
    verdict.request.append(request.query).append("\n").append(std::to_string(request.contentLength));
    for (std::size_t i = 0; i < request.headerCount; ++i)
      verdict.request.append("\n")
          .append(request.headers[i].name)
          .append("=")
          .append(request.headers[i].value);
  }
  return verdict;
}

Verdict judge_in_pieces(std::string_view input) {
  Cuts cuts(input);
  HttpHeadParser parser;
  std::size_t there = 0;
  for (;;) {
    there = std::min(there + cuts.size(), input.size());
    const Exact bytes(input.substr(0, there));
    const HeadResult result = parser.parse(bytes.view());
    if (!std::holds_alternative<HeadIncomplete>(result) || there == input.size()) return verdict_of(result);
  }
}

bool inside(std::string_view part, std::string_view whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

bool has_control_byte(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F; });
}

void check_request(const HeadComplete& complete, std::string_view bytes) {
  const HttpRequest& request = complete.request;
  require(complete.consumed <= kMaxHeadBytes, "a head is at most 8 KiB");
  require(bytes.find("\r\n\r\n") + 4 == complete.consumed, "a head ends at its first empty line");
  const std::string_view head = bytes.substr(0, complete.consumed);
  require(inside(request.path, head) && request.path.starts_with('/'), "the path is part of the head");
  require(request.query.empty() || inside(request.query, head), "the query is part of the head");
  require(is_token(request.method), "the method is a token");
  require(static_cast<std::size_t>(std::count(head.begin(), head.end(), '\n')) == request.headerCount + 2,
          "every line is a header");
  std::size_t lengths = 0;
  for (std::size_t i = 0; i < request.headerCount; ++i) {
    const HttpHeader& header = request.headers[i];
    require(inside(header.name, head) && is_token(header.name), "a header's name is a token");
    require(header.value.empty() || inside(header.value, head), "a header's value is part of the head");
    require(!has_control_byte(header.value), "a header's value has no control bytes");
    require(trim_whitespace(header.value) == header.value, "a header's value is trimmed");
    lengths += equals_ignoring_case(header.name, "content-length") ? 1 : 0;
    require(!equals_ignoring_case(header.name, "transfer-encoding"), "no transfer coding is let through");
  }
  require(lengths <= 1 && request.count("HOST") == 1, "no length and no host is ambiguous");
  require(request.method != "GET" || request.contentLength == 0, "a GET has no body");
}

void check_error_response(int status, std::string_view reason) {
  std::string response;
  append_error_response(response, status, reason, status == 503 ? 1 : 0);
  const auto end = response.find("\r\n\r\n");
  require(end != std::string::npos && response.starts_with("HTTP/1.1 " + std::to_string(status) + " "),
          "an error is answered with its status");
  require(response.find("Content-Length: " + std::to_string(response.size() - end - 4)) < end,
          "an error's body is as long as it says");
}

void check_upgrade(const HttpRequest& request) {
  const UpgradeDecision decision = decide_upgrade(request);
  if (const auto* refused = std::get_if<UpgradeRefused>(&decision)) {
    require(refused->status == 400 || refused->status == 405 || refused->status == 426, "a known refusal");
    return check_error_response(refused->status, refused->reason);
  }
  require(request.method == "GET" && request.header("Sec-WebSocket-Version") == "13", "a real upgrade");
  std::string response;
  append_upgrade_response(response, std::get<UpgradeAccepted>(decision));
  const auto refusal = client::check_upgrade_response(response, *request.header("Sec-WebSocket-Key"));
  require(refusal.code == 0, "a client understands the acceptance");
}

void check_parameters(std::string_view query) {
  for (const std::string_view name : {"user", "device", "access_token", ""}) {
    const Exact exact(query);
    const auto value = query_parameter(exact.view(), name);
    if (!value) continue;
    require(value->size() <= query.size(), "decoding does not lengthen");
    if (query.find('%') == std::string_view::npos)
      require(value->empty() || query.find(*value) != std::string_view::npos, "plain text stays as it is");
  }
}

}  // namespace

}  // namespace chatcore::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace chatcore::fuzz;
  const std::string_view input = text_of(data, size);
  constexpr int kStatuses[] = {400, 401, 403, 404, 405, 408, 414, 426, 429, 431, 500, 501, 503, 505, 418};
  check_error_response(kStatuses[size % std::size(kStatuses)], "said by the transport");
  check_parameters(input);
  const Exact bytes(input);
  HttpHeadParser parser;
  const HeadResult result = parser.parse(bytes.view());
  const Verdict verdict = verdict_of(result);
  require(size == 0 || verdict == judge_in_pieces(input), "how the bytes drip in makes no difference");
  if (const auto* complete = std::get_if<HeadComplete>(&result)) {
    check_request(*complete, bytes.view());
    check_parameters(complete->request.query);
    check_upgrade(complete->request);
  } else if (const auto* rejected = std::get_if<HeadRejected>(&result)) {
    check_error_response(rejected->status, rejected->reason);
  } else {
    require(size < kMaxHeadBytes, "an endless head is refused");
  }
  return 0;
}
