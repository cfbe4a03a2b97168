#include <algorithm>
#include <charconv>

#include "client/state.hpp"

namespace chatcore::client {

namespace {

constexpr std::uint16_t kNoCloseFrame = 1006;
constexpr std::uint16_t kHeartbeatTimeout = 4002;
constexpr std::int64_t kLongestAdviceMs = 300'000;

struct CloseReason {
  std::string word;
  Millis retryAfter{0};
};

CloseReason parse_reason(std::string_view reason) {
  constexpr std::string_view kAdvice = ";retryAfterMs=";
  const std::size_t at = reason.find(kAdvice);
  if (at == std::string_view::npos) return {std::string(reason), Millis(0)};
  const std::string_view digits = reason.substr(at + kAdvice.size());
  std::int64_t millis = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), millis);
  return {std::string(reason.substr(0, at)), Millis(std::clamp<std::int64_t>(millis, 0, kLongestAdviceMs))};
}

/// The conversation of whose preferences a request changes some; empty: of none.
ConversationId whose_preferences(const Json& request) {
  const std::string type = text_field(request, "type");
  const bool changes =
      type == "conversation.mute" || type == "conversation.archive" || type == "conversation.pin";
  return changes ? text_field(request, "conversationId") : ConversationId();
}

bool final_close(std::uint16_t code) { return code >= 4500 && code <= 4999; }

}  // namespace

bool State::current(ConnectionNumber connection) const {
  return connection == connection_ && (state_ == ConnectionState::connecting || live());
}

void State::open(Now now) {
  ++connection_;
  connectDeadline_ = now.steady + limits_.connectTimeout;
  lastHeard_ = now.steady;
  enter(ConnectionState::connecting);
  act(Connect{connection_});
}

void State::connected(Now now, ConnectionNumber connection) { heard(now, connection); }

void State::heard(Now now, ConnectionNumber connection) {
  if (!current(connection)) return;
  lastHeard_ = now.steady;
  pump(now);
}

void State::disconnected(Now now, ConnectionNumber connection, std::uint16_t code, std::string_view reason) {
  if (!current(connection)) return;
  lose(now, code, reason);
  pump(now);
}

void State::advance(Now now) { pump(now); }

/// Ends the connection from this side, if there is one.
void State::drop(Now now, std::uint16_t closeCode) {
  if (state_ != ConnectionState::connecting && !live()) return;
  act(CloseConnection{connection_, closeCode});
  forget_connection(now);
}

void State::forget_connection(Now now) {
  if (live() && now.steady - onlineSince_ >= limits_.backoffReset) reconnect_.reset();
  const Error lost{ErrorCode::unavailable, "the connection was lost before the answer came", {}};
  for (const auto& [id, pending] : pending_) {
    if (pending.kind != Pending::Kind::user) continue;
    --userRequests_;
    act(RequestDone{pending.ticket, lost});
  }
  pending_.clear();
  syncAt_.reset();
  syncing_ = syncAgain_ = false;
  outbox_.connection_lost();
  inbound_.connection_lost();
  receivedFlow_.connection_lost(now.steady);
  readFlow_.connection_lost(now.steady);
}

void State::lose(Now now, std::uint16_t code, std::string_view reasonText) {
  forget_connection(now);
  CloseReason reason = parse_reason(reasonText);
  if (final_close(code)) {
    const Error error{ErrorCode::unauthorized, "closed for good: " + reason.word, {}};
    report(error);
    fail_unsent(error);
    enter(ConnectionState::stopped, code, std::move(reason.word));
    return;
  }
  // The jitter comes on top of the server's advice: whoever it advised must not return as one.
  const Millis pause = reason.retryAfter + reconnect_.next(random_);
  retryAt_ = now.steady + pause;
  enter(ConnectionState::waiting, code, std::move(reason.word), pause);
}

void State::fail_unsent(const Error& error) {
  for (const Unsent& unsent : unsent_) act(RequestDone{unsent.ticket, error});
  userRequests_ -= unsent_.size();
  unsent_.clear();
}

void State::pump(Now now) {
  expire_unsent(now);
  if (state_ == ConnectionState::waiting && now.steady >= retryAt_) open(now);
  if (state_ == ConnectionState::connecting && now.steady >= connectDeadline_) {
    act(CloseConnection{connection_, kNoCloseFrame});
    lose(now, kNoCloseFrame, "timeout");
  }
  if (live()) keep_alive(now);
  if (live()) pump_connection(now);
}

void State::keep_alive(Now now) {
  if (now.steady - lastHeard_ >= 2 * heartbeat_) {
    act(CloseConnection{connection_, kHeartbeatTimeout});
    lose(now, kNoCloseFrame, "heartbeat_timeout");
    return;
  }
  if (now.steady < nextPing_) return;
  nextPing_ = now.steady + heartbeat_;
  transmit(R"({"type":"presence.ping"})");
}

