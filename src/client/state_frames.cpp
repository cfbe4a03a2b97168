#include <algorithm>

#include "client/decode_account.hpp"
#include "client/state.hpp"

namespace chatcore::client {

namespace {

constexpr std::size_t kReceiptsRemembered = 10'000;
constexpr std::size_t kMaxPlatformBytes = 64;
constexpr std::uint64_t kShortestHeartbeat = 1;
constexpr std::uint64_t kLongestHeartbeat = 300;

bool ends_for(const UserId& user, const ConversationChange& change) {
  using Kind = ConversationChange::Kind;
  if (change.kind != Kind::removed && change.kind != Kind::left) return change.kind == Kind::deleted;
  return std::find(change.users.begin(), change.users.end(), user) != change.users.end();
}

}  // namespace

void State::received(Now now, ConnectionNumber connection, std::string_view text) {
  if (!current(connection)) return;
  lastHeard_ = now.steady;
  const auto frame = parse_object(text);
  if (!frame) {
    report({ErrorCode::bad_json, "the server sent a frame that is not a JSON object", {}});
    return pump(now);
  }
  const std::string type = text_field(*frame, "type");
  const FrameId id = number_field(*frame, "id");
  const auto known = id == 0 ? pending_.end() : pending_.find(id);
  if (known != pending_.end()) {
    Pending pending = std::move(known->second);
    pending_.erase(known);
    answered(now, std::move(pending), type, *frame, text);
  } else if (type == "error") {
    send_refused(now, id, text_field(*frame, "clientMsgId"), decode_error(*frame));
  } else if (state_ == ConnectionState::connecting) {
    if (type == "welcome") take_welcome(now, *frame);
  } else {
    dispatch(now, type, *frame);
  }
  pump(now);
}

void State::answered(Now now, Pending pending, const std::string& type, const Json& frame,
                     std::string_view text) {
  if (type == "error") return refused(now, std::move(pending), decode_error(frame));
  switch (pending.kind) {
    case Pending::Kind::user:
      --userRequests_;
      act(RequestDone{pending.ticket, std::string(text)});
      if (syncing_ && !pending.conversation.empty()) preferencesChanged_.insert(pending.conversation);
      // An answer may be an event of the log as well.
      if (type == "message.sent") return take_sent(now, frame, true);
      if (is_log_event(type)) dispatch(now, type, frame);
      return;
    case Pending::Kind::sync:
      if (type == "sync.page") return take_sync_page(now, frame);
      if (type != "sync.reset") return finish_sync(now);
      take_sync_reset(now, frame);
      if (std::exchange(resumes_, false) || !std::exchange(syncToken_, {}).empty()) return start_sync(now);
      syncAt_ = now.steady + retry_.next(random_);
      return;
    case Pending::Kind::fetch:
      if (type == "history.page") take_range(now, decode_range(frame));
      if (type == "sync.reset") take_sync_reset(now, frame);
      return inbound_.fetch_ended(now.steady, pending.conversation, type == "history.page");
    case Pending::Kind::received:
      return receivedFlow_.confirmed(pending.marks);
    case Pending::Kind::read:
      return readFlow_.confirmed(pending.marks);
    case Pending::Kind::other:
      return;
  }
}

void State::refused(Now now, Pending pending, const ServerError& refusal) {
  const Error& error = refusal.error;
  if (pending.kind == Pending::Kind::user) {
    --userRequests_;
    act(RequestDone{pending.ticket, error});
    return;
  }
  const auto pause = [&] { return std::max(error.retryAfter, retry_.next(random_)); };
  if (!refusal.temporary) report(error);
  switch (pending.kind) {
    case Pending::Kind::sync:
      if (!refusal.temporary) return finish_sync(now);
      syncAt_ = now.steady + pause();
      return;
    case Pending::Kind::fetch:
      // Who has been taken in since then is not a stranger any more, whatever the answer says.
      if (!refusal.temporary && !inbound_.heard_during_fetch(pending.conversation))
        return inbound_.forget(pending.conversation);
      return inbound_.fetch_ended(now.steady, pending.conversation, false, error.retryAfter);
    case Pending::Kind::received:
      if (!refusal.temporary) return receivedFlow_.refused(pending.marks);
      return receivedFlow_.failed(now.steady, pending.marks, pause());
    case Pending::Kind::read:
      if (!refusal.temporary) return readFlow_.refused(pending.marks);
      return readFlow_.failed(now.steady, pending.marks, pause());
    default:
      return;
  }
}

void State::send_refused(Now now, FrameId id, const ClientMsgId& clientMsgId, const ServerError& refusal) {
  if (!refusal.temporary) {
    auto ticket = outbox_.refused(id);
    if (!ticket && id == 0 && !clientMsgId.empty()) ticket = outbox_.refused(clientMsgId);
    if (ticket) {
      act(SendDone{*ticket, refusal.error});
    } else if (id == 0) {
      report(refusal.error);
    }
    return;
  }
  const Outbox::Setback setback = outbox_.failed(id, refusal.error, now.steady);
  if (!setback.known && id == 0) report(refusal.error);
  if (setback.orphaned) {
    act(CloseConnection{connection_, 1000});
    lose(now, 1000, "retry_in_order");
  }
}

void State::dispatch(Now now, const std::string& type, const Json& frame) {
  if (type == "message.sent") return take_sent(now, frame, false);
  if (is_log_event(type)) return take_log_event(now, type, frame);
  if (type == "sync.required") return take_sync_required(now, frame);
  if (type == "sync.reset") return take_sync_reset(now, frame);
  if (frame.contains("id")) return;  // an answer that came after its timeout
  if (type == "presence.pong" || type == "ok" || type == "welcome") return;
  const Epoch epoch = epoch_field(frame);
  const ConversationId conversation = text_field(frame, "conversationId");
  if (type == "message.delivered")
    return take_receipt({Receipt::Kind::delivered, conversation, text_field(frame, "userId"), epoch,
                         number_field(frame, "seq")});
  if (type == "message.read")
    return take_receipt(
        {Receipt::Kind::read, conversation, text_field(frame, "readBy"), epoch, number_field(frame, "seq")});
  if (type == "typing.indicator")
    return act(Typing{conversation, text_field(frame, "userId"), text_field(frame, "state") == "start"});
  if (type == "presence.update") return act(decode_presence(frame));
  if (type == "presence.state") {
    const auto users = frame.find("users");
    if (users == frame.end() || !users->is_array()) return;
    for (const Json& entry : *users)
      if (entry.is_object()) act(decode_presence(entry));
    return;
  }
  if (type == "account.changed") return take_account(decode_account(frame));
  if (type == "sync.deleted") return act(decode_deleted_for_me(frame, user_));
  if (type == "sync.read") {
    const ReadPosition position = decode_read_position(frame);
    readFlow_.known({conversation, epoch, position.seq});
    return act(position);
  }
  if (type == "sync.cleared") return act(decode_cleared(frame));
  if (type == "sync.preferences") return take_preferences(frame);
  if (type == "settings") return act(decode_settings(frame));
  if (type == "profile") return act(decode_profile(frame));
  if (type == "contacts.changed" || type == "blocks.changed") return act(decode_users_change(type, frame));
  if (type == "device.added" || type == "device.removed") return act(decode_device_change(type, frame));
  if (type == "system.alert")
    if (const Json* data = object_field(frame, "data")) return act(Alert{data->dump()});
  act(RawEvent{frame.dump()});
}

void State::take_welcome(Now now, const Json& frame) {
  if (std::string id = text_field(frame, "userId"); !id.empty()) user_ = std::move(id);
  if (std::string id = text_field(frame, "deviceId"); !id.empty()) device_ = std::move(id);
  const std::uint64_t seconds =
      std::clamp(number_field(frame, "heartbeatSeconds", 30), kShortestHeartbeat, kLongestHeartbeat);
  heartbeat_ = std::chrono::seconds(seconds);
  if (const Json* limits = object_field(frame, "limits")) {
    contentBytes_ = number_field(*limits, "contentBytes", contentBytes_);
    serverFrameBytes_ = number_field(*limits, "frameBytes", serverFrameBytes_);
    const Json* byType = object_field(*limits, "contentBytesByType");
    for (std::size_t type = 0; type < kMessageTypes; ++type) {
      const std::string name(to_string(static_cast<MessageType>(type)));
      contentBytesOf_[type] = byType == nullptr ? 0 : number_field(*byType, name.c_str(), 0);
    }
  }
  onlineSince_ = now.steady;
  nextPing_ = now.steady + heartbeat_;
  enter(ConnectionState::syncing);
  start_sync(now);
  say_again(now);
}

/// What a server knows of a connection only because it was told.
void State::say_again(Now now) {
  const std::string& platform = options_.platform;
  if (platform.size() > kMaxPlatformBytes || !json_string(platform))
    report({ErrorCode::bad_request, "the platform is longer than 64 bytes, or not UTF-8", {}});
  else if (!platform.empty())
    transmit(encode_platform(expect_answer(now, {}), platform));
  if (!foreground_) transmit(encode_client_state(false));
  const std::vector<UserId> watched(watched_.begin(), watched_.end());
  watched_.clear();
  subscribe_presence(now, watched);
  if (status_) transmit(*status_);
}

void State::take_sent(Now now, const Json& frame, bool told) {
  Sent sent = decode_sent(frame);
  told = told || outbox_.was_confirmed(sent.clientMsgId);
  if (const auto ticket = outbox_.confirmed(sent.clientMsgId)) {
    act(SendDone{*ticket, sent});
    told = true;
  }
  if (sent.seq == 0 || !valid_id(sent.conversationId)) return;
  // The answer to a request that was given up: the application learns of it as of anybody's event.
  if (!told) {
    if (!inbound_.head(now.steady, sent.conversationId, sent.epoch, sent.seq))
      report_too_many_conversations();
    return;
  }
  std::vector<LogEvent> applied;
  if (!inbound_.live(now.steady, {sent.conversationId, sent.epoch, sent.seq, LogEvent::Own{}}, applied))
    report_too_many_conversations();
  give_on(now, applied);
}

void State::take_log_event(Now now, const std::string& type, const Json& frame) {
  const Json* data = object_field(frame, "data");
  auto event = data == nullptr ? std::nullopt : decode_live(type, *data);
  if (!event) return act(RawEvent{frame.dump()});  // without a place in a log
  std::vector<LogEvent> applied;
  if (!inbound_.live(now.steady, std::move(*event), applied)) report_too_many_conversations();
  give_on(now, applied);
}

void State::take_range(Now now, LogRange range) {
  if (!valid_id(range.conversationId)) return;
  std::vector<LogEvent> applied;
  if (!inbound_.range(now.steady, std::move(range), applied)) report_too_many_conversations();
  give_on(now, applied);
}

void State::give_on(Now now, std::vector<LogEvent>& applied) {
  Watermark newest;
  const auto give = [&](auto& body) {
    const bool own = body.senderId == user_ && body.senderDeviceId == device_;
    if (!own) newest = {body.conversationId, body.epoch, body.seq};
    if (!own || !confirm_from_log({body.conversationId, body.clientMsgId, body.messageId, body.epoch,
                                   body.seq, body.timestamp, true}))
      act(std::move(body));
  };
  for (LogEvent& event : applied) {
    if (auto* message = std::get_if<Message>(&event.body)) {
      give(*message);
    } else if (auto* change = std::get_if<MessageChange>(&event.body)) {
      give(*change);
    } else if (auto* conversation = std::get_if<ConversationChange>(&event.body)) {
      // Who is out of it can confirm nothing there any more.
      newest = ends_for(user_, *conversation) ? Watermark{}
                                              : Watermark{event.conversationId, event.epoch, event.seq};
      act(std::move(*conversation));
    } else if (auto* other = std::get_if<RawEvent>(&event.body)) {
      newest = {event.conversationId, event.epoch, event.seq};
      act(std::move(*other));
    }
  }
  if (newest.seq == 0 || !options_.acknowledgeReceived) return;
  if (!receivedFlow_.want(now.steady, newest)) report_too_many_conversations();
}

/// Whether the log holds here what this client sent and the application knows as sent, if only by now: a
/// confirmation that was lost with an earlier connection is made up for.
bool State::confirm_from_log(const Sent& sent) {
  if (outbox_.was_confirmed(sent.clientMsgId)) return true;
  const auto ticket = outbox_.confirmed(sent.clientMsgId);
  if (!ticket) return false;
  act(SendDone{*ticket, sent});
  return true;
}

void State::take_receipt(Receipt receipt) {
  if (receipt.seq == 0 || receipt.conversationId.empty()) return;
  const std::pair key{receipt.conversationId, receipt.userId};
  const auto known = receipts_.find(key);
  if (known != receipts_.end() || receipts_.size() < kReceiptsRemembered) {
    auto& [delivered, read] = known != receipts_.end() ? known->second : receipts_[key];
    Mark& mark = receipt.kind == Receipt::Kind::delivered ? delivered : read;
    const Mark now{receipt.epoch, receipt.seq};
    if (now <= mark) return;
    mark = now;
  }
  act(std::move(receipt));
}

}  // namespace chatcore::client
