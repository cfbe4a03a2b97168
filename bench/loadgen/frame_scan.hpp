#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace chatcore::bench {

/// One unmasked frame at the front of a buffer. `size` 0: it is not whole yet.
struct ServerFrame {
  std::size_t size = 0;
  std::uint8_t opcode = 0;
  std::string_view payload;
};
[[nodiscard]] ServerFrame front_frame(std::string_view bytes) noexcept;

/// Appends a masked frame, as every client must.
void append_client_frame(std::string& out, std::uint8_t opcode, std::string_view payload);

inline constexpr std::uint8_t kText = 1;
inline constexpr std::uint8_t kBinary = 2;
inline constexpr std::uint8_t kClose = 8;
inline constexpr std::uint8_t kPing = 9;
inline constexpr std::uint8_t kPong = 10;

// The generator must cost less than what it measures, so it looks for the few fields it needs instead of
// parsing. That is sound for the fields that stand before `content`: ids cannot contain quotes.
[[nodiscard]] bool is_type(std::string_view json, std::string_view type) noexcept;
[[nodiscard]] std::optional<std::uint64_t> find_number(std::string_view json,
                                                       std::string_view quotedKey) noexcept;
[[nodiscard]] std::string_view find_text(std::string_view json, std::string_view quotedKey) noexcept;

/// Writes 36 characters of a random (version 4) UUID.
void append_uuid4(std::string& out);

}  // namespace chatcore::bench
