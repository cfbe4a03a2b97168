#include "chatcore/model/timeline.hpp"

#include <algorithm>
#include <array>

namespace chatcore {

namespace {

constexpr std::string_view kSectionPrefix = "sys.";
constexpr std::array<std::string_view, kAccountSections> kSectionNames = {"settings", "contacts", "blocks",
                                                                          "profile", "devices"};

}  // namespace

std::string_view to_string(AccountSection section) noexcept {
  return kSectionNames[static_cast<std::size_t>(section)];
}

ConversationId timeline_id(AccountSection section) {
  return ConversationId(kSectionPrefix).append(to_string(section));
}

std::optional<AccountSection> account_section_of(std::string_view timelineId) noexcept {
  if (!timelineId.starts_with(kSectionPrefix)) return std::nullopt;
  const auto found =
      std::find(kSectionNames.begin(), kSectionNames.end(), timelineId.substr(kSectionPrefix.size()));
  if (found == kSectionNames.end()) return std::nullopt;
  return static_cast<AccountSection>(found - kSectionNames.begin());
}

TimelinePosition departed_to_forget(std::vector<TimelinePosition> lastChanges) {
  if (lastChanges.size() <= kMaxDepartedKept) return 0;
  const auto newest = lastChanges.end() - static_cast<std::ptrdiff_t>(kMaxDepartedKept);
  std::nth_element(lastChanges.begin(), newest, lastChanges.end());
  return *std::max_element(lastChanges.begin(), newest);
}

bool TimelineSummary::covers(const TimelineChange& change, TimelinePosition mark) const noexcept {
  return last > mark && large == change.large.value_or(large) && (!change.hides || hiddenAt > mark) &&
         departed == change.departs.value_or(departed);
}

void TimelineRow::note(const TimelineChange& change, TimelinePosition position) {
  const bool large = change.large.value_or(largeSince != 0);
  // Who continues from while it was large, and does not say what is known of it, is told everything.
  const bool shrinks = largeSince != 0 && !large;
  if (shrinks) checkpoints_ = {{position, 0}};
  if (shrinks || (large && largeSince == 0)) largeSince = large ? position : 0;
  if (change.hides) hiddenAt = position;
  departed = change.departs.value_or(departed);
  if (position <= summary().last) return;
  const Seq head = checkpoints_.empty() ? change.head : std::max(change.head, checkpoints_.back().head);
  checkpoints_.push_back({position, head});
  if (checkpoints_.size() <= kMaxCheckpoints) return;
  // Whom a merge of `i` and its successor concerns fetches from i's head, though the successor's would do.
  const auto waste = [&](std::size_t i) {
    const Seq more = checkpoints_[i + 1].head - checkpoints_[i].head;
    return static_cast<double>(more) / static_cast<double>(head - checkpoints_[i + 1].head + 1);
  };
  std::size_t best = 0;
  for (std::size_t i = 1; i + 1 < checkpoints_.size(); ++i)
    if (waste(i) < waste(best)) best = i;
  checkpoints_[best].position = checkpoints_[best + 1].position;
  checkpoints_.erase(checkpoints_.begin() + static_cast<std::ptrdiff_t>(best) + 1);
}

std::optional<Seq> TimelineRow::head_at(TimelinePosition position) const {
  const auto after = std::upper_bound(
      checkpoints_.begin(), checkpoints_.end(), position,
      [](TimelinePosition wanted, const TimelineCheckpoint& one) { return wanted < one.position; });
  if (after == checkpoints_.end()) return std::nullopt;
  return after->head;
}

std::optional<TimelineEntry> TimelineRow::entry(std::optional<TimelinePosition> since) const {
  TimelineEntry entry;
  entry.large = largeSince != 0;
  if (!since) return entry.large ? std::optional(entry) : std::nullopt;
  const auto head = head_at(*since);
  entry.changed = head.has_value();
  if (!entry.large && !entry.changed) return std::nullopt;
  if (!entry.large || largeSince > *since) entry.seen = head;
  entry.hides = hiddenAt > *since;
  return entry;
}

bool TimelineRow::restore(std::vector<TimelineCheckpoint> checkpoints) {
  const auto out_of_order = [](const TimelineCheckpoint& left, const TimelineCheckpoint& right) {
    return left.position >= right.position || left.head > right.head;
  };
  if (checkpoints.size() > kMaxCheckpoints ||
      std::adjacent_find(checkpoints.begin(), checkpoints.end(), out_of_order) != checkpoints.end())
    return false;
  checkpoints_ = std::move(checkpoints);
  return true;
}

}  // namespace chatcore
