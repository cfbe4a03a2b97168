#pragma once

#include "chatcore/ports/routing.hpp"

namespace chatcore {

/// A shard's own end of every topic: which of its sessions take it. Single-threaded.
class CHATCORE_API FanOut {
 public:
  virtual ~FanOut();
  virtual SubscribeOutcome subscribe(SessionId session, const Topic& topic, Seq memberSeq) = 0;
  virtual void unsubscribe(SessionId session, const Topic& topic) = 0;
  /// Queues the frame for every taker but `except`. One pointer per recipient: no allocation, lock or copy.
  virtual void publish(const Topic& topic, const Envelope& envelope) = 0;
  virtual void change_members(const Topic& topic, const MembershipDelta& delta) = 0;
};

}  // namespace chatcore
