#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "chatcore/model/timeline.hpp"

namespace chatcore::engine {

/// Of a page that was not the last: where the next one goes on.
struct SyncTokenPage {
  TimelinePosition end = 0;  ///< what the device knows once it has all pages
  ConversationId after;      ///< the last conversation that a page has told of
  Seq from = 0;              ///< of that one the first event not sent yet; 0: it was told whole
};

/// Of a page of a sync that goes through everything: the place of what comes next, `SyncTokenPage::after`, in
/// its order. `from` is where that one goes on.
struct SyncTokenStart {
  Timestamp lastEventAt = 0;  ///< what its log says: only ever compared with what other logs say
  bool again = false;         ///< among those that have changed since the sync began
  std::uint32_t newest = 0;   ///< events that are told of each conversation
};

/// What a token of `sync` says. Opaque to clients; what it knows is told by positions of the user's timeline,
/// never by time.
struct SyncToken {
  TimelinePosition since = 0;  ///< the device knows everything up to here
  std::optional<SyncTokenPage> page;
  std::optional<SyncTokenStart> start;  ///< only beside `page`
  /// Of large groups, by `hash_of`: how far the device knows the log.
  std::map<std::uint64_t, Seq> large;

  /// More large groups than this are not in a token: who continues begins with their newest page. So many fit
  /// into what a command may carry.
  static constexpr std::size_t kMaxLarge = 350;

  [[nodiscard]] static std::uint64_t hash_of(std::string_view conversationId);
  void know_large(std::string_view conversationId, Seq seq);
  [[nodiscard]] std::optional<Seq> known_large(std::string_view conversationId) const;
};

/// At most 8,192 characters of `A-Z a-z 0-9 _ - .`.
[[nodiscard]] std::string encode_token(const SyncToken& token, std::uint64_t origin, std::string_view user);
/// Nothing unless `text` is a token that was given to this user by a server over this store.
[[nodiscard]] std::optional<SyncToken> decode_token(std::string_view text, std::uint64_t origin,
                                                    std::string_view user);

/// What the tokens of this kind begin with.
inline constexpr std::string_view kTimelineToken = "t.";

}  // namespace chatcore::engine
