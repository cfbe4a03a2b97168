#include "seam/remote_engine.hpp"

#include <utility>

#include "core/simulation_bug.hpp"

namespace chatcore::seam {

RemoteEngine::RemoteEngine(Seat seat, SeamOptions options, Ports ports, bool loopback)
    : seat_(std::move(seat)),
      options_(options),
      ports_(ports),
      loopback_(loopback),
      end_(ports, gateway_channel(seat_.serverId, seat_.boot, seat_.shard), {std::string(kAnnouncements)}) {}

RemoteEngine::~RemoteEngine() = default;

void RemoteEngine::start() {
  end_.start([this](const PacketView& packet) { heed(packet); }, [this] { seek(); });
}

void RemoteEngine::stop() {
  if (link_) say_reset();
  link_.reset();
  attached_ = false;
  gathered_ = {};
  end_.stop();
}

void RemoteEngine::say_reset() {
  end_.put(engineChannel_, {reset(link_->number(), link_->end(), ports_.clock->steady())});
}

void RemoteEngine::warn_once(Warning warning, std::string_view text) {
  if (std::exchange(warned_, warning) == warning) return;
  ports_.log->write(LogLevel::error, "seam", text);
}

void RemoteEngine::heed(const PacketView& packet) {
  if (packet.kind != PacketKind::announce) return take_in(packet);
  if (const auto announcement = decode_announcement(packet.body)) return heed(*announcement);
  if (!attached_) warn_once(Warning::version, "an engine of another version announces itself");
}

bool RemoteEngine::may_follow(const Announcement& next) const {
  if (!engine_ || next.term > engine_->term) return true;
  const bool same = next.serverId == engine_->serverId && next.boot == engine_->boot;
  return !attached_ && !same && next.term == engine_->term;
}

void RemoteEngine::heed(const Announcement& announcement) {
  if (!may_follow(announcement)) {
    if (!attached_ && announcement.term < engine_->term)
      warn_once(Warning::term, "the engine that announces itself has a lower term than the one before it: " +
                                   announcement.serverId + ", term " + std::to_string(announcement.term));
    return;
  }
  if (announcement.loopbackOnly && !loopback_)
    return warn_once(Warning::loopback,
                     "the engine's authentication trusts everybody, so it serves loopback addresses only");
  if (link_) lose_link("another engine serves");
  engine_ = announcement;
  engineChannel_ = engine_channel(
      engine_->serverId, engine_->boot,
      static_cast<std::uint32_t>((partition_of(seat_.serverId) + seat_.shard) % engine_->shards));
  begin_link();
}

void RemoteEngine::seek() {
  askedAt_ = ports_.clock->steady();
  Packet packet;
  packet.kind = PacketKind::seek;
  packet.sentAt = askedAt_;
  end_.put(std::string(kSeekers), {std::move(packet)});
}

void RemoteEngine::begin_link() {
  link_.emplace(options_.link, ++links_, ports_.clock->steady());
  heard_ = 0;
  ask_to_attach();
}

void RemoteEngine::ask_to_attach() {
  askedAt_ = ports_.clock->steady();
  auto version = std::make_shared<std::string>();
  put_number(*version, kVersion);
  Packet attach;
  attach.kind = PacketKind::attach;
  attach.link = link_->number();
  attach.sentAt = askedAt_;
  attach.body = std::move(version);
  end_.put(engineChannel_, {std::move(attach)});
}

void RemoteEngine::lose_link(std::string_view why) {
  if (attached_)
    ports_.log->write(LogLevel::warn, "seam", "the link to the engine is lost: " + std::string(why));
  attached_ = false;
  link_.reset();
  gathered_ = {};
  gateway_->forget_questions();
  if (CHATCORE_BUG("lost engines keep their sessions")) return;
  const gateway::SessionTable& sessions = gateway_->sessions();
  for (ConnectionSlot slot = 0; slot < sessions.slots(); ++slot)
    gateway_->close(sessions.id(slot), CloseCode::overloaded, moment_to_come_back());
}

std::uint32_t RemoteEngine::moment_to_come_back() const {
  return static_cast<std::uint32_t>(
      1 + ports_.random->below(static_cast<std::uint64_t>(options_.comeBackWithin.count())));
}

void RemoteEngine::take_in(const PacketView& packet) {
  if (!link_ || packet.link != link_->number() || packet.from != engineChannel_) return;
  const bool another = link_->end() != 0 && packet.end != link_->end();
  if (another || packet.kind == PacketKind::reset) {
    lose_link("the engine has given it up");
    return begin_link();
  }
  link_->set_end(packet.end);
  if (!std::exchange(attached_, true)) {
    warned_ = Warning::none;
    ports_.log->write(LogLevel::info, "seam", "attached to " + engineChannel_);
  }
  std::vector<Packet> answers;
  const bool next = link_->receive(packet, ports_.clock->steady(), answers);
  end_.put(engineChannel_, answers);
  if (next) take_down(packet.body);
}

/// Carries a command out.
struct RemoteEngine::Carry {
  RemoteEngine& self;
  gateway::Gateway& gateway;

