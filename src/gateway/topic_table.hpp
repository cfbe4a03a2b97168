#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/inlined_vector.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "chatcore/ports/fan_out.hpp"
#include "chatcore/unique_function.hpp"
#include "gateway/session_table.hpp"

namespace chatcore::gateway {

/// One shard's topics, densely: a topic is a list of slots, a session a list of (topic, position), each
/// pointing at the other, so that joining and leaving are O(1) whatever the sizes.
class TopicTable final : public FanOut {
 public:
  /// Called when events of a topic are held back because its takers are older than they are.
  using StaleHandler = UniqueFunction<void(const Topic&, std::vector<SessionId>)>;

  TopicTable(std::uint32_t shard, SessionTable& sessions, Router& router, StaleHandler onStale);

  SubscribeOutcome subscribe(SessionId session, const Topic& topic, Seq memberSeq) override;
  void unsubscribe(SessionId session, const Topic& topic) override;
  void publish(const Topic& topic, const Envelope& envelope) override;
  void change_members(const Topic& topic, const MembershipDelta& delta) override;

  /// A session whose claim was stale: the engine is asked whether it may take the topic, as of now.
  void ask_about(SessionId session, const Topic& topic);

  /// Nobody will answer: topics that only a question kept go.
  void forget_questions();

  /// Leaves every topic.
  void forget(ConnectionSlot slot);
  /// The answer to `onStale`: what was held back meanwhile is told to the takers as lost, by its mark.
  void refreshed(const Topic& topic, Seq memberSeq, const std::vector<SessionId>& allowed);
  [[nodiscard]] std::vector<SessionId> takers(const Topic& topic) const;
  [[nodiscard]] std::size_t topics() const noexcept { return topics_.size() - free_.size(); }

  /// Frames that could not be delivered while a topic was refreshed, as marks per session; the gateway tells
  /// them as `drained`.
  struct Missed {
    SessionId session;
    WithheldMark mark;
  };
  std::vector<Missed>& missed() noexcept { return missed_; }
  void set_now(std::int64_t nowMillis) noexcept { nowMillis_ = nowMillis; }

 private:
  struct Taker {
    ConnectionSlot slot;
    std::uint32_t link;  ///< which of the session's links points here
  };
  struct Refresh {
    std::vector<SessionId> asked;       ///< sorted: takers and candidates that the answer is about
    std::vector<SessionId> candidates;  ///< of users said to have come in while changes were missed
    bool again = false;                 ///< somebody came after the question: ask once more
    std::string heldKey;
    std::uint64_t heldNumber = 0;  ///< highest mark held back
  };
  struct Entry {
    absl::InlinedVector<Taker, 2> takers;
    Topic topic;
    Seq memberSeq = 0;
    std::unique_ptr<Refresh> refresh;  ///< while the engine is asked who may take the topic
  };

  Entry& entry_for(const Topic& topic, Seq memberSeq);
  [[nodiscard]] Entry* find(const Topic& topic);
  void add(std::uint32_t index, ConnectionSlot slot);
  void remove_link(ConnectionSlot slot, std::uint32_t link);
  void release_if_unused(std::uint32_t index);
  [[nodiscard]] bool takes(std::uint32_t index, ConnectionSlot slot);
  void compare_head(Entry& entry, std::uint32_t index, const HeadMark& head);
  void note_mark(std::uint32_t index, const Frame& frame);
  void hold(Entry& entry, const Envelope& envelope);
  void begin_refresh(Entry& entry);
  void ask_about(Entry& entry, const std::vector<SessionId>& candidates);
  std::vector<ConnectionSlot> slots_of(const Topic& inbox);

  std::uint32_t shard_;
  SessionTable& sessions_;
  Router& router_;
  StaleHandler onStale_;
  std::deque<Entry> topics_;  // grows without moving what is there
  std::vector<std::uint32_t> free_;
  std::vector<Missed> missed_;
  /// The highest mark seen per topic and key, until the key's head envelope settles it.
  absl::flat_hash_map<std::pair<std::uint32_t, std::uint64_t>, std::uint64_t> unsettled_;
  std::int64_t nowMillis_ = 0;
};

}  // namespace chatcore::gateway
