#include "timelines.hpp"

namespace chatcore::memory {

TimelineMark Timelines::mark(const UserId& user) {
  marks_[user] = newestMark_ = position_;
  return {origin_, position_};
}

std::vector<TimelineEntry> Timelines::entries(const TimelineRequest& request) const {
  std::vector<TimelineEntry> found;
  const auto user = rows_.find(request.userId);
  if (user == rows_.end()) return found;
  const auto& rows = user->second;
  for (auto next = rows.upper_bound(request.after); next != rows.end() && found.size() < request.limit;
       ++next) {
    auto entry = next->second.entry(request.since);
    if (!entry) continue;
    entry->conversationId = next->first;
    found.push_back(std::move(*entry));
  }
  return found;
}

void Timelines::tell(const UserId& user, const ConversationId& log, TimelinePosition position,
                     const TimelineChange& change) {
  TimelineRow& row = rows_[user][log];
  const auto mark = marks_.find(user);
  if (!row.summary().covers(change, mark == marks_.end() ? 0 : mark->second)) row.note(change, position);
}

}  // namespace chatcore::memory
