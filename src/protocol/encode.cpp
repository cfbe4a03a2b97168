#include "protocol/encode.hpp"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <concepts>
#include <cstring>

#include "protocol/json_write.hpp"

namespace chatcore::protocol {

namespace {

/// More than all keys and numbers of any frame together: what the texts in it need comes on top.
constexpr std::size_t kKeysAndNumbers = 512;

/// Writes into room that is made beforehand, so that no piece has to look whether there is some.
class Pen {
 public:
  /// Room for all keys and numbers of a frame, and `texts` bytes of texts.
  Pen(std::string& out, std::size_t texts) : out_(out) {
    const std::size_t begin = out.size();
    out.resize(begin + kKeysAndNumbers + texts);
    at_ = out.data() + begin;
  }
  ~Pen() {
    const auto size = static_cast<std::size_t>(at_ - out_.data());
    assert(size <= out_.size());
    out_.resize(size);
  }
  Pen(const Pen&) = delete;
  Pen& operator=(const Pen&) = delete;

  template <std::size_t N>
  Pen& operator<<(const char (&text)[N]) {
    std::memcpy(at_, text, N - 1);
    at_ += N - 1;
    return *this;
  }
  Pen& operator<<(std::string_view text) {
    at_ = std::copy(text.begin(), text.end(), at_);
    return *this;
  }
  template <std::integral T>
    requires(!std::same_as<T, char>)
  Pen& operator<<(T number) {
    at_ = std::to_chars(at_, at_ + 24, number).ptr;
    return *this;
  }

