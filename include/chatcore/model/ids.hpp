#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "chatcore/version.hpp"

namespace chatcore {

/// Ids are 1-64 bytes of `A-Z a-z 0-9 . _ : @ -`, compared byte by byte.
using UserId = std::string;
using DeviceId = std::string;
using ConversationId = std::string;
using ClientMsgId = std::string;

/// An event's place in its conversation: 1..n, dense. 0: before the first.
using Seq = std::uint64_t;
/// Changes only if a conversation's log was lost and begun anew. Begins at 1.
using Epoch = std::uint32_t;
/// Time-ordered Snowflake: 42 bits milliseconds since 2020-01-01, 10 bits partition, 12 bits counter;
/// strictly increasing within a conversation. 0: none. On the wire a decimal string.
using MessageId = std::uint64_t;
/// Milliseconds since the Unix epoch.
using Timestamp = std::int64_t;
/// Grows with every new owner of a partition; a store refuses an owner with an older one.
using Term = std::uint64_t;

inline constexpr std::size_t kMaxIdBytes = 64;

/// How many partitions conversations and users are spread over, for ever.
inline constexpr std::uint32_t kPartitions = 1024;

[[nodiscard]] CHATCORE_API bool valid_id(std::string_view id) noexcept;

/// `partition = FNV-1a 64(id), folded (x ^ x >> 32), mod 1024`: documented and unsalted because the
/// owners of a fleet must all come to the same answer. Takes conversation and user ids.
[[nodiscard]] CHATCORE_API std::uint32_t partition_of(std::string_view id) noexcept;

/// The id of the direct conversation of two users: `dm.` + base32(BLAKE2b-160(min ‖ 0x00 ‖ max)), lower
/// case, no padding. Symmetric; nobody can make another conversation under it.
[[nodiscard]] CHATCORE_API ConversationId direct_conversation_id(std::string_view a, std::string_view b);

/// Whether a conversation's id is that of a direct one.
[[nodiscard]] CHATCORE_API bool is_direct(std::string_view conversationId) noexcept;

/// Whether only the server may make this id (`dm.` and `sys.`).
[[nodiscard]] CHATCORE_API bool reserved_conversation_id(std::string_view id) noexcept;

/// The millisecond (Unix epoch) a message id was made in.
[[nodiscard]] CHATCORE_API Timestamp message_id_time(MessageId id) noexcept;

/// The next id of a conversation in `partition`: later than `last`, and at `now` unless the clock ran back.
[[nodiscard]] CHATCORE_API MessageId next_message_id(MessageId last, Timestamp now,
                                                     std::uint32_t partition) noexcept;

}  // namespace chatcore
