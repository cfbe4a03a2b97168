#include <sodium.h>

#include <algorithm>
#include <iterator>

#include "engine/engine_shard.hpp"
#include "protocol/payload_hash.hpp"

namespace chatcore::engine {

namespace {

protocol::Limits limits_of(const EngineOptions& options) {
  return {options.contentBytes, options.frameBytes, options.contentBytesOf};
}

/// A group's id where the client names none: the same for every retry of the same create, so that a retry
/// finds the group it made.
ConversationId derived_group_id(std::string_view user, std::string_view clientMsgId) {
  return "g." + direct_conversation_id("create:" + std::string(user), clientMsgId).substr(3);
}

}  // namespace

EngineShard::EngineShard(Context context)
    : context_(std::move(context)),
      outlet_(context_),
      privacy_(context_),
      conversations_(context_, outlet_, privacy_),
      users_(context_, outlet_),
      notes_(context_),
      account_(context_, outlet_, notes_),
      preferences_(context_, outlet_),
      catchUp_(context_, outlet_),
      syncPages_(context_, outlet_, privacy_),
      decoder_(limits_of(context_.options)),
      expiries_(context_.clock->steady()),
      connects_(context_, &Hooks::on_connect_later, context_.options.hooks.connectDeadline) {}

EngineShard::~EngineShard() = default;

ClientSession* EngineShard::find(SessionId id) {
  const std::uint32_t slot = slot_of(id);
  if (slot >= sessions_.size() || sessions_[slot].id != id) return nullptr;
  return &sessions_[slot];
}

Requester EngineShard::requester(const ClientSession& session, protocol::RequestId id) const {
  return {session.id, session.who, std::move(id)};
}

void EngineShard::received(SessionId id, std::span<const std::string_view> messages) {
  for (std::string_view message : messages) {
    ClientSession* session = find(id);
    if (session == nullptr) return;
    if (session->state == ClientSession::State::live) {
      handle(*session, message);
    } else {
      before_welcome(*session, message);
    }
  }
}

namespace {

constexpr std::size_t kItemsPerToken = 16;

struct Charge {
  CommandKind kind = CommandKind::queries;
  std::size_t items = 0;
};

/// What a command counts as.
struct ChargeOf {
  Charge operator()(const protocol::MessageSend&) const { return {CommandKind::events}; }
  Charge operator()(const protocol::MessageEdit&) const { return {CommandKind::events}; }
  Charge operator()(const protocol::MessageReact&) const { return {CommandKind::events}; }
  Charge operator()(const protocol::MessagePin&) const { return {CommandKind::events}; }
  Charge operator()(const protocol::MessageDelete& remove) const {
    return {remove.forEveryone ? CommandKind::events : CommandKind::queries};
  }
  Charge operator()(const protocol::ConversationCreate&) const { return {CommandKind::events}; }
  Charge operator()(const protocol::ConversationUpdate&) const { return {CommandKind::events}; }
  Charge operator()(const protocol::ConversationAddMembers&) const { return {CommandKind::events}; }
  Charge operator()(const protocol::ConversationRemoveMembers&) const { return {CommandKind::events}; }
  Charge operator()(const protocol::ConversationSetRole&) const { return {CommandKind::events}; }
  Charge operator()(const protocol::ConversationLeave&) const { return {CommandKind::events}; }
  Charge operator()(const protocol::ConversationDelete&) const { return {CommandKind::events}; }
  Charge operator()(const protocol::MessageReceived& seen) const {
    return {CommandKind::receipts, seen.positions.size()};
  }
  Charge operator()(const protocol::MessageRead& seen) const {
    return {CommandKind::receipts, seen.positions.size()};
  }
  Charge operator()(const protocol::Typing&) const { return {CommandKind::typing}; }
  Charge operator()(const protocol::PresencePing&) const { return {CommandKind::presence}; }
  Charge operator()(const protocol::PresenceSet&) const { return {CommandKind::presence}; }
  Charge operator()(const protocol::UserListChange& change) const {
    return {CommandKind::queries, change.users.size()};
  }
  template <class Asking>
    requires requires(Asking asking) { asking.users; }
  Charge operator()(const Asking& asking) const {
    return {CommandKind::presence, asking.users.size()};
  }
  template <class Other>
  Charge operator()(const Other&) const {
    return {CommandKind::queries};
  }
};

Error told_to_wait(std::int64_t retryAfterMillis) {
  return {ErrorCode::rate_limited, "too many commands", std::chrono::milliseconds(retryAfterMillis)};
}

}  // namespace

/// One command to where it belongs.
class Dispatch {
 public:
  /// `refusal`: of a command that makes an event, which is refused in its place in the conversation's order.
  Dispatch(EngineShard& shard, ClientSession& session, protocol::RequestId id, std::optional<Error> refusal)
      : shard_(shard), session_(session), id_(std::move(id)), refusal_(std::move(refusal)) {}