 private:
  std::string& out_;
  char* at_;
};

void write_epoch(Pen& pen, Epoch epoch) {
  if (epoch != 1) pen << ",\"epoch\":" << epoch;
}

void write_client_msg_id(Pen& pen, std::string_view clientMsgId) {
  if (!clientMsgId.empty()) pen << ",\"clientMsgId\":\"" << clientMsgId << "\"";
}

void append_text_id(std::string& out, std::string_view key, std::string_view id) {
  out += key;
  out += id;
  out += '"';
}

/// The codes that clients know, and words for those that they must not see inside of.
Error for_client(const Error& error) {
  switch (error.code) {
    case ErrorCode::invalid_argument:
    case ErrorCode::io_error:
    case ErrorCode::corrupted:
    case ErrorCode::out_of_range:
      return {ErrorCode::internal, "internal error", error.retryAfter};
    case ErrorCode::fenced:
    case ErrorCode::cancelled:
      return {ErrorCode::unavailable, "try again", error.retryAfter};
    default:
      return error;
  }
}

std::string_view live_type(const EventView& event) {
  switch (event.kind) {
    case EventKind::message:
      return "message.new";
    case EventKind::conversation:
      return event.seq == 1 ? "conversation.created" : "conversation.updated";
    case EventKind::member:
      return "conversation.member";
    case EventKind::edit:
      return "message.edited";
    case EventKind::tombstone:
      return "message.deleted";
    case EventKind::reaction:
      return "message.reaction";
  }
  return "message.new";
}

std::size_t texts_of(std::string_view conversationId, const EventView& event) {
  return conversationId.size() + event.senderId.size() + event.senderDeviceId.size() +
         event.clientMsgId.size() + event.content.size();
}

void write_sender(Pen& pen, const EventView& event) {
  pen << ",\"senderId\":\"" << event.senderId << "\",\"senderDeviceId\":\"" << event.senderDeviceId << "\"";
}

/// What has become of a message, but for its content: members to come after the others.
std::string members_of(const MessageView& view) {
  std::string out;
  const MessageState& state = view.state;
  if (state.deleted()) {
    out += ",\"deletedAt\":";
    append_number(out, state.deletedAt);
    append_text_id(out, ",\"deletedBy\":\"", state.deletedBy);
    return out;
  }
  if (state.editedAt != 0) {
    out += ",\"editedAt\":";
    append_number(out, state.editedAt);
  }
  if (state.reactions.empty()) return out;
  out += ",\"reactions\":[";
  for (const ReactionCount& reaction : state.reactions) {
    separate(out);
    out += "{\"emoji\":";
    append_quoted(out, reaction.emoji);
    out += ",\"count\":";
    append_number(out, reaction.users);
    const bool mine = std::binary_search(view.ownReactions.begin(), view.ownReactions.end(), reaction.emoji);
    out += mine ? ",\"mine\":true}" : "}";
  }
  out += ']';
  return out;
}

/// A deleted message has none.
std::string_view content_now(const EventView& event, const MessageView* view) {
  if (view == nullptr) return event.content;
  if (view->state.deleted()) return {};
  return view->state.content.empty() ? event.content : std::string_view(view->state.content);
}

void write_content(Pen& pen, std::string_view content) {
  content.empty() ? pen << ",\"deleted\":true" : pen << ",\"content\":" << content;
}

void write_message_fields(Pen& pen, const EventView& event, std::string_view content) {
  write_sender(pen, event);
  write_client_msg_id(pen, event.clientMsgId);
  pen << ",\"messageType\":\"" << to_string(event.messageType) << "\"";
  write_content(pen, content);
  pen << ",\"timestamp\":" << event.timestamp;
  if (event.targetId != 0) pen << ",\"replyTo\":\"" << event.targetId << "\"";
  if (event.expiresAt != 0) pen << ",\"expiresAt\":" << event.expiresAt;
}

void write_change_fields(Pen& pen, const EventView& event) {
  write_sender(pen, event);
  write_client_msg_id(pen, event.clientMsgId);
  pen << ",\"timestamp\":" << event.timestamp << ",\"targetId\":\"" << event.targetId
      << "\",\"targetSeq\":" << event.targetSeq;
  if (event.kind == EventKind::edit) {
    write_content(pen, event.content);
  } else if (!event.content.empty()) {
    pen << "," << event.content;
  }
}

void write_other_fields(Pen& pen, const EventView& event) {
  write_client_msg_id(pen, event.clientMsgId);
  pen << ",\"timestamp\":" << event.timestamp;
  if (!event.content.empty()) pen << "," << event.content;
}

void write_event(Pen& pen, std::string_view conversationId, const EventView& event,
                 std::string_view content) {
  pen << "\"conversationId\":\"" << conversationId << "\",\"messageId\":\"" << event.messageId
      << "\",\"seq\":" << event.seq;
  write_epoch(pen, event.epoch);
  if (event.kind == EventKind::message) {
    write_message_fields(pen, event, content);
  } else if (changes_message(event.kind)) {
    write_change_fields(pen, event);
  } else {
    write_other_fields(pen, event);
  }
}

void append_receipt(std::string& out, std::string_view type, std::string_view userKey,
                    const Receipt& receipt) {
  Pen pen(out, receipt.conversationId.size() + receipt.userId.size());
  pen << "{\"type\":\"" << type << "\",\"conversationId\":\"" << receipt.conversationId
      << "\",\"seq\":" << receipt.seq;
  write_epoch(pen, receipt.epoch);
  if (receipt.messageId != 0) pen << ",\"messageId\":\"" << receipt.messageId << "\"";
  pen << ",\"" << userKey << "\":\"" << receipt.userId << "\",\"timestamp\":" << receipt.timestamp << "}";
}

std::string_view name_of(Audience audience) {
  return audience == Audience::everyone ? "everyone" : audience == Audience::contacts ? "contacts" : "nobody";
}

std::string_view name_of(Availability availability) {
  return availability == Availability::online ? "online"
         : availability == Availability::away ? "away"
                                              : "dnd";
}

void append_status(std::string& out, const PresenceStatus& user) {
  append_text_id(out, "\"userId\":\"", user.userId);
  append_text_id(out, ",\"status\":\"", user.online ? name_of(user.availability) : "offline");
  if (user.online && !user.text.empty()) {
    out += ",\"text\":";
    append_quoted(out, user.text);
  }
  if (user.lastSeen != 0) {
    out += ",\"lastSeen\":";
    append_number(out, user.lastSeen);
  }
}

}  // namespace

namespace {

void append_content_bytes_by_type(std::string& out, const Welcome& welcome) {
  bool any = false;
  for (std::size_t type = 0; type < kMessageTypes; ++type) {
    const std::uint32_t own = welcome.contentBytesOf[type];
    if (own == 0 || own == welcome.contentBytes) continue;
    out += any ? "," : ",\"contentBytesByType\":{";
    any = true;
    append_plain(out, to_string(static_cast<MessageType>(type)));
    out += ':';
    append_number(out, own);
  }
  if (any) out += '}';
}

}  // namespace

void append_welcome(std::string& out, const RequestId& id, const Welcome& welcome) {
  out += R"({"type":"welcome")";
  id.append_member(out);
  append_text_id(out, ",\"userId\":\"", welcome.userId);
  append_text_id(out, ",\"deviceId\":\"", welcome.deviceId);
  out += ",\"sessionId\":";
  append_quoted(out, welcome.sessionId);
  out += ",\"serverId\":";
  append_quoted(out, welcome.serverId);
  out += ",\"serverTime\":";
  append_number(out, welcome.serverTime);
  out += ",\"protocol\":1,\"features\":[";
  for (const std::string_view feature : welcome.features) {
    separate(out);
    append_quoted(out, feature);
  }
  out += "],\"heartbeatSeconds\":";
  append_number(out, welcome.heartbeatSeconds);
  out += ",\"limits\":{\"contentBytes\":";
  append_number(out, welcome.contentBytes);
  out += ",\"frameBytes\":";
  append_number(out, welcome.frameBytes);
  append_content_bytes_by_type(out, welcome);
  out += "}}";
}

void append_presence_pong(std::string& out, const RequestId& id) {
  out += R"({"type":"presence.pong")";
  id.append_member(out);
  out += '}';
}

void append_ok(std::string& out, const RequestId& id) {
  out += R"({"type":"ok")";
  id.append_member(out);
  out += '}';
}

void append_error(std::string& out, const RequestId& id, std::string_view clientMsgId, const Error& error,
                  std::string_view detailsObject) {
  const Error told = for_client(error);
  out += R"({"type":"error")";
  id.append_member(out);
  if (!clientMsgId.empty()) append_text_id(out, ",\"clientMsgId\":\"", clientMsgId);
  append_text_id(out, ",\"code\":\"", to_string(told.code));
  out += ",\"message\":";
  append_quoted(out, told.message);
  out += told.temporary() ? ",\"temporary\":true" : ",\"temporary\":false";
  if (told.retryAfter.count() > 0) {
    out += ",\"retryAfterMs\":";
    append_number(out, told.retryAfter.count());
  }
  if (!detailsObject.empty()) {
    out += ",\"details\":";
    out += detailsObject;
  }
  out += '}';
}

std::string original_details(const Placement& original) {
  std::string out;
  {
    Pen pen(out, 0);
    pen << "{\"messageId\":\"" << original.messageId << "\",\"seq\":" << original.seq;
    write_epoch(pen, original.epoch);
    pen << ",\"timestamp\":" << original.timestamp << "}";
  }
  return out;
}

void append_message_sent(std::string& out, const RequestId& id, std::string_view clientMsgId,
                         std::string_view conversationId, const Placement& placed, bool duplicate) {
  out += R"({"type":"message.sent")";
  id.append_member(out);
  Pen pen(out, clientMsgId.size() + conversationId.size());
  write_client_msg_id(pen, clientMsgId);
  pen << ",\"conversationId\":\"" << conversationId << "\",\"messageId\":\"" << placed.messageId
      << "\",\"seq\":" << placed.seq;
  write_epoch(pen, placed.epoch);
  pen << ",\"timestamp\":" << placed.timestamp << ",\"duplicate\":";
  duplicate ? pen << "true}" : pen << "false}";
}

void append_event_data(std::string& out, std::string_view conversationId, const EventView& event,
                       const MessageView* view) {
  const std::string_view content = content_now(event, view);
  const std::string now = view != nullptr ? members_of(*view) : std::string();
  Pen pen(out, texts_of(conversationId, event) + content.size() + now.size());
  pen << "{\"event\":\"" << to_string(event.kind) << "\",";
  write_event(pen, conversationId, event, content);
  pen << std::string_view(now) << "}";
}

void append_live_frame_payload(std::string& out, std::string_view conversationId, const EventView& event,
                               const RequestId& id) {
  append_text_id(out, "{\"type\":\"", live_type(event));
  id.append_member(out);
  Pen pen(out, texts_of(conversationId, event));
  pen << ",\"data\":{";
  write_event(pen, conversationId, event, event.content);
  pen << "}}";
}

void append_event_void(std::string& out, std::string_view conversationId, Seq seq, Epoch epoch) {
  Pen pen(out, conversationId.size());
  pen << "{\"type\":\"event.void\",\"data\":{\"conversationId\":\"" << conversationId << "\",\"seq\":" << seq;
  write_epoch(pen, epoch);
  pen << "}}";
}

void append_message_delivered(std::string& out, const Receipt& receipt) {
  append_receipt(out, "message.delivered", "userId", receipt);
}

void append_message_read(std::string& out, const Receipt& receipt) {
  append_receipt(out, "message.read", "readBy", receipt);
}

void append_sync_read(std::string& out, std::string_view conversationId, Seq lastReadSeq, Epoch epoch,
                      MessageId lastReadMessageId, std::uint64_t unread) {
  Pen pen(out, conversationId.size());
  pen << "{\"type\":\"sync.read\",\"conversationId\":\"" << conversationId
      << "\",\"lastReadSeq\":" << lastReadSeq;
  write_epoch(pen, epoch);
  if (lastReadMessageId != 0) pen << ",\"lastReadMessageId\":\"" << lastReadMessageId << "\"";
  pen << ",\"unread\":" << unread << "}";
}

void append_sync_deleted(std::string& out, std::string_view conversationId, Seq seq, Epoch epoch,
                         MessageId messageId, std::uint64_t unread) {
  Pen pen(out, conversationId.size());
  pen << "{\"type\":\"sync.deleted\",\"conversationId\":\"" << conversationId << "\",\"seq\":" << seq;
  write_epoch(pen, epoch);
  pen << ",\"messageId\":\"" << messageId << "\",\"unread\":" << unread << "}";
}

void append_sync_cleared(std::string& out, std::string_view conversationId, Seq seq, Epoch epoch,
                         std::uint64_t unread) {
  Pen pen(out, conversationId.size());
  pen << "{\"type\":\"sync.cleared\",\"conversationId\":\"" << conversationId << "\",\"seq\":" << seq;
  write_epoch(pen, epoch);
  pen << ",\"unread\":" << unread << "}";
}

void append_sync_preferences(std::string& out, std::string_view conversationId,
                             const Preferences& preferences) {
  Pen pen(out, conversationId.size());
  pen << "{\"type\":\"sync.preferences\",\"conversationId\":\"" << conversationId
      << "\",\"mutedUntil\":" << preferences.mutedUntil << ",\"archived\":";
  preferences.archived ? pen << "true" : pen << "false";
  pen << ",\"pinned\":";
  preferences.pinned ? pen << "true}" : pen << "false}";
}

void append_typing_indicator(std::string& out, std::string_view conversationId, std::string_view userId,
                             bool start) {
  Pen pen(out, conversationId.size() + userId.size());
  pen << "{\"type\":\"typing.indicator\",\"conversationId\":\"" << conversationId << "\",\"userId\":\""
      << userId << "\",\"state\":";
  start ? pen << "\"start\"}" : pen << "\"stop\"}";
}

void append_presence_state(std::string& out, const RequestId& id, std::span<const PresenceStatus> users) {
  out += R"({"type":"presence.state")";
  id.append_member(out);
  out += ",\"users\":[";
  for (const PresenceStatus& user : users) {
    separate(out);
    out += '{';
    append_status(out, user);
    out += '}';
  }
  out += "]}";
}

void append_presence_update(std::string& out, const PresenceStatus& user) {
  out += R"({"type":"presence.update",)";
  append_status(out, user);
  out += '}';
}

void append_settings(std::string& out, const RequestId& id, const Settings& settings) {
  out += R"({"type":"settings")";
  id.append_member(out);
  out += settings.readReceipts ? ",\"readReceipts\":true" : ",\"readReceipts\":false";
  append_text_id(out, ",\"lastSeen\":\"", name_of(settings.lastSeen));
  append_text_id(out, ",\"online\":\"", name_of(settings.online));
  out += '}';
}

void append_system_alert(std::string& out, std::string_view dataObject) {
  out += R"({"type":"system.alert","data":)";
  out += dataObject;
  out += '}';
}

}  // namespace chatcore::protocol
