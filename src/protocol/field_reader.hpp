#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chatcore/error.hpp"
#include "chatcore/model/ids.hpp"
#include "protocol/commands.hpp"
#include "protocol/envelope.hpp"
#include "protocol/fields.hpp"

namespace chatcore::protocol {

/// Reads a command's fields one by one. The first complaint is kept and every later read yields defaults, so
/// that a command's reader is a list of its fields.
class FieldReader {
 public:
  /// `clientMsgId`: the envelope's, already found valid; empty if it has none or a bad one.
  FieldReader(const Envelope& envelope, CommandType type, std::string_view clientMsgId)
      : envelope_(envelope), type_(type), clientMsgId_(clientMsgId) {}

  [[nodiscard]] bool has(Field field) const noexcept { return envelope_.has(field); }
  [[nodiscard]] bool has_any(std::span<const Field> fields) const noexcept {
    return envelope_.has_any(fields);
  }
  [[nodiscard]] bool failed() const noexcept { return error_.has_value(); }
  [[nodiscard]] Error take_error() { return std::move(*error_); }

  /// `complaint` completes "<type>: `<field>` …".
  void fail(Field field, std::string_view complaint, ErrorCode code = ErrorCode::bad_request);
  /// `complaint` completes "<type>: …".
  void fail(std::string_view complaint);

  // Required fields.
  std::string_view id(Field field);
  std::string_view client_msg_id() { return clientMsgId_.empty() ? id(Field::clientMsgId) : clientMsgId_; }
  std::string_view text(Field field, std::size_t maxBytes);
  std::uint64_t integer(Field field, std::uint64_t max);
  MessageId message_id(Field field);
  /// Sorted, each once. `beyond`: what it is to have more.
  std::vector<UserId> ids(Field field, std::size_t maxCount, ErrorCode beyond = ErrorCode::bad_request);
  /// `{"c1":41,"c2":{"seq":7,"epoch":2}}`
  std::vector<Position> positions(Field field);
  /// `{"send":"everyone","add":"admins"}` into what it names; unknown names are refused: who asks for a
  /// restriction must not believe that there is one.
  void permissions(Field field, SettingsChange& into);
  bool required_flag(Field field);
  const Value* required(Field field);
  /// The position of the name among `names`.
  std::size_t choice(Field field, std::initializer_list<std::string_view> names);

  // Optional fields.
  std::string_view id_or_empty(Field field) { return has(field) ? id(field) : std::string_view(); }
  std::string_view text_or_empty(Field field, std::size_t maxBytes) {
    return has(field) ? text(field, maxBytes) : std::string_view();
  }
  std::uint64_t integer_or(Field field, std::uint64_t max, std::uint64_t otherwise) {
    return has(field) ? integer(field, max) : otherwise;
  }
  Epoch epoch();
  bool flag(Field field);  ///< absent: false
  std::uint32_t limit(std::uint32_t otherwise, std::uint32_t max);

 private:
  void read_permission(std::string_view name, simdjson::dom::element value, SettingsChange& into);
  void read_position(Field field, simdjson::dom::element value, Position& position);

  const Envelope& envelope_;
  CommandType type_;
  std::string_view clientMsgId_;
  std::optional<Error> error_;
};

}  // namespace chatcore::protocol
