#include "seam/remote_gateways.hpp"

#include <algorithm>
#include <utility>

#include "core/simulation_bug.hpp"

namespace chatcore::seam {

namespace {

constexpr std::uint32_t kGenerations = 1U << 24;
constexpr std::uint32_t kComeBackMillis = 1'000;
constexpr std::chrono::milliseconds kLongestWay{60'000};

}  // namespace

RemoteGateways::RemoteGateways(Seat seat, SeamOptions options, Ports ports, Announcement engine)
    : seat_(std::move(seat)),
      options_(options),
      ports_(ports),
      engine_(std::move(engine)),
      end_(ports, engine_channel(seat_.serverId, seat_.boot, seat_.shard),
           seat_.shard == 0 ? std::vector<std::string>{std::string(kSeekers), std::string(kAnnouncements)}
                            : std::vector<std::string>{}) {}

RemoteGateways::~RemoteGateways() = default;

void RemoteGateways::start() {
  end_.start([this](const PacketView& packet) { heed(packet); },
             [this] {
               if (seat_.shard == 0) announce();
             });
}

void RemoteGateways::announce() {
  announceAt_ = ports_.clock->steady() + options_.announce;
  end_.put(std::string(kAnnouncements), {announcement(engine_)});
}

void RemoteGateways::tick() {
  end_.tick();
  if (stopped_) return;
  if (superseded_) return stop();
  const auto now = ports_.clock->steady();
  if (seat_.shard == 0 && now >= announceAt_) announce();
  std::vector<PeerPtr> lost;
  for (const auto& [channel, peer] : peers_) {
    std::vector<Packet> packets;
    peer->link.tick(now, packets);
    end_.put(channel, packets);
    if (peer->link.health(now) != OrderedLink::Health::good) lost.push_back(peer);
  }
  for (const PeerPtr& peer : lost) lose(peer, to_string(peer->link.health(now)));
}

void RemoteGateways::stop() {
  stopped_ = true;
  while (!peers_.empty()) lose(PeerPtr(peers_.begin()->second), "the engine stops");
}

void RemoteGateways::stop_hearing() { end_.stop(); }

/// Of two engines the one with the lower term has been followed by the other one.
void RemoteGateways::heed(const Announcement& other) {
  const bool own = other.serverId == engine_.serverId && other.boot == engine_.boot;
  if (own || other.term < engine_.term) return;
  ports_.log->write(
      LogLevel::error, "seam",
      "another engine serves the same gateways: " + other.serverId + ", term " + std::to_string(other.term));
  if (other.term > engine_.term) superseded_ = true;
}

void RemoteGateways::heed(const PacketView& packet) {
  if (stopped_) return;
  if (packet.kind == PacketKind::seek) {
    announceAt_ = ports_.clock->steady();  // with the next tick, however many ask until then
    return;
  }
  if (packet.kind == PacketKind::announce) {
    if (const auto announcement = decode_announcement(packet.body)) heed(*announcement);
    return;
  }
  if (packet.kind == PacketKind::attach) attach(packet);
  const auto known = peers_.find(packet.from);
  const bool over = known == peers_.end() || known->second->link.number() != packet.link ||
                    (packet.end != 0 && packet.end != known->second->link.end());
  if (over) {
    const bool answered = packet.kind != PacketKind::attach && packet.kind != PacketKind::reset;
    if (answered) say_reset(std::string(packet.from), packet.link, packet.end);
    return;
  }
  const PeerPtr peer = known->second;
  if (packet.kind == PacketKind::reset) return lose(peer, "it gave the link up");
  std::vector<Packet> answers;
  const bool next = peer->link.receive(packet, ports_.clock->steady(), answers);
  if (packet.kind == PacketKind::attach) peer->link.say_beat(ports_.clock->steady(), answers);
  end_.put(peer->channel, answers);
  if (next) take_up(peer, packet.body);
}

void RemoteGateways::attach(const PacketView& packet) {
  ByteReader reader(packet.body);
  if (reader.number() != kVersion || !reader.done())
    return ports_.log->write(LogLevel::error, "seam", "a gateway of another version asks for a link");
  const auto known = peers_.find(packet.from);
  if (known != peers_.end()) {
    if (known->second->link.number() >= packet.link) return;  // late, or asked again
    lose(PeerPtr(known->second), "it begins another one");
  }
  if (peers_.size() >= options_.maxGateways)
    return ports_.log->write(LogLevel::error, "seam", "there are too many gateways");
  auto peer = std::make_shared<Peer>(Peer{
      std::string(packet.from), OrderedLink(options_.link, packet.link, ports_.clock->steady()), {}, 0, {}});
  peer->link.set_end(++ends_);
  ports_.log->write(LogLevel::info, "seam", "attached: " + peer->channel);
  peers_.emplace(peer->channel, std::move(peer));
}

void RemoteGateways::say_reset(const std::string& channel, std::uint64_t link, std::uint64_t end) {
  end_.put(channel, {reset(link, end, ports_.clock->steady())});
}

void RemoteGateways::lose(const PeerPtr& peer, std::string_view why) {
  ports_.log->write(LogLevel::warn, "seam", "the link of " + peer->channel + " is lost: " + std::string(why));
  say_reset(peer->channel, peer->link.number(), peer->link.end());
  peers_.erase(peer->channel);
  forget_taker(*peer);
  if (CHATCORE_BUG("lost links keep their sessions")) return;
  std::vector<std::uint32_t> slots;
  for (const auto& [theirs, slot] : peer->slots) slots.push_back(slot);
  std::sort(slots.begin(), slots.end());
  constexpr std::uint16_t kWithoutClose = 1006;
  for (const std::uint32_t slot : slots)
    end(session_id(seat_.shard, names_[slot].generation, slot), kWithoutClose);
}

/// Takes in what a gateway tells.
struct RemoteGateways::Hear {
  RemoteGateways& self;
  const PeerPtr& peer;

