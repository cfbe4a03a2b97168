#include "gateway/http_head.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

using namespace chatcore::gateway;

namespace {

constexpr std::string_view kHost = "Host: chat.example\r\n";

std::string get(std::string_view headers) {
  return "GET /v1/ws HTTP/1.1\r\n" + std::string(kHost) + std::string(headers) + "\r\n";
}

std::string request_line(std::string_view line) {
  return std::string(line) + "\r\n" + std::string(kHost) + "\r\n";
}

/// One word for a result, so that two can be compared and a failure can be read.
std::string describe(const HeadResult& result) {
  if (std::holds_alternative<HeadIncomplete>(result)) return "incomplete";
  if (const auto* rejected = std::get_if<HeadRejected>(&result)) {
    return std::to_string(rejected->status) + " " + std::string(rejected->reason);
  }
  const auto& complete = *std::get_if<HeadComplete>(&result);
  const auto& request = complete.request;
  auto text = "complete " + std::to_string(complete.consumed) + " " + std::string(request.method) + " " +
              std::string(request.path) + "?" + std::string(request.query) + " " +
              std::to_string(request.contentLength);
  for (std::size_t i = 0; i < request.headerCount; ++i) {
    text += "|" + std::string(request.headers[i].name) + "=" + std::string(request.headers[i].value);
  }
  return text;
}

HeadResult parse(std::string_view bytes) { return HttpHeadParser().parse(bytes); }

int rejected_with(std::string_view bytes) {
  const auto result = parse(bytes);
  const auto* rejected = std::get_if<HeadRejected>(&result);
  return rejected ? rejected->status : 0;
}

/// Feeds growing prefixes until the parser decides, each in memory of its own so that a view kept from an
/// earlier call would be caught by the sanitizer.
std::string parse_in_pieces(std::string_view bytes, const std::vector<std::size_t>& ends) {
  HttpHeadParser parser;
  for (const auto end : ends) {
    const std::string prefix(bytes.substr(0, end));
    const auto result = parser.parse(prefix);
    if (!std::holds_alternative<HeadIncomplete>(result)) return describe(result);
  }
  return "incomplete";
}

struct Refusal {
  const char* why;
  std::string bytes;
  int status;
};

void check_all(const std::vector<Refusal>& table) {
  for (const auto& row : table) {
    CAPTURE(row.why);
    CHECK(rejected_with(row.bytes) == row.status);
  }
}

std::vector<Refusal> malformed_lines() {
  return {
      {"an empty request line", "\r\n" + get(""), 400},
      {"a request line of one word", request_line("GET"), 400},
      {"a request line of two words (HTTP/0.9)", request_line("GET /v1/ws"), 400},
      {"a fourth word", request_line("GET /v1/ws HTTP/1.1 x"), 400},
      {"two spaces before the target", request_line("GET  /v1/ws HTTP/1.1"), 400},
      {"two spaces after the target", request_line("GET /v1/ws  HTTP/1.1"), 400},
      {"a tab for a space", request_line("GET\t/v1/ws HTTP/1.1"), 400},
      {"a space before the method", request_line(" GET /v1/ws HTTP/1.1"), 400},
      {"a space after the version", request_line("GET /v1/ws HTTP/1.1 "), 400},
      {"a method that is not a token", request_line("GE(T /v1/ws HTTP/1.1"), 400},
      {"absolute form", request_line("GET http://chat.example/v1/ws HTTP/1.1"), 400},
      {"authority form", request_line("CONNECT chat.example:443 HTTP/1.1"), 400},
      {"asterisk form", request_line("OPTIONS * HTTP/1.1"), 400},
      {"a relative target", request_line("GET v1/ws HTTP/1.1"), 400},
      {"a fragment", request_line("GET /v1/ws#x HTTP/1.1"), 400},
      {"a backslash", request_line("GET /v1\\ws HTTP/1.1"), 400},
      {"a raw byte above 127", request_line("GET /v1/\xC3\xA9 HTTP/1.1"), 400},
      {"a quote", request_line("GET /v1/ws?a=\" HTTP/1.1"), 400},
      {"half an escape", request_line("GET /v1/ws?a=%4 HTTP/1.1"), 400},
      {"an escape that is not hexadecimal", request_line("GET /v1/ws?a=%4g HTTP/1.1"), 400},
      {"a lower-case version", request_line("GET /v1/ws http/1.1"), 400},
      {"a version with leading zeros", request_line("GET /v1/ws HTTP/01.1"), 400},
      {"a version of one number", request_line("GET /v1/ws HTTP/1"), 400},
      {"a version without digits", request_line("GET /v1/ws HTTP/x.y"), 400},
      {"HTTP/1.0", request_line("GET /v1/ws HTTP/1.0"), 505},
      {"HTTP/1.2", request_line("GET /v1/ws HTTP/1.2"), 505},
      {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
  };
}

std::vector<Refusal> malformed_headers() {
  using namespace std::string_literals;
  return {
      {"no colon", get("Origin\r\n"), 400},
      {"an empty name", get(": x\r\n"), 400},
      {"a name that is not a token", get("Or(igin: x\r\n"), 400},
      {"a name with a byte above 127", get("Orig\xC3\xADn: x\r\n"), 400},
      {"NUL in a value", get("Origin: a\0b\r\n"s), 400},
      {"DEL in a value", get("Origin: a\x7F\r\n"), 400},
      {"an escape character in a value", get("Origin: \x1B[2J\r\n"), 400},
      {"no Host", "GET /v1/ws HTTP/1.1\r\n\r\n", 400},
      {"an empty Host", "GET /v1/ws HTTP/1.1\r\nHost:\r\n\r\n", 400},
      {"two Hosts", get("Host: chat.example\r\n"), 400},
      {"two Hosts in one", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},
      {"a Host with user information", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400},
      {"a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"two credentials", get("Authorization: Bearer a\r\nauthorization: Bearer b\r\n"), 400},
      {"two origins", get("Origin: https://a\r\norigin: https://b\r\n"), 400},
  };
}

// CWE-444, inconsistent interpretation of HTTP requests. Each shape was, in some pair of proxy and server,
// read as one request by the first and as two by the second.
std::vector<Refusal> smuggling_shapes() {
  const auto post = [](std::string_view headers) {
    return "POST /v1/ws HTTP/1.1\r\n" + std::string(kHost) + std::string(headers) + "\r\n";
  };
  return {
      {"CL.TE", post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"TE.CL", post("Transfer-Encoding: chunked\r\nContent-Length: 6\r\n"), 400},
      {"TE.TE: one of two codings is hidden", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n"),
       400},
      {"CL.CL: two lengths", post("Content-Length: 6\r\nContent-Length: 5\r\n"), 400},
      {"CL.CL: the same length twice", post("Content-Length: 6\r\ncontent-length: 6\r\n"), 400},
      {"a list of lengths", post("Content-Length: 6, 6\r\n"), 400},
      {"a signed length", post("Content-Length: +6\r\n"), 400},
      {"a negative length", post("Content-Length: -6\r\n"), 400},
      {"a hexadecimal length", post("Content-Length: 0x6\r\n"), 400},
      {"an empty length", post("Content-Length:\r\n"), 400},
      {"a length that overflows 64 bits", post("Content-Length: 18446744073709551617\r\n"), 400},
      {"a length with a space in it", post("Content-Length: 1 0\r\n"), 400},
      {"a coding, which nobody here decodes", post("Transfer-Encoding: chunked\r\n"), 501},
      {"an obscured coding", post("Transfer-Encoding: xchunked\r\n"), 501},
      {"a space before the colon (CVE-2019-16869)", post("Transfer-Encoding : chunked\r\n"), 400},
      {"a tab before the colon", post("Transfer-Encoding\t: chunked\r\n"), 400},
      {"a folded coding (CVE-2022-32213 and kin)", post("Transfer-Encoding:\r\n chunked\r\n"), 400},
      {"a fold with a tab", post("X: y\r\n\tTransfer-Encoding: chunked\r\n"), 400},
      {"a space before the first header (CVE-2019-18277 kin)",
       "GET / HTTP/1.1\r\n Host: a\r\nHost: b\r\n\r\n", 400},
      {"a vertical tab before the value (CVE-2019-18277)", post("Transfer-Encoding: \vchunked\r\n"), 400},
      {"a form feed after the value", post("Transfer-Encoding: chunked\f\r\n"), 400},
      {"a bare line feed after a header (CVE-2022-32214)", post("X: y\nTransfer-Encoding: chunked\r\n"), 400},
      {"a bare carriage return in a value", post("X: y\rTransfer-Encoding: chunked\r\n"), 400},
      {"two carriage returns before the line feed", post("X: y\r\r\n"), 400},
      {"bare line feeds as the end of the head", "GET / HTTP/1.1\nHost: a\n\n", 400},
      {"a header split by its value (CWE-113)", post("X: y\r\n\nZ: z\r\n"), 400},
      {"a body behind a GET", get("Content-Length: 5\r\n") + "GET /", 400},
      {"a coded body behind a GET", get("Transfer-Encoding: chunked\r\n") + "0\r\n\r\n", 400},
      {"a body behind an upgrade (CWE-444 through a tunnel)",
       post("Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n"), 400},
  };
}

}  // namespace

TEST_CASE("a whole request head is taken apart and what follows it is left alone") {
  const auto bytes =
      get("Authorization: \t Bearer a.b \t\r\nX-Empty:\r\nX-Name:caf\xC3\xA9\r\n") + "\x81\x80";
  const auto result = parse(bytes);
  const auto* complete = std::get_if<HeadComplete>(&result);
  REQUIRE(complete);
  CHECK(complete->consumed == bytes.size() - 2);
  const auto& request = complete->request;
  CHECK(request.method == "GET");
  CHECK(request.path == "/v1/ws");
  CHECK(request.query.empty());
  CHECK(request.headerCount == 4);
  CHECK(request.header("authorization") == "Bearer a.b");
  CHECK(request.header("x-empty") == "");
  CHECK(request.header("X-NAME") == "caf\xC3\xA9");
  CHECK_FALSE(request.header("Origin"));
  CHECK(request.count("host") == 1);
}

TEST_CASE("path and query part at the first question mark") {
  for (const auto& [target, path, query] : std::vector<std::array<std::string_view, 3>>{
           {"/", "/", ""},
           {"/?", "/", ""},
           {"/v1/ws?user=alice&device=phone", "/v1/ws", "user=alice&device=phone"},
           {"/a%2Fb?x=/?y", "/a%2Fb", "x=/?y"},
       }) {
    CAPTURE(target);
    const auto bytes = request_line("GET " + std::string(target) + " HTTP/1.1");
    const auto result = parse(bytes);
    REQUIRE(std::holds_alternative<HeadComplete>(result));
    CHECK(std::get<HeadComplete>(result).request.path == path);
    CHECK(std::get<HeadComplete>(result).request.query == query);
  }
}

TEST_CASE("a length passes where a body may be, and nothing is a body where none may be") {
  const auto post = "POST /x HTTP/1.1\r\n" + std::string(kHost) + "Content-Length: 17\r\n\r\n";
  const auto result = parse(post);
  REQUIRE(std::holds_alternative<HeadComplete>(result));
  CHECK(std::get<HeadComplete>(result).request.contentLength == 17);
  CHECK(std::holds_alternative<HeadComplete>(parse(get("Content-Length: 0\r\n"))));
}

TEST_CASE("malformed request lines are refused") { check_all(malformed_lines()); }
TEST_CASE("malformed headers are refused") { check_all(malformed_headers()); }
TEST_CASE("request smuggling shapes are refused") { check_all(smuggling_shapes()); }

TEST_CASE("every host form that a client sends is taken") {
  for (const std::string host : {"localhost", "chat.example:8080", "127.0.0.1:1", "[::1]:9000", "my_host"}) {
    CAPTURE(host);
    CHECK(std::holds_alternative<HeadComplete>(parse("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n")));
  }
}

TEST_CASE("sizes are bounded") {
  const auto headers = [](std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += "X: y\r\n";
    return text;
  };
  CHECK(std::holds_alternative<HeadComplete>(parse(get(headers(kMaxHeaders - 1)))));
  CHECK(rejected_with(get(headers(kMaxHeaders))) == 431);

  const auto filler = [](std::size_t size) { return "X: " + std::string(size, 'y') + "\r\n"; };
  const auto room = kMaxHeadBytes - get(filler(0)).size();
  CHECK(std::holds_alternative<HeadComplete>(parse(get(filler(room)))));
  CHECK(rejected_with(get(filler(room + 1))) == 431);
  CHECK(rejected_with("GET /" + std::string(kMaxHeadBytes, 'a')) == 414);
  CHECK(rejected_with("GET /v1/ws HTTP/1.1\r\nX: " + std::string(kMaxHeadBytes, 'a')) == 431);
}

TEST_CASE("a byte that cannot be part of a head is refused before the head is whole") {
  CHECK(rejected_with("\x16\x03\x01") == 400);  // TLS on the plain port
  CHECK(rejected_with("GET / HTTP/1.1\n") == 400);
  CHECK(rejected_with("GET / HTTP/1.1\rX") == 400);
  CHECK(rejected_with(std::string_view("GET /\0", 6)) == 400);
  CHECK(rejected_with("\r\n") == 400);
  CHECK(describe(parse("GET / HTTP/1.1\r")) == "incomplete");
  CHECK(describe(parse("")) == "incomplete");
  CHECK(describe(parse("GET / HTTP/1.1\r\nX\r\n")) == "incomplete");
}

TEST_CASE("how the bytes are cut makes no difference") {
  std::vector<std::string> inputs = {get(""), get("Origin: https://a.example\r\nX: \t\r\n") + "\x81\x80more",
                                     request_line("GET /v1/ws?access_token=a.b%2Dc&device=d HTTP/1.1")};
  for (const auto& table : {malformed_lines(), malformed_headers(), smuggling_shapes()}) {
    for (const auto& row : table) inputs.push_back(row.bytes);
  }
  inputs.push_back(get("X: " + std::string(kMaxHeadBytes, 'a')));

  std::mt19937 random(20240607);
  for (const auto& input : inputs) {
    CAPTURE(input);
    const auto whole = describe(parse(input));
    std::vector<std::size_t> bytewise;
    for (std::size_t end = 0; end <= input.size(); ++end) bytewise.push_back(end);
    CHECK(parse_in_pieces(input, bytewise) == whole);
    if (input.size() < 1000) {
      for (const auto end : bytewise) CHECK(parse_in_pieces(input, {end, input.size()}) == whole);
    }
    for (int round = 0; round < 20; ++round) {
      std::vector<std::size_t> ends;
      for (std::size_t at = 0; at < input.size(); ends.push_back(at)) {
        at = std::min<std::size_t>(input.size(), at + 1 + random() % 40);
      }
      CHECK(parse_in_pieces(input, ends) == whole);
    }
  }
}

TEST_CASE("a query parameter is found and decoded, and never guessed") {
  using namespace std::string_view_literals;
  struct Row {
    std::string_view query;
    std::optional<std::string> value;
  };
  for (const auto& row : std::vector<Row>{
           {"", std::nullopt},
           {"user=alice", "alice"},
           {"a=b&user=alice&c=d", "alice"},
           {"user=", ""},
           {"user", ""},
           {"&&user=alice&", "alice"},
           {"user=a=b", "a=b"},
           {"user=a%3Ab%2d%20c", "a:b- c"},
           {"user=a+b", "a+b"},
           {"user=%00", std::string(1, '\0')},
           {"users=alice", std::nullopt},
           {"xuser=alice", std::nullopt},
           {"User=alice", std::nullopt},
           {"user=%", std::nullopt},
           {"user=%4", std::nullopt},
           {"user=%4g", std::nullopt},
           {"user=%-1", std::nullopt},
           // CWE-235, a parameter given twice: the first word or the last?
           {"user=alice&user=bob", std::nullopt},
           {"user=alice&user=alice", std::nullopt},
       }) {
    CAPTURE(row.query);
    CHECK(query_parameter(row.query, "user") == row.value);
  }
  // Nothing behind the end of the query is read.
  CHECK_FALSE(query_parameter("user=%41"sv.substr(0, 7), "user"));
}
