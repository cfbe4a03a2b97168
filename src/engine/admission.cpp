#include <algorithm>
#include <array>
#include <iterator>
#include <span>

#include "core/simulation_bug.hpp"
#include "engine/engine_shard.hpp"
#include "gateway/http_head.hpp"

namespace chatcore::engine {

namespace {

constexpr std::uint32_t kGroupPage = 1000;
constexpr int kClaimAttempts = 5;
constexpr std::size_t kMaxRevocations = 10'000;
constexpr std::uint32_t kCheckAgainMillis = 100;
constexpr std::uint32_t kAfterDefectMillis = 1000;
constexpr std::size_t kMaxTokenBytes = 8192;
constexpr std::string_view kBearer = "Bearer ";
constexpr std::string_view kFeatures[] = {"sync", "history", "groups",    "receipts",   "typing", "presence",
                                          "edit", "delete",  "reactions", "token-sync", "pins",   "clear"};
constexpr std::size_t kMostFeatures = std::size(kFeatures) + 3;

/// Into `room`, as many as it returns.
std::span<const std::string_view> features_of(const AccountCommands& commands,
                                              std::array<std::string_view, kMostFeatures>& room) {
  auto end = std::copy(std::begin(kFeatures), std::end(kFeatures), room.begin());
  if (commands.contacts) *end++ = "contacts";
  if (commands.blocks) *end++ = "blocks";
  if (commands.profile) *end++ = "profile";
  return {room.begin(), end};
}

std::string parameter(std::string_view query, std::string_view name) {
  return gateway::query_parameter(query, name).value_or(std::string{});
}

Credentials credentials_of(const HandshakeView& handshake) {
  Credentials shown;
  if (handshake.authorization.size() > kBearer.size() &&
      gateway::equals_ignoring_case(handshake.authorization.substr(0, kBearer.size()), kBearer))
    shown.token = handshake.authorization.substr(kBearer.size());
  if (shown.token.empty()) shown.token = parameter(handshake.query, "access_token");
  shown.claimedUser = parameter(handshake.query, "user");
  shown.claimedDevice = parameter(handshake.query, "device");
  shown.remoteAddress = handshake.remoteAddress;
  return shown;
}

}  // namespace

void EngineShard::opened(SessionId id, const HandshakeView& handshake) {
  const std::uint32_t slot = slot_of(id);
  if (slot >= sessions_.size()) sessions_.resize(slot + 1);
  ClientSession& session = sessions_[slot];
  session = ClientSession{};
  session.id = id;
  session.state = ClientSession::State::expecting_hello;
  if (context_.limits != nullptr) session.address = RateLimits::address_key(handshake.remoteAddress);
  session.more().credentials = credentials_of(handshake);
  session.extras->order = order_of(handshake);
  const Credentials& shown = session.extras->credentials;
  for (const std::string& claimed : {shown.claimedUser, shown.claimedDevice})
    if (!claimed.empty() && !valid_id(claimed))
      return refuse(session, {ErrorCode::unauthorized, "`user` and `device` are ids of 1 to 64 bytes", {}});
  if (!shown.token.empty() || !shown.claimedUser.empty()) authenticate(session);
}

/// By when the connection was accepted; of those within one millisecond, by when it came here.
std::uint64_t EngineShard::order_of(const HandshakeView& handshake) {
  constexpr std::uint64_t kWithinMilli = 1U << 20;
  const auto accepted = handshake.acceptedAt.count() != 0 ? handshake.acceptedAt : context_.clock->steady();
  const std::uint64_t number = context_.connections->fetch_add(1, std::memory_order_relaxed) + 1;
  return static_cast<std::uint64_t>(accepted.count()) * kWithinMilli + number % kWithinMilli;
}

void EngineShard::authenticate(ClientSession& session) {
  const Credentials& shown = session.extras->credentials;
  if (shown.token.size() > kMaxTokenBytes)
    return refuse(session, {ErrorCode::unauthorized, "the token is too long", {}});
  session.state = ClientSession::State::authenticating;
  credentials_.push_back(shown);
  authenticating_.push_back(session.id);
}

void EngineShard::refuse(ClientSession& session, const Error& error) {
  const bool comeBack = error.temporary();
  outlet_.error(session.id, session.more().helloId, {}, error);
  outlet_.close(session.id, comeBack ? CloseCode::overloaded : CloseCode::unauthorized, comeBack ? 1000 : 0);
}

std::optional<CloseCode> EngineShard::revoked_since(const Identity& identity, std::uint64_t round) const {
  if (round <= askAgainRound_) return CloseCode::overloaded;
  std::optional<CloseCode> verdict;
  for (const Revocation& revoked : revocations_) {
    if (revoked.round < round || revoked.user != identity.userId) continue;
    if (revoked.device.empty() || revoked.device == identity.deviceId) return CloseCode::device_removed;
    // It may turn out to be that device: its credentials have to be looked at once more.
    if (identity.deviceId.empty()) verdict = CloseCode::overloaded;
  }
  return verdict;
}

void EngineShard::revoke(const UserId& user, const DeviceId& device) {
  if (roundsOwed_ > 0) {
    if (revocations_.size() < kMaxRevocations)
      revocations_.push_back({user, device, authenticationRound_});
    else  // more than can be told apart: all who are being checked come again
      askAgainRound_ = authenticationRound_;
  }
  const std::vector<SessionId> nameless(nameless_.begin(), nameless_.end());
  for (const SessionId id : nameless) {
    const ClientSession* session = find(id);
    if (session == nullptr || session->extras == nullptr || !session->extras->identity) continue;
    if (session->extras->identity->userId != user) continue;
    if (device.empty())
      outlet_.close(id, CloseCode::device_removed);
    else
      outlet_.close(id, CloseCode::overloaded, kCheckAgainMillis);
  }
  std::vector<SessionId> awaiting;
  for (const auto& [id, identity] : awaitingHost_)
    if (identity.userId == user && (device.empty() || identity.deviceId == device)) awaiting.push_back(id);
  for (const SessionId id : awaiting) {
    awaitingHost_.erase(id);  // what the host still answers comes too late
    outlet_.close(id, CloseCode::device_removed);
  }
  // Behind what this shard has sent there to be connected.
  on_shard(context_.home_of(user), [user, device](EngineShard& home) { home.users_.revoke(user, device); });
}

void EngineShard::on_authenticated(SessionId id, Result<Identity> answer, std::uint64_t round) {
  ClientSession* session = find(id);
  if (session == nullptr || session->state != ClientSession::State::authenticating) return;
  const bool refused = !answer && !answer.error().temporary();
  if (refused && session->extras->credentials.token.empty() && !session->extras->saidHello) {
    // Names without a token were no credentials here: the token may still come in a hello.
    session->state = ClientSession::State::expecting_hello;
    return take_early(id);
  }
  if (!answer) return refuse(*session, answer.error());
  Identity identity = std::move(*answer);
  if (identity.deviceId.empty()) identity.deviceId = session->extras->credentials.claimedDevice;
  if (!valid_id(identity.userId))
    return refuse(*session, {ErrorCode::unauthorized, "the user id is not valid", {}});
  if (const auto code = revoked_since(identity, round))
    return outlet_.close(id, *code, *code == CloseCode::overloaded ? kCheckAgainMillis : 0);
  if (identity.deviceId.empty()) {  // the client may still name it, in a hello
    nameless_.insert(id);
    session->extras->identity = std::move(identity);
    session->state = ClientSession::State::expecting_hello;
    return take_early(id);
  }
  if (!valid_id(identity.deviceId))
    return refuse(*session, {ErrorCode::unauthorized, "the device id is not valid", {}});
  ask_host(*session, std::move(identity));
}

void EngineShard::take_early(SessionId id) {
  std::vector<std::string> early = std::exchange(find(id)->extras->early, {});
  for (const std::string& message : early)
    if (ClientSession* still = find(id)) before_welcome(*still, message);
}

void EngineShard::ask_host(ClientSession& session, Identity identity) {
  if (context_.hooks == nullptr) return begin_admission(session, std::move(identity));
  Result<Hooks::Decision> answer =
      ask_hook(context_, [&](Hooks& hooks) { return hooks.on_connect(identity); });
  if (!answer || answer->verdict != Hooks::Verdict::later)
    return heed_host(session, std::move(identity), std::move(answer));
  if (connects_.full())
    return heed_host(session, std::move(identity),
                     Error{ErrorCode::overloaded, "the host owes too many answers", {}});
  session.state = ClientSession::State::authenticating;
  connects_.ask(identity, [this, id = session.id](Result<Hooks::Decision> decision) {
    on_host_answer(id, std::move(decision));
  });
  awaitingHost_.insert_or_assign(session.id, std::move(identity));
}

void EngineShard::on_host_answer(SessionId id, Result<Hooks::Decision> answer) {
  ClientSession* session = find(id);
  const auto asked = awaitingHost_.find(id);
  if (session == nullptr || asked == awaitingHost_.end()) return;
  Identity identity = std::move(asked->second);
  awaitingHost_.erase(asked);
  heed_host(*session, std::move(identity), std::move(answer));
}

void EngineShard::heed_host(ClientSession& session, Identity identity, Result<Hooks::Decision> answer) {
  const bool threw = !answer && answer.error().code == ErrorCode::internal;
  const Hooks::Decision decision = decided(std::move(answer), context_.options.hooks.connectFailure);
  if (decision.verdict != Hooks::Verdict::reject) return begin_admission(session, std::move(identity));
  if (!threw) return refuse(session, decision.error);
  outlet_.error(session.id, session.more().helloId, {}, decision.error);
  outlet_.close(session.id, CloseCode::internal, kAfterDefectMillis);
}

void EngineShard::begin_admission(ClientSession& session, Identity identity) {
  if (identity.expiresAt != 0) {
    const auto left = std::chrono::milliseconds(identity.expiresAt - context_.now());
    if (left.count() <= 0) return outlet_.close(session.id, CloseCode::token_expired);
    expiries_.add(context_.clock->steady() + left, session.id);
  }
  session.who = PrincipalRef::make(context_.inbox(identity.userId), std::move(identity.deviceId));
  session.state = ClientSession::State::admitting;
  // The inbox first: whoever adds this user to a group from here on reaches this shard.
  if (context_.gateway->subscribe(session.id, session.who->inbox, 0) != SubscribeOutcome::ok) return;
  read_groups(session.id, UserId(session.user()), {});
  const std::uint32_t here = context_.link->self();
  on_shard(context_.home_of(session.user()),
           [id = session.id, order = session.more().order, who = session.who,
            platform = session.more().platform, here](EngineShard& home) {
             home.users_.connect(id, order, who, platform, [&home, id, here] {
               home.on_shard(here, [id](EngineShard& origin) { origin.registered(id); });
             });
           });
}

void EngineShard::read_groups(SessionId id, const UserId& user, const ConversationId& after) {
  UserConversationsRequest request;
  request.userId = user;
  request.after = after;
  request.limit = kGroupPage;
  request.detail = ConversationDetail::membership;
  groupReads_.push_back(std::move(request));
  groupReaders_.push_back(id);
}

void EngineShard::end_of_turn() {
  if (!credentials_.empty()) {
    ++roundsOwed_;
    context_.authenticator->authenticate(
        std::exchange(credentials_, {}), *context_.executor,
        [busy = context_.busy, this, ids = std::exchange(authenticating_, {}),
         round = ++authenticationRound_](std::vector<Result<Identity>> answers) {
          for (std::size_t i = 0; i < ids.size(); ++i) on_authenticated(ids[i], std::move(answers[i]), round);
          if (--roundsOwed_ == 0) revocations_.clear();
        });
  }
  if (!renewals_.empty())
    context_.authenticator->authenticate(
        std::exchange(renewals_, {}), *context_.executor,
        [busy = context_.busy, this,
         renewing = std::exchange(renewing_, {})](const std::vector<Result<Identity>>& answers) {
          for (std::size_t i = 0; i < renewing.size(); ++i) on_refreshed(renewing[i], answers[i]);
        });
  if (!groupReads_.empty()) {
    context_.store->conversations_of(
        std::exchange(groupReads_, {}), *context_.executor,
        [busy = context_.busy, this,
         ids = std::exchange(groupReaders_, {})](std::vector<Result<std::vector<UserConversation>>> answers) {
          for (std::size_t i = 0; i < ids.size(); ++i) {
            ClientSession* session = find(ids[i]);
            if (session == nullptr) continue;
            if (!answers[i]) {
              refuse(*session, {ErrorCode::unavailable, "the store did not answer", {}});
              continue;
            }
            for (const UserConversation& conversation : *answers[i])
              if (!is_direct(conversation.conversationId)) take_group(ids[i], conversation, 0);
            if (answers[i]->size() == kGroupPage) {
              read_groups(ids[i], UserId(session->user()), answers[i]->back().conversationId);
              continue;
            }
            session->subscribed = true;
            welcome_if_ready(*session);
          }
        });
  }
  connects_.end_of_turn();
  conversations_.end_of_turn();
  users_.end_of_turn();
  privacy_.end_of_turn();
  notes_.end_of_turn();
}

void EngineShard::take_group(SessionId id, const UserConversation& group, int attempt) {
  const Topic topic = context_.group_chat(group.conversationId);
  if (context_.gateway->subscribe(id, topic, group.memberSeq) != SubscribeOutcome::stale_claim) return;
  ClientSession* session = find(id);
  if (session == nullptr || attempt == kClaimAttempts) return;  // a client that misses events catches up
  // The group changed after the store was read: the claim is renewed until it is as new as the table.
  UserConversationsRequest request;
  request.userId = session->user();
  request.only = group.conversationId;
  request.detail = ConversationDetail::membership;
  context_.store->conversations_of(
      {request}, *context_.executor,
      [busy = context_.busy, this, id, attempt](std::vector<Result<std::vector<UserConversation>>> answers) {
        if (answers[0] && !answers[0]->empty()) take_group(id, answers[0]->front(), attempt + 1);
      });
}

/// Whoever has shown its credentials waits for us: it is to come back, not to give up.
std::optional<CloseCode> EngineShard::overdue(SessionId id) {
  const ClientSession* session = find(id);
  if (CHATCORE_BUG("slow admission is final")) return CloseCode::unauthorized;
  const bool waits = session != nullptr && session->state != ClientSession::State::expecting_hello;
  return waits ? CloseCode::overloaded : CloseCode::unauthorized;
}

void EngineShard::registered(SessionId id) {
  ClientSession* session = find(id);
  if (session == nullptr || session->state != ClientSession::State::admitting) {
    return;
  }
  session->registered = true;
  welcome_if_ready(*session);
}

void EngineShard::welcome_if_ready(ClientSession& session) {
  if (!session.registered || !session.subscribed || session.state != ClientSession::State::admitting) return;
  session.state = ClientSession::State::live;
  const std::string sessionName = std::to_string(session.id);
  protocol::Welcome welcome;
  welcome.userId = session.user();
  welcome.deviceId = session.device();
  welcome.sessionId = sessionName;
  welcome.serverId = context_.serverId;
  welcome.serverTime = context_.now();
  std::array<std::string_view, kMostFeatures> features;
  welcome.features = features_of(context_.options.accountCommands, features);
  welcome.heartbeatSeconds =
      std::max<std::uint32_t>(1, static_cast<std::uint32_t>(context_.options.heartbeat.count() / 1000));
  welcome.contentBytes = context_.options.contentBytes;
  welcome.frameBytes = context_.options.frameBytes;
  welcome.contentBytesOf = context_.options.contentBytesOf;
  outlet_.send(session.id,
               [&](std::string& out) { protocol::append_welcome(out, session.more().helloId, welcome); });
  context_.gateway->admit(session.id);
  const std::unique_ptr<SessionExtras> extras = std::move(session.extras);
  const SessionId id = session.id;
  for (const std::string& message : extras->early)
    if (ClientSession* still = find(id)) handle(*still, message);
}

/// A frame that comes before the welcome: a hello is taken now, the rest waits.
void EngineShard::before_welcome(ClientSession& session, std::string_view message) {
  if (session.state != ClientSession::State::expecting_hello) {
    if (session.more().early.size() >= context_.options.maxFramesBeforeWelcome)
      return outlet_.close(session.id, CloseCode::overloaded, 1000);
    session.extras->early.emplace_back(message);
    return;
  }
  protocol::DecodeResult decoded = decoder_.decode(message);
  auto* hello = decoded.command ? std::get_if<protocol::Hello>(&*decoded.command) : nullptr;
  if (hello != nullptr) return on_hello(session, std::move(*hello), decoded.id);
  outlet_.error(
      session.id, decoded.id, decoded.clientMsgId,
      decoded.command ? Error{ErrorCode::unauthorized, "hello comes first", {}} : decoded.command.error());
  outlet_.close(session.id, CloseCode::unauthorized);
}

void EngineShard::on_hello(ClientSession& session, protocol::Hello hello, const protocol::RequestId& id) {
  if (session.state == ClientSession::State::live) {
    if (hello.platform.empty()) return outlet_.ok(session.id, id);
    return context_.directory->put_device(
        {UserId(session.user()), session.device(), std::move(hello.platform), {}, context_.now()},
        *context_.executor, [busy = context_.busy, this, to = session.id, id](const Status& stored) {
          if (stored) return outlet_.ok(to, id);
          if (stored.error().code == ErrorCode::overloaded)
            return outlet_.error(to, id, {},
                                 {ErrorCode::too_large, "the user has too many devices: remove one", {}});
          outlet_.error(
              to, id, {},
              {ErrorCode::unavailable, "the device could not be registered", std::chrono::milliseconds(500)});
        });
  }
  SessionExtras& extras = session.more();
  extras.helloId = id;
  extras.saidHello = true;
  extras.platform = std::move(hello.platform);
  if (extras.identity) {
    Identity identity = *std::exchange(extras.identity, std::nullopt);
    nameless_.erase(session.id);
    identity.deviceId = std::move(hello.deviceId);
    if (identity.deviceId.empty())
      return refuse(session, {ErrorCode::unauthorized, "hello: `deviceId` is missing", {}});
    return ask_host(session, std::move(identity));
  }
  extras.credentials.token = std::move(hello.token);
  if (!hello.deviceId.empty()) extras.credentials.claimedDevice = std::move(hello.deviceId);
  authenticate(session);
}

void EngineShard::refresh(ClientSession& session, const protocol::RequestId& id, std::string token) {
  Credentials shown;
  shown.token = std::move(token);
  shown.claimedDevice = session.device();
  renewals_.push_back(std::move(shown));
  renewing_.push_back(requester(session, id));
}

void EngineShard::on_refreshed(const Requester& from, const Result<Identity>& answer) {
  if (find(from.session) == nullptr) return;
  const auto refuse_it = [&](const Error& error) { outlet_.error(from.session, from.id, {}, error); };
  if (!answer) return refuse_it(answer.error());
  const bool same =
      answer->userId == from.user() && (answer->deviceId.empty() || answer->deviceId == from.device());
  if (!same) return refuse_it({ErrorCode::unauthorized, "the token is for another user or device", {}});
  if (answer->expiresAt != 0 && answer->expiresAt <= context_.now())
    return refuse_it({ErrorCode::unauthorized, "the token has expired", {}});
  Renewal& renewal = renewed_[from.session];
  renewal.until = 0;
  if (answer->expiresAt != 0) {
    const auto left = std::chrono::milliseconds(answer->expiresAt - context_.now());
    renewal.until = (context_.clock->steady() + left).count();
    look_at(from.session, renewal);
  }
  outlet_.ok(from.session, from.id);
}

/// One timer serves all later renewals: nothing piles up, however often a token is renewed.
void EngineShard::look_at(SessionId id, Renewal& renewal) {
  if (renewal.looked != 0 && renewal.looked <= renewal.until) return;
  renewal.looked = renewal.until;
  expiries_.add(std::chrono::milliseconds(renewal.until), id);
}

/// A timer of an earlier token means nothing any more.
void EngineShard::expire(SessionId id) {
  if (find(id) == nullptr) return;
  const auto renewed = renewed_.find(id);
  if (renewed == renewed_.end()) return outlet_.close(id, CloseCode::token_expired);
  Renewal& renewal = renewed->second;
  const std::int64_t now = context_.clock->steady().count();
  if (renewal.looked <= now) renewal.looked = 0;
  if (renewal.until == 0) return;
  if (renewal.until <= now) return outlet_.close(id, CloseCode::token_expired);
  look_at(id, renewal);
}

}  // namespace chatcore::engine
