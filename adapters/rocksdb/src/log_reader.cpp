#include "log_reader.hpp"

#include <algorithm>

#include "keys.hpp"
#include "row_scan.hpp"
#include "values.hpp"

namespace chatcore::rocks {

namespace {

// Newest first is read forwards, a window at a time: RocksDB steps forwards much faster than backwards.
constexpr Seq kWindow = 64;

Error damaged(const char* what) { return Error{.code = ErrorCode::corrupted, .message = what}; }

std::size_t weight(const Event& event) {
  return event.content.size() + event.senderId.size() + event.senderDeviceId.size() +
         event.clientMsgId.size() + 64;
}

}  // namespace

LogReader::~LogReader() {
  events_.reset();
  if (snapshot_ != nullptr) database_.db().ReleaseSnapshot(snapshot_);
}

void LogReader::renew_snapshot() {
  events_.reset();
  if (snapshot_ != nullptr) database_.db().ReleaseSnapshot(snapshot_);
  snapshot_ = database_.db().GetSnapshot();
}

rocksdb::Iterator& LogReader::events() {
  if (events_ == nullptr) {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot_;
    events_.reset(database_.db().NewIterator(options, database_.column(Column::events)));
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

Status LogReader::take_event(Event& event) {
  if (decode_event(events().key().ToStringView(), events().value().ToStringView(), event)) return {};
  return damaged("an event is damaged");
}

Result<EventRange> LogReader::read(const ReadRequest& request) {
  EventRange range;
  if (!storable(request.log)) return range;
  const auto found = seek_head(owner_prefix(request.log));
  if (!found) return found.error();
  if (!*found) return range;
  Event head;
  if (Status taken = take_event(head); !taken) return std::move(taken).error();
  range.head = head.seq;
  range.epoch = head.epoch;
  const Seq from = std::max<Seq>(request.from, 1);
  const Seq to = std::min(request.to, range.head);
  if (from > to) return range;
  Status status =
      request.newestFirst ? newest_first(range, request, from, to) : oldest_first(range, request, from, to);
  if (!status) return std::move(status).error();
  return range;
}

Status LogReader::oldest_first(EventRange& range, const ReadRequest& request, Seq from, Seq to) {
  const std::string prefix = owner_prefix(request.log);
  range.events.reserve(std::min<Seq>(to - from + 1, request.maxEvents));
  std::string key;
  event_key(key, request.log, from);
  std::size_t bytes = 0;
  for (events().Seek(key);; events().Next()) {
    const Seq next = from + range.events.size();
    if (next > to) return {};
    if (range.events.size() >= request.maxEvents) return range.more = true, Status();
    if (!events().status().ok()) return to_error(events().status());
    Event event;
    if (!at_event_of(prefix)) return damaged("an event is missing");
    if (Status taken = take_event(event); !taken) return taken;
    if (event.seq != next) return damaged("an event is missing");
    bytes += weight(event);
    if (!range.events.empty() && bytes > request.maxBytes) return range.more = true, Status();
    range.events.push_back(std::move(event));
  }
}

Status LogReader::window(const std::string& prefix, Seq first, Seq last, std::vector<Event>& found) {
  std::string key = prefix;
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(first >> shift));
  found.clear();
  events().Seek(key);
  for (Seq seq = first; seq <= last; ++seq, events().Next()) {
    if (!events().status().ok()) return to_error(events().status());
    if (!at_event_of(prefix)) return damaged("an event is missing");
    if (Status taken = take_event(found.emplace_back()); !taken) return taken;
    if (found.back().seq != seq) return damaged("an event is missing");
  }
  return {};
}

Status LogReader::newest_first(EventRange& range, const ReadRequest& request, Seq from, Seq to) {
  const std::string prefix = owner_prefix(request.log);
  range.events.reserve(std::min<Seq>(to - from + 1, request.maxEvents));
  std::vector<Event> found;
  std::size_t bytes = 0;
  for (Seq last = to; last >= from;) {
    const Seq wanted = std::min<Seq>({last - from + 1, request.maxEvents - range.events.size(), kWindow});
    if (wanted == 0) return range.more = true, Status();
    if (Status read = window(prefix, last - wanted + 1, last, found); !read) return read;
    for (auto event = found.rbegin(); event != found.rend(); ++event) {
      bytes += weight(*event);
      if (!range.events.empty() && bytes > request.maxBytes) return range.more = true, Status();
      range.events.push_back(std::move(*event));
    }
    last -= wanted;
  }
  return {};
}

Result<std::vector<Member>> LogReader::members(const MembersRequest& request) {
  std::vector<Member> page;
  if (!storable(request.log) || request.after.size() > kMaxKeyId) return page;
  // The smallest key behind `after` is `after` with a zero byte more.
  const std::string from =
      request.after.empty() ? owner_prefix(request.log) : pair_key(request.log, request.after) + '\0';
  RowScan rows(database_, Column::members, from, owner_end(request.log), snapshot_);
  for (; rows.valid() && page.size() < request.limit; rows.next()) {
    Member& member = page.emplace_back();
    member.userId = second_of_pair(rows.key());
    if (!decode_member(rows.key(), rows.value(), member)) return damaged("a member is damaged");
  }
  if (Status status = rows.status(); !status) return std::move(status).error();
  return page;
}

Result<std::vector<ConversationId>> LogReader::marked(std::uint32_t partition) {
  std::vector<ConversationId> logs;
  if (partition >= kPartitions) return logs;
  RowScan rows(database_, Column::marks, mark_prefix(partition), mark_prefix(partition + 1), snapshot_);
  for (; rows.valid(); rows.next()) logs.emplace_back(rows.key().substr(2));
  if (Status status = rows.status(); !status) return std::move(status).error();
  return logs;
}

Result<Cursor> LogReader::cursor(const std::string& key, const Cursor& held) {
  auto row = database_.get(Column::cursors, key, snapshot_);
  if (!row) return std::move(row).error();
  Cursor merged;
  if (*row && !decode_cursor(key, **row, merged)) return damaged("a cursor is damaged");
  raise(merged, held);
  return merged;
}

Status LogReader::fill_member_seq(const ConversationId& log, Seq& memberSeq) {
  const std::string key = log_key(log, LogPart::memberSeq);
  const auto row = database_.get(Column::logs, key, snapshot_);
  if (!row) return row.error();
  if (*row && !decode_number(key, **row, memberSeq))
    return damaged("a conversation's description is damaged");
  return {};
}

Status LogReader::fill_description(const ConversationId& log, ConversationInfo& info, Seq& memberSeq) {
  RowScan rows(database_, Column::logs, owner_prefix(log), owner_end(log), snapshot_);
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
