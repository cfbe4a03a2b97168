#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace chatcore::protocol {

inline constexpr std::size_t kMaxRequestIdBytes = 64;

/// The `id` that a client gave its request, repeated by every direct answer exactly as it was written.
/// Numbers are held without allocation.
class RequestId {
 public:
  RequestId() = default;
  static RequestId number(std::uint64_t value);
  /// Any UTF-8 text; escaped as JSON needs it.
  static RequestId text(std::string_view value);
  /// What stood between the quotes of a valid JSON string, escapes included.
  static RequestId raw_text(std::string_view escaped);

  [[nodiscard]] bool present() const noexcept { return kind_ != Kind::none; }
  /// The JSON value; nothing if there is no id.
  void append_value(std::string& out) const;
  /// `,"id":…`; nothing if there is no id.
  void append_member(std::string& out) const;

  friend bool operator==(const RequestId&, const RequestId&) = default;

 private:
  enum class Kind : std::uint8_t { none, number, text };
  Kind kind_ = Kind::none;
  std::uint64_t number_ = 0;
  std::string text_;
};

}  // namespace chatcore::protocol
