#include "client/state.hpp"

#include <algorithm>

#include "chatcore/model/message_state.hpp"
#include "client/uuid7.hpp"

namespace chatcore::client {

namespace {

constexpr std::size_t kUsersPerFrame = 256;
constexpr std::size_t kMaxStatusBytes = 140;
// What a frame holds around its content: ids, names, numbers.
constexpr std::size_t kEnvelopeBytes = 512;

Error bad(const char* why) { return {ErrorCode::bad_request, why, {}}; }

}  // namespace

State::State(const Options& options, Random& random)
    : options_(options),
      random_(random),
      reconnect_(limits_.backoffBase, limits_.backoffCap),
      retry_(limits_.backoffBase, limits_.backoffCap),
      contentBytes_(limits_.contentBytes),
      user_(options_.user),
      device_(options_.device),
      outbox_(limits_, random),
      inbound_(limits_),
      receivedFlow_(limits_),
      readFlow_(limits_) {
  inbound_.restore(options_.watermarks);
  // What is not even text would be refused for ever.
  if (json_string(options_.syncToken)) syncToken_ = options_.syncToken;
  resumes_ = options_.resume && syncToken_.empty();
}

void State::enter(ConnectionState state, std::uint16_t code, std::string reason, Millis retryIn) {
  state_ = state;
  act(StateChange{state, code, std::move(reason), retryIn});
}

void State::connect(Now now) {
  if (closed_ || (state_ != ConnectionState::offline && state_ != ConnectionState::stopped)) return;
  reconnect_.reset();
  open(now);
  pump(now);
}

void State::disconnect(Now now) {
  if (state_ == ConnectionState::offline) return;
  drop(now, 1000);
  enter(ConnectionState::offline);
  pump(now);
}

void State::close(Now now) {
  if (closed_) return;
  disconnect(now);
  closed_ = true;
  const Error cancelled{ErrorCode::cancelled, "the client was closed", {}};
  for (Ticket ticket : outbox_.clear()) act(SendDone{ticket, cancelled});
  fail_unsent(cancelled);
}

std::string State::lane_of(const Outgoing& message) const {
  if (!message.conversationId.empty()) return message.conversationId;
  return user_.empty() ? "to:" + message.to : direct_conversation_id(user_, message.to);
}

std::size_t State::content_bytes(MessageType type) const {
  const std::size_t own = contentBytesOf_[static_cast<std::size_t>(type)];
  return own != 0 ? own : contentBytes_;
}

std::optional<Error> State::check_content(std::string_view content, std::size_t limit) const {
  if (content.size() > limit || content.size() + kEnvelopeBytes > serverFrameBytes_)
    return Error{ErrorCode::too_large, "the content is larger than the server takes", {}};
  if (!is_json(content)) return bad("the content is not JSON");
  return std::nullopt;
}

std::optional<Error> State::check(const Outgoing& message) const {
  if (closed_) return Error{ErrorCode::cancelled, "the client was closed", {}};
  if (message.conversationId.empty() == message.to.empty())
    return bad("exactly one of conversationId and to is needed");
  if (!valid_id(message.to.empty() ? message.conversationId : message.to)) return bad("not a valid id");
  if (!message.clientMsgId.empty() && !valid_id(message.clientMsgId)) return bad("not a valid clientMsgId");
  return check_content(message.content, content_bytes(message.messageType));
}

std::optional<Error> State::check(const OutgoingChange& change) const {
  if (closed_) return Error{ErrorCode::cancelled, "the client was closed", {}};
  if (!valid_id(change.conversationId)) return bad("not a valid id");
  if (change.messageId == 0) return bad("a message has to be named");
  if (const auto* edit = std::get_if<OutgoingChange::Edit>(&change.what)) {
    // Of what type the message is that it edits is the server's to know.
    const std::size_t most = *std::max_element(contentBytesOf_.begin(), contentBytesOf_.end());
    return check_content(edit->content, std::max(contentBytes_, most));
  }
  const auto* reaction = std::get_if<OutgoingChange::Reaction>(&change.what);
  if (reaction == nullptr) return std::nullopt;
  if (reaction->emoji.empty() || reaction->emoji.size() > kMaxEmojiBytes || !json_string(reaction->emoji))
    return bad("an emoji is 1 to 64 bytes of UTF-8");
  return std::nullopt;
}

void State::send(Now now, Ticket ticket, Outgoing message) {
  if (auto error = check(message)) {
    act(SendDone{ticket, std::move(*error)});
    return;
  }
  if (message.clientMsgId.empty()) message.clientMsgId = make_uuid7(now.wall, random_);
  enqueue(now, ticket, lane_of(message), {message.clientMsgId, encode_send(message)});
}

void State::change(Now now, Ticket ticket, OutgoingChange change) {
  if (auto error = check(change)) {
    act(SendDone{ticket, std::move(*error)});
    return;
  }
  if (change.clientMsgId.empty()) change.clientMsgId = make_uuid7(now.wall, random_);
  enqueue(now, ticket, change.conversationId, {change.clientMsgId, encode_change(change)});
}

void State::enqueue(Now now, Ticket ticket, const std::string& lane, OutgoingEvent event) {
  if (!outbox_.add(lane, ticket, std::move(event)))
    act(SendDone{ticket,
                 Error{ErrorCode::overloaded, "too many unconfirmed messages, or this one is queued", {}}});
  pump(now);
}

void State::request(Now now, Ticket ticket, std::string_view json) {
  const auto fail = [&](ErrorCode code, const char* why) { act(RequestDone{ticket, Error{code, why, {}}}); };
  if (closed_) return fail(ErrorCode::cancelled, "the client was closed");
  if (userRequests_ >= limits_.pendingRequests)
    return fail(ErrorCode::overloaded, "too many pending requests");
  auto body = parse_object(json);
  if (!body) return fail(ErrorCode::bad_request, "a request is one JSON object");
  if (json.size() + kEnvelopeBytes > serverFrameBytes_)
    return fail(ErrorCode::too_large, "larger than the server takes");
  ++userRequests_;
  unsent_.push_back({ticket, now.steady + limits_.requestTimeout, std::move(*body)});
  pump(now);
}

void State::mark_read(Now now, const ConversationId& conversation, Seq seq) {
  if (closed_ || !valid_id(conversation) || seq == 0) return;
  const auto known = inbound_.watermark(conversation);
  if (!readFlow_.want(now.steady, {conversation, known ? known->epoch : 1, seq}))
    report_too_many_conversations();
  pump(now);
}

void State::typing(Now now, const ConversationId& conversation, bool active) {
  if (live() && valid_id(conversation)) transmit(encode_typing(conversation, active));
  pump(now);
}

void State::subscribe_presence(Now now, const std::vector<UserId>& users) {
  std::vector<UserId> added;
  for (const UserId& user : users) {
    if (!valid_id(user) || watched_.contains(user)) continue;
    if (watched_.size() >= limits_.presenceUsers) {
      report({ErrorCode::overloaded, "too many presence subscriptions", {}});
      break;
    }
    watched_.insert(user);
    added.push_back(user);
  }
  for (std::size_t i = 0; live() && i < added.size(); i += kUsersPerFrame)
    transmit(encode_presence("presence.subscribe",
                             std::span(added).subspan(i, std::min(kUsersPerFrame, added.size() - i))));
  pump(now);
}

void State::unsubscribe_presence(Now now, const std::vector<UserId>& users) {
  std::vector<UserId> removed;
  for (const UserId& user : users)
    if (watched_.erase(user) > 0) removed.push_back(user);
  for (std::size_t i = 0; live() && i < removed.size(); i += kUsersPerFrame)
    transmit(encode_presence("presence.unsubscribe",
                             std::span(removed).subspan(i, std::min(kUsersPerFrame, removed.size() - i))));
  pump(now);
}

void State::set_status(Now now, Availability availability, const std::string& text) {
  if (text.size() > kMaxStatusBytes || !json_string(text)) {
    report(bad("the status text is longer than 140 bytes, or not UTF-8"));
    return;
  }
  status_ = encode_presence_set(availability, text);
  if (live()) transmit(*status_);
  pump(now);
}

void State::set_foreground(Now now, bool foreground) {
  foreground_ = foreground;
  if (live()) transmit(encode_client_state(foreground));
  pump(now);
}

void State::refresh_token(Now now, std::string_view token, Ticket ticket) {
  const auto end = [&](Result<std::string> result) {
    if (ticket != 0) return act(RequestDone{ticket, std::move(result)});
    if (!result) report(result.error());
  };
  if (closed_) return end(Error{ErrorCode::cancelled, "the client was closed", {}});
  if (!json_string(token)) return end(bad("the token is not UTF-8"));
  if (!live()) return end(std::string());
  if (token.size() + kEnvelopeBytes > serverFrameBytes_)
    return end(Error{ErrorCode::too_large, "larger than the server takes", {}});
  Pending pending;
  if (ticket != 0) {
    if (userRequests_ >= limits_.pendingRequests)
      return end(Error{ErrorCode::overloaded, "too many pending requests", {}});
    ++userRequests_;
    pending.kind = Pending::Kind::user;
    pending.ticket = ticket;
  }
  transmit(encode_refresh(expect_answer(now, std::move(pending)), token));
  pump(now);
}

void State::report_too_many_conversations() {
  if (std::exchange(toldTooMany_, true)) return;
  report({ErrorCode::overloaded, "more conversations than this client follows", {}});
}

}  // namespace chatcore::client
