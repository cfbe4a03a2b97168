#include "protocol/json_check.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <system_error>

#include "protocol/byte_scan.hpp"
#include "protocol/decode.hpp"

namespace chatcore::protocol {

namespace {

/// Up to here comparing every pair is cheaper than hashing, and bounded.
constexpr std::size_t kFewKeys = 16;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool fits_64_bits(const char* begin, const char* end, bool negative) {
  if (negative) {
    std::int64_t value = 0;
    return std::from_chars(begin - 1, end, value).ec == std::errc();
  }
  std::uint64_t value = 0;
  return std::from_chars(begin, end, value).ec == std::errc();
}

bool within_double(const char* begin, const char* end) {
  double value = 0;
  return std::from_chars(begin, end, value).ec == std::errc();
}

}  // namespace

bool JsonCheck::clean(simdjson::dom::element value, std::size_t depth) {
  switch (value.type()) {
    case simdjson::dom::element_type::OBJECT:
      return clean_object(value, depth + 1);
    case simdjson::dom::element_type::ARRAY:
      return clean_array(value, depth + 1);
    default:
      return true;
  }
}

bool JsonCheck::clean_object(simdjson::dom::element value, std::size_t depth) {
  const simdjson::dom::object object = value.get_object().value_unsafe();
  if (depth > kMaxJsonDepth || !distinct_keys(object)) return false;
  for (auto field = object.begin(); field != object.end(); ++field) {
    if (!clean(field.value(), depth)) return false;
  }
  return true;
}

bool JsonCheck::clean_array(simdjson::dom::element value, std::size_t depth) {
  if (depth > kMaxJsonDepth) return false;
  const simdjson::dom::array array = value.get_array().value_unsafe();
  for (const simdjson::dom::element element : array) {
    if (!clean(element, depth)) return false;
  }
  return true;
}

bool JsonCheck::distinct_keys(simdjson::dom::object object) {
  const std::size_t size = object.size();
  if (size < 2) return true;
  return size <= kFewKeys ? distinct_few(object) : distinct_many(object);
}

bool JsonCheck::distinct_few(simdjson::dom::object object) {
  std::array<std::string_view, kFewKeys> keys;
  auto end = keys.begin();
  for (auto field = object.begin(); field != object.end(); ++field) {
    const std::string_view key = field.key();
    if (std::find(keys.begin(), end, key) != end) return false;
    *end++ = key;
  }
  return true;
}

bool JsonCheck::distinct_many(simdjson::dom::object object) {
  seen_.clear();
  for (auto field = object.begin(); field != object.end(); ++field) {
    if (!seen_.insert(Key{field.key()}).second) return false;
  }
  return true;
}

bool soften_large_integers(std::span<char> text) {
  constexpr std::ptrdiff_t kSafeDigits = 18;
  bool changed = false;
  char* p = text.data();
  char* const end = p + text.size();
  while (p < end) {
    if (*p == '"') {
      for (++p; p < end && *p != '"'; ++p) {
        if (*p == '\\') ++p;
      }
      ++p;
      continue;
    }
    if (!is_digit(*p)) {
      ++p;
      continue;
    }
    char* const first = p;
    while (p < end && is_digit(*p)) ++p;
    if (p - first <= kSafeDigits || *first == '0') continue;
    if (p < end && (*p == '.' || *p == 'e' || *p == 'E')) continue;
    const bool negative = first > text.data() && first[-1] == '-';
    const char* const before = negative ? first - 1 : first;
    const bool startsValue = before > text.data() && (before[-1] == ':' || before[-1] == ',' ||
                                                      before[-1] == '[' || is_json_space(before[-1]));
    if (!startsValue || fits_64_bits(first, p, negative) || !within_double(first, p)) continue;
    first[1] = '.';
    changed = true;
  }
  return changed;
}

}  // namespace chatcore::protocol
