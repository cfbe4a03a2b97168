#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "chatcore/model/ids.hpp"

/// Row keys. A counted id comes first where rows of one owner must lie together, the second id stands bare so
/// that rows ascend by it. Documented in the adapter's README.
namespace chatcore::rocks {

/// Longest id a key can carry. One byte counts it; kept below 255 so that a next prefix always exists.
inline constexpr std::size_t kMaxKeyId = 128;
[[nodiscard]] inline bool storable(std::string_view id) { return !id.empty() && id.size() <= kMaxKeyId; }

/// [count][id]: what all rows of a log or user begin with.
void put_owner(std::string& key, std::string_view id);
[[nodiscard]] std::string owner_prefix(std::string_view id);
/// The first key behind all rows of an owner.
[[nodiscard]] std::string owner_end(std::string_view id);

/// [count][log][seq, big-endian]
void event_key(std::string& key, std::string_view log, Seq seq);
[[nodiscard]] Seq seq_of_event_key(std::string_view key);

/// [count][first][second]: members and cursors (log, user), conversations and mutes (user, log),
/// blocks and contacts (user, user).
[[nodiscard]] std::string pair_key(std::string_view first, std::string_view second);
[[nodiscard]] std::string_view second_of_pair(std::string_view key);

/// Beside a user's timeline and before all of it: up to where departed conversations are forgotten.
[[nodiscard]] inline std::string forgotten_key(std::string_view user) { return pair_key(user, ""); }

/// Rows of the `logs` column family: one log's description in parts that change apart.
enum class LogPart : char { info = 'i', memberSeq = 'm', term = 't' };
[[nodiscard]] std::string log_key(std::string_view log, LogPart part);

/// [partition, 2 bytes big-endian][log]
[[nodiscard]] std::string mark_key(std::string_view log);
[[nodiscard]] std::string mark_prefix(std::uint32_t partition);

/// [row number, big-endian]
[[nodiscard]] std::string journal_key(std::uint64_t row);

}  // namespace chatcore::rocks
