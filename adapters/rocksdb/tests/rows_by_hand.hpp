#pragma once

#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "checksum.hpp"
#include "device_rows.hpp"

namespace chatcore::rocks {

/// The value that a row has whose body this is.
inline std::string sealed(std::string_view key, std::string_view body) {
  std::string value;
  begin_value(value);
  value.append(body);
  seal_value(key, value);
  return value;
}

/// The directory's rows without a database.
class RowsInMemory final : public DirectoryRows {
 public:
  Result<std::optional<std::string>> get(std::string_view key) override {
    const auto found = rows.find(key);
    return found == rows.end() ? std::optional<std::string>() : std::optional(found->second);
  }
  void put(std::string key, std::string value) override { rows[std::move(key)] = std::move(value); }
  void erase(std::string key) override { rows.erase(key); }
  Result<std::uint64_t> count(const std::string& from, const std::string& end) override {
    return static_cast<std::uint64_t>(std::distance(rows.lower_bound(from), rows.lower_bound(end)));
  }

  std::map<std::string, std::string, std::less<>> rows;
};

}  // namespace chatcore::rocks
