#include <algorithm>

#include "keys.hpp"
#include "log_reader.hpp"
#include "message_rows.hpp"
#include "row_scan.hpp"
#include "values.hpp"

/// What has become of messages: their states, the reactions of one user, what a user has deleted for oneself.
namespace chatcore::rocks {

namespace {

constexpr std::size_t kReactionWeight = 80;  // of an emoji, its count, and their JSON

Error damaged(const char* what) { return Error{.code = ErrorCode::corrupted, .message = what}; }

}  // namespace

Status LogReader::fill_own_reactions(const ConversationId& log, const UserId& user, MessageView& view) {
  if (view.state.reactions.empty() || !storable(user)) return {};
  const std::string key = reaction_key(log, view.state.seq, user);
  const auto row = database_.get(Column::messages, key, view_);
  if (!row) return row.error();
  if (*row && !decode_emoji(key, **row, view.ownReactions)) return damaged("a user's reactions are damaged");
  return {};
}

namespace {

/// The lowest and the highest seq of some events.
std::pair<Seq, Seq> bounds_of(const EventList& events) {
  return std::minmax(events.front().seq, events.back().seq);
}

}  // namespace

/// The rows are read after the events: what the events do not show yet of a change, these may.
Status LogReader::fill_views(const ReadRequest& request, EventRange& range) {
  if (range.events.empty()) return {};
  const auto [low, high] = bounds_of(range.events);
  RowScan states(database_, Column::messages, state_key(request.log, low), state_key(request.log, high + 1),
                 view_);
  for (; states.valid(); states.next()) {
    MessageView& view = range.changed.emplace_back();
    if (!decode_state(states.key(), states.value(), view.state))
      return damaged("a message's state is damaged");
    if (Status filled = fill_own_reactions(request.log, request.viewer, view); !filled) return filled;
  }
  return states.status();
}

/// Cuts a range off where what has become of its events makes it too large.
void LogReader::cut(const ReadRequest& request, EventRange& range) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < range.events.size(); ++i) {
    const Seq seq = range.events[i].seq;
    const auto view =
        std::lower_bound(range.changed.begin(), range.changed.end(), seq,
                         [](const MessageView& one, Seq wanted) { return one.state.seq < wanted; });
    bytes += weight(range.events[i]);
    if (view != range.changed.end() && view->state.seq == seq)
      bytes += view->state.content.size() + view->state.reactions.size() * kReactionWeight;
    if (i == 0 || bytes <= request.maxBytes) continue;
    std::erase_if(range.changed, [&](const MessageView& one) {
      return request.newestFirst ? one.state.seq <= seq : one.state.seq >= seq;
    });
    range.events.truncate(i);
    range.more = true;
    return;
  }
}

Status LogReader::fill_hidden(const ReadRequest& request, EventRange& range) {
  if (range.events.empty() || !storable(request.viewer)) return {};
  const auto [low, high] = bounds_of(range.events);
  const std::string end = hidden_key(request.log, request.viewer, UINT64_MAX);
  RowScan any(database_, Column::messages, hidden_key(request.log, request.viewer, 0), end, view_);
  if (!any.valid()) return any.status();
  RowScan hidden(database_, Column::messages, hidden_key(request.log, request.viewer, low),
                 hidden_key(request.log, request.viewer, high + 1), view_);
  for (; hidden.valid(); hidden.next()) range.hidden.push_back(number_of_key(hidden.key()));
  if (Status status = hidden.status(); !status) return status;
  for (const EventView& event : range.events) {
    if (!changes_message(event.kind)) continue;
    auto gone = is_hidden(request.log, request.viewer, event.targetSeq);
    if (!gone) return std::move(gone).error();
    if (*gone) range.hidden.push_back(event.seq);
  }
  std::sort(range.hidden.begin(), range.hidden.end());
  return {};
}

