#include "claims.hpp"

#include <cmath>
#include <set>
#include <string>
#include <vector>

namespace chatcore::jwt {

namespace {

constexpr int kMaxDepth = 8;
constexpr std::int64_t kLastSecond = 253402300799;  // 9999-12-31T23:59:59Z

}  // namespace

std::optional<nlohmann::json> parse_object(std::string_view text) {
  using nlohmann::json;
  // The parser takes a NUL for the end of its input, and skips a byte order mark.
  if (!text.starts_with('{') || text.find('\0') != std::string_view::npos) return std::nullopt;

  bool sound = true;
  std::vector<std::set<std::string>> keys;
  const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
    if (depth > kMaxDepth) sound = false;
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end && !keys.empty()) keys.pop_back();
    if (event == json::parse_event_t::key && !keys.empty()) {
      sound = keys.back().insert(parsed.get_ref<const std::string&>()).second && sound;
    }
    return true;
  };
  json value = json::parse(text.begin(), text.end(), watch, /*allow_exceptions=*/false);
  if (!sound || !value.is_object()) return std::nullopt;
  return value;
}

std::optional<std::int64_t> numeric_date_ms(const nlohmann::json& value) {
  if (!value.is_number()) return std::nullopt;
  const double seconds = std::floor(value.get<double>());
  if (!(std::abs(seconds) <= static_cast<double>(kLastSecond))) return std::nullopt;
  return static_cast<std::int64_t>(seconds) * 1000;
}

}  // namespace chatcore::jwt
