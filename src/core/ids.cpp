#include "chatcore/model/ids.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <span>

#include "chatcore/model/conversation.hpp"
#include "chatcore/model/event.hpp"

namespace chatcore {

namespace {

constexpr std::array<bool, 256> make_id_alphabet() {
  std::array<bool, 256> allowed{};
  for (char c = 'A'; c <= 'Z'; ++c) allowed[static_cast<unsigned char>(c)] = true;
  for (char c = 'a'; c <= 'z'; ++c) allowed[static_cast<unsigned char>(c)] = true;
  for (char c = '0'; c <= '9'; ++c) allowed[static_cast<unsigned char>(c)] = true;
  for (char c : {'.', '_', ':', '@', '-'}) allowed[static_cast<unsigned char>(c)] = true;
  return allowed;
}
constexpr auto kIdAlphabet = make_id_alphabet();

constexpr Timestamp kMessageIdEpoch = 1577836800000;  // 2020-01-01T00:00:00Z
constexpr unsigned kCounterBits = 12;
constexpr unsigned kPartitionBits = 10;
static_assert(kPartitions == 1U << kPartitionBits);

std::string base32_lower(std::span<const unsigned char> bytes) {
  static constexpr char kDigits[] = "abcdefghijklmnopqrstuvwxyz234567";
  std::string out;
  std::uint32_t buffer = 0;
  unsigned bits = 0;
  for (unsigned char byte : bytes) {
    buffer = buffer << 8 | byte;
    for (bits += 8; bits >= 5; bits -= 5) out.push_back(kDigits[buffer >> (bits - 5) & 31]);
  }
  if (bits > 0) out.push_back(kDigits[buffer << (5 - bits) & 31]);
  return out;
}

}  // namespace

bool valid_id(std::string_view id) noexcept {
  return !id.empty() && id.size() <= kMaxIdBytes &&
         std::all_of(id.begin(), id.end(), [](char c) { return kIdAlphabet[static_cast<unsigned char>(c)]; });
}

std::uint32_t partition_of(std::string_view id) noexcept {
  std::uint64_t hash = 14695981039346656037ULL;
  for (char c : id) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return static_cast<std::uint32_t>((hash ^ hash >> 32) % kPartitions);
}

ConversationId direct_conversation_id(std::string_view a, std::string_view b) {
  const auto [low, high] = std::minmax(a, b);
  std::string input;
  input.reserve(low.size() + high.size() + 1);
  input.append(low).push_back('\0');
  input.append(high);
  std::array<unsigned char, 20> digest;
  crypto_generichash(digest.data(), digest.size(), reinterpret_cast<const unsigned char*>(input.data()),
                     input.size(), nullptr, 0);
  return "dm." + base32_lower(digest);
}

bool is_direct(std::string_view conversationId) noexcept { return conversationId.starts_with("dm."); }

bool reserved_conversation_id(std::string_view id) noexcept {
  return is_direct(id) || id.starts_with("sys.");
}

Timestamp message_id_time(MessageId id) noexcept {
  return static_cast<Timestamp>(id >> (kCounterBits + kPartitionBits)) + kMessageIdEpoch;
}

MessageId next_message_id(MessageId last, Timestamp now, std::uint32_t partition) noexcept {
  const auto at = [&](std::uint64_t millis) {
    return (millis << kPartitionBits | partition) << kCounterBits;
  };
  const std::uint64_t millis = static_cast<std::uint64_t>(std::max<Timestamp>(now - kMessageIdEpoch, 0));
  const MessageId fresh = at(millis);
  if (fresh > last) return fresh;
  const MessageId next = last + 1;
  const bool counterOverflowed = (next & ((1U << kCounterBits) - 1)) == 0;
  return counterOverflowed ? at((last >> (kCounterBits + kPartitionBits)) + 1) : next;
}

std::string_view to_string(EventKind kind) noexcept {
  switch (kind) {
    case EventKind::message:
      return "message";
    case EventKind::conversation:
      return "conversation";
    case EventKind::member:
      return "member";
    case EventKind::edit:
      return "edit";
    case EventKind::tombstone:
      return "delete";
    case EventKind::reaction:
      return "reaction";
  }
  return "message";
}

std::string_view to_string(MessageType type) noexcept {
  switch (type) {
    case MessageType::text:
      return "text";
    case MessageType::image:
      return "image";
    case MessageType::video:
      return "video";
    case MessageType::audio:
      return "audio";
    case MessageType::document:
      return "document";
    case MessageType::location:
      return "location";
    case MessageType::contact:
      return "contact";
    case MessageType::custom:
      return "custom";
  }
  return "custom";
}

std::string_view to_string(ConversationKind kind) noexcept {
  return kind == ConversationKind::direct ? "direct" : "group";
}
std::string_view to_string(Role role) noexcept {
  if (role == Role::owner) return "owner";
  return role == Role::admin ? "admin" : "member";
}
std::string_view to_string(Permission permission) noexcept {
  return permission == Permission::admins ? "admins" : "everyone";
}
std::string_view to_string(HistoryVisibility history) noexcept {
  return history == HistoryVisibility::all ? "all" : "joined";
}

}  // namespace chatcore
