#include "client/decode.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "client/decode_groups.hpp"

namespace chatcore::client {

namespace {

constexpr int kMaxDepth = 64;
constexpr Millis kLongestAdvice{300'000};

/// nlohmann's writer recurses, so depth is bounded before anything is parsed.
bool shallow(std::string_view text) {
  int depth = 0;
  bool inString = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (inString) {
      if (c == '\\') ++i;
      inString = c != '"';
    } else if (c == '"') {
      inString = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxDepth) return false;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return true;
}

/// nlohmann's parser takes a NUL for the end of its input, and skips a byte order mark.
bool is_read_whole(std::string_view text) {
  return text.find('\0') == std::string_view::npos && !text.starts_with("\xEF\xBB\xBF");
}

MessageType type_of(const std::string& name) {
  for (int i = 0; i <= static_cast<int>(MessageType::custom); ++i)
    if (to_string(static_cast<MessageType>(i)) == name) return static_cast<MessageType>(i);
  return name.empty() ? MessageType::text : MessageType::custom;
}

template <class WithContent>
void decode_content(const Json& data, WithContent& out) {
  const auto content = data.find("content");
  if (content == data.end()) return;
  out.content = content->dump();
  if (content->is_string()) out.text = content->get<std::string>();
}

void decode_reactions(const Json& data, std::vector<Reaction>& out) {
  const auto reactions = data.find("reactions");
  if (reactions == data.end() || !reactions->is_array()) return;
  for (const Json& entry : *reactions)
    if (entry.is_object())
      out.push_back({text_field(entry, "emoji"), number_field(entry, "count"), flag_field(entry, "mine")});
}

/// What a message and a change of one have in common.
template <class Event>
Event decode_event(const Json& data, const ConversationId& conversation, Epoch epoch, Seq seq) {
  Event event;
  event.conversationId = conversation;
  event.messageId = decimal_field(data, "messageId");
  event.epoch = epoch;
  event.seq = seq;
  event.senderId = text_field(data, "senderId");
  event.senderDeviceId = text_field(data, "senderDeviceId");
  event.clientMsgId = text_field(data, "clientMsgId");
  event.timestamp = static_cast<Timestamp>(number_field(data, "timestamp"));
  return event;
}

Message decode_message(const Json& data, const ConversationId& conversation, Epoch epoch, Seq seq) {
  auto message = decode_event<Message>(data, conversation, epoch, seq);
  message.messageType = type_of(text_field(data, "messageType"));
  message.replyTo = decimal_field(data, "replyTo");
  message.expiresAt = static_cast<Timestamp>(number_field(data, "expiresAt"));
  message.deleted = flag_field(data, "deleted");
  message.editedAt = static_cast<Timestamp>(number_field(data, "editedAt"));
  decode_content(data, message);
  decode_reactions(data, message.reactions);
  return message;
}

/// Nothing for what a later server may do to messages and this client does not know.
std::optional<MessageChange::Kind> change_kind(std::string_view type, const Json& data) {
  if (type == "message.edited") return MessageChange::Kind::edited;
  if (type == "message.deleted") return MessageChange::Kind::deleted;
  if (type != "message.reaction") return std::nullopt;
  const std::string op = text_field(data, "op");
  if (op == "add") return MessageChange::Kind::reaction_added;
  if (op == "remove") return MessageChange::Kind::reaction_removed;
  return std::nullopt;
}

MessageChange decode_change(MessageChange::Kind kind, const Json& data, const ConversationId& conversation,
                            Epoch epoch, Seq seq) {
  auto change = decode_event<MessageChange>(data, conversation, epoch, seq);
  change.kind = kind;
  change.targetId = decimal_field(data, "targetId");
  change.targetSeq = number_field(data, "targetSeq");
  change.emoji = text_field(data, "emoji");
  if (kind == MessageChange::Kind::edited) decode_content(data, change);
  return change;
}

struct EventName {
  std::string_view paged;
  std::string_view live;
};
constexpr std::array<EventName, 7> kEventNames{{{"message", "message.new"},
                                                {"edit", "message.edited"},
                                                {"delete", "message.deleted"},
                                                {"reaction", "message.reaction"},
                                                {"member", "conversation.member"},
                                                {"conversation", "conversation.updated"},
                                                {"conversation", "conversation.created"}}};

std::string live_name(const std::string& paged, Seq seq) {
  if (paged == "conversation" && seq == 1) return "conversation.created";
  const auto name = std::find_if(kEventNames.begin(), kEventNames.end(),
                                 [&](const EventName& n) { return n.paged == paged; });
  return name == kEventNames.end() ? paged : std::string(name->live);
}

LogEvent make_event(const ConversationId& conversation, Epoch epoch, Seq seq, std::string_view type,
                    const Json& data) {
  LogEvent event{conversation, epoch, seq, LogEvent::Void{}};
  if (type == "message.new") {
    event.body = decode_message(data, conversation, epoch, seq);
  } else if (const auto kind = change_kind(type, data)) {
    event.body = decode_change(*kind, data, conversation, epoch, seq);
  } else if (auto conversationChange = decode_conversation_change(type, data)) {
    event.body = std::move(*conversationChange);
  } else if (type != "event.void") {
    event.body = RawEvent{Json{{"type", type}, {"data", data}}.dump()};
  }
  return event;
}

}  // namespace

bool is_json(std::string_view text) { return is_read_whole(text) && Json::accept(text); }

std::optional<Json> parse_object(std::string_view text) {
  if (!is_read_whole(text) || !shallow(text)) return std::nullopt;
  Json parsed = Json::parse(text, nullptr, false);
  if (!parsed.is_object()) return std::nullopt;
  return parsed;
}

std::string text_field(const Json& object, const char* name) {
  const auto at = object.find(name);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

std::uint64_t number_field(const Json& object, const char* name, std::uint64_t otherwise) {
  const auto at = object.find(name);
  return at != object.end() && at->is_number_unsigned() ? at->get<std::uint64_t>() : otherwise;
}

bool flag_field(const Json& object, const char* name, bool otherwise) {
  const auto at = object.find(name);
  return at != object.end() && at->is_boolean() ? at->get<bool>() : otherwise;
}

std::uint64_t decimal_field(const Json& object, const char* name) {
  const std::string text = text_field(object, name);
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

const Json* object_field(const Json& object, const char* name) {
  const auto at = object.find(name);
  return at != object.end() && at->is_object() ? &*at : nullptr;
}

Epoch epoch_field(const Json& object) { return static_cast<Epoch>(number_field(object, "epoch", 1)); }

Watermark mark_of(const ConversationId& conversation, const Json& value) {
  if (value.is_object()) return {conversation, epoch_field(value), number_field(value, "seq")};
  return {conversation, 1, value.is_number_unsigned() ? value.get<Seq>() : 0};
}

ServerError decode_error(const Json& frame) {
  ServerError out;
  const std::string name = text_field(frame, "code");
  for (int i = 0; i <= static_cast<int>(ErrorCode::internal); ++i)
    if (to_string(static_cast<ErrorCode>(i)) == name) out.error.code = static_cast<ErrorCode>(i);
  out.error.message = text_field(frame, "message");
  const std::uint64_t advice = number_field(frame, "retryAfterMs");
  out.error.retryAfter =
      Millis(static_cast<std::int64_t>(std::min(advice, static_cast<std::uint64_t>(kLongestAdvice.count()))));
  out.temporary = flag_field(frame, "temporary", out.error.temporary());
  return out;
}

Sent decode_sent(const Json& frame) {
  Sent sent;
  sent.conversationId = text_field(frame, "conversationId");
  sent.clientMsgId = text_field(frame, "clientMsgId");
  sent.messageId = decimal_field(frame, "messageId");
  sent.epoch = epoch_field(frame);
  sent.seq = number_field(frame, "seq");
  sent.timestamp = static_cast<Timestamp>(number_field(frame, "timestamp"));
  sent.duplicate = flag_field(frame, "duplicate");
  return sent;
}

bool is_log_event(std::string_view type) {
  return type == "event.void" || std::any_of(kEventNames.begin(), kEventNames.end(),
                                             [&](const EventName& n) { return n.live == type; });
}

std::optional<LogEvent> decode_live(std::string_view type, const Json& data) {
  const ConversationId conversation = text_field(data, "conversationId");
  const Seq seq = number_field(data, "seq");
  if (conversation.empty() || seq == 0) return std::nullopt;
  return make_event(conversation, epoch_field(data), seq, type, data);
}

std::optional<LogEvent> decode_paged(const ConversationId& conversation, Epoch epoch, const Json& data) {
  if (!data.is_object()) return std::nullopt;
  const Seq seq = number_field(data, "seq");
  if (seq == 0) return std::nullopt;
  Json fields = data;
  fields.erase("event");
  return make_event(conversation, epoch, seq, live_name(text_field(data, "event"), seq), fields);
}

LogRange decode_range(const Json& page) {
  LogRange range;
  range.conversationId = text_field(page, "conversationId");
  range.epoch = epoch_field(page);
  range.fromSeq = number_field(page, "fromSeq");
  range.toSeq = number_field(page, "toSeq");
  range.headSeq = number_field(page, "headSeq");
  const auto events = page.find("events");
  if (events == page.end() || !events->is_array()) return range;
  for (const Json& entry : *events) {
    auto event = decode_paged(range.conversationId, range.epoch, entry);
    if (event) range.events.push_back(std::move(*event));
  }
  return range;
}

MessageChange decode_deleted_for_me(const Json& frame, const UserId& user) {
  MessageChange change;
  change.kind = MessageChange::Kind::deleted_for_me;
  change.conversationId = text_field(frame, "conversationId");
  change.epoch = epoch_field(frame);
  change.targetId = decimal_field(frame, "messageId");
  change.targetSeq = number_field(frame, "seq");
  change.senderId = user;
  if (frame.contains("unread")) change.unread = number_field(frame, "unread");
  return change;
}

}  // namespace chatcore::client