  void operator()(const Opened& it) {
    if (self.name(*peer, it.session) != 0) return;
    if (peer->slots.size() >= self.options_.maxSessionsPerGateway || peer->link.congested())
      return self.say(*peer, Close{it.session, CloseCode::overloaded, kComeBackMillis});
    HandshakeView handshake;
    handshake.query = it.query;
    handshake.authorization = it.authorization;
    handshake.origin = it.origin;
    handshake.remoteAddress = it.remoteAddress;
    // As long ago as a connection may be, and not to come.
    const auto now = self.ports_.clock->steady();
    const auto earliest = std::max(now - kLongestWay, std::chrono::milliseconds(1));
    handshake.acceptedAt = std::clamp(peer->link.here(it.acceptedAt), earliest, std::max(now, earliest));
    self.events_->opened(self.add(peer, it.session), handshake);
  }
  void operator()(const Received& it) {
    if (const SessionId session = self.name(*peer, it.session)) self.events_->received(session, it.messages);
  }
  void operator()(const Drained& it) {
    const SessionId session = self.name(*peer, it.session);
    if (session == 0) return;
    std::vector<WithheldMark> marks;
    for (const auto& [key, number] : it.marks) marks.push_back({std::string(key), number});
    self.events_->drained(session, std::move(marks), it.everything);
  }
  void operator()(const Closed& it) {
    if (const SessionId session = self.name(*peer, it.session)) self.end(session, it.code);
  }
  void operator()(const Stale& it) {
    std::vector<SessionId> takers;
    for (const SessionId theirs : it.takers)
      if (const SessionId session = self.name(*peer, theirs)) takers.push_back(session);
    self.ask(peer, self.topic(it.topic), std::move(takers));
  }
  void operator()(const Overdue& it) {
    const SessionId session = self.name(*peer, it.session);
    if (session == 0 || self.find(session)->admitted) return;
    const CloseCode code = self.events_->overdue(session).value_or(CloseCode::overloaded);
    self.close(session, code, code == CloseCode::overloaded ? kComeBackMillis : 0);
  }
  void operator()(const Left& it) { self.unmark_taker(self.topic(it.topic), *peer, it.heard); }
};

void RemoteGateways::take_up(const PeerPtr& peer, std::string_view body) {
  Hear hear{*this, peer};
  ByteReader reader(body);
  while (reader.more()) {
    const std::optional<Upward> message = read_upward(reader);
    if (!message) return lose(peer, "a message that is none");
    std::visit(hear, *message);
  }
}

void RemoteGateways::ask(const PeerPtr& peer, const Topic& topic, std::vector<SessionId> takers) {
  Questions& asked = questions_[topic.get()];
  asked.topic = topic;
  auto& waiting = asked.waiting;
  // What a link asks anew is asked instead of what it waits for.
  for (std::size_t i = 1; i < waiting.size(); ++i)
    if (waiting[i].peer == peer) {
      waiting[i].takers = std::move(takers);
      return;
    }
  waiting.push_back({peer, std::move(takers)});
  if (waiting.size() == 1) ask_next(topic.get());
}

void RemoteGateways::ask_next(const TopicEntry* topic) {
  const auto asked = questions_.find(topic);
  const Topic held = asked->second.topic;
  events_->stale(held, asked->second.waiting.front().takers);
}

void RemoteGateways::refreshed(const Topic& topic, Seq memberSeq, std::vector<SessionId> allowed) {
  const auto asked = questions_.find(topic.get());
  if (asked == questions_.end()) return;
  const PeerPtr peer = std::move(asked->second.waiting.front().peer);
  asked->second.waiting.pop_front();
  const bool more = !asked->second.waiting.empty();
  if (!more) questions_.erase(asked);
  Refreshed answer{topic->name(), memberSeq, {}};
  for (const SessionId session : allowed) {
    const Name* known = find(session);
    if (known != nullptr && known->peer == peer) answer.allowed.push_back(known->theirs);
  }
  say(*peer, answer);
  if (more) ask_next(topic.get());
}

RemoteGateways::Name* RemoteGateways::find(SessionId session) {
  const std::uint32_t slot = slot_of(session);
  if (slot >= names_.size() || names_[slot].peer == nullptr) return nullptr;
  return session_id(seat_.shard, names_[slot].generation, slot) == session ? &names_[slot] : nullptr;
}

SessionId RemoteGateways::name(const Peer& peer, SessionId theirs) const {
  const auto known = peer.slots.find(theirs);
  if (known == peer.slots.end()) return 0;
  return session_id(seat_.shard, names_[known->second].generation, known->second);
}

SessionId RemoteGateways::add(const PeerPtr& peer, SessionId theirs) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(names_.size()));
    names_.emplace_back();
  }
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  Name& made = names_[slot];
  made.generation = made.generation + 1 < kGenerations ? made.generation + 1 : 1;
  made.peer = peer;
  made.theirs = theirs;
  made.admitted = false;
  peer->slots.emplace(theirs, slot);
  return session_id(seat_.shard, made.generation, slot);
}

