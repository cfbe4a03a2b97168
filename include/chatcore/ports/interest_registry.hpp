#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "chatcore/completion.hpp"
#include "chatcore/result.hpp"

namespace chatcore {

/// A running server. Every start of a server has another `boot`, so that what an earlier run left behind is
/// told apart.
struct ServerRef {
  std::string serverId;
  std::uint64_t boot = 0;
  friend bool operator==(const ServerRef&, const ServerRef&) = default;
};

enum class InterestOutcome : std::uint8_t {
  ok,
  unknown,  ///< no such entry (its lease ran out, or it was lost): register again, and take it for a gap
};

/// topic -> {server -> lease}: which servers have a taker of a topic. Batches complete as in LogStore; any
/// thread. Topics are 1 to 256 bytes; callers bound their batches (1,024 topics).
///
/// A server announces what arrives live (`welcome`) only after `register_interest` has completed: what is
/// published after that finds it. Entries end by `withdraw` or when their lease is not renewed, which is how
/// those of a crashed server go away; until then publishers send to it in vain. A publisher that finds too
/// many takers wastes a delivery, one that finds too few loses one, so an adapter that may have lost entries
/// says so by `unknown` at their next renewal.
class CHATCORE_API InterestRegistry {
 public:
  virtual ~InterestRegistry();
  /// Adds the server to each topic's takers for `ttl`, or extends its lease. Every `find` that begins after
  /// the completion sees it. All or nothing per topic; `overloaded` at the adapter's bound.
  virtual void register_interest(ServerRef server, std::vector<std::string> topics,
                                 std::chrono::milliseconds ttl, Executor& executor,
                                 Completion<std::vector<Status>> done) = 0;
  /// Extends leases that still run; never brings back one that has ended.
  virtual void renew(ServerRef server, std::vector<std::string> topics, std::chrono::milliseconds ttl,
                     Executor& executor, Completion<std::vector<Result<InterestOutcome>>> done) = 0;
  /// Ends the server's own entries at once; those of other servers and boots are left alone, and what is not
  /// there is no error.
  virtual void withdraw(ServerRef server, std::vector<std::string> topics, Executor& executor,
                        Completion<Status> done) = 0;
  /// The servers whose lease runs, by (serverId, boot), ascending; O(takers) a topic.
  virtual void find(std::vector<std::string> topics, Executor& executor,
                    Completion<std::vector<Result<std::vector<ServerRef>>>> done) = 0;
};

}  // namespace chatcore