  void operator()(const protocol::MessageSend& send) {
    ConversationId conversationId = send.to.empty() ? ConversationId(send.conversationId)
                                                    : direct_conversation_id(session_.user(), send.to);
    CommandPtr command = event(send.clientMsgId, protocol::payload_hash(send));
    command->conversationId = std::move(conversationId);
    command->action.emplace<NewMessage>(send.messageType, std::string(send.content), send.replyTo,
                                        UserId(send.to), send.expiresInSeconds);
    shard_.submit(std::move(command));
  }
  void operator()(protocol::MessageEdit& edit) {
    change(edit, EditMessage{edit.messageId, std::string(edit.content)});
  }
  void operator()(protocol::MessageDelete& remove) {
    if (!remove.forEveryone) return shard_.catchUp_.hide(requester(), std::move(remove));
    change(remove, DeleteMessage{remove.messageId});
  }
  void operator()(protocol::MessageReact& react) {
    change(react, React{react.messageId, std::move(react.emoji), react.add});
  }
  void operator()(protocol::MessagePin& pin) { change(pin, PinMessage{pin.messageId, pin.add}); }
  void operator()(protocol::MessageReceived& received) {
    shard_.receipts(session_, id_, received.positions, false);
  }
  void operator()(protocol::MessageRead& read) { shard_.receipts(session_, id_, read.positions, true); }
  void operator()(protocol::Typing& typing) {
    TypingCommand command{shard_.requester(session_, id_), std::move(typing.conversationId), typing.start};
    const std::uint32_t home = shard_.context_.home_of(command.conversationId);
    shard_.on_shard(home, [command = std::move(command)](EngineShard& owner) mutable {
      owner.conversations().typing(std::move(command));
    });
  }
  void operator()(protocol::PresencePing&) {
    shard_.outlet_.send(session_.id, [&](std::string& out) { protocol::append_presence_pong(out, id_); });
  }
  void operator()(protocol::PresenceSubscribe& watch) {
    shard_.presence(session_, id_, std::move(watch.users), true);
  }
  void operator()(protocol::PresenceGet& get) { shard_.presence(session_, id_, std::move(get.users), false); }
  void operator()(protocol::PresenceUnsubscribe& unwatch) {
    shard_.unwatch(session_, unwatch.users);
    shard_.outlet_.ok(session_.id, id_);
  }
  void operator()(protocol::PresenceSet& set) {
    shard_.on_shard(shard_.context_.home_of(session_.user()),
                    [from = requester(), set = std::move(set)](EngineShard& home) mutable {
                      home.users_.set_status(UserId(from.user()), set.status, std::move(set.text));
                      home.outlet_.ok(from.session, from.id);
                    });
  }
  void operator()(protocol::ClientState& state) {
    session_.background = !state.foreground;
    shard_.outlet_.ok(session_.id, id_);
  }
  void operator()(protocol::Sync& sync) {
    std::optional<SyncContinuation> continued;
    if (session_.extras != nullptr) continued = std::exchange(session_.extras->sync, std::nullopt);
    shard_.syncPages_.sync(requester(), std::move(sync), std::move(continued),
                           [&shard = shard_, id = session_.id](std::optional<SyncContinuation> rest) {
                             ClientSession* session = shard.find(id);
                             if (session == nullptr) return;
                             if (rest || session->extras != nullptr) session->more().sync = std::move(rest);
                           });
  }
  void operator()(protocol::History& history) { shard_.catchUp_.history(requester(), std::move(history)); }
  void operator()(protocol::ConversationsList& list) { shard_.catchUp_.list(requester(), std::move(list)); }
  void operator()(protocol::ConversationMembers& members) {
    shard_.catchUp_.members(requester(), std::move(members));
  }
  void operator()(protocol::ConversationMute& mute) {
    prefer({UserId(session_.user()), std::move(mute.conversationId), mute.until, {}, {}});
  }
  void operator()(protocol::ConversationArchive& archive) {
    prefer({UserId(session_.user()), std::move(archive.conversationId), {}, archive.archived, {}});
  }
  void operator()(protocol::ConversationPin& pin) {
    prefer({UserId(session_.user()), std::move(pin.conversationId), {}, {}, pin.pinned});
  }
  void operator()(protocol::ConversationClear& clear) {
    const std::uint32_t home = shard_.context_.home_of(clear.conversationId);
    shard_.on_shard(home, [from = requester(), clear = std::move(clear)](EngineShard& owner) mutable {
      owner.conversations().clear(std::move(from), std::move(clear));
    });
  }
  void operator()(protocol::ReceiptsGet& get) {
    const std::uint32_t home = shard_.context_.home_of(get.conversationId);
    shard_.on_shard(home, [from = requester(), get = std::move(get)](EngineShard& owner) mutable {
      owner.conversations().receipts_page(std::move(from), std::move(get));
    });
  }
  void operator()(protocol::AuthRefresh& refresh) { shard_.refresh(session_, id_, std::move(refresh.token)); }
  void operator()(protocol::DevicesList&) { shard_.list_devices(session_, id_); }
  void operator()(protocol::DevicesRemove& remove) {
    shard_.remove_device(session_, id_, std::move(remove.deviceId));
  }
  void operator()(protocol::SettingsGet&) { shard_.account_.settings(requester()); }
  void operator()(protocol::SettingsUpdate& update) { change_account(update); }
  void operator()(protocol::ProfileGet& get) {
    if (offered(commands().profile)) shard_.account_.profile(requester(), std::move(get));
  }
  void operator()(protocol::ProfileUpdate& update) {
    if (offered(commands().profile)) change_account(std::move(update));
  }
  void operator()(protocol::UserListGet& get) {
    if (offered(get.list)) shard_.account_.list(requester(), std::move(get));
  }
  void operator()(protocol::UserListChange& change) {
    if (offered(change.list)) change_account(std::move(change));
  }
  void operator()(protocol::Hello& hello) { shard_.on_hello(session_, std::move(hello), id_); }

