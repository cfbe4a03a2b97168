#include "log_reader.hpp"

#include <algorithm>

#include "bytes.hpp"
#include "keys.hpp"
#include "row_scan.hpp"
#include "values.hpp"

namespace chatcore::rocks {

namespace {

// Newest first is read forwards, a window at a time: RocksDB steps forwards much faster than backwards.
constexpr Seq kWindow = 64;

Error damaged(const char* what) { return Error{.code = ErrorCode::corrupted, .message = what}; }

}  // namespace

LogReader::~LogReader() {
  events_.reset();
  if (view_.snapshot != nullptr) database_.db().ReleaseSnapshot(view_.snapshot);
}

void LogReader::renew_snapshot() {
  events_.reset();
  if (view_.snapshot != nullptr) database_.db().ReleaseSnapshot(view_.snapshot);
  view_.snapshot = database_.db().GetSnapshot();
}

rocksdb::Iterator& LogReader::events() {
  if (events_ == nullptr) {
    events_.reset(database_.db().NewIterator(view_.options(), database_.column(Column::events)));
  }
  return *events_;
}

bool LogReader::at_event_of(const std::string& prefix) {
  return events().Valid() && events().key().size() == prefix.size() + 8 && events().key().starts_with(prefix);
}

Result<bool> LogReader::seek_head(const std::string& prefix) {
  events().SeekForPrev(prefix + std::string(8, '\xff'));
  if (!events().status().ok()) return to_error(events().status());
  return at_event_of(prefix);
}

Status LogReader::take_event(EventView& event) {
  if (decode_event(events().key().ToStringView(), events().value().ToStringView(), event)) return {};
  return damaged("an event is damaged");
}

Result<EventRange> LogReader::read(const ReadRequest& request) {
  EventRange range;
  const Seq from = std::max<Seq>(request.from, 1);
  if (!storable(request.log) || from > request.to) return range;
  range.events.reserve(std::min<Seq>(request.to - from + 1, request.maxEvents));
  Status status =
      request.newestFirst ? newest_first(range, request, from) : oldest_first(range, request, from);
  if (status && request.withViews) {
    status = fill_views(request, range);
    cut(request, range);
  }
  if (status && !request.viewer.empty()) status = fill_hidden(request, range);
  if (!status) return std::move(status).error();
  return range;
}

void LogReader::seek_event(const std::string& prefix, Seq seq) {
  std::string key = prefix;
  put_ordered64(key, seq);
  events().Seek(key);
}

Result<bool> LogReader::event_at(const std::string& prefix, Seq seq, EventView& event) {
  if (!events().status().ok()) return to_error(events().status());
  if (!at_event_of(prefix)) return false;
  if (Status taken = take_event(event); !taken) return std::move(taken).error();
  if (event.seq != seq) return damaged("an event is missing");
  return true;
}

Status LogReader::oldest_first(EventRange& range, const ReadRequest& request, Seq from) {
  const std::string prefix = owner_prefix(request.log);
  std::size_t bytes = 0;
  seek_event(prefix, from);
  for (Seq seq = from; seq <= request.to; ++seq, events().Next()) {
    EventView event;
    const Result<bool> there = event_at(prefix, seq, event);
    if (!there) return there.error();
    if (!*there) return {};
    bytes += weight(event);
    range.more = range.events.size() >= request.maxEvents || (seq > from && bytes > request.maxBytes);
    if (range.more) return {};
    range.events.push_back(event);
  }
  return {};
}

Result<Seq> LogReader::window(const std::string& prefix, Seq first, Seq last, EventList& into) {
  seek_event(prefix, first);
  for (Seq seq = first; seq <= last; ++seq, events().Next()) {
    EventView event;
    const Result<bool> there = event_at(prefix, seq, event);
    if (!there) return there.error();
    if (!*there) return seq - 1;
    into.push_back(event);
  }
  return last;
}

Status LogReader::newest_first(EventRange& range, const ReadRequest& request, Seq from) {
  const std::string prefix = owner_prefix(request.log);
  std::size_t bytes = 0;
  // A caller that knows the head, as most do, spares the store looking for it.
  bool belowHead = false;
  for (Seq last = request.to; last >= from;) {
    const std::size_t begin = range.events.size();
    const Seq wanted = std::min<Seq>({last - from + 1, request.maxEvents - begin, kWindow});
    if (wanted == 0) return range.more = true, Status();
    const Result<Seq> read = window(prefix, last - wanted + 1, last, range.events);
    if (!read) return read.error();
    if (*read != last) {
      if (belowHead) return damaged("an event is missing");
      const Result<Seq> head = head_of(prefix);
      if (!head) return head.error();
      range.events.truncate(0);
      last = std::min(last, *head);
      belowHead = true;
      continue;
    }
    belowHead = true;
    range.events.reverse_from(begin);
    for (std::size_t i = begin; i < range.events.size(); ++i) {
      bytes += weight(range.events[i]);
      if (i == 0 || bytes <= request.maxBytes) continue;
      range.events.truncate(i);
      return range.more = true, Status();
    }
    last -= wanted;
  }
  return {};
}

Result<Seq> LogReader::head_of(const std::string& prefix) {
  const auto found = seek_head(prefix);
  if (!found) return found.error();
  return *found ? seq_of_event_key(events().key().ToStringView()) : 0;
}

Result<bool> LogReader::first_event(const std::string& prefix, Seq head, EventView& event,
                                    const std::function<bool(const EventView&)>& beyond) {
  Seq low = 1;
  for (Seq high = head + 1; low < high;) {
    const Seq middle = low + (high - low) / 2;
    seek_event(prefix, middle);
    const Result<bool> there = event_at(prefix, middle, event);
    if (!there) return there;
    if (!*there) return Error{.code = ErrorCode::corrupted, .message = "an event is missing"};
    if (beyond(event))
      high = middle;
    else
      low = middle + 1;
  }
  if (low > head) return false;
  seek_event(prefix, low);
  return event_at(prefix, low, event);
}

Result<std::vector<Member>> LogReader::members(const MembersRequest& request) {
  std::vector<Member> page;
  if (!storable(request.log) || request.after.size() > kMaxKeyId) return page;
  // The smallest key behind `after` is `after` with a zero byte more.
  const std::string from =
      request.after.empty() ? owner_prefix(request.log) : pair_key(request.log, request.after) + '\0';
  RowScan rows(database_, Column::members, from, owner_end(request.log), view_);
  for (; rows.valid() && page.size() < request.limit; rows.next()) {
    Member& member = page.emplace_back();
    member.userId = second_of_pair(rows.key());
    if (!decode_member(rows.key(), rows.value(), member)) return damaged("a member is damaged");
  }
  if (Status status = rows.status(); !status) return std::move(status).error();
  return page;
}

Result<std::optional<std::string>> LogReader::kept_token(const DeviceKey& device) {
  if (!storable(device.userId) || !storable(device.deviceId)) return std::optional<std::string>();
  const std::string key = pair_key(device.userId, device.deviceId);
  auto row = database_.get(Column::tokens, key, view_);
  if (!row) return std::move(row).error();
  std::string token;
  // A damaged one is as good as none: the device begins anew.
  if (!*row || !decode_text(key, **row, token)) return std::optional<std::string>();
  return std::optional(std::move(token));
}

Result<std::vector<TimelineEntry>> LogReader::timeline(const TimelineRequest& request,
                                                       std::size_t& departed) {
  std::vector<TimelineEntry> entries;
  if (!storable(request.userId) || request.after.size() > kMaxKeyId) return entries;
  renew_snapshot();
  if (request.since) {
    const std::string key = forgotten_key(request.userId);
    auto forgotten = database_.get(Column::timeline, key, view_);
    if (!forgotten) return std::move(forgotten).error();
    std::uint64_t upTo = 0;
    if (*forgotten && !decode_number(key, **forgotten, upTo)) return damaged("a timeline's end is damaged");
    if (*request.since < upTo)
      return Error{ErrorCode::out_of_range, "conversations left since then are forgotten", {}};
  }
  RowScan rows(database_, Column::timeline, pair_key(request.userId, request.after) + '\0',
               owner_end(request.userId), view_);
  TimelineRow row;
  for (; rows.valid() && entries.size() < request.limit; rows.next()) {
    const TimelineGlance glance = glance_at_timeline(rows.key(), rows.value());
    departed += glance.departed ? 1 : 0;
    if (!glance.tells(request.since)) continue;
    std::optional<TimelineEntry> entry;
    if (decode_timeline(rows.key(), rows.value(), row))
      entry = row.entry(request.since);
    else
      entry =
          TimelineEntry{{}, false, true, 0, true};  // damaged: everything is told, until it is written anew
    if (!entry) continue;
    entry->conversationId = second_of_pair(rows.key());
    entries.push_back(std::move(*entry));
  }
  if (Status status = rows.status(); !status) return std::move(status).error();
  return entries;
}

Result<std::vector<ConversationId>> LogReader::marked(std::uint32_t partition) {
  std::vector<ConversationId> logs;
  if (partition >= kPartitions) return logs;
  RowScan rows(database_, Column::marks, mark_prefix(partition), mark_prefix(partition + 1), view_);
  for (; rows.valid(); rows.next()) logs.emplace_back(rows.key().substr(2));
  if (Status status = rows.status(); !status) return std::move(status).error();
  return logs;
}

Result<Cursor> LogReader::cursor(const std::string& key, const Cursor& held) {
  auto row = database_.get(Column::cursors, key, view_);
  if (!row) return std::move(row).error();
  Cursor merged;
  if (*row && !decode_cursor(key, **row, merged)) return damaged("a cursor is damaged");
  raise(merged, held);
  return merged;
}

Status LogReader::fill_member_seq(const ConversationId& log, Seq& memberSeq) {
  const std::string key = log_key(log, LogPart::memberSeq);
  const auto row = database_.get(Column::logs, key, view_);
  if (!row) return row.error();
  if (*row && !decode_number(key, **row, memberSeq))
    return damaged("a conversation's description is damaged");
  return {};
}

Status LogReader::fill_description(const ConversationId& log, ConversationInfo& info, Seq& memberSeq) {
  RowScan rows(database_, Column::logs, owner_prefix(log), owner_end(log), view_);
  for (; rows.valid(); rows.next()) {
    bool ok = true;
    if (rows.key().back() == static_cast<char>(LogPart::info)) {
      ok = decode_info(rows.key(), rows.value(), info);
    } else if (rows.key().back() == static_cast<char>(LogPart::memberSeq)) {
      ok = decode_number(rows.key(), rows.value(), memberSeq);
    }
    if (!ok) return damaged("a conversation's description is damaged");
  }
  return rows.status();
}

}  // namespace chatcore::rocks
