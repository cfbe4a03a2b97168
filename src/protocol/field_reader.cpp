#include "protocol/field_reader.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <system_error>

namespace chatcore::protocol {

namespace {

constexpr std::uint64_t kMaxEpoch = std::numeric_limits<Epoch>::max();
constexpr std::string_view kIdComplaint = "must be 1 to 64 bytes of A-Z a-z 0-9 . _ : @ -";

std::string at_most(std::size_t count, std::string_view what) {
  return "must be at most " + std::to_string(count) + std::string(what);
}

bool read_integer(simdjson::dom::element value, std::uint64_t max, std::uint64_t& out) {
  return !value.get(out) && out <= max;
}

std::optional<MessageId> parse_message_id(std::string_view text) {
  if (text.empty() || text.front() == '0') return std::nullopt;
  MessageId id = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return id;
}

}  // namespace

void FieldReader::fail(Field field, std::string_view complaint, ErrorCode code) {
  if (error_) return;
  std::string message(to_string(type_));
  message.append(": `").append(to_string(field)).append("` ").append(complaint);
  error_ = Error{code, std::move(message), {}};
}

void FieldReader::fail(std::string_view complaint) {
  if (error_) return;
  std::string message(to_string(type_));
  message.append(": ").append(complaint);
  error_ = Error{ErrorCode::bad_request, std::move(message), {}};
}

const Value* FieldReader::required(Field field) {
  const Value* value = envelope_.find(field);
  if (value == nullptr) fail(field, "is missing");
  return value;
}

std::string_view FieldReader::id(Field field) {
  const Value* value = required(field);
  if (value == nullptr) return {};
  std::string_view text;
  if (!value->parsed.get(text) && valid_id(text)) return text;
  fail(field, kIdComplaint);
  return {};
}

std::string_view FieldReader::text(Field field, std::size_t maxBytes) {
  const Value* value = required(field);
  if (value == nullptr) return {};
  std::string_view text;
  if (value->parsed.get(text)) {
    fail(field, "must be a string");
  } else if (text.size() > maxBytes) {
    fail(field, at_most(maxBytes, " bytes"));
  } else {
    return text;
  }
  return {};
}

std::uint64_t FieldReader::integer(Field field, std::uint64_t max) {
  const Value* value = required(field);
  std::uint64_t number = 0;
  if (value == nullptr) return 0;
  if (read_integer(value->parsed, max, number)) return number;
  fail(field, "must be an integer from 0 to " + std::to_string(max));
  return 0;
}

MessageId FieldReader::message_id(Field field) {
  const Value* value = required(field);
  if (value == nullptr) return 0;
  std::string_view text;
  if (!value->parsed.get(text)) {
    if (const auto id = parse_message_id(text)) return *id;
  }
  fail(field, "must be a message id: a decimal string");
  return 0;
}

std::vector<UserId> FieldReader::ids(Field field, std::size_t maxCount, ErrorCode beyond) {
  const Value* value = required(field);
  simdjson::dom::array array;
  if (value == nullptr) return {};
  if (value->parsed.get(array)) {
    fail(field, "must be an array of ids");
    return {};
  }
  if (array.size() > maxCount) {
    fail(field, at_most(maxCount, " ids"), beyond);
    return {};
  }
  std::vector<UserId> ids;
  ids.reserve(array.size());
  for (const auto element : array) {
    std::string_view text;
    if (element.get(text) || !valid_id(text)) {
      fail(field, "must hold ids: 1 to 64 bytes of A-Z a-z 0-9 . _ : @ -");
      return {};
    }
    ids.emplace_back(text);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

std::vector<Position> FieldReader::positions(Field field) {
  const Value* value = required(field);
  simdjson::dom::object object;
  if (value == nullptr) return {};
  if (value->parsed.get(object)) {
    fail(field, "must be an object of conversations");
    return {};
  }
  if (object.size() > kMaxWatermarks) {
    fail(field, at_most(kMaxWatermarks, " conversations"));
    return {};
  }
  std::vector<Position> positions;
  positions.reserve(object.size());
  for (const auto entry : object) {
    if (!valid_id(entry.key)) fail(field, "must be keyed by conversation ids");
    Position& position = positions.emplace_back();
    position.conversationId = entry.key;
    read_position(field, entry.value, position);
    if (failed()) return {};
  }
  return positions;
}

void FieldReader::read_position(Field field, simdjson::dom::element value, Position& position) {
  simdjson::dom::object object;
  if (value.get(object)) {
    if (!read_integer(value, kMaxWireInteger, position.seq)) {
      fail(field, "must hold seqs: integers from 0 to 2^53, or {\"seq\",\"epoch\"}");
    }
    return;
  }
  bool hasSeq = false;
  for (const auto entry : object) {
    std::uint64_t number = 0;
    if (entry.key == "seq") {
      hasSeq = read_integer(entry.value, kMaxWireInteger, position.seq);
    } else if (entry.key == "epoch") {
      if (!read_integer(entry.value, kMaxEpoch, number) || number == 0) fail(field, "holds a bad epoch");
      position.epoch = static_cast<Epoch>(number);
    }
  }
  if (!hasSeq) fail(field, "must hold a `seq` of 0 to 2^53 in every entry");
}

void FieldReader::permissions(Field field, SettingsChange& into) {
  const Value* value = required(field);
  simdjson::dom::object object;
  if (value == nullptr) return;
  if (value->parsed.get(object)) return fail(field, "must be an object of permissions");
  if (object.size() == 0) return fail(field, "must not be empty");
  for (const auto entry : object) read_permission(entry.key, entry.value, into);
}

void FieldReader::read_permission(std::string_view name, simdjson::dom::element value, SettingsChange& into) {
  std::optional<Permission>* const permission = name == "send"   ? &into.send
                                                : name == "add"  ? &into.add
                                                : name == "edit" ? &into.edit
                                                : name == "pin"  ? &into.pin
                                                                 : nullptr;
  if (permission == nullptr) return fail(Field::permissions, "may name send, add, edit and pin only");
  std::string_view who;
  const bool text = !value.get(who);
  if (text && who == to_string(Permission::everyone)) {
    *permission = Permission::everyone;
  } else if (text && who == to_string(Permission::admins)) {
    *permission = Permission::admins;
  } else {
    fail("`permissions." + std::string(name) + "` must be one of everyone admins");
  }
}

std::size_t FieldReader::choice(Field field, std::initializer_list<std::string_view> names) {
  const Value* value = required(field);
  if (value == nullptr) return 0;
  std::string_view text;
  if (!value->parsed.get(text)) {
    const auto found = std::find(names.begin(), names.end(), text);
    if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  }
  std::string complaint = "must be one of";
  for (const std::string_view name : names) complaint.append(" ").append(name);
  fail(field, complaint);
  return 0;
}

Epoch FieldReader::epoch() {
  const std::uint64_t epoch = integer_or(Field::epoch, kMaxEpoch, 1);
  if (epoch == 0) fail(Field::epoch, "must be 1 or more");
  return static_cast<Epoch>(epoch);
}

bool FieldReader::required_flag(Field field) { return required(field) != nullptr && flag(field); }

bool FieldReader::flag(Field field) {
  bool value = false;
  if (has(field) && required(field)->parsed.get(value)) fail(field, "must be true or false");
  return value;
}

std::uint32_t FieldReader::limit(std::uint32_t otherwise, std::uint32_t max) {
  const std::uint64_t limit = integer_or(Field::limit, kMaxWireInteger, otherwise);
  if (limit < 1 || limit > max) {
    fail(Field::limit, "must be from 1 to " + std::to_string(max));
    return otherwise;
  }
  return static_cast<std::uint32_t>(limit);
}

}  // namespace chatcore::protocol
