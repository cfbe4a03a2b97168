#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "chatcore/gateway/frame.hpp"
#include "chatcore/gateway/seam.hpp"
#include "chatcore/gateway/topic.hpp"

namespace chatcore {

/// Said of a conversation that fell quiet: its head, and how long ago that was committed. A topic table that
/// has not seen so high a mark tells the sessions that were there by then what they missed.
struct HeadMark {
  std::string key;
  std::uint64_t number = 0;
  std::chrono::milliseconds age{0};
};

/// What travels to a topic's takers.
struct Envelope {
  FrameRef frame;
  /// Groups: seq of the last member event when the frame was made. A topic table that is behind it delivers
  /// nothing until it has refreshed its takers.
  Seq memberSeq = 0;
  SessionId except = 0;  ///< the session that needs no copy
  /// Set instead of `frame` in a head envelope.
  std::shared_ptr<const HeadMark> head;
};

/// A change of a topic's takers, told by user: every shard applies it to its own sessions.
struct MembershipDelta {
  Seq memberSeq = 0;
  Seq previous = 0;            ///< the member event before; a table that is at another one refreshes
  std::vector<Topic> added;    ///< the users' inbox topics
  std::vector<Topic> removed;  ///< likewise
};

/// How a topic's frames reach its takers, wherever they are. Called on the thread of a shard; what one shard
/// publishes to one topic arrives in that order. Live delivery is at most once: the log repairs the rest.
class CHATCORE_API Router {
 public:
  virtual ~Router();
  /// This shard has its first local taker; frames published after the call returns will come.
  virtual void take(std::uint32_t shard, const Topic& topic) = 0;
  virtual void leave(std::uint32_t shard, const Topic& topic) = 0;
  /// O(shards that take the topic). Nothing happens when nobody does.
  virtual void publish(std::uint32_t fromShard, const Topic& topic, const Envelope& envelope) = 0;
  /// Reaches every shard that takes the topic or an added user's inbox, in order with `publish`.
  virtual void change_members(std::uint32_t fromShard, const Topic& topic, const MembershipDelta& delta) = 0;
};

}  // namespace chatcore
