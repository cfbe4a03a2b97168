#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "chatcore/client/events.hpp"
#include "client/inbound.hpp"

/// Server frames out of JSON. Tolerant: a field that is missing or of the wrong type reads as absent.
namespace chatcore::client {

using Json = nlohmann::json;

[[nodiscard]] bool is_json(std::string_view text);
/// One JSON object; nothing if the text is not one, or nests deeper than anything sane.
std::optional<Json> parse_object(std::string_view text);

std::string text_field(const Json& object, const char* name);
std::uint64_t number_field(const Json& object, const char* name, std::uint64_t otherwise = 0);
bool flag_field(const Json& object, const char* name, bool otherwise = false);
/// An id that is sent as a decimal string; 0: there is none.
std::uint64_t decimal_field(const Json& object, const char* name);
/// The member if it is an object; nullptr otherwise.
const Json* object_field(const Json& object, const char* name);
Epoch epoch_field(const Json& object);
/// `7` or `{"seq":7,"epoch":2}`.
Watermark mark_of(const ConversationId& conversation, const Json& value);

struct ServerError {
  Error error;
  bool temporary = false;
};
ServerError decode_error(const Json& frame);
Sent decode_sent(const Json& frame);

/// Whether frames of this type carry an event of a conversation's log in `data`.
bool is_log_event(std::string_view type);
/// Nothing if the number or the conversation is missing.
std::optional<LogEvent> decode_live(std::string_view type, const Json& data);
/// An entry of a page's `events`.
std::optional<LogEvent> decode_paged(const ConversationId& conversation, Epoch epoch, const Json& data);
/// An entry of `sync.page`'s conversations, or a `history.page`.
LogRange decode_range(const Json& page);
/// `sync.deleted`: what this user did on another device.
MessageChange decode_deleted_for_me(const Json& frame, const UserId& user);

}  // namespace chatcore::client
