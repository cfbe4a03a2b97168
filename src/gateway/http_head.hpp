#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace chatcore::gateway {

/// A request head, its final empty line included, is at most this long.
inline constexpr std::size_t kMaxHeadBytes = 8192;
inline constexpr std::size_t kMaxHeaders = 64;

struct HttpHeader {
  std::string_view name;   ///< as sent; names compare case-insensitively
  std::string_view value;  ///< without the white space around it
};

/// A well-formed HTTP/1.1 request head. Every view points into the bytes given to the parser, and lives as
/// long as they do.
struct HttpRequest {
  std::string_view method;
  std::string_view path;            ///< begins with '/', not percent-decoded
  std::string_view query;           ///< without the '?'; empty when there is none
  std::uint64_t contentLength = 0;  ///< 0 for GET, HEAD and upgrades; the parser reads no body
  std::size_t headerCount = 0;
  std::array<HttpHeader, kMaxHeaders> headers;  // the first headerCount are set

  /// The value of the first header of that name.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const noexcept;
  [[nodiscard]] std::size_t count(std::string_view name) const noexcept;
};

/// The head is not whole yet; call again with more bytes.
struct HeadIncomplete {};

struct HeadComplete {
  std::size_t consumed = 0;  ///< bytes of the head; what follows belongs to the next protocol
  HttpRequest request;
};

/// Answer with `status` and close: nothing after these bytes can be trusted to be where it seems.
struct HeadRejected {
  int status = 400;         ///< 400, 414, 431, 501 or 505
  std::string_view reason;  ///< static storage
};

using HeadResult = std::variant<HeadIncomplete, HeadComplete, HeadRejected>;

/// A strict incremental parser of one request head. Looks at each byte a constant number of times however
/// the bytes drip in, and refuses a byte that can never be part of a head as soon as it sees it. Everything
/// that two parsers might read differently (and a front proxy might have) is refused, never repaired.
class HttpHeadParser {
 public:
  /// `bytes`: all bytes of the connection so far, which begin with those of the previous call (they may have
  /// moved). Not to be called again after a result other than HeadIncomplete.
  [[nodiscard]] HeadResult parse(std::string_view bytes);

 private:
  std::optional<HeadRejected> scan(std::string_view bytes);

  std::uint16_t scanned_ = 0;
  std::uint16_t lineStart_ = 0;
  bool whole_ = false;
};

/// The percent-decoded value of the parameter `name` in a query string. Nothing when it is absent, when its
/// escapes are malformed, or when it is there twice (which of the two a proxy took is not for us to guess).
/// '+' stays '+': tokens contain it, and no parameter of the protocol contains a space.
[[nodiscard]] std::optional<std::string> query_parameter(std::string_view query, std::string_view name);

/// ASCII letters only, whatever the locale.
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;

/// Whether `text` is an RFC 9110 token: at least one byte, no separators.
[[nodiscard]] bool is_token(std::string_view text) noexcept;

/// Without the spaces and tabs around it.
[[nodiscard]] std::string_view trim_whitespace(std::string_view text) noexcept;

}  // namespace chatcore::gateway
