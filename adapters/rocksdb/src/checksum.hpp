#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "bytes.hpp"

namespace chatcore::rocks {

/// 32 bits over a row's key and body (a multiply-fold hash). The key takes part, so that a value that strayed
/// under another key is noticed too. Part of the stored format.
[[nodiscard]] std::uint32_t checksum(std::string_view key, std::string_view body) noexcept;

/// A row's value begins with its checksum: leave room, fill the body, then seal.
inline void begin_value(std::string& value) { value.assign(4, '\0'); }
void seal_value(std::string_view key, std::string& value) noexcept;

/// The body of a sealed value; a null view if its check fails.
[[nodiscard]] std::string_view open_value(std::string_view key, std::string_view value) noexcept;

/// A reader of the body, failed from the start if the check fails.
[[nodiscard]] inline ByteReader body_of(std::string_view key, std::string_view value) {
  const std::string_view body = open_value(key, value);
  ByteReader reader(body);
  if (body.data() == nullptr) reader.take(1);
  return reader;
}

}  // namespace chatcore::rocks
