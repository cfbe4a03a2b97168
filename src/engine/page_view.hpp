#pragma once

#include <algorithm>
#include <string_view>

#include "chatcore/ports/log_store.hpp"

namespace chatcore::engine {

/// Whether a member may see an event at all. What changed a message is cleared together with it.
[[nodiscard]] inline bool visible(const EventMetadata& event, std::string_view senderId,
                                  const UserConversation& to, Timestamp now) {
  const bool cleared = event.targetSeq != 0 && event.targetSeq <= to.cursor.clearedSeq;
  return event.seq >= first_visible(to) && !cleared &&
         (!event.hiddenFromOthers || senderId == to.member.userId) && !expired(event, now);
}

/// What a reader may see of a range of a log, and as what.
class PageView {
 public:
  PageView(const EventRange& range, const UserConversation& to, Timestamp now)
      : range_(range), to_(to), now_(now) {}

  [[nodiscard]] bool shows(const EventView& event) const {
    return visible(event, event.senderId, to_, now_) &&
           !std::binary_search(range_.hidden.begin(), range_.hidden.end(), event.seq);
  }
  [[nodiscard]] const MessageView* view_of(const EventView& event) const {
    const auto found =
        std::lower_bound(range_.changed.begin(), range_.changed.end(), event.seq,
                         [](const MessageView& view, Seq seq) { return view.state.seq < seq; });
    return found != range_.changed.end() && found->state.seq == event.seq ? &*found : nullptr;
  }

 private:
  const EventRange& range_;
  const UserConversation& to_;
  Timestamp now_;
};

}  // namespace chatcore::engine