void RemoteGateways::remove(std::uint32_t slot) {
  names_[slot].peer->slots.erase(names_[slot].theirs);
  names_[slot].peer = nullptr;
  free_.push_back(slot);
}

void RemoteGateways::end(SessionId session, std::uint16_t code) {
  if (find(session) == nullptr) return;
  remove(slot_of(session));
  events_->closed(session, code);
}

void RemoteGateways::say(Peer& peer, const Downward& message) {
  ++peer.said;
  if (auto full = peer.gathered.add(message, options_.packetBytes)) send(peer, std::move(*full));
}

void RemoteGateways::send(Peer& peer, std::string body) {
  std::vector<Packet> packets;
  peer.link.send(std::move(body), ports_.clock->steady(), packets);
  end_.put(peer.channel, packets);
}

void RemoteGateways::flush() {
  for (const auto& [channel, peer] : peers_)
    if (!peer->gathered.empty()) send(*peer, peer->gathered.take());
}

void RemoteGateways::mark_taker(const Topic& topic, const PeerPtr& peer) {
  Takers& takers = takers_[topic.get()];
  if (takers.links.empty()) {
    takers.topic = topic;
    ports_.router->take(seat_.shard, topic);
  }
  for (Taker& taker : takers.links)
    if (taker.peer == peer) {
      taker.said = peer->said;
      return;
    }
  takers.links.push_back({peer, peer->said});
}

