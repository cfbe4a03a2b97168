#include "gateway/session_table.hpp"

#include <cassert>
#include <utility>

namespace chatcore::gateway {

namespace {
constexpr std::size_t kSpareOutboxes = 4096;  // beyond these, memory goes back to the allocator
constexpr std::uint32_t kGenerationMask = (1U << 24) - 1;
}  // namespace

SessionTable::SessionTable(std::uint32_t shard, GatewayOptions options)
    : shard_(shard), options_(std::move(options)) {}

SessionTable::~SessionTable() {
  for (ConnectionSlot slot = 0; slot < hot_.size(); ++slot) {
    links_[slot].clear();  // the topics they point to are gone by now
    if (hot_[slot].state != SessionState::closed) close(slot);
  }
}

void SessionTable::open(ConnectionSlot slot, std::int64_t nowMillis) {
  if (slot >= hot_.size()) {
    hot_.resize(slot + 1);
    links_.resize(slot + 1);
  }
  SessionHot& session = hot_[slot];
  assert(session.state == SessionState::closed && session.first == nullptr && session.outbox == nullptr);
  const std::uint32_t generation = (session.generation + 1) & kGenerationMask;
  session = SessionHot{};
  // Generation 0 is skipped so that no session's id is 0.
  session.generation = generation == 0 ? 1 : generation;
  session.state = SessionState::open;
  session.heardTick = session.openedTick = static_cast<std::uint32_t>(nowMillis / 100);
  ++openSessions_;
}

void SessionTable::close(ConnectionSlot slot) {
  SessionHot& session = hot_[slot];
  assert(session.state != SessionState::closed && links_[slot].empty());
  if (session.first != nullptr) std::exchange(session.first, nullptr)->release_references(1);
  if (session.outbox != nullptr) {
    for (std::uint32_t i = session.outbox->head; i < session.outbox->frames.size(); ++i)
      session.outbox->frames[i]->release_references(1);
    free_outbox(session);
  }
  session.state = SessionState::closed;
  --openSessions_;
}

SessionId SessionTable::id(ConnectionSlot slot) const noexcept {
  return session_id(shard_, hot_[slot].generation, slot);
}

bool SessionTable::alive(SessionId id) const noexcept {
  const ConnectionSlot slot = slot_of(id);
  return slot < hot_.size() && hot_[slot].state != SessionState::closed && this->id(slot) == id;
}

Outbox& SessionTable::outbox_of(SessionHot& session) {
  if (session.outbox == nullptr) {
    if (freeOutboxes_.empty()) {
      session.outbox = new Outbox;
    } else {
      session.outbox = freeOutboxes_.back().release();
      freeOutboxes_.pop_back();
    }
  }
  if (session.first != nullptr) {
    session.outbox->bytes += static_cast<std::uint32_t>(session.first->wire().size());
    session.outbox->frames.push_back(std::exchange(session.first, nullptr));
  }
  return *session.outbox;
}

void SessionTable::free_outbox(SessionHot& session) {
  std::unique_ptr<Outbox> outbox(std::exchange(session.outbox, nullptr));
  if (freeOutboxes_.size() >= kSpareOutboxes || outbox->frames.capacity() > 256) return;
  outbox->frames.clear();
  outbox->head = outbox->offset = outbox->bytes = 0;
  outbox->waitsForRoom = false;
  outbox->lag.reset();
  freeOutboxes_.push_back(std::move(outbox));
}

std::uint32_t SessionTable::enqueue_behind(ConnectionSlot slot, SessionHot& session, Frame* frame) {
  const DeliveryClass kind = frame->delivery_class();
  switch (session.state) {
    case SessionState::closed:
    case SessionState::closing:
      return 0;
    case SessionState::open:
      if (kind != DeliveryClass::reply) return 0;
      break;
    case SessionState::lagging:
      if (kind == DeliveryClass::live) withhold(*session.outbox, *frame);
      if (kind != DeliveryClass::reply) return 0;
      break;
    case SessionState::admitted:
      break;
  }
  Outbox& outbox = outbox_of(session);
  const auto size = static_cast<std::uint32_t>(frame->wire().size());
  if (kind != DeliveryClass::reply && outbox.bytes + size > options_.outboxHighWater) {
    session.state = SessionState::lagging;
    outbox.lag = std::make_unique<Lag>();
    outbox.lag->sinceMillis = nowMillis_;
    if (kind == DeliveryClass::live) withhold(outbox, *frame);
    return 0;
  }
  if (outbox.bytes + size > options_.outboxLimit) {
    // Closing changes topic lists, which the caller may be walking: the flush does it.
    session.abortRequested = true;
    mark_dirty(slot, session);
    return 0;
  }
  outbox.frames.push_back(frame);
  outbox.bytes += size;
  if (!outbox.waitsForRoom) mark_dirty(slot, session);
  return 1;
}

void SessionTable::withhold(Outbox& outbox, const Frame& frame) {
  if (frame.mark_key().empty()) return;
  auto& marks = outbox.lag->marks;
  auto found = marks.find(frame.mark_key());
  if (found != marks.end()) {
    found->second = std::max(found->second, frame.mark_number());
  } else if (marks.size() < options_.maxMarks) {
    marks.emplace(frame.mark_key(), frame.mark_number());
  } else {
    outbox.lag->overflowed = true;
  }
}

}  // namespace chatcore::gateway
