#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "chatcore/client/client.hpp"
#include "client/types.hpp"

namespace chatcore::client {

/// One number of a conversation's log as this client came to know it.
struct LogEvent {
  struct Void {};  ///< holds nothing for this user
  struct Own {};   ///< sent by this client and confirmed: the application knows it already
  ConversationId conversationId;
  Epoch epoch = 1;
  Seq seq = 0;
  std::variant<Void, Own, Message, MessageChange, ConversationChange, RawEvent> body;
};

/// A stretch of a log that the server answered with. Numbers without an event are void.
struct LogRange {
  ConversationId conversationId;
  Epoch epoch = 1;
  Seq fromSeq = 0;
  Seq toSeq = 0;
  Seq headSeq = 0;
  std::vector<LogEvent> events;  ///< any order
};

/// Where each conversation stands and what is missing: takes events in whatever order they come, gives them
/// on in seq order, each once, and says which ranges to fetch.
class Inbound {
 public:
  /// Fetch what follows `after`; nothing known yet: the newest page.
  struct Fetch {
    ConversationId conversationId;
    Epoch epoch = 1;
    std::optional<Seq> after;
  };

  explicit Inbound(const Limits& limits) : limits_(limits) {}

  void restore(const std::vector<Watermark>& watermarks);

  /// False: one conversation too many, the event was not taken.
  bool live(Millis now, LogEvent event, std::vector<LogEvent>& applied);
  bool range(Millis now, LogRange range, std::vector<LogEvent>& applied);
  /// The log reaches up to here.
  bool head(Millis now, const ConversationId& id, Epoch epoch, Seq seq);
  /// The log was begun anew: nothing kept of it counts.
  bool restart(Millis now, const ConversationId& id, Epoch epoch, Seq headSeq);
  void forget(const ConversationId& id);

  /// While a sync is under way it is what closes the gaps.
  void begin_sync();
  void end_sync() { syncing_ = false; }
  /// A live event has come since the sync began: its pages may be older than that.
  [[nodiscard]] bool heard_during_sync(const ConversationId& id) const;
  [[nodiscard]] bool heard_during_fetch(const ConversationId& id) const;
  /// Answers to fetches under way will not come.
  void connection_lost();

  std::vector<Fetch> take_fetches(Millis now);
  /// Call after range() with the answer's events, or instead of it when it failed.
  void fetch_ended(Millis now, const ConversationId& id, bool answered, Millis retryAfter = Millis(0));

  std::optional<Millis> deadline() const;
  std::vector<Watermark> watermarks() const;
  /// A sync has brought everything up to a token.
  void synced();
  /// What has moved on since.
  std::vector<Watermark> watermarks_since_synced() const;
  std::optional<Watermark> watermark(const ConversationId& id) const;

 private:
  struct Log {
    Epoch epoch = 1;
    Seq last = 0;
    Seq lastSynced = 0;            ///< `last`, when a sync last came to its end
    bool based = false;            ///< `last` means something
    bool heardSinceSync = false;   ///< live, since the last sync began
    bool heardSinceFetch = false;  ///< live, since the last fetch began
    Seq target = 0;                ///< the highest number known to exist
    std::map<Seq, LogEvent> held;
    std::optional<Millis> fetchAt;
    bool fetching = false;
    Seq lastBeforeFetch = 0;
    unsigned fruitless = 0;  ///< fetches in a row that brought nothing
  };

  Log* find_or_create(const ConversationId& id);
  void begin_epoch(Log& log, Epoch epoch);
  void hold(Log& log, LogEvent event, bool always);
  void apply_held(Log& log, Seq upTo, std::vector<LogEvent>& applied);
  void reconsider(Millis now, const ConversationId& id, Log& log);

  const Limits& limits_;
  std::map<ConversationId, Log> logs_;
  std::set<ConversationId> behind_;  ///< those with fetchAt
  std::size_t fetching_ = 0;
  bool syncing_ = false;
};

}  // namespace chatcore::client
