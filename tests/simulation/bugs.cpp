#include "bugs.hpp"

#include <algorithm>

#include "core/simulation_bug.hpp"

namespace chatcore::simulation {

namespace {
std::string chosen;
}

#ifdef CHATCORE_SIMULATION_BUGS
std::string_view planted() noexcept { return chosen; }
#endif

const std::vector<std::string>& known_bugs() {
  static const std::vector<std::string> kBugs = {
      "acknowledged though not written",
      "unknown taken for written",
      "retries take effect again",
      "published past an open one",
      "recovery publishes again",
      "the head is not read again",
      "later commands overtake failed ones",
      "eviction forgets the order",
      "cursor set",
      "cursors are ahead of the store",
      "strangers may write",
      "blocks are ignored",
      "hidden messages count as unread",
      "changes in flight are not waited for",
      "anybody may delete",
      "a deletion spares the edits",
      "a deletion spares the pin",
      "deleted messages count as unread",
      "late renewals count",
      "no debounce",
      "slow admission is final",
      "the removed go on receiving",
      "the lagging are not told",
      "the client skips gaps",
      "channels are open to all",
      "an owner leaves no heir",
      "whoever comes sees everything",
      "slow mode overlooks what is under way",
      "hidden receipts are shown",
      "removed devices stay connected",
      "who is leaving is let in",
      "preferences are not told",
      "clearing is not told",
      "timelines are not told",
      "a token covers what comes after it",
      "links pass over gaps",
      "links take repetitions",
      "topics are left too early",
      "lost links keep their sessions",
      "lost engines keep their sessions",
  };
  return kBugs;
}

bool plant_bug(const std::string& name) {
#ifdef CHATCORE_SIMULATION_BUGS
  if (std::find(known_bugs().begin(), known_bugs().end(), name) == known_bugs().end()) return false;
  chosen = name;
  return true;
#else
  static_cast<void>(name);
  return false;
#endif
}

}  // namespace chatcore::simulation
