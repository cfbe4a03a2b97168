#include "timelines.hpp"

#include <algorithm>

namespace chatcore::memory {

TimelineMark Timelines::mark(TimelineMarkRequest request) {
  marks_[request.userId] = newestMark_ = position_;
  if (!request.deviceId.empty() && request.token.size() <= kMaxKeptToken)
    tokens_.insert_or_assign({std::move(request.userId), std::move(request.deviceId)},
                             std::move(request.token));
  return {origin_, position_};
}

std::optional<std::string> Timelines::kept_token(const DeviceKey& device) const {
  const auto kept = tokens_.find({device.userId, device.deviceId});
  return kept == tokens_.end() ? std::nullopt : std::optional(kept->second);
}

Result<std::vector<TimelineEntry>> Timelines::entries(const TimelineRequest& request) const {
  std::vector<TimelineEntry> found;
  const auto user = users_.find(request.userId);
  if (user == users_.end()) return found;
  if (request.since && *request.since < user->second.forgottenTo)
    return Error{ErrorCode::out_of_range, "conversations left since then are forgotten", {}};
  const auto& rows = user->second.rows;
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
  OfUser& mine = users_[user];
  TimelineRow& row = mine.rows[log];
  const auto mark = marks_.find(user);
  if (row.summary().covers(change, mark == marks_.end() ? 0 : mark->second)) return;
  const bool was = row.departed;
  row.note(change, position);
  if (row.departed && !was) ++mine.departed;
  if (was && !row.departed) --mine.departed;
  if (mine.departed > 2 * kMaxDepartedKept) forget_departed(mine);
}

void Timelines::forget_departed(OfUser& user) {
  std::vector<TimelinePosition> ends;
  for (const auto& [log, row] : user.rows)
    if (row.departed) ends.push_back(row.summary().last);
  user.forgottenTo = departed_to_forget(std::move(ends));
  std::erase_if(user.rows, [&](const auto& entry) {
    return entry.second.departed && entry.second.summary().last <= user.forgottenTo;
  });
  user.departed = kMaxDepartedKept;
}

}  // namespace chatcore::memory
