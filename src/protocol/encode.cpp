#include "protocol/encode.hpp"

#include "protocol/json_write.hpp"

namespace chatcore::protocol {

namespace {

/// More than all keys, numbers and ids of an event's frame together, so that one reservation is enough.
constexpr std::size_t kEventFrameBytes = 768;

void append_text_id(std::string& out, std::string_view key, std::string_view id) {
  out += key;
  out += id;
  out += '"';
}

void append_seq(std::string& out, std::string_view key, Seq seq, Epoch epoch) {
  out += key;
  append_number(out, seq);
  if (epoch != 1) {
    out += ",\"epoch\":";
    append_number(out, epoch);
  }
}

void append_message_id(std::string& out, std::string_view key, MessageId id) {
  out += key;
  append_number(out, id);
  out += '"';
}

void append_time(std::string& out, Timestamp time) {
  out += ",\"timestamp\":";
  append_number(out, time);
}

void append_client_msg_id(std::string& out, std::string_view clientMsgId) {
  if (!clientMsgId.empty()) append_text_id(out, ",\"clientMsgId\":\"", clientMsgId);
}

/// The codes that clients know, and words for those that they must not see inside of.
Error for_client(const Error& error) {
  switch (error.code) {
    case ErrorCode::invalid_argument:
    case ErrorCode::io_error:
    case ErrorCode::corrupted:
      return {ErrorCode::internal, "internal error", error.retryAfter};
    case ErrorCode::fenced:
    case ErrorCode::cancelled:
      return {ErrorCode::unavailable, "try again", error.retryAfter};
    default:
      return error;
  }
}

std::string_view live_type(const Event& event) {
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

void append_message_fields(std::string& out, const Event& event) {
  append_text_id(out, ",\"senderId\":\"", event.senderId);
  append_text_id(out, ",\"senderDeviceId\":\"", event.senderDeviceId);
  append_client_msg_id(out, event.clientMsgId);
  append_text_id(out, ",\"messageType\":\"", to_string(event.messageType));
  out += ",\"content\":";
  out += event.content;
  append_time(out, event.timestamp);
  if (event.replyTo != 0) append_message_id(out, ",\"replyTo\":\"", event.replyTo);
}

void append_other_fields(std::string& out, const Event& event) {
  append_client_msg_id(out, event.clientMsgId);
  append_time(out, event.timestamp);
  if (event.content.empty()) return;
  out += ',';
  out += event.content;
}

void append_receipt(std::string& out, std::string_view head, std::string_view userKey,
                    const Receipt& receipt) {
  append_text_id(out, head, receipt.conversationId);
  append_seq(out, ",\"seq\":", receipt.seq, receipt.epoch);
  if (receipt.messageId != 0) append_message_id(out, ",\"messageId\":\"", receipt.messageId);
  append_text_id(out, userKey, receipt.userId);
  append_time(out, receipt.timestamp);
  out += '}';
}

void append_status(std::string& out, const PresenceStatus& user) {
  append_text_id(out, "\"userId\":\"", user.userId);
  out += user.online ? ",\"status\":\"online\"" : ",\"status\":\"offline\"";
  if (user.lastSeen != 0) {
    out += ",\"lastSeen\":";
    append_number(out, user.lastSeen);
  }
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
  append_client_msg_id(out, clientMsgId);
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
  append_message_id(out, "{\"messageId\":\"", original.messageId);
  append_seq(out, ",\"seq\":", original.seq, original.epoch);
  append_time(out, original.timestamp);
  out += '}';
  return out;
}

void append_message_sent(std::string& out, const RequestId& id, std::string_view clientMsgId,
                         std::string_view conversationId, const Placement& placed, bool duplicate) {
  out += R"({"type":"message.sent")";
  id.append_member(out);
  append_client_msg_id(out, clientMsgId);
  append_text_id(out, ",\"conversationId\":\"", conversationId);
  append_message_id(out, ",\"messageId\":\"", placed.messageId);
  append_seq(out, ",\"seq\":", placed.seq, placed.epoch);
  append_time(out, placed.timestamp);
  out += duplicate ? ",\"duplicate\":true}" : ",\"duplicate\":false}";
}

void append_event_data(std::string& out, std::string_view conversationId, const Event& event, bool inPage) {
  grow(out, kEventFrameBytes + event.content.size());
  out += '{';
  if (inPage) {
    append_text_id(out, "\"event\":\"", to_string(event.kind));
    out += ',';
  }
  append_text_id(out, "\"conversationId\":\"", conversationId);
  append_message_id(out, ",\"messageId\":\"", event.messageId);
  append_seq(out, ",\"seq\":", event.seq, event.epoch);
  if (event.kind == EventKind::message) {
    append_message_fields(out, event);
  } else {
    append_other_fields(out, event);
  }
  out += '}';
}

void append_live_frame_payload(std::string& out, std::string_view conversationId, const Event& event,
                               const RequestId& id) {
  grow(out, kEventFrameBytes + event.content.size());
  append_text_id(out, "{\"type\":\"", live_type(event));
  id.append_member(out);
  out += ",\"data\":";
  append_event_data(out, conversationId, event, false);
  out += '}';
}

void append_event_void(std::string& out, std::string_view conversationId, Seq seq, Epoch epoch) {
  append_text_id(out, R"({"type":"event.void","data":{"conversationId":")", conversationId);
  append_seq(out, ",\"seq\":", seq, epoch);
  out += "}}";
}

void append_message_delivered(std::string& out, const Receipt& receipt) {
  append_receipt(out, R"({"type":"message.delivered","conversationId":")", ",\"userId\":\"", receipt);
}

void append_message_read(std::string& out, const Receipt& receipt) {
  append_receipt(out, R"({"type":"message.read","conversationId":")", ",\"readBy\":\"", receipt);
}

void append_sync_read(std::string& out, std::string_view conversationId, Seq lastReadSeq, Epoch epoch,
                      MessageId lastReadMessageId, std::uint64_t unread) {
  append_text_id(out, R"({"type":"sync.read","conversationId":")", conversationId);
  append_seq(out, ",\"lastReadSeq\":", lastReadSeq, epoch);
  if (lastReadMessageId != 0) append_message_id(out, ",\"lastReadMessageId\":\"", lastReadMessageId);
  out += ",\"unread\":";
  append_number(out, unread);
  out += '}';
}

void append_typing_indicator(std::string& out, std::string_view conversationId, std::string_view userId,
                             bool start) {
  append_text_id(out, R"({"type":"typing.indicator","conversationId":")", conversationId);
  append_text_id(out, ",\"userId\":\"", userId);
  out += start ? ",\"state\":\"start\"}" : ",\"state\":\"stop\"}";
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

void append_system_alert(std::string& out, std::string_view dataObject) {
  out += R"({"type":"system.alert","data":)";
  out += dataObject;
  out += '}';
}

}  // namespace chatcore::protocol
