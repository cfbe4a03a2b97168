#include "gateway/http_head.hpp"

#include <algorithm>
#include <cassert>

namespace chatcore::gateway {
namespace {

constexpr HeadRejected bad(std::string_view reason) { return {400, reason}; }

constexpr bool is_digit(unsigned char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(unsigned char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
constexpr bool is_one_of(unsigned char c, std::string_view set) {
  return set.find(static_cast<char>(c)) != std::string_view::npos;
}

enum CharClass : std::uint8_t { kTokenChar = 1, kTargetChar = 2, kHostChar = 4, kValueChar = 8 };

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> classes{};
  for (unsigned i = 0; i < 256; ++i) {
    const auto c = static_cast<unsigned char>(i);
    const bool word = i < 128 && (is_digit(c) || is_alpha(c));
    if (word || is_one_of(c, "!#$%&'*+-.^_`|~")) classes[i] |= kTokenChar;
    if (word || is_one_of(c, "-._~!$&'()*+,;=:@/?%")) classes[i] |= kTargetChar;
    if (word || is_one_of(c, "-._~:[]%")) classes[i] |= kHostChar;
    if (c == '\t' || (c >= 0x20 && c != 0x7F)) classes[i] |= kValueChar;
  }
  return classes;
}

constexpr auto kClasses = make_classes();

bool is(char c, CharClass wanted) { return (kClasses[static_cast<unsigned char>(c)] & wanted) != 0; }

bool all_are(std::string_view text, CharClass wanted) {
  return std::all_of(text.begin(), text.end(), [wanted](char c) { return is(c, wanted); });
}

int hex_value(char c) {
  if (is_digit(static_cast<unsigned char>(c))) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// The byte escaped at `text[at] == '%'`, or -1.
int escaped_byte(std::string_view text, std::size_t at) {
  if (text.size() - at < 3) return -1;
  const int high = hex_value(text[at + 1]);
  const int low = hex_value(text[at + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool escapes_are_whole(std::string_view text) {
  for (auto at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 1)) {
    if (escaped_byte(text, at) < 0) return false;
  }
  return true;
}

/// Takes the next line off `rest`, whose line ends were checked by the scan.
std::string_view take_line(std::string_view& rest) {
  const auto end = rest.find("\r\n");
  const auto line = rest.substr(0, end);
  rest.remove_prefix(end + 2);
  return line;
}

std::optional<HeadRejected> check_version(std::string_view version) {
  if (version == "HTTP/1.1") return std::nullopt;
  const bool wellFormed = version.size() == 8 && version.starts_with("HTTP/") && version[6] == '.' &&
                          is_digit(static_cast<unsigned char>(version[5])) &&
                          is_digit(static_cast<unsigned char>(version[7]));
  if (wellFormed) return HeadRejected{505, "only HTTP/1.1 is spoken here"};
  return bad("malformed HTTP version");
}

std::optional<HeadRejected> parse_request_line(std::string_view line, HttpRequest& request) {
  const auto methodEnd = line.find(' ');
  if (methodEnd == std::string_view::npos) return bad("malformed request line");
  const auto targetEnd = line.find(' ', methodEnd + 1);
  if (targetEnd == std::string_view::npos) return bad("malformed request line");

  request.method = line.substr(0, methodEnd);
  if (!is_token(request.method)) return bad("malformed method");
  if (auto rejected = check_version(line.substr(targetEnd + 1))) return rejected;

  const auto target = line.substr(methodEnd + 1, targetEnd - methodEnd - 1);
  if (!target.starts_with('/')) return bad("the request target must be a path");
  if (!all_are(target, kTargetChar) || !escapes_are_whole(target)) return bad("malformed request target");
  const auto mark = target.find('?');
  request.path = target.substr(0, mark);
  if (mark != std::string_view::npos) request.query = target.substr(mark + 1);
  return std::nullopt;
}

std::optional<HeadRejected> parse_header(std::string_view line, HttpRequest& request) {
  if (line.front() == ' ' || line.front() == '\t') return bad("folded header line");
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return bad("header line without a colon");
  const HttpHeader header{line.substr(0, colon), trim_whitespace(line.substr(colon + 1))};
  if (!is_token(header.name)) return bad("malformed header name");
  if (!all_are(header.value, kValueChar)) return bad("malformed header value");
  if (request.headerCount == kMaxHeaders) return HeadRejected{431, "too many headers"};
  request.headers[request.headerCount++] = header;
  return std::nullopt;
}

std::optional<HeadRejected> check_host(const HttpRequest& request) {
  const auto host = request.header("Host");
  if (!host || host->empty()) return bad("Host is missing");
  if (request.count("Host") != 1) return bad("Host is given more than once");
  if (!all_are(*host, kHostChar)) return bad("malformed Host");
  return std::nullopt;
}

std::optional<std::uint64_t> parse_length(std::string_view text) {
  // 18 digits are more than any body and cannot overflow.
  if (text.empty() || text.size() > 18) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (!is_digit(static_cast<unsigned char>(c))) return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

bool must_have_no_body(const HttpRequest& request) {
  return request.method == "GET" || request.method == "HEAD" || request.header("Upgrade").has_value();
}

/// Where a body begins and ends is what request smuggling is made of, so one plain length is all that passes.
std::optional<HeadRejected> check_body(HttpRequest& request) {
  const auto lengths = request.count("Content-Length");
  const auto codings = request.count("Transfer-Encoding");
  if (lengths + codings > 1) return bad("more than one body length");
  if (codings == 1) {
    if (must_have_no_body(request)) return bad("this request must not have a body");
    return HeadRejected{501, "transfer codings are not supported"};
  }
  if (lengths == 0) return std::nullopt;
  const auto length = parse_length(*request.header("Content-Length"));
  if (!length) return bad("malformed Content-Length");
  if (*length != 0 && must_have_no_body(request)) return bad("this request must not have a body");
  request.contentLength = *length;
  return std::nullopt;
}

std::optional<HeadRejected> parse_head(std::string_view head, HttpRequest& request) {
  if (auto rejected = parse_request_line(take_line(head), request)) return rejected;
  for (auto line = take_line(head); !line.empty(); line = take_line(head)) {
    if (auto rejected = parse_header(line, request)) return rejected;
  }
  if (auto rejected = check_host(request)) return rejected;
  // Two credentials: which of them a proxy checked is not for us to guess.
  if (request.count("Authorization") > 1) return bad("Authorization is given more than once");
  // Likewise which of two origins a browser meant.
  if (request.count("Origin") > 1) return bad("Origin is given more than once");
  return check_body(request);
}

}  // namespace

std::string_view trim_whitespace(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_token(std::string_view text) noexcept { return !text.empty() && all_are(text, kTokenChar); }

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [lower](char x, char y) { return lower(x) == lower(y); });
}

std::optional<std::string_view> HttpRequest::header(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < headerCount; ++i) {
    if (equals_ignoring_case(headers[i].name, name)) return headers[i].value;
  }
  return std::nullopt;
}

std::size_t HttpRequest::count(std::string_view name) const noexcept {
  return static_cast<std::size_t>(
      std::count_if(headers.begin(), headers.begin() + headerCount,
                    [name](const HttpHeader& header) { return equals_ignoring_case(header.name, name); }));
}

std::optional<HeadRejected> HttpHeadParser::scan(std::string_view bytes) {
  const auto limit = std::min(bytes.size(), kMaxHeadBytes);
  for (; scanned_ < limit && !whole_; ++scanned_) {
    const char c = bytes[scanned_];
    const bool afterReturn = scanned_ > 0 && bytes[scanned_ - 1] == '\r';
    if (afterReturn != (c == '\n')) return bad(afterReturn ? "bare carriage return" : "bare line feed");
    if (c == '\n') {
      const bool empty = scanned_ == lineStart_ + 1;
      if (empty && lineStart_ == 0) return bad("empty request line");
      whole_ = empty;
      lineStart_ = static_cast<std::uint16_t>(scanned_ + 1);
    } else if (c != '\r' && !is(c, kValueChar)) {
      return bad("control byte");
    }
  }
  if (whole_ || scanned_ < kMaxHeadBytes) return std::nullopt;
  if (lineStart_ == 0) return HeadRejected{414, "request target too long"};
  return HeadRejected{431, "request head too large"};
}

HeadResult HttpHeadParser::parse(std::string_view bytes) {
  assert(bytes.size() >= scanned_ && !whole_);
  if (auto rejected = scan(bytes)) return *rejected;
  if (!whole_) return HeadIncomplete{};
  HeadResult result{std::in_place_type<HeadComplete>};
  auto& complete = *std::get_if<HeadComplete>(&result);
  complete.consumed = scanned_;
  if (auto rejected = parse_head(bytes.substr(0, scanned_), complete.request)) return *rejected;
  return result;
}

std::optional<std::string> query_parameter(std::string_view query, std::string_view name) {
  std::optional<std::string_view> found;
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const auto pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const auto equals = std::min(pair.find('='), pair.size());
    if (pair.substr(0, equals) != name) continue;
    if (found) return std::nullopt;
    found = pair.substr(std::min(equals + 1, pair.size()));
  }
  if (!found) return std::nullopt;

  std::string decoded;
  decoded.reserve(found->size());
  for (std::size_t i = 0; i < found->size(); ++i) {
    if ((*found)[i] != '%') {
      decoded.push_back((*found)[i]);
      continue;
    }
    const int byte = escaped_byte(*found, i);
    if (byte < 0) return std::nullopt;
    decoded.push_back(static_cast<char>(byte));
    i += 2;
  }
  return decoded;
}

}  // namespace chatcore::gateway
