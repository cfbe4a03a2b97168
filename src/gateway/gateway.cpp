#include "gateway/gateway.hpp"

#include <algorithm>
#include <cstring>

#include "core/simulation_bug.hpp"

namespace chatcore::gateway {

namespace {

constexpr std::size_t kJoinLimit = 64 * 1024;  // above it copying costs more than an iovec
constexpr std::size_t kMaxPieces = 64;
constexpr std::int64_t kTickMillis = 100;
constexpr std::uint32_t kComeBackMillis = 1'000;
constexpr std::uint16_t kNoCodeGiven = 1005;

}  // namespace

Gateway::Gateway(std::uint32_t shard, GatewayOptions options, Transport& transport, Router& router,
                 const Clock& clock)
    : transport_(transport),
      clock_(clock),
      sessions_(shard, std::move(options)),
      topics_(shard, sessions_, router,
              [this](const Topic& topic, std::vector<SessionId> takers) {
                events_->stale(topic, std::move(takers));
              }),
      checks_(clock.steady()) {}

void Gateway::on_open(ConnectionSlot slot, const HandshakeView& handshake) {
  sessions_.open(slot, now());
  const auto& options = sessions_.options();
  checks_.add(clock_.steady() + std::min(options.handshakeTimeout, options.heartbeat),
              {slot, sessions_.hot(slot).generation});
  events_->opened(sessions_.id(slot), handshake);
}

void Gateway::on_messages(ConnectionSlot slot, std::span<const std::string_view> messages) {
  if (sessions_.hot(slot).state == SessionState::closing) return;
  events_->received(sessions_.id(slot), messages);
}

void Gateway::on_heard(ConnectionSlot slot) {
  SessionHot& session = sessions_.hot(slot);
  session.heardTick = static_cast<std::uint32_t>(now() / kTickMillis);
  session.pinged = false;
}

void Gateway::on_writable(ConnectionSlot slot) {
  SessionHot& session = sessions_.hot(slot);
  if (session.outbox != nullptr) session.outbox->waitsForRoom = false;
  sessions_.mark_dirty(slot, session);
}

void Gateway::on_peer_close(ConnectionSlot slot, std::uint16_t code) {
  begin_close(slot, code == kNoCodeGiven ? static_cast<std::uint16_t>(CloseCode::normal) : code, {});
}

void Gateway::on_close(ConnectionSlot slot, std::uint16_t code) {
  const SessionHot& session = sessions_.hot(slot);
  if (session.state == SessionState::closed) return;
  const bool told = session.state == SessionState::closing;
  const SessionId id = sessions_.id(slot);
  topics_.forget(slot);
  sessions_.close(slot);
  if (!told) events_->closed(id, code);
}

SubscribeOutcome Gateway::subscribe(SessionId session, const Topic& topic, Seq memberSeq) {
  return topics_.subscribe(session, topic, memberSeq);
}

void Gateway::unsubscribe(SessionId session, const Topic& topic) { topics_.unsubscribe(session, topic); }

void Gateway::admit(SessionId session) {
  if (!sessions_.alive(session)) return;
  SessionHot& hot = sessions_.hot(slot_of(session));
  if (hot.state == SessionState::open) hot.state = SessionState::admitted;
}

void Gateway::deliver(SessionId session, const FrameRef& frame) {
  if (sessions_.alive(session)) sessions_.enqueue(slot_of(session), frame);
}

void Gateway::broadcast(const FrameRef& frame) {
  std::uint32_t references = 0;
  for (ConnectionSlot slot = 0; slot < sessions_.slots(); ++slot) {
    const SessionState state = sessions_.hot(slot).state;
    if (state == SessionState::admitted || state == SessionState::lagging)
      references += sessions_.enqueue_shared(slot, frame.get());
  }
  if (references != 0) frame->add_references(references);
}

void Gateway::close(SessionId session, CloseCode code, std::uint32_t retryAfterMs) {
  if (!sessions_.alive(session)) return;
  std::string reason(to_string(code));
  if (retryAfterMs != 0) reason += ";retryAfterMs=" + std::to_string(retryAfterMs);
  begin_close(slot_of(session), static_cast<std::uint16_t>(code), reason);
}

void Gateway::refreshed(const Topic& topic, Seq memberSeq, std::vector<SessionId> allowed) {
  topics_.refreshed(topic, memberSeq, allowed);
  tell_missed();
}

void Gateway::tell_missed() {
  auto missed = std::move(topics_.missed());
  topics_.missed().clear();
  for (auto& [session, mark] : missed) events_->drained(session, {std::move(mark)}, false);
}

void Gateway::begin_close(ConnectionSlot slot, std::uint16_t code, std::string_view reason) {
  SessionHot& session = sessions_.hot(slot);
  if (session.state == SessionState::closed || session.state == SessionState::closing) return;
  char bytes[131];
  const std::size_t size = transport_.encode_close(bytes, code, reason);
  Outbox& outbox = sessions_.outbox_of(session);
  if (code == static_cast<std::uint16_t>(CloseCode::slow_consumer)) {
    // What does not fit the socket is not worth waiting for; a frame that is half out must be finished.
    const std::size_t keep = outbox.head + (outbox.offset != 0 ? 1 : 0);
    while (outbox.frames.size() > keep) {
      release(outbox.frames.back());
      outbox.frames.pop_back();
    }
  }
  outbox.frames.push_back(Frame::make_raw({bytes, size}));
  outbox.bytes += static_cast<std::uint32_t>(size);
  session.state = SessionState::closing;
  session.openedTick = static_cast<std::uint32_t>(now() / kTickMillis);  // from here on: since when it closes
  topics_.forget(slot);
  checks_.add(clock_.steady() + sessions_.options().closeLinger, {slot, session.generation});
  if (!outbox.waitsForRoom) sessions_.mark_dirty(slot, session);
  events_->closed(sessions_.id(slot), code);
}

void Gateway::flush() {
  if (!topics_.missed().empty()) tell_missed();
  sessions_.set_now(now());
  // Closing or answering inside the flush may dirty more sessions: they wait for the next round here.
  for (int round = 0; round < 4 && !sessions_.dirty().empty(); ++round) {
    flushing_.swap(sessions_.dirty());
    for (std::size_t i = 0; i < flushing_.size(); ++i) {
      // A write takes longer than it takes to bring here what the next one needs.
      if (i + 1 < flushing_.size()) {
        __builtin_prefetch(&sessions_.hot(flushing_[i + 1]), 1);
        transport_.expect_write(flushing_[i + 1]);
      }
      sessions_.hot(flushing_[i]).dirty = false;
      flush_one(flushing_[i]);
    }
    flushing_.clear();
  }
  joinedFrames_.clear();
  released_.flush();
}

void Gateway::flush_one(ConnectionSlot slot) {
  SessionHot& session = sessions_.hot(slot);
  if (session.state == SessionState::closed) return;
  if (session.abortRequested) {
    session.abortRequested = false;
    begin_close(slot, static_cast<std::uint16_t>(CloseCode::slow_consumer),
                to_string(CloseCode::slow_consumer));
  }
  if (session.first != nullptr) {
    const std::string_view wire = session.first->wire();
    const std::size_t sent = transport_.write(slot, {&wire, 1});
    if (sent == wire.size()) {
      release(std::exchange(session.first, nullptr));
      return after_drain(slot);
    }
    Outbox& outbox = sessions_.outbox_of(session);
    outbox.waitsForRoom = true;
    take_sent(outbox, sent);
    return;
  }
  if (session.outbox == nullptr || session.outbox->waitsForRoom) return;
  if (send_outbox(slot, *session.outbox)) after_drain(slot);
}

bool Gateway::send_outbox(ConnectionSlot slot, Outbox& outbox) {
  while (!outbox.empty()) {
    std::size_t offered = 0;
    std::size_t sent = 0;
    const std::size_t waiting = outbox.frames.size() - outbox.head;
    if (outbox.offset == 0 && waiting > 1 && outbox.bytes <= kJoinLimit) {
      const std::string_view bytes = joined(outbox);
      offered = bytes.size();
      sent = transport_.write(slot, {&bytes, 1});
    } else {
      std::string_view pieces[kMaxPieces];
      const std::size_t count = std::min(waiting, kMaxPieces);
      for (std::size_t i = 0; i < count; ++i) {
        pieces[i] = outbox.frames[outbox.head + i]->wire();
        if (i == 0) pieces[i].remove_prefix(outbox.offset);
        offered += pieces[i].size();
      }
      sent = transport_.write(slot, {pieces, count});
    }
    take_sent(outbox, sent);
    if (sent < offered) {
      outbox.waitsForRoom = true;
      return false;
    }
  }
  return true;
}

std::string_view Gateway::joined(const Outbox& outbox) {
  const auto* first = outbox.frames.data() + outbox.head;
  const std::size_t count = outbox.frames.size() - outbox.head;
  if (joinedFrames_.size() != count || !std::equal(first, first + count, joinedFrames_.begin())) {
    joinedFrames_.assign(first, first + count);
    joined_.clear();
    for (const Frame* frame : joinedFrames_) joined_.append(frame->wire());
  }
  return joined_;
}

void Gateway::take_sent(Outbox& outbox, std::size_t bytes) {
  while (bytes > 0) {
    Frame* frame = outbox.frames[outbox.head];
    const std::size_t left = frame->wire().size() - outbox.offset;
    if (bytes < left) {
      outbox.offset += static_cast<std::uint32_t>(bytes);
      return;
    }
    bytes -= left;
    outbox.bytes -= static_cast<std::uint32_t>(frame->wire().size());
    outbox.offset = 0;
    ++outbox.head;
    release(frame);
  }
  if (outbox.head < 64 || outbox.empty()) return;
  outbox.frames.erase(outbox.frames.begin(), outbox.frames.begin() + outbox.head);
  outbox.head = 0;
}

void Gateway::release(Frame* frame) {
  // A frame whose memory went back may return as another one at the same address.
  if (released_.add(frame)) joinedFrames_.clear();
}

void Gateway::after_drain(ConnectionSlot slot) {
  SessionHot& session = sessions_.hot(slot);
  if (session.state == SessionState::closing) return transport_.finish(slot);
  if (session.outbox == nullptr) return;
  std::unique_ptr<Lag> lag = std::move(session.outbox->lag);
  sessions_.free_outbox(session);
  if (lag == nullptr) return;
  session.state = SessionState::admitted;
  std::vector<WithheldMark> marks;
  marks.reserve(lag->marks.size());
  if (CHATCORE_BUG("the lagging are not told")) return;
  for (auto& [key, number] : lag->marks) marks.push_back({key, number});
  events_->drained(sessions_.id(slot), std::move(marks), lag->overflowed);
}

void Gateway::tick() {
  sessions_.set_now(now());
  topics_.set_now(now());
  checks_.advance(clock_.steady(), [this](Check due) { check(due); });
}

void Gateway::check(Check due) {
  SessionHot& session = sessions_.hot(due.slot);
  if (session.generation != due.generation || session.state == SessionState::closed) return;
  const auto& options = sessions_.options();
  const std::int64_t silent = now() - std::int64_t{session.heardTick} * kTickMillis;
  const std::int64_t age = now() - std::int64_t{session.openedTick} * kTickMillis;
  const SessionId id = sessions_.id(due.slot);
  if (session.state == SessionState::closing) {
    if (age >= options.closeLinger.count()) return transport_.abort(due.slot);
    return checks_.add(clock_.steady() + options.closeLinger, due);
  }
  if (session.state == SessionState::open && age >= options.handshakeTimeout.count()) {
    const std::optional<CloseCode> told = events_->overdue(id);
    if (!told && age < (options.handshakeTimeout + options.closeLinger).count())
      return checks_.add(clock_.steady() + options.closeLinger, due);
    const CloseCode code = told.value_or(CloseCode::overloaded);
    return close(id, code, code == CloseCode::overloaded ? kComeBackMillis : 0);
  }
  if (session.state == SessionState::lagging && session.outbox != nullptr &&
      now() - session.outbox->lag->sinceMillis >= options.maxLag.count())
    return close(id, CloseCode::slow_consumer, 0);
  if (silent >= options.idleTimeout.count()) return close(id, CloseCode::heartbeat_timeout, 0);
  std::int64_t next = options.heartbeat.count() - silent;
  if (next <= 0) {
    if (!session.pinged) transport_.ping(due.slot);
    session.pinged = true;
    next = options.idleTimeout.count() - silent;
  }
  checks_.add(clock_.steady() + std::chrono::milliseconds(std::max(next, kTickMillis)), due);
}

bool Gateway::drain(std::size_t count, std::uint32_t retryAfterMs) {
  for (; drainFrom_ < sessions_.slots() && count > 0; ++drainFrom_) {
    const SessionState state = sessions_.hot(drainFrom_).state;
    if (state == SessionState::closed || state == SessionState::closing) continue;
    close(sessions_.id(drainFrom_), CloseCode::draining, retryAfterMs);
    --count;
  }
  return drainFrom_ < sessions_.slots();
}

}  // namespace chatcore::gateway