  void operator()(protocol::ConversationCreate& create) {
    CommandPtr command = event(create.clientMsgId, protocol::payload_hash(create));
    command->conversationId = create.conversationId.empty()
                                  ? derived_group_id(session_.user(), create.clientMsgId)
                                  : std::move(create.conversationId);
    command->action = CreateGroup{std::move(create.name), std::move(create.members), create.expiresInSeconds,
                                  create.settings};
    shard_.submit(std::move(command));
  }
  void operator()(protocol::ConversationUpdate& update) {
    change(update, UpdateConversation{std::move(update.name), update.expiresInSeconds, update.settings});
  }
  void operator()(protocol::ConversationAddMembers& add) { change(add, AddMembers{std::move(add.members)}); }
  void operator()(protocol::ConversationRemoveMembers& remove) {
    change(remove, RemoveMembers{std::move(remove.members)});
  }
  void operator()(protocol::ConversationSetRole& set) {
    change(set, SetRole{std::move(set.userId), set.role});
  }
  void operator()(protocol::ConversationLeave& leave) { change(leave, LeaveGroup{}); }
  void operator()(protocol::ConversationDelete& remove) { change(remove, DeleteGroup{}); }

 private:
  [[nodiscard]] Requester requester() const { return shard_.requester(session_, id_); }
  void change_account(AccountHome::Wanted wanted) {
    shard_.on_shard(shard_.context_.home_of(session_.user()),
                    [from = requester(), wanted = std::move(wanted)](EngineShard& home) mutable {
                      home.account_.change(std::move(from), std::move(wanted));
                    });
  }
  [[nodiscard]] const AccountCommands& commands() const { return shard_.context_.options.accountCommands; }
  [[nodiscard]] bool offered(protocol::UserList list) const {
    return offered(list == protocol::UserList::contacts ? commands().contacts : commands().blocks);
  }
  [[nodiscard]] bool offered(bool here) const {
    if (!here)
      shard_.outlet_.error(session_.id, id_, {},
                           {ErrorCode::unsupported, "not by commands on this server", {}});
    return here;
  }
  void prefer(LogStore::PreferencesRequest wanted) {
    shard_.on_shard(shard_.context_.home_of(session_.user()),
                    [from = requester(), wanted = std::move(wanted)](EngineShard& home) mutable {
                      home.preferences_.change(std::move(from), std::move(wanted));
                    });
  }
  [[nodiscard]] CommandPtr event(std::string_view clientMsgId, std::uint64_t payloadHash) const {
    auto command = std::make_unique<EventCommand>();
    command->from = requester();
    command->clientMsgId = clientMsgId;
    command->payloadHash = payloadHash;
    command->refusal = refusal_;
    return command;
  }
  template <class WireCommand>
  void change(WireCommand& wire, Action action) {
    CommandPtr command = event(wire.clientMsgId, hash_);
    command->conversationId = std::move(wire.conversationId);
    command->action = std::move(action);
    shard_.submit(std::move(command));
  }

