#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "chatcore/client/client.hpp"
#include "client/backoff.hpp"
#include "client/types.hpp"

namespace chatcore::client {

/// What the outbox carries: a message or a change of one, ready to be sent.
struct OutgoingEvent {
  ClientMsgId clientMsgId;
  std::string members;  ///< of its frame, all but the `id`
};

/// Events on their way to the server. One lane per conversation; in a lane what is in flight is a prefix,
/// and a temporary failure pulls everything from the failed event on back behind its lane's backoff, so a
/// conversation never sees this client's events out of order.
class Outbox {
 public:
  /// One transmission: the request id tells an answer to this try from an answer to an earlier one.
  struct Transmission {
    std::uint64_t requestId = 0;
    const OutgoingEvent* event = nullptr;
  };

  Outbox(const Limits& limits, Random& random) : limits_(limits), random_(random) {}

  /// False: full.
  bool add(const std::string& lane, Ticket ticket, OutgoingEvent event);
  /// What may go out now, in order. `nextRequestId` is advanced.
  std::vector<Transmission> take(Millis now, std::uint64_t& nextRequestId);

  /// The server has it. Empty: not ours, or answered before.
  std::optional<Ticket> confirmed(const ClientMsgId& id);
  /// Whether this outbox sent it and knows it confirmed; remembers at least the last `queuedSends`.
  bool was_confirmed(const ClientMsgId& id) const { return confirmed_.contains(id); }
  /// Refused for good.
  std::optional<Ticket> refused(std::uint64_t requestId);
  std::optional<Ticket> refused(const ClientMsgId& id);
  /// To be sent again, with everything behind it. `orphaned`: the server waits for something this outbox
  /// does not hold, and said so repeatedly.
  struct Setback {
    bool known = false;
    bool orphaned = false;
  };
  Setback failed(std::uint64_t requestId, const Error& error, Millis now);
  /// Pulls back what has waited for its answer too long.
  void expire(Millis now);
  /// Everything unconfirmed has to be sent again on the next connection.
  void connection_lost();

  std::vector<Ticket> clear();
  std::optional<Millis> deadline() const;
  std::size_t size() const { return size_; }

 private:
  struct Entry {
    Ticket ticket = 0;
    std::uint64_t order = 0;
    std::uint64_t requestId = 0;  ///< 0: not in flight
    Millis expires{0};
    OutgoingEvent event;
  };
  struct Lane {
    explicit Lane(Backoff pause) : backoff(pause) {}
    std::deque<Entry> entries;
    std::size_t inFlight = 0;
    Millis blockedUntil{0};
    unsigned orphanAnswers = 0;
    Backoff backoff;
  };
  using Lanes = std::map<std::string, Lane>;
  struct Place {
    Lanes::iterator lane;
    std::size_t index = 0;
  };

  Lanes::iterator next_lane(Millis now);
  std::optional<Place> find_request(std::uint64_t requestId);
  Ticket erase(Place place);
  void pull_back(Lane& lane, std::size_t from);
  void remember(const ClientMsgId& id);

  const Limits& limits_;
  Random& random_;
  Lanes lanes_;
  std::map<ClientMsgId, std::string> laneOf_;
  std::map<std::uint64_t, std::string> laneOfRequest_;
  std::set<ClientMsgId> confirmed_;
  std::deque<ClientMsgId> confirmedOrder_;
  std::size_t size_ = 0;
  std::size_t inFlight_ = 0;
  std::uint64_t nextOrder_ = 1;
};

}  // namespace chatcore::client
