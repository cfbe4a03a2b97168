#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "chatcore/client/client.hpp"
#include "client/types.hpp"

namespace chatcore::client {

/// One kind of this user's receipts on its way to the server: only the highest per conversation counts, it
/// goes out with the next flush, and again on the next connection until the server has confirmed it.
class CursorFlow {
 public:
  explicit CursorFlow(const Limits& limits) : limits_(limits) {}

  /// False: one conversation too many.
  bool want(Millis now, const Watermark& mark);
  /// What the server already has, for instance because another device said so.
  void known(const Watermark& mark);
  void forget(const ConversationId& id);

  /// Due receipts, at most one per conversation.
  std::vector<Watermark> take(Millis now);
  void confirmed(const std::vector<Watermark>& marks);
  /// Temporary: once more after the pause.
  void failed(Millis now, const std::vector<Watermark>& marks, Millis pause);
  void refused(const std::vector<Watermark>& marks) { confirmed(marks); }
  void connection_lost(Millis now);

  std::optional<Millis> deadline() const { return flushAt_; }

 private:
  struct Cursor {
    std::pair<Epoch, Seq> wanted{1, 0};
    std::pair<Epoch, Seq> sent{1, 0};
    std::pair<Epoch, Seq> confirmed{1, 0};
  };
  void mark_dirty(Millis at, const ConversationId& id);

  Cursor* find_or_create(const ConversationId& id);

  const Limits& limits_;
  std::map<ConversationId, Cursor> cursors_;
  std::set<ConversationId> dirty_;
  std::optional<Millis> flushAt_;
};

}  // namespace chatcore::client
