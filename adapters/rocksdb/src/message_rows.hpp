#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "chatcore/model/message_state.hpp"

/// Rows of the `messages` column family: what has become of a log's messages. Documented in the adapter's
/// README.
namespace chatcore::rocks {

/// [count][log] `s` [seq]
[[nodiscard]] std::string state_key(std::string_view log, Seq seq);
/// [count][log] `r` [seq] user
[[nodiscard]] std::string reaction_key(std::string_view log, Seq seq, std::string_view user);
/// [count][log] `d` [ordinal]
[[nodiscard]] std::string deletion_key(std::string_view log, std::uint64_t ordinal);
/// [count][log] `x` [ordinal]
[[nodiscard]] std::string expiry_key(std::string_view log, std::uint64_t ordinal);
/// [count][log] `o` [ordinal]
[[nodiscard]] std::string hidden_ordinal_key(std::string_view log, std::uint64_t ordinal);
/// [count][log] `h` [count][user] [seq]
[[nodiscard]] std::string hidden_key(std::string_view log, std::string_view user, Seq seq);
/// The number that ends a key of any but `r`.
[[nodiscard]] std::uint64_t number_of_key(std::string_view key);

/// Without the seq, which the key has.
[[nodiscard]] std::string encode_state(std::string_view key, const MessageState& state);
[[nodiscard]] bool decode_state(std::string_view key, std::string_view value, MessageState& state);

[[nodiscard]] std::string encode_emoji(std::string_view key, const std::vector<std::string>& emoji);
[[nodiscard]] bool decode_emoji(std::string_view key, std::string_view value,
                                std::vector<std::string>& emoji);

}  // namespace chatcore::rocks
