#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "chatcore/model/user.hpp"
#include "chatcore/ports/log_store.hpp"

/// Row values. Every one is sealed with a checksum over key and body; every decoder says false to anything
/// that is not exactly what its encoder writes. Documented in the adapter's README.
namespace chatcore::rocks {

/// `value` is scratch, overwritten.
void encode_event(std::string_view key, const EventView& event, std::string& value);
/// The event's texts lie in `value`.
[[nodiscard]] bool decode_event(std::string_view key, std::string_view value, EventView& event);

[[nodiscard]] std::string encode_text(std::string_view key, std::string_view text);
[[nodiscard]] bool decode_text(std::string_view key, std::string_view value, std::string& text);

[[nodiscard]] std::string encode_timeline(std::string_view key, const TimelineRow& row);
[[nodiscard]] bool decode_timeline(std::string_view key, std::string_view value, TimelineRow& row);
/// What decides whether a timeline's row is to be told. Cheaper than to decode it.
struct TimelineGlance {
  TimelinePosition newest = UINT64_MAX;  ///< of a damaged row: everything is new
  bool large = false;
  bool departed = false;

  [[nodiscard]] bool tells(std::optional<TimelinePosition> since) const {
    return large || (since && newest > *since);
  }
};
[[nodiscard]] TimelineGlance glance_at_timeline(std::string_view key, std::string_view value);

[[nodiscard]] std::string encode_number(std::string_view key, std::uint64_t number);
[[nodiscard]] bool decode_number(std::string_view key, std::string_view value, std::uint64_t& number);

[[nodiscard]] std::string encode_info(std::string_view key, const ConversationInfo& info);
[[nodiscard]] bool decode_info(std::string_view key, std::string_view value, ConversationInfo& info);

/// Where nothing is archived or pinned it is a number's row.
[[nodiscard]] std::string encode_preferences(std::string_view key, const Preferences& preferences);
[[nodiscard]] bool decode_preferences(std::string_view key, std::string_view value, Preferences& preferences);

/// Without the userId, which the key has.
[[nodiscard]] std::string encode_member(std::string_view key, const Member& member);
[[nodiscard]] bool decode_member(std::string_view key, std::string_view value, Member& member);

[[nodiscard]] std::string encode_cursor(std::string_view key, const Cursor& cursor);
[[nodiscard]] bool decode_cursor(std::string_view key, std::string_view value, Cursor& cursor);

void encode_send(std::string_view key, const OriginalSend& send, std::string& value);
[[nodiscard]] bool decode_send(std::string_view key, std::string_view value, OriginalSend& send);

[[nodiscard]] std::string encode_user(std::string_view key, const User& user);
[[nodiscard]] bool decode_user(std::string_view key, std::string_view value, User& user);

/// All devices of one user in one row: there are at most 32.
[[nodiscard]] std::string encode_devices(std::string_view key, const std::vector<Device>& devices);
[[nodiscard]] bool decode_devices(std::string_view key, std::string_view value, std::vector<Device>& devices);

}  // namespace chatcore::rocks