void State::pump_connection(Now now) {
  expire_requests(now);
  outbox_.expire(now.steady);
  if (syncAt_ && now.steady >= *syncAt_) start_sync(now);
  flush_unsent(now);
  flush_sends(now);
  flush_fetches(now);
  flush_cursors(now, receivedFlow_, "message.received", Pending::Kind::received);
  flush_cursors(now, readFlow_, "message.read", Pending::Kind::read);
}

FrameId State::expect_answer(Now now, Pending pending) {
  pending.expires = now.steady + limits_.requestTimeout;
  pending_.emplace(nextFrameId_, std::move(pending));
  return nextFrameId_++;
}

void State::expire_requests(Now now) {
  // All wait equally long, so the first is the oldest.
  while (!pending_.empty() && pending_.begin()->second.expires <= now.steady) {
    Pending pending = std::move(pending_.begin()->second);
    pending_.erase(pending_.begin());
    refused(now, std::move(pending), {{ErrorCode::unavailable, "no answer came in time", {}}, true});
  }
}

void State::expire_unsent(Now now) {
  while (!unsent_.empty() && unsent_.front().expires <= now.steady) {
    act(RequestDone{unsent_.front().ticket, Error{ErrorCode::unavailable, "not connected", {}}});
    unsent_.pop_front();
    --userRequests_;
  }
}

void State::flush_unsent(Now now) {
  for (Unsent& unsent : unsent_) {
    Pending pending;
    pending.kind = Pending::Kind::user;
    pending.ticket = unsent.ticket;
    pending.conversation = whose_preferences(unsent.body);
    unsent.body["id"] = expect_answer(now, std::move(pending));
    transmit(unsent.body.dump());
  }
  unsent_.clear();
}

void State::flush_sends(Now now) {
  for (const auto& transmission : outbox_.take(now.steady, nextFrameId_))
    transmit(encode_event(transmission.requestId, transmission.event->members));
}

void State::flush_fetches(Now now) {
  for (const auto& fetch : inbound_.take_fetches(now.steady)) {
    Pending pending;
    pending.kind = Pending::Kind::fetch;
    pending.conversation = fetch.conversationId;
    const FrameId id = expect_answer(now, std::move(pending));
    transmit(encode_fetch(id, fetch.conversationId, fetch.after, limits_.syncEvents));
  }
}

void State::flush_cursors(Now now, CursorFlow& flow, std::string_view type, Pending::Kind kind) {
  for (auto marks = flow.take(now.steady); !marks.empty(); marks = flow.take(now.steady)) {
    Pending pending;
    pending.kind = kind;
    pending.marks = marks;
    transmit(encode_cursors(expect_answer(now, std::move(pending)), type, marks));
  }
}

void State::start_sync(Now now) {
  syncAt_.reset();
  syncing_ = true;
  syncsWhole_ = syncToken_.empty() && !resumes_;
  inbound_.begin_sync();
  preferencesHeard_.clear();
  preferencesChanged_.clear();
  if (!syncToken_.empty()) return request_sync_since(now, syncToken_);
  Pending pending;
  pending.kind = Pending::Kind::sync;
  const FrameId id = expect_answer(now, std::move(pending));
  if (resumes_) return transmit(encode_sync_resume(id, limits_.syncEvents));
  transmit(encode_sync(id, inbound_.watermarks(), limits_, serverFrameBytes_));
}

void State::request_sync_since(Now now, std::string_view token) {
  Pending pending;
  pending.kind = Pending::Kind::sync;
  const FrameId id = expect_answer(now, std::move(pending));
  // Without a token of an earlier sync the server goes by the watermarks that this one began with.
  const auto marks = syncToken_.empty() ? std::vector<Watermark>{} : inbound_.watermarks_since_synced();
  transmit(encode_sync_since(id, token, marks, limits_.syncEvents, serverFrameBytes_));
}

void State::finish_sync(Now now) {
  retry_.reset();
  if (std::exchange(syncAgain_, false)) return start_sync(now);
  syncing_ = false;
  inbound_.end_sync();
  if (state_ == ConnectionState::syncing) enter(ConnectionState::online);
}

std::optional<Millis> State::deadline() const {
  std::optional<Millis> earliest;
  const auto consider = [&](std::optional<Millis> at) {
    if (at) earliest = earliest ? std::min(*earliest, *at) : *at;
  };
  if (!unsent_.empty()) consider(unsent_.front().expires);
  if (state_ == ConnectionState::waiting) consider(retryAt_);
  if (state_ == ConnectionState::connecting) consider(connectDeadline_);
  if (!live()) return earliest;
  consider(nextPing_);
  consider(lastHeard_ + 2 * heartbeat_);
  if (!pending_.empty()) consider(pending_.begin()->second.expires);
  consider(syncAt_);
  consider(outbox_.deadline());
  consider(inbound_.deadline());
  consider(receivedFlow_.deadline());
  consider(readFlow_.deadline());
  return earliest;
}

}  // namespace chatcore::client
