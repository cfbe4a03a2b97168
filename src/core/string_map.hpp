#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/strings/string_view.h>

#include <functional>
#include <string>
#include <string_view>

namespace chatcore {

/// Seeded per process, so that outsiders who choose the keys cannot choose their collisions. Goes through
/// Abseil's own string_view, which is std's in some builds and not in others.
struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept {
    return absl::Hash<absl::string_view>{}(absl::string_view(text.data(), text.size()));
  }
};

/// Found by string_view without making a string.
template <class Value>
using StringMap = absl::flat_hash_map<std::string, Value, StringHash, std::equal_to<>>;
using StringSet = absl::flat_hash_set<std::string, StringHash, std::equal_to<>>;

}  // namespace chatcore
