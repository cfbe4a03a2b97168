#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string_view>

namespace chatcore::rocks {

/// 128 bits of keyed SipHash over (log, sender, clientMsgId): the name under which a send is remembered.
/// Keyed per database, so that nobody can choose colliding ids.
struct SendHash {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend auto operator<=>(const SendHash&, const SendHash&) = default;

  template <class State>
  friend State AbslHashValue(State state, const SendHash& hash) {
    return State::combine(std::move(state), hash.low);
  }
  /// Key of the row; byte order is the order of the hashes.
  using Bytes = std::array<char, 16>;
  [[nodiscard]] Bytes key() const;
};

[[nodiscard]] SendHash hash_send(std::string_view hashKey, std::string_view log, std::string_view sender,
                                 std::string_view clientMsgId);

}  // namespace chatcore::rocks