/// Ids grow with seq.
Result<std::optional<FoundMessage>> LogReader::find_message(const MessageQuery& query) {
  const std::optional<FoundMessage> none;
  if (!storable(query.log)) return none;
  renew_snapshot();
  const std::string prefix = owner_prefix(query.log);
  auto head = head_of(prefix);
  if (!head) return std::move(head).error();
  EventView event;
  auto there = first_event(prefix, *head, event,
                           [&query](const EventView& one) { return one.messageId >= query.messageId; });
  if (!there) return std::move(there).error();
  if (!*there || event.messageId != query.messageId) return none;
  auto found = found_message({query.log, query.userId}, event);
  if (!found) return std::move(found).error();
  return std::optional(std::move(*found));
}

Result<FoundMessage> LogReader::found_message(const Viewer& viewer, const EventView& event) {
  FoundMessage found{Event(event), {}, false};
  found.view.state.seq = event.seq;
  const std::string key = state_key(viewer.log, event.seq);
  const auto row = database_.get(Column::messages, key, view_);
  if (!row) return row.error();
  if (*row && !decode_state(key, **row, found.view.state)) return damaged("a message's state is damaged");
  if (Status filled = fill_own_reactions(viewer.log, viewer.user, found.view); !filled)
    return std::move(filled).error();
  auto hidden = is_hidden(viewer.log, viewer.user, event.seq);
  if (!hidden) return std::move(hidden).error();
  found.hidden = *hidden;
  return found;
}

Result<bool> LogReader::is_hidden(const ConversationId& log, const UserId& user, Seq seq) {
  if (!storable(user)) return false;
  const auto row = database_.get(Column::messages, hidden_key(log, user, seq), view_);
  if (!row) return row.error();
  return row->has_value();
}

Result<std::uint64_t> LogReader::last_deleted_ordinal(const ConversationId& log) {
  const std::unique_ptr<rocksdb::Iterator> rows(
      database_.db().NewIterator(view_.options(), database_.column(Column::messages)));
  std::uint64_t last = 0;
  for (const auto key : {deletion_key, hidden_ordinal_key, expiry_key}) {
    rows->SeekForPrev(key(log, UINT64_MAX));
    if (!rows->status().ok()) return to_error(rows->status());
    if (rows->Valid() && rows->key().compare(key(log, 0)) >= 0)
      last = std::max(last, number_of_key(rows->key().ToStringView()));
  }
  return last;
}

/// Countable messages above `seen` that are deleted for everyone or for this user, or expired, each once.
Result<std::uint64_t> LogReader::deleted_after(const ConversationId& log, const UserId& user, Seq readSeq,
                                               std::uint64_t seen, Timestamp now) {
  // At most kMaxUnread ordinals are looked at, whoever hides one has sent a command for it.
  std::vector<std::uint64_t> ordinals;
  /// Rows from `first` to `last`, of which `gone(row's key, number in its value)` says what counts, or 0.
  const auto collect = [&](const std::string& first, std::string last, auto gone) -> Status {
    RowScan rows(database_, Column::messages, first, std::move(last), view_);
    for (std::uint64_t looked = 0; rows.valid() && looked <= kMaxUnread; rows.next(), ++looked) {
      std::uint64_t number = 0;
      if (!decode_number(rows.key(), rows.value(), number)) return damaged("a message's row is damaged");
      const std::uint64_t ordinal = gone(rows.key(), number);
      if (ordinal > seen) ordinals.push_back(ordinal);
    }
    return rows.status();
  };
  Status status = collect(deletion_key(log, seen + 1), deletion_key(log, UINT64_MAX),
                          [](std::string_view key, std::uint64_t) { return number_of_key(key); });
  if (status)
    status = collect(hidden_key(log, user, readSeq + 1), hidden_key(log, user, UINT64_MAX),
                     [](std::string_view, std::uint64_t ordinal) { return ordinal; });
  if (status)
    status = collect(expiry_key(log, seen + 1), expiry_key(log, UINT64_MAX),
                     [now](std::string_view key, std::uint64_t at) {
                       return static_cast<Timestamp>(at) <= now ? number_of_key(key) : 0;
                     });
  if (!status) return std::move(status).error();
  std::sort(ordinals.begin(), ordinals.end());
  const auto end = std::unique(ordinals.begin(), ordinals.end());
  return static_cast<std::uint64_t>(end - ordinals.begin());
}

}  // namespace chatcore::rocks