  void operator()(const Subscribe& it) {
    const Topic topic = self.topic(it.topic);
    if (gateway.subscribe(it.session, topic, it.memberSeq) == SubscribeOutcome::stale_claim)
      gateway.ask_about(it.session, topic);
    // The engine holds us to take the topic since it said so.
    if (topic->local(self.seat_.shard) == TopicEntry::kNotHere) self.leave(self.seat_.shard, topic);
  }
  void operator()(const Unsubscribe& it) { gateway.unsubscribe(it.session, self.topic(it.topic)); }
  void operator()(const Admit& it) { gateway.admit(it.session); }
  void operator()(const Deliver& it) { gateway.deliver(it.session, it.frame.frame()); }
  void operator()(const Close& it) { gateway.close(it.session, it.code, it.retryAfterMs); }
  void operator()(const Refreshed& it) { gateway.refreshed(self.topic(it.topic), it.memberSeq, it.allowed); }
  void operator()(const Publish& it) {
    gateway.fan_out().publish(self.topic(it.topic), {it.frame.frame(), it.memberSeq, it.except, nullptr});
  }
  void operator()(const PublishHead& it) {
    const auto head = std::make_shared<const HeadMark>(HeadMark{std::string(it.key), it.number, it.age});
    gateway.fan_out().publish(self.topic(it.topic), {{}, it.memberSeq, 0, head});
  }
  void operator()(const ChangeMembers& it) {
    MembershipDelta delta;
    delta.memberSeq = it.memberSeq;
    delta.previous = it.previous;
    for (const std::string_view name : it.added) delta.added.push_back(self.topic(name));
    for (const std::string_view name : it.removed) delta.removed.push_back(self.topic(name));
    gateway.fan_out().change_members(self.topic(it.topic), delta);
  }
  void operator()(const Broadcast& it) { gateway.broadcast(it.frame.frame()); }
};

void RemoteEngine::take_down(std::string_view body) {
  Carry carry{*this, *gateway_};
  ByteReader reader(body);
  while (reader.more()) {
    const std::optional<Downward> message = read_downward(reader);
    if (!message) return lose_link("a message that is none");
    ++heard_;
    std::visit(carry, *message);
  }
}

void RemoteEngine::say(const Upward& message) {
  if (!attached_) return;
  if (auto full = gathered_.add(message, options_.packetBytes)) send(std::move(*full));
}

void RemoteEngine::flush() {
  if (!gathered_.empty() && link_) send(gathered_.take());
}

void RemoteEngine::send(std::string body) {
  std::vector<Packet> packets;
  link_->send(std::move(body), ports_.clock->steady(), packets);
  end_.put(engineChannel_, packets);
}

void RemoteEngine::tick() {
  end_.tick();
  const auto now = ports_.clock->steady();
  if (!engine_) {
    if (now - askedAt_ >= options_.announce) seek();
    return;
  }
  if (!link_) return begin_link();
  if (!attached_) {
    if (now - askedAt_ >= options_.announce) ask_to_attach();
    return;
  }
  std::vector<Packet> packets;
  link_->tick(now, packets);
  end_.put(engineChannel_, packets);
  const OrderedLink::Health health = link_->health(now);
  if (health == OrderedLink::Health::good) return;
  say_reset();
  lose_link(to_string(health));
}

void RemoteEngine::opened(SessionId session, const HandshakeView& handshake) {
  if (!attached_ || link_->congested())
    return gateway_->close(session, CloseCode::overloaded, moment_to_come_back());
  const auto acceptedAt = handshake.acceptedAt.count() != 0 ? handshake.acceptedAt : ports_.clock->steady();
  say(Opened{session, handshake.query, handshake.authorization, handshake.origin, handshake.remoteAddress,
             acceptedAt});
}

void RemoteEngine::received(SessionId session, std::span<const std::string_view> messages) {
  // Whoever goes on when the link is full would take everybody's connection with it.
  if (attached_ && link_->congested())
    return gateway_->close(session, CloseCode::overloaded, moment_to_come_back());
  say(Received{session, {messages.begin(), messages.end()}});
}

void RemoteEngine::drained(SessionId session, std::vector<WithheldMark> marks, bool everything) {
  Drained message{session, everything, {}};
  for (const WithheldMark& mark : marks) message.marks.emplace_back(mark.key, mark.number);
  say(message);
}

void RemoteEngine::closed(SessionId session, std::uint16_t code) { say(Closed{session, code}); }

void RemoteEngine::stale(const Topic& topic, std::vector<SessionId> takers) {
  say(Stale{topic->name(), std::move(takers)});
}

/// Only the engine knows whether it waits for the client or the client for it.
std::optional<CloseCode> RemoteEngine::overdue(SessionId session) {
  say(Overdue{session});
  return std::nullopt;
}

void RemoteEngine::leave(std::uint32_t, const Topic& topic) { say(Left{topic->name(), heard_}); }

}  // namespace chatcore::seam
