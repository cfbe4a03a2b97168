#pragma once

#include <absl/container/inlined_vector.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "chatcore/gateway/frame.hpp"
#include "chatcore/gateway/options.hpp"
#include "chatcore/gateway/seam.hpp"
#include "chatcore/ports/transport.hpp"
#include "core/string_map.hpp"

namespace chatcore::gateway {

enum class SessionState : std::uint8_t {
  closed,    ///< the slot is free
  open,      ///< connected, not admitted: replies only
  admitted,  ///< takes everything
  lagging,   ///< the outbox is over its high-water mark: live frames are withheld
  closing,   ///< sends what is queued, takes nothing new
};

/// What a lagging session did not get.
struct Lag {
  StringMap<std::uint64_t> marks;
  bool overflowed = false;
  std::int64_t sinceMillis = 0;
};

/// Frames that wait for the socket, oldest first. Exists only while something waits.
struct Outbox {
  absl::InlinedVector<Frame*, 16> frames;
  std::uint32_t head = 0;    ///< frames before it are sent
  std::uint32_t offset = 0;  ///< bytes of the head frame that are sent
  std::uint32_t bytes = 0;   ///< queued, what is sent of the head frame included
  bool waitsForRoom = false;
  std::unique_ptr<Lag> lag;

  [[nodiscard]] bool empty() const noexcept { return head == frames.size(); }
};

/// The part of a session that a publish touches: half a cache line.
struct SessionHot {
  Frame* first = nullptr;  ///< the turn's only frame so far; no outbox exists beside it
  Outbox* outbox = nullptr;
  std::uint32_t heardTick = 0;
  std::uint32_t generation = 0;
  SessionState state = SessionState::closed;
  bool dirty = false;
  bool pinged = false;
  bool abortRequested = false;
  std::uint32_t openedTick = 0;
};
static_assert(sizeof(SessionHot) <= 40);

/// Where a session stands in a topic's list of takers.
struct TopicLink {
  std::uint32_t topic;
  std::uint32_t position;
};

/// Every session of a shard, and what waits to be sent to it. Indexed by connection slot.
class SessionTable {
 public:
  SessionTable(std::uint32_t shard, GatewayOptions options);
  ~SessionTable();

  void open(ConnectionSlot slot, std::int64_t nowMillis);
  /// Frees the slot and drops what was queued. The links must be gone.
  void close(ConnectionSlot slot);

  [[nodiscard]] SessionId id(ConnectionSlot slot) const noexcept;
  /// Whether this id names the session that is in its slot now.
  [[nodiscard]] bool alive(SessionId id) const noexcept;

  [[nodiscard]] SessionHot& hot(ConnectionSlot slot) noexcept { return hot_[slot]; }
  [[nodiscard]] absl::InlinedVector<TopicLink, 4>& links(ConnectionSlot slot) noexcept {
    return links_[slot];
  }

  /// Queues for one of many: the caller counts the references. Returns how many it must add (0 or 1).
  std::uint32_t enqueue_shared(ConnectionSlot slot, Frame* frame) {
    SessionHot& session = hot_[slot];
    if (session.state == SessionState::admitted && session.first == nullptr && session.outbox == nullptr) {
      session.first = frame;
      mark_dirty(slot, session);
      return 1;
    }
    return enqueue_behind(slot, session, frame);
  }
  void enqueue(ConnectionSlot slot, const FrameRef& frame) {
    frame->add_references(enqueue_shared(slot, frame.get()));
  }

  /// Slots with something new to send or to do; taken by the flush.
  std::vector<ConnectionSlot>& dirty() noexcept { return dirty_; }
  void mark_dirty(ConnectionSlot slot, SessionHot& session) {
    if (session.dirty) return;
    session.dirty = true;
    dirty_.push_back(slot);
  }

  /// Turns the turn's only frame into an outbox, for what did not go out at once.
  Outbox& outbox_of(SessionHot& session);
  void free_outbox(SessionHot& session);

  void set_now(std::int64_t nowMillis) noexcept { nowMillis_ = nowMillis; }
  [[nodiscard]] std::size_t slots() const noexcept { return hot_.size(); }
  [[nodiscard]] std::size_t open_sessions() const noexcept { return openSessions_; }
  [[nodiscard]] const GatewayOptions& options() const noexcept { return options_; }

 private:
  std::uint32_t enqueue_behind(ConnectionSlot slot, SessionHot& session, Frame* frame);
  void withhold(Outbox& outbox, const Frame& frame);

  std::uint32_t shard_;
  GatewayOptions options_;
  std::vector<SessionHot> hot_;
  std::deque<absl::InlinedVector<TopicLink, 4>> links_;  // grows without moving what is there
  std::vector<ConnectionSlot> dirty_;
  std::vector<std::unique_ptr<Outbox>> freeOutboxes_;
  std::int64_t nowMillis_ = 0;
  std::size_t openSessions_ = 0;
};

}  // namespace chatcore::gateway
