#pragma once

#include <simdjson.h>

#include <absl/container/flat_hash_set.h>

#include <cstddef>
#include <span>
#include <string_view>

/// What I-JSON asks for beyond what the parser checks, and what the parser refuses although I-JSON has it.
namespace chatcore::protocol {

/// Duplicate keys and depth, over a parsed value. One per decoder: keeps its table between calls.
class JsonCheck {
 public:
  /// Whether no object at or below `value` has a key twice, and nothing is deeper than kMaxJsonDepth.
  /// `depth` is the number of containers around `value`. O(size of the value), whatever its shape.
  [[nodiscard]] bool clean(simdjson::dom::element value, std::size_t depth);
  [[nodiscard]] bool distinct_keys(simdjson::dom::object object);

 private:
  /// Debian's Abseil cannot hash std::string_view by itself; its seed keeps collisions from being prepared.
  struct Key {
    std::string_view text;
    friend bool operator==(const Key&, const Key&) = default;
    template <class H>
    friend H AbslHashValue(H state, const Key& key) {
      state = H::combine_contiguous(std::move(state), key.text.data(), key.text.size());
      return H::combine(std::move(state), key.text.size());
    }
  };

  [[nodiscard]] bool clean_object(simdjson::dom::element value, std::size_t depth);
  [[nodiscard]] bool clean_array(simdjson::dom::element value, std::size_t depth);
  [[nodiscard]] bool distinct_few(simdjson::dom::object object);
  [[nodiscard]] bool distinct_many(simdjson::dom::object object);

  absl::flat_hash_set<Key> seen_;
};

/// The parser refuses integers beyond 64 bits, which are fine numbers as far as JSON is concerned. Rewrites
/// each that is within double range, in place and in its length, as a fraction: `123…` becomes `1.3…`.
/// Text that is not JSON stays text that is not JSON. Returns whether anything was changed.
bool soften_large_integers(std::span<char> text);

}  // namespace chatcore::protocol
