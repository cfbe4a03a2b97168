#pragma once

#include <simdjson.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "chatcore/error.hpp"
#include "protocol/fields.hpp"
#include "protocol/json_check.hpp"

namespace chatcore::protocol {

/// One value of the envelope: as parsed, and as the bytes that came in.
struct Value {
  simdjson::dom::element parsed;
  std::string_view raw;
};

/// A frame's top level, taken apart. Holds the frame and the parse until the next `read`.
class Envelope {
 public:
  explicit Envelope(std::size_t maxFrameBytes);

  /// Parses and checks a frame. After an error the fields read up to then can still be asked for, so that
  /// an `id` can be repeated; none that stood in the frame twice is among them.
  [[nodiscard]] std::optional<Error> read(std::string_view frame);

  [[nodiscard]] bool has(Field field) const noexcept { return (present_ & bit(field)) != 0; }
  [[nodiscard]] bool has_any(std::span<const Field> fields) const noexcept {
    std::uint64_t wanted = 0;
    for (const Field field : fields) wanted |= bit(field);
    return (present_ & wanted) != 0;
  }
  /// Null if the frame had no such field.
  [[nodiscard]] const Value* find(Field field) const noexcept {
    return has(field) ? &values_[static_cast<std::size_t>(field)] : nullptr;
  }

 private:
  static constexpr std::uint64_t bit(Field field) noexcept {
    return std::uint64_t{1} << static_cast<unsigned>(field);
  }
  static_assert(kFieldCount <= 64);

  [[nodiscard]] std::optional<Error> parse(std::string_view frame, simdjson::dom::element& root);
  [[nodiscard]] std::optional<Error> take_fields(simdjson::dom::object object);

  std::size_t maxFrameBytes_;
  std::size_t frameBytes_ = 0;
  std::unique_ptr<char[]> frame_;     ///< the bytes that came in, padded
  std::unique_ptr<char[]> softened_;  ///< made only for frames with integers beyond 64 bits
  simdjson::dom::parser parser_;
  JsonCheck check_;
  std::uint64_t present_ = 0;
  std::array<Value, kFieldCount> values_;
};

}  // namespace chatcore::protocol
