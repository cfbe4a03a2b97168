#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace chatcore::jwt {

/// RFC 7515 base64url, strict: no padding, no whitespace, and the unused bits of the last digit are zero, so
/// that every byte string has exactly one spelling.
std::optional<std::string> decode_base64url(std::string_view text);

/// For keys that people paste: either alphabet, with or without padding.
std::optional<std::string> decode_any_base64(std::string_view text);

}  // namespace chatcore::jwt
