#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/string_map.hpp"
#include "engine/page_view.hpp"
#include "engine/sync_pages.hpp"

namespace chatcore::engine {

inline constexpr std::size_t kSyncPageBytes = 256 * 1024;
/// Conversations that are looked at in one call of the store.
inline constexpr std::size_t kConversationsAtATime = 64;

/// One page in the making.
struct SyncPages::Run {
  struct Item {
    UserConversation conversation;
    Seq from = 1;
    Seq floor = 1;
    bool large = false;
    bool tellHidden = false;  ///< the client may know messages that are hidden since
    std::size_t rest = 0;     ///< its place in `rest`, of a sync that goes by it
  };
  Requester from;
  std::uint32_t limit = 200;
  std::uint32_t newest = 0;
  std::map<ConversationId, protocol::Position, std::less<>> watermarks;
  Keep keep;

  std::uint64_t origin = 0;
  SyncToken end;  ///< what the client knows when it has taken all pages

  /// Of a sync that goes through all conversations: those that are to be told, and which comes next.
  std::vector<SyncContinuation::Rest> rest;
  std::size_t restNext = 0;
  bool anywhere = false;  ///< its pages can be continued on any connection

  std::optional<SyncToken> token;  ///< of a token sync: what it knew
  ConversationId lastEntry;        ///< read of the timeline
  bool entriesDone = true;

  std::vector<Item> items;
  std::size_t next = 0;
  std::uint32_t events = 0;
  bool full = false;
  std::string page;
  std::vector<AccountSection> account;  ///< met on this page, by ascending timeline_id
  StringMap<bool> showsReading;         ///< of members whose cursors are told, and of the asker

  /// What a client continues from may lie before its latest join, or before what was cleared: the numbers
  /// between are void for it.
  void add(UserConversation conversation, Seq first, bool large, bool tellHidden, std::size_t place = 0) {
    const Seq floor = first_visible(conversation);
    items.push_back({std::move(conversation), first, floor, large, tellHidden, place});
  }
  [[nodiscard]] bool more() const { return next < items.size() || restNext < rest.size() || !entriesDone; }
  [[nodiscard]] std::optional<Seq> read_by(const CursorAdvance& member) const {
    const bool shown = showsReading.at(from.user()) && showsReading.at(member.userId);
    return shown ? std::optional(member.cursor.readSeq) : std::nullopt;
  }
};

/// The first of a conversation's newest `count` events, none of them from before the membership. What is
/// cleared needs no cursor here: the page's floor sees to it.
[[nodiscard]] inline Seq newest_shown(const UserConversation& heads, std::uint32_t count) {
  const Seq first = heads.head > count ? heads.head - count + 1 : 1;
  return std::max(first, heads.member.joinSeq);
}

}  // namespace chatcore::engine
