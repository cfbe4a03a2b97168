#include "protocol/envelope.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <string>

#include "protocol/byte_scan.hpp"
#include "protocol/decode.hpp"

namespace chatcore::protocol {

namespace {

Error bad_json(const char* message) { return {ErrorCode::bad_json, message, {}}; }

bool is_container(const Value& value) { return value.raw.front() == '{' || value.raw.front() == '['; }

}  // namespace

Envelope::Envelope(std::size_t maxFrameBytes)
    : maxFrameBytes_(std::min(maxFrameBytes, kMaxFrameBytes)),
      frame_(new char[maxFrameBytes_ + simdjson::SIMDJSON_PADDING]()),
      parser_(maxFrameBytes_) {
  // One more than allowed: the parser does not count its innermost container if that is empty.
  const auto failure = parser_.allocate(std::max<std::size_t>(maxFrameBytes_, 1), kMaxJsonDepth + 1);
  if (failure) throw std::bad_alloc();
}

std::optional<Error> Envelope::read(std::string_view frame) {
  present_ = 0;
  if (frame.size() > maxFrameBytes_) {
    return Error{
        ErrorCode::too_large, "the frame is longer than " + std::to_string(maxFrameBytes_) + " bytes", {}};
  }
  simdjson::dom::element root;
  if (auto error = parse(frame, root)) return error;
  simdjson::dom::object object;
  if (root.get(object)) return bad_json("a frame must be one JSON object");
  return take_fields(object);
}

std::optional<Error> Envelope::parse(std::string_view frame, simdjson::dom::element& root) {
  if (frame.empty()) return bad_json("an empty frame");
  std::memcpy(frame_.get(), frame.data(), frame.size());
  frameBytes_ = frame.size();
  std::memset(frame_.get() + frame.size(), 0, simdjson::SIMDJSON_PADDING);
  auto failure = parser_.parse(frame_.get(), frame.size(), false).get(root);
  if (failure == simdjson::NUMBER_ERROR) {
    if (!softened_) softened_.reset(new char[maxFrameBytes_ + simdjson::SIMDJSON_PADDING]());
    std::memcpy(softened_.get(), frame_.get(), frame.size() + simdjson::SIMDJSON_PADDING);
    if (soften_large_integers({softened_.get(), frame.size()})) {
      failure = parser_.parse(softened_.get(), frame.size(), false).get(root);
    }
  }
  if (!failure) return std::nullopt;
  if (failure == simdjson::DEPTH_ERROR) return bad_json("nested too deeply");
  if (failure == simdjson::NUMBER_ERROR) return bad_json("a number is malformed or beyond double range");
  if (failure == simdjson::UTF8_ERROR) return bad_json("not UTF-8");
  return bad_json("not valid JSON");
}

std::optional<Error> Envelope::take_fields(simdjson::dom::object object) {
  std::optional<Error> error;
  std::size_t unknown = 0;
  std::uint64_t twice = 0;
  std::size_t left = object.size();
  const char* at = skip_spaces(frame_.get()) + 1;
  // Nothing but the closing brace follows the last value, which is often the long one.
  const char* const lastValueEnd = trim_spaces(trim_spaces(frame_.get() + frameBytes_) - 1);
  for (auto field = object.begin(); field != object.end(); ++field) {
    const char* const keyBegin = skip_spaces(at);
    const char* const keyEnd = skip_string(keyBegin);
    const char* const valueBegin = skip_spaces(skip_spaces(keyEnd) + 1);
    // The count is exact: it saturates far above what fits into kMaxFrameBytes.
    const bool last = --left == 0;
    const char* const valueEnd = last ? lastValueEnd : skip_value(valueBegin);
    at = skip_spaces(valueEnd) + 1;

    const std::string_view key = field.key();
    const Value value{field.value(), {valueBegin, static_cast<std::size_t>(valueEnd - valueBegin)}};
    // Every escape is longer than what it stands for.
    const bool escaped = static_cast<std::size_t>(keyEnd - keyBegin) != key.size() + 2;
    if (escaped) error = bad_json("an envelope key is escaped");
    if (is_container(value) && !check_.clean(value.parsed, 1))
      error = bad_json("a duplicate key, or nested too deeply");

    if (const auto known = field_of(key)) {
      twice |= present_ & bit(*known);
      present_ |= bit(*known);
      values_[static_cast<std::size_t>(*known)] = value;
    } else {
      ++unknown;
    }
  }
  if (twice != 0 || (unknown > 1 && !check_.distinct_keys(object))) {
    present_ &= ~twice;
    error = bad_json("a duplicate key");
  }
  return error;
}

}  // namespace chatcore::protocol
