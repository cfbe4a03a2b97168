#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace chatcore::jwt {

/// One JSON object, strictly: valid UTF-8, nothing before or after it, no key twice at any level, at most 8
/// levels deep. Never throws.
std::optional<nlohmann::json> parse_object(std::string_view text);

/// A NumericDate (whole seconds; fractions are cut off) up to the year 9999, in milliseconds.
std::optional<std::int64_t> numeric_date_ms(const nlohmann::json& value);

}  // namespace chatcore::jwt