void RemoteGateways::unmark_taker(const Topic& topic, const Peer& peer, std::uint64_t heard) {
  const auto found = takers_.find(topic.get());
  if (found == takers_.end()) return;
  auto& links = found->second.links;
  const auto taker = std::find_if(links.begin(), links.end(), [&](const Taker& known) {
    return known.peer.get() == &peer && (known.said <= heard || CHATCORE_BUG("topics are left too early"));
  });
  if (taker == links.end()) return;
  links.erase(taker);
  if (!links.empty()) return;
  ports_.router->leave(seat_.shard, topic);
  takers_.erase(found);
}

void RemoteGateways::forget_taker(const Peer& peer) {
  for (auto found = takers_.begin(); found != takers_.end();) {
    auto& links = found->second.links;
    links.erase(std::remove_if(links.begin(), links.end(),
                               [&](const Taker& taker) { return taker.peer.get() == &peer; }),
                links.end());
    if (!links.empty()) {
      ++found;
      continue;
    }
    ports_.router->leave(seat_.shard, found->second.topic);
    takers_.erase(found++);
  }
}

SubscribeOutcome RemoteGateways::subscribe(SessionId session, const Topic& topic, Seq memberSeq) {
  const Name* known = find(session);
  if (known == nullptr) return SubscribeOutcome::gone;
  // A claim that is stale there is asked about anew from there.
  say(*known->peer, Subscribe{known->theirs, topic->name(), memberSeq});
  mark_taker(topic, known->peer);
  return SubscribeOutcome::ok;
}

void RemoteGateways::unsubscribe(SessionId session, const Topic& topic) {
  if (const Name* known = find(session)) say(*known->peer, Unsubscribe{known->theirs, topic->name()});
}

void RemoteGateways::admit(SessionId session) {
  Name* known = find(session);
  if (known == nullptr) return;
  known->admitted = true;
  say(*known->peer, Admit{known->theirs});
}

void RemoteGateways::deliver(SessionId session, const FrameRef& frame) {
  if (const Name* known = find(session)) say(*known->peer, Deliver{known->theirs, FrameImage::of(*frame)});
}

void RemoteGateways::close(SessionId session, CloseCode code, std::uint32_t retryAfterMs) {
  const Name* known = find(session);
  if (known == nullptr) return;
  say(*known->peer, Close{known->theirs, code, retryAfterMs});
  end(session, static_cast<std::uint16_t>(code));
}

void RemoteGateways::broadcast(const FrameRef& frame) {
  for (const auto& [channel, peer] : peers_) say(*peer, Broadcast{FrameImage::of(*frame)});
}

void RemoteGateways::publish(const Topic& topic, const Envelope& envelope) {
  const auto found = takers_.find(topic.get());
  if (found == takers_.end()) return;
  const Name* except = envelope.except != 0 ? find(envelope.except) : nullptr;
  for (const Taker& taker : found->second.links) {
    if (envelope.head != nullptr) {
      const HeadMark& head = *envelope.head;
      say(*taker.peer, PublishHead{topic->name(), envelope.memberSeq, head.key, head.number, head.age});
      continue;
    }
    const bool itsOwn = except != nullptr && except->peer == taker.peer;
    say(*taker.peer, Publish{topic->name(), FrameImage::of(*envelope.frame), envelope.memberSeq,
                             itsOwn ? except->theirs : 0});
  }
}

void RemoteGateways::change_members(const Topic& topic, const MembershipDelta& delta) {
  std::vector<PeerPtr> reached;
  const auto reach = [&](const Topic& taken) {
    const auto found = takers_.find(taken.get());
    if (found == takers_.end()) return;
    for (const Taker& taker : found->second.links)
      if (std::find(reached.begin(), reached.end(), taker.peer) == reached.end())
        reached.push_back(taker.peer);
  };
  reach(topic);
  for (const Topic& inbox : delta.added) reach(inbox);
  // The router has marked this shard as a taker before it sent the change.
  if (reached.empty()) return ports_.router->leave(seat_.shard, topic);
  ChangeMembers change{topic->name(), delta.memberSeq, delta.previous, {}, {}};
  for (const Topic& inbox : delta.added) change.added.push_back(inbox->name());
  for (const Topic& inbox : delta.removed) change.removed.push_back(inbox->name());
  for (const PeerPtr& peer : reached) {
    say(*peer, change);
    mark_taker(topic, peer);
  }
}

}  // namespace chatcore::seam