 public:
  /// The payload hash, taken before the fields are moved from.
  template <class WireCommand>
  void hash(const WireCommand& wire) {
    constexpr bool isMessage = std::is_same_v<WireCommand, protocol::MessageSend>;
    if constexpr (!isMessage && requires { protocol::payload_hash(wire); })
      hash_ = protocol::payload_hash(wire);
  }

 private:
  EngineShard& shard_;
  ClientSession& session_;
  protocol::RequestId id_;
  std::optional<Error> refusal_;
  std::uint64_t hash_ = 0;
};

void EngineShard::handle(ClientSession& session, std::string_view message) {
  ++commands_;
  protocol::DecodeResult decoded = decoder_.decode(message);
  std::optional<Error> refusal;
  if (context_.limits != nullptr) {
    const Charge counted =
        decoded.command ? std::visit(ChargeOf{}, *decoded.command) : Charge{CommandKind::malformed};
    refusal = charge(session, counted.kind, counted.items);
    if (session.state != ClientSession::State::live) return;
    if (refusal && counted.kind != CommandKind::events)
      return outlet_.error(session.id, decoded.id, decoded.clientMsgId, *refusal);
  }
  if (!decoded.command)
    return outlet_.error(session.id, decoded.id, decoded.clientMsgId, decoded.command.error());
  Dispatch dispatch(*this, session, std::move(decoded.id), std::move(refusal));
  std::visit(
      [&](auto& command) {
        dispatch.hash(command);
        dispatch(command);
      },
      *decoded.command);
}

std::optional<Error> EngineShard::charge(ClientSession& session, CommandKind kind, std::size_t items) {
  const std::int64_t now = context_.clock->steady().count();
  const auto cost = static_cast<std::uint32_t>(1 + items / kItemsPerToken);
  const std::int64_t wait =
      context_.limits->take({session.user(), session.device(), session.address}, kind, cost, now);
  if (wait == 0) {
    session.patience.taken();
    return std::nullopt;
  }
  if (session.patience.refused(now, wait, context_.limits->max_ignored()))
    outlet_.close(session.id, CloseCode::protocol_abuse);
  return told_to_wait(wait);
}

void EngineShard::submit(CommandPtr command) {
  const std::uint32_t home = context_.home_of(command->conversationId);
  if (context_.here(home)) return conversations_.submit(std::move(command));
  context_.link->send(home, [owner = (*context_.shards)[home], command = std::move(command)]() mutable {
    owner->conversations().submit(std::move(command));
  });
}

void EngineShard::receipts(ClientSession& session, const protocol::RequestId& id,
                           const std::vector<protocol::Position>& positions, bool read) {
  auto tally = std::make_shared<ReceiptTally>();
  tally->id = id;
  tally->outstanding = positions.size();
  if (positions.empty()) return outlet_.ok(session.id, id);
  for (const protocol::Position& position : positions) {
    ReceiptCommand command{requester(session, {}),
                           position.conversationId,
                           position.seq,
                           position.epoch,
                           position.messageId,
                           read,
                           tally};
    const std::uint32_t home = context_.home_of(position.conversationId);
    if (context_.here(home)) {
      conversations_.receipt(std::move(command));
      continue;
    }
    context_.link->send(home, [owner = (*context_.shards)[home],
                               held = std::make_unique<ReceiptCommand>(std::move(command))] {
      owner->conversations().receipt(std::move(*held));
    });
  }
}

void EngineShard::presence(ClientSession& session, const protocol::RequestId& id, std::vector<UserId> users,
                           bool watch) {
  if (watch) {
    auto& watched = session.more().watched;
    std::vector<UserId> all;
    std::set_union(watched.begin(), watched.end(), users.begin(), users.end(), std::back_inserter(all));
    if (all.size() > context_.options.maxWatchedUsers)
      return outlet_.error(session.id, id, {}, {ErrorCode::too_large, "too many users are watched", {}});
    watched = std::move(all);
  }
  /// The homes answer one by one, the client is answered once.
  struct Gathering {
    protocol::RequestId id;
    std::vector<PresenceAnswer> answers;
    std::size_t outstanding = 0;
    bool confirmed = false;  ///< by each home, once it is sent: others may have answered a while ago
  };
  std::vector<std::vector<UserId>> byHome(context_.link->count());
  for (UserId& user : users) byHome[context_.home_of(user)].push_back(std::move(user));
  auto gathering = std::make_shared<Gathering>();
  gathering->id = id;
  for (const auto& part : byHome) gathering->outstanding += part.empty() ? 0 : 1;
  const auto finish = [](EngineShard& origin, SessionId to, Gathering& all) {
    std::vector<protocol::PresenceStatus> states;
    for (const PresenceAnswer& answer : all.answers)
      states.push_back({answer.userId, answer.online, answer.lastSeen, answer.availability, answer.text});
    origin.outlet_.send(to, [&](std::string& out) { protocol::append_presence_state(out, all.id, states); });
    if (!all.confirmed) return;
    std::vector<std::vector<PresenceAnswer>> parts(origin.context_.link->count());
    for (PresenceAnswer& answer : all.answers)
      parts[origin.context_.home_of(answer.userId)].push_back(std::move(answer));
    for (std::uint32_t home = 0; home < parts.size(); ++home)
      if (!parts[home].empty())
        origin.on_shard(home, [to, told = std::move(parts[home])](EngineShard& owner) {
          owner.users_.confirm(to, told);
        });
  };
  gathering->confirmed = watch && gathering->outstanding > 1;
  if (gathering->outstanding == 0) return finish(*this, session.id, *gathering);
  const std::uint32_t here = context_.link->self();
  for (std::uint32_t home = 0; home < byHome.size(); ++home) {
    if (byHome[home].empty()) continue;
    on_shard(home, [from = requester(session, {}), part = std::move(byHome[home]), watch, here, gathering,
                    finish](EngineShard& owner) mutable {
      const SessionId to = from.session;
      owner.users_.query(
          std::move(from), std::move(part), watch,
          [&owner, here, to, gathering, finish](std::vector<PresenceAnswer> answers) {
            owner.on_shard(here, [to, gathering, finish, answers = std::move(answers)](EngineShard& origin) {
              gathering->answers.insert(gathering->answers.end(), answers.begin(), answers.end());
              if (--gathering->outstanding == 0) finish(origin, to, *gathering);
            });
          });
    });
  }
}

void EngineShard::unwatch(ClientSession& session, const std::vector<UserId>& users) {
  if (session.extras == nullptr || users.empty()) return;
  auto& watched = session.extras->watched;
  std::erase_if(watched,
                [&](const UserId& user) { return std::binary_search(users.begin(), users.end(), user); });
  for (std::uint32_t home = 0; home < context_.link->count(); ++home) {
    std::vector<UserId> part;
    for (const UserId& user : users)
      if (context_.home_of(user) == home) part.push_back(user);
    if (part.empty()) continue;
    on_shard(home, [part = std::move(part), id = session.id](EngineShard& owner) {
      owner.users_.unwatch(id, part);
    });
  }
}

void EngineShard::settings_changed(const UserId& user) {
  privacy_.changed(user);
  if (context_.here(context_.home_of(user))) users_.settings_changed(user);
}

void EngineShard::blocks_changed(const UserId& user, const std::vector<UserId>& others,
                                 std::optional<bool> blocked) {
  const bool home = context_.here(context_.home_of(user));
  for (const UserId& other : others) {
    const ConversationId id = direct_conversation_id(user, other);
    if (context_.here(context_.home_of(id))) {
      if (blocked)
        conversations_.block_changed(id, user, *blocked);
      else
        conversations_.blocks_changed(id);
    }
    if (home) users_.blocks_changed(user, other);
    if (context_.here(context_.home_of(other))) users_.blocks_changed(other, user);
  }
}

void EngineShard::account_changed(const UserId& user, AccountSection section) {
  if (section == AccountSection::settings)
    for (std::uint32_t shard = 0; shard < context_.link->count(); ++shard)
      on_shard(shard, [user](EngineShard& every) { every.settings_changed(user); });
  if (section == AccountSection::contacts) users_.settings_changed(user);
  notes_.note(user, section, [this, user, section](const Status& noted) {
    if (!noted) context_.log->write(LogLevel::warn, "account", "not noted: " + noted.error().message);
    const FrameRef frame =
        outlet_.frame([&](std::string& out) { protocol::append_account_changed(out, section); },
                      {DeliveryClass::ephemeral, {}, 0});
    context_.router->publish(context_.link->self(), context_.inbox(user), {frame, 0, 0, nullptr});
  });
}

void EngineShard::drained(SessionId id, std::vector<WithheldMark> marks, bool everything) {
  std::vector<protocol::Head> heads;
  // No heads at all say: everything may be behind.
  if (!everything)
    for (const WithheldMark& mark : marks) heads.push_back({mark.key, mark.number});
  if (!heads.empty() || everything)
    outlet_.send(id, [&](std::string& out) { protocol::append_sync_required(out, heads); });
  // Changes of presence were dropped meanwhile, and nothing repeats those.
  ClientSession* session = find(id);
  if (session == nullptr || session->state != ClientSession::State::live || session->extras == nullptr)
    return;
  if (!session->extras->watched.empty()) presence(*session, {}, session->extras->watched, true);
}

void EngineShard::closed(SessionId id, std::uint16_t) {
  ClientSession* session = find(id);
  if (session == nullptr) return;
  if (session->extras != nullptr && !session->extras->watched.empty()) {
    const std::vector<UserId> watched = session->extras->watched;
    unwatch(*session, watched);
  }
  nameless_.erase(id);
  awaitingHost_.erase(id);
  renewed_.erase(id);
  const bool admitted =
      session->state == ClientSession::State::live || session->state == ClientSession::State::admitting;
  if (admitted) {
    on_shard(context_.home_of(session->user()),
             [id, who = session->who](EngineShard& home) { home.users_.disconnect(id, *who); });
  }
  *session = ClientSession{};
}

void EngineShard::stale(const Topic& topic, std::vector<SessionId> takers) {
  static constexpr std::string_view kPrefix = "group-chat-";
  // No other topic has members.
  if (!topic->name().starts_with(kPrefix)) return context_.gateway->refreshed(topic, 0, {});
  ConversationId id(topic->name().substr(kPrefix.size()));
  std::vector<std::pair<SessionId, UserId>> users;
  for (SessionId taker : takers)
    if (const ClientSession* session = find(taker); session != nullptr && session->who)
      users.emplace_back(taker, UserId(session->user()));
  on_shard(context_.home_of(id),
           [topic, id, users = std::move(users), here = context_.link->self()](EngineShard& owner) mutable {
             owner.conversations().refresh_takers(topic, std::move(id), std::move(users), here);
           });
}

void EngineShard::tick() {
  expiries_.advance(context_.clock->steady(), [this](SessionId id) { expire(id); });
  connects_.tick();
  conversations_.tick();
  users_.tick();
  sweep_limits();
}

/// A stripe a tick, each shard its own: nobody waits long for one.
void EngineShard::sweep_limits() {
  if (context_.limits == nullptr) return;
  const std::uint32_t shards = context_.link->count();
  sweptStripe_ = sweptStripe_ + shards < RateLimits::kStripes ? sweptStripe_ + shards : context_.link->self();
  context_.limits->sweep(sweptStripe_, context_.clock->steady().count());
}

}  // namespace chatcore::engine
