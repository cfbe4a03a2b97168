#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "chatcore/client/events.hpp"
#include "chatcore/completion.hpp"
#include "chatcore/ports/clock.hpp"
#include "chatcore/ports/log.hpp"

/// Who a client is, where it connects to, and its bounds.
namespace chatcore::client {

struct Limits {
  std::size_t queuedSends = 1000;     ///< messages and changes not yet confirmed; the next fails `overloaded`
  std::size_t sendsInFlight = 64;     ///< of those, how many wait for an answer at a time
  std::size_t pendingRequests = 128;  ///< requests without an answer; the next one fails `overloaded`
  std::size_t conversations = 10'000;  ///< followed at a time; events of further ones are reported as errors
  std::size_t heldEvents = 256;        ///< per conversation, kept while a gap before them is closed
  std::size_t presenceUsers = 1000;    ///< subscriptions that are remembered over reconnects
  std::size_t contentBytes = 16'384;   ///< of one message, until the server's welcome says otherwise
  std::size_t frameBytes = 1 << 20;    ///< of one inbound message; a larger one ends the connection
  std::size_t syncEvents = 200;        ///< events per page when catching up
  std::size_t newestEvents = 0;  ///< of conversations that are new here, 1 to 200; 0: the server's choice
  std::chrono::milliseconds gapPatience{500};  ///< how long a missing number may still arrive by itself
  std::chrono::milliseconds requestTimeout{15'000};
  std::chrono::milliseconds connectTimeout{10'000};  ///< from the first packet to the welcome
  std::chrono::milliseconds backoffBase{250};        ///< full jitter: uniform in [0, min(cap, base * 2^n)]
  std::chrono::milliseconds backoffCap{30'000};
  std::chrono::milliseconds backoffReset{10'000};  ///< connected this long, the next loss starts at base
  std::chrono::milliseconds receiptFlush{20};      ///< receipts of this long travel together
};

struct Options {
  std::string url;                    ///< `ws://host[:port]/path`
  std::string token;                  ///< sent as `Authorization: Bearer`; empty: development authentication
  UserId user;                        ///< who this is; may be empty with a token
  DeviceId device;                    ///< which device; may be empty where the token names it
  std::string platform;               ///< what the device is, for notifications; at most 64 bytes of UTF-8
  bool acknowledgeReceived = true;    ///< send `message.received` for what was handed to the listener
  std::vector<Watermark> watermarks;  ///< what the application kept from an earlier run
  /// From Client::sync_token() of an earlier run, no newer than the watermarks; empty: none was kept. With it
  /// the first sync costs what has changed since, not what there is.
  std::string syncToken;
  /// Where syncToken is lost and what was told is not: goes on from the token that the server knows this
  /// device to have had. Where it knows none, the first sync goes by the watermarks.
  bool resume = false;
  Limits limits;
  Executor* executor = nullptr;  ///< where callbacks run; null: the client's own thread
  Clock* clock = nullptr;        ///< null: the system's
  Random* random = nullptr;      ///< null: the system's
  Log* log = nullptr;            ///< null: none
};

}  // namespace chatcore::client
