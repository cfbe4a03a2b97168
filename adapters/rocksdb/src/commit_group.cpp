#include "commit_group.hpp"

#include <algorithm>

#include "chatcore/testing/kill_point.hpp"
#include "keys.hpp"
#include "log_rows.hpp"
#include "message_rows.hpp"
#include "row_scan.hpp"
#include "values.hpp"

namespace chatcore::rocks {

namespace {

constexpr std::size_t kMaxEventsPerAppend = 64;
// How far the journal's tables may outgrow folding before appends are turned away.
constexpr std::size_t kJournalSlack = 8;
constexpr std::size_t kSmallestJournalBound = 65'536;

AppendResult outcome(AppendOutcome what, Seq head) {
  AppendResult result;
  result.outcome = what;
  result.head = head;
  return result;
}

AppendResult refused(Error error) {
  AppendResult result;
  result.error = std::move(error);
  return result;
}

Error invalid(const char* why) { return Error{.code = ErrorCode::invalid_argument, .message = why}; }

/// One has read what one wrote.
bool raises_sender(const Event& event) { return event.kind == EventKind::message && event.ordinal != 0; }

bool changes_what_is_committed(const AppendRequest& request, const MessageChange& change) {
  const auto committed = [&](Seq seq) { return seq != 0 && seq <= request.expectedHead; };
  return committed(change.state.seq) && (change.reactor.empty() || storable(change.reactor)) &&
         change.erased.size() <= 1 + kMaxEdits &&
         std::all_of(change.erased.begin(), change.erased.end(), committed);
}

const char* malformed(const AppendRequest& request) {
  if (!storable(request.log)) return "an append's log is not an id";
  if (request.events.empty() || request.events.size() > kMaxEventsPerAppend)
    return "an append carries 1 to 64 events";
  Seq next = request.expectedHead;
  for (const Event& event : request.events) {
    if (event.seq != ++next) return "the events' seq does not follow the expected head";
    if (raises_sender(event) && !storable(event.senderId)) return "a message's senderId is not an id";
  }
  for (const MembershipChange& change : request.effects.members) {
    if (!storable(change.member.userId)) return "a member's userId is not an id";
  }
  for (const CursorAdvance& advance : request.effects.cursors) {
    if (!storable(advance.userId)) return "a cursor's userId is not an id";
  }
  for (const MessageChange& change : request.effects.messages) {
    if (!changes_what_is_committed(request, change)) return "a changed message is not an earlier one";
  }
  return nullptr;
}

/// Whether it is remembered under its sender's name for it.
bool is_named(const Event& event) { return !event.clientMsgId.empty(); }

/// The event of a request that its membership changes belong to.
Seq membership_event(const std::vector<Event>& events) {
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    if (event->kind == EventKind::member || event->kind == EventKind::conversation) return event->seq;
  }
  return events.back().seq;
}

}  // namespace

CommitGroup::CommitGroup(Database& database, Journal& journal)
    : database_(database), journal_(journal), hot_(database.options().hotLogs), timelines_(database) {
  reset();
}

Result<HotLog*> CommitGroup::hot(const ConversationId& id) {
  if (HotLog* known = hot_.find(id)) return known;
  auto stored = read_log_head(database_, id);
  if (!stored) return std::move(stored).error();
  return &hot_.insert(id, HotLog{stored->head, stored->term, false, 0});
}

void CommitGroup::decide(AppendCall& call) {
  find_sends(call.batch);
  call.answers.reserve(call.batch.size());
  NamedSends rest = named_;
  for (const AppendRequest& request : call.batch) {
    const auto named = static_cast<std::size_t>(std::count_if(
        request.events.begin(), request.events.end(), [](const Event& event) { return is_named(event); }));
    call.answers.push_back(append(request, rest.first(named)));
    rest = rest.subspan(named);
  }
}

void CommitGroup::find_sends(const std::vector<AppendRequest>& batch) {
  named_.clear();
  for (const AppendRequest& request : batch) {
    for (const Event& event : request.events) {
      if (is_named(event))
        named_.push_back({hash_send(database_.hash_key(), request.log, event.senderId, event.clientMsgId)});
    }
  }
  std::vector<SendHash> hashes;
  hashes.reserve(named_.size());
  for (const NamedSend& send : named_) hashes.push_back(send.hash);
  auto stored = journal_.committer_find_sends(hashes);
  for (std::size_t i = 0; i < named_.size(); ++i) named_[i].stored = std::move(stored[i]);
}

AppendResult CommitGroup::append(const AppendRequest& request, NamedSends sends) {
  if (const char* why = malformed(request)) return refused(invalid(why));
  if (journal_.committer_size() >
      std::max(kSmallestJournalBound, database_.options().foldThreshold * kJournalSlack))
    return refused(
        Error{.code = ErrorCode::overloaded, .message = "the journal of sends is not folded fast enough"});
  auto log = hot(request.log);
  if (!log) return refused(std::move(log).error());
  HotLog& known = **log;
  if (request.term < known.term) return outcome(AppendOutcome::fenced, known.head);
  auto original = original_of(sends);
  if (!original) return refused(std::move(original).error());
  if (*original) {
    AppendResult result = outcome(AppendOutcome::duplicate, known.head);
    result.original = **original;
    return result;
  }
  if (request.expectedHead != known.head) return outcome(AppendOutcome::conflict, known.head);
  if (Status read = read_erased(request); !read) return refused(std::move(read).error());
  if (Status told = tell_timelines(request, known); !told) return refused(std::move(told).error());
  write(request, sends, known);
  return outcome(AppendOutcome::committed, known.head);
}

Result<std::optional<OriginalSend>> CommitGroup::original_of(NamedSends sends) const {
  for (auto send = sends.begin(); send != sends.end(); ++send) {
    if (const auto pending = sends_.find(send->hash); pending != sends_.end())
      return std::optional(pending->second);
    if (!send->stored || *send->stored) return send->stored;
    if (std::any_of(sends.begin(), send, [&](const NamedSend& other) { return other.hash == send->hash; }))
      return invalid("a clientMsgId stands twice in one append");
  }
  return std::optional<OriginalSend>();
}

void CommitGroup::write(const AppendRequest& request, NamedSends sends, HotLog& log) {
  auto named = sends.begin();
  for (const Event& event : request.events) {
    event_key(key_, request.log, event.seq);
    encode_event(key_, event, value_);
    batch_.Put(database_.column(Column::events), key_, value_);
    if (counts_until_it_expires(event)) {
      const std::string expiry = expiry_key(request.log, event.ordinal);
      batch_.Put(database_.column(Column::messages), expiry,
                 encode_number(expiry, static_cast<std::uint64_t>(event.expiresAt)));
    }
    if (raises_sender(event)) {
      // Not among `cursors_`: the row takes it as it is, and reading merges what stands there twice.
      row_.cursors.emplace_back(pair_key(request.log, event.senderId),
                                HeldCursor{Cursor{0, 0, 0, event.ordinal}, false});
    }
    if (!is_named(event)) continue;
    const OriginalSend send{event.seq, event.epoch, event.messageId, event.timestamp, event.payloadHash};
    const SendHash& hash = named++->hash;
    sends_.emplace(hash, send);
    row_.sends.emplace_back(hash, send);
  }
  if (log.term != request.term || log.head == 0) {
    const std::string key = log_key(request.log, LogPart::term);
    batch_.Put(database_.column(Column::logs), key, encode_number(key, request.term));
  }
  if (request.effects.mayBeUnpublished && !log.marked) {
    batch_.Put(database_.column(Column::marks), mark_key(request.log), "");
    log.marked = true;
  }
  log.term = request.term;
  log.head += request.events.size();
  wantsSync_ = true;
  write_effects(request);
}

void CommitGroup::write_effects(const AppendRequest& request) {
  const AppendEffects& effects = request.effects;
  if (effects.info) {
    const std::string key = log_key(request.log, LogPart::info);
    batch_.Put(database_.column(Column::logs), key, encode_info(key, *effects.info));
  }
  if (!effects.members.empty()) {
    const std::string key = log_key(request.log, LogPart::memberSeq);
    batch_.Put(database_.column(Column::logs), key, encode_number(key, membership_event(request.events)));
  }
  for (const MembershipChange& change : effects.members) {
    const UserId& user = change.member.userId;
    const std::string member = pair_key(request.log, user);
    const std::string conversation = pair_key(user, request.log);
    if (change.removed) {
      batch_.Delete(database_.column(Column::members), member);
      batch_.Delete(database_.column(Column::conversations), conversation);
    } else {
      batch_.Put(database_.column(Column::members), member, encode_member(member, change.member));
      batch_.Put(database_.column(Column::conversations), conversation,
                 encode_member(conversation, change.member));
    }
  }
  for (const CursorAdvance& advance : effects.cursors)
    raise_cursor(pair_key(request.log, advance.userId), advance.cursor, false);
  for (const MessageChange& change : effects.messages) write_change(request.log, change);
  for (const auto& [key, value] : erased_) batch_.Put(database_.column(Column::events), key, value);
}

void CommitGroup::write_change(const ConversationId& log, const MessageChange& change) {
  rocksdb::ColumnFamilyHandle* const messages = database_.column(Column::messages);
  const std::string key = state_key(log, change.state.seq);
  batch_.Put(messages, key, encode_state(key, change.state));
  if (change.state.deleted() && change.state.ordinal != 0) {
    const std::string deletion = deletion_key(log, change.state.ordinal);
    batch_.Put(messages, deletion, encode_number(deletion, change.state.seq));
  }
  if (change.reactor.empty()) return;
  const std::string reaction = reaction_key(log, change.state.seq, change.reactor);
  if (change.emoji.empty())
    batch_.Delete(messages, reaction);
  else
    batch_.Put(messages, reaction, encode_emoji(reaction, change.emoji));
}

Status CommitGroup::read_erased(const AppendRequest& request) {
  erased_.clear();
  std::unique_ptr<rocksdb::Iterator> row;
  for (const MessageChange& change : request.effects.messages) {
    for (const Seq seq : change.erased) {
      std::string& key = erased_.emplace_back().first;
      event_key(key, request.log, seq);
      // Not Get: the events' memtable is made for iterators.
      if (row == nullptr) row.reset(database_.db().NewIterator({}, database_.column(Column::events)));
      row->Seek(key);
      if (!row->status().ok()) return to_error(row->status());
      EventView event;
      if (!row->Valid() || row->key() != key || !decode_event(key, row->value().ToStringView(), event))
        return Error{.code = ErrorCode::corrupted, .message = "an event to be erased is damaged"};
      event.content = {};
      encode_event(key, event, erased_.back().second);
    }
  }
  return {};
}

void CommitGroup::raise_cursor(const std::string& key, const Cursor& cursor, bool whole) {
  HeldCursor& held = cursors_[key];
  raise(held.cursor, cursor);
  held.whole |= whole;
}

void CommitGroup::decide(ClaimCall& call) {
  for (const ClaimRequest& claim : call.batch) {
    LogState state;
    if (!storable(claim.log)) {
      call.answers.emplace_back(invalid("a claim's log is not an id"));
      continue;
    }
    auto log = hot(claim.log);
    if (!log) {
      call.answers.emplace_back(std::move(log).error());
      continue;
    }
    HotLog& known = **log;
    if (known.head > 0 && claim.term < known.term) {
      call.answers.emplace_back(Error{.code = ErrorCode::fenced, .message = "a higher term holds the log"});
      continue;
    }
    if (known.head > 0 && claim.term > known.term) {
      const std::string key = log_key(claim.log, LogPart::term);
      batch_.Put(database_.column(Column::logs), key, encode_number(key, claim.term));
      known.term = claim.term;
      wantsSync_ = true;
    }
    state.exists = known.head > 0;
    call.answers.emplace_back(std::move(state));
  }
}

void CommitGroup::decide(AdvanceCall& call) {
  for (const CursorUpdate& update : call.batch) {
    if (!storable(update.log) || !storable(update.userId)) {
      call.answers.emplace_back(invalid("a cursor's log or user is not an id"));
      continue;
    }
    const std::string key = pair_key(update.log, update.userId);
    auto stored = journal_.committer_whole_cursor(key);
    if (!stored) {
      call.answers.emplace_back(std::move(stored).error());
      continue;
    }
    Cursor merged = *stored;
    if (const auto pending = cursors_.find(key); pending != cursors_.end())
      raise(merged, pending->second.cursor);
    raise(merged, update.cursor);
    // Receipts repeat: what is stored already needs no write.
    if (merged != *stored) {
      if (Status told = tell_receipt(update); !told) {
        call.answers.emplace_back(std::move(told).error());
        continue;
      }
      raise_cursor(key, merged, true);
      wantsSync_ = true;
    }
    call.answers.emplace_back(merged);
  }
}

void CommitGroup::decide(MarkCall& call) {
  for (const TimelineMarkRequest& request : call.batch) {
    call.answers.emplace_back(timelines_.mark(request.userId));
    if (request.token.size() > kMaxKeptToken || !storable(request.userId) || !storable(request.deviceId))
      continue;
    const std::string key = pair_key(request.userId, request.deviceId);
    batch_.Put(database_.column(Column::tokens), key, encode_text(key, request.token));
  }
}

void CommitGroup::decide(ForgetTokensCall& call) {
  for (const DeviceKey& device : call.devices)
    if (storable(device.userId) && storable(device.deviceId))
      batch_.Delete(database_.column(Column::tokens), pair_key(device.userId, device.deviceId));
}

void CommitGroup::decide(ForgetDepartedCall& call) {
  const Status status = timelines_.forget_departed(batch_, call.user);
  if (!status && database_.options().log != nullptr)
    database_.options().log->write(LogLevel::warn, "rocksdb", "a timeline: " + status.error().message);
}

void CommitGroup::decide(TellCall& call) {
  for (const AccountChange& change : call.batch) {
    if (!storable(change.userId)) {
      call.answers.emplace_back(invalid("a timeline's user is not an id"));
      continue;
    }
    call.answers.push_back(
        timelines_.tell(batch_, change.userId, timeline_id(change.section), timelines_.next(), {}));
    wantsSync_ = true;
  }
}

Status CommitGroup::tell_timelines(const AppendRequest& request, HotLog& log) {
  const AppendEffects& effects = request.effects;
  const TimelinePosition position = timelines_.next();
  for (const MembershipChange& change : effects.members) {
    const TimelineChange told{
        .head = log.head, .large = effects.large && !change.removed, .departs = change.removed};
    Status status = timelines_.tell(batch_, change.member.userId, request.log, position, told);
    if (!status) return status;
  }
  return tell_audience(request.log, log, effects.audience, effects.large, position);
}

Status CommitGroup::tell_audience(const ConversationId& id, HotLog& log, const SharedUsers& audience,
                                  bool large, TimelinePosition position) {
  if (audience == nullptr) return {};
  if (large || timelines_.asked_since(log.told)) {
    for (const UserId& user : *audience) {
      if (!storable(user)) return invalid("one of the audience is not an id");
      const TimelineChange told{.head = log.head, .large = large};
      if (Status status = timelines_.tell(batch_, user, id, position, told); !status) return status;
    }
  }
  log.told = position;
  return {};
}

Status CommitGroup::tell_receipt(const CursorUpdate& update) {
  if (update.audience == nullptr) return tell_user(update.userId, update.log);
  auto log = hot(update.log);
  if (!log) return std::move(log).error();
  return tell_audience(update.log, **log, update.audience, false, timelines_.next());
}

Status CommitGroup::tell_user(const UserId& user, const ConversationId& id, bool hides) {
  auto log = hot(id);
  if (!log) return std::move(log).error();
  return timelines_.tell(batch_, user, id, timelines_.next(), {.head = (*log)->head, .hides = hides});
}

Result<Preferences> CommitGroup::preferences_of(const std::string& key) {
  if (const auto pending = preferences_.find(key); pending != preferences_.end()) return pending->second;
  auto row = database_.get(Column::mutes, key);
  if (!row) return std::move(row).error();
  Preferences stored;
  if (*row && !decode_preferences(key, **row, stored))
    return Error{.code = ErrorCode::corrupted, .message = "a user's preferences are damaged"};
  return stored;
}

void CommitGroup::decide(PreferencesCall& call) {
  for (const LogStore::PreferencesRequest& request : call.batch) {
    if (!storable(request.userId) || !storable(request.conversationId)) {
      call.answers.emplace_back(invalid("a preference's user or conversation is not an id"));
      continue;
    }
    if (Status told = tell_user(request.userId, request.conversationId); !told) {
      call.answers.emplace_back(std::move(told).error());
      continue;
    }
    const std::string key = pair_key(request.userId, request.conversationId);
    auto preferences = preferences_of(key);
    if (!preferences) {
      call.answers.emplace_back(std::move(preferences).error());
      continue;
    }
    request.apply(*preferences);
    if (*preferences == Preferences{})
      batch_.Delete(database_.column(Column::mutes), key);
    else
      batch_.Put(database_.column(Column::mutes), key, encode_preferences(key, *preferences));
    preferences_.insert_or_assign(key, *preferences);
    wantsSync_ = true;
    call.answers.emplace_back(*preferences);
  }
}

void CommitGroup::decide(HideCall& call) {
  for (const HideRequest& request : call.batch) {
    if (!storable(request.userId) || !storable(request.log)) {
      call.answers.emplace_back(invalid("a hidden message's user or log is not an id"));
      continue;
    }
    if (Status told = tell_user(request.userId, request.log, true); !told) {
      call.answers.emplace_back(std::move(told));
      continue;
    }
    const std::string key = hidden_key(request.log, request.userId, request.seq);
    batch_.Put(database_.column(Column::messages), key, encode_number(key, request.ordinal));
    if (request.ordinal != 0) {
      const std::string ordinal = hidden_ordinal_key(request.log, request.ordinal);
      batch_.Put(database_.column(Column::messages), ordinal, encode_number(ordinal, request.seq));
    }
    wantsSync_ = true;
    call.answers.emplace_back();
  }
}

void CommitGroup::decide(SettledCall& call) {
  for (const ConversationId& id : call.logs) {
    if (!storable(id)) continue;
    batch_.Delete(database_.column(Column::marks), mark_key(id));
    if (HotLog* known = hot_.find(id)) known->marked = false;
  }
}

void CommitGroup::decide(ChangeCall& call) {
  call.answer = call.change(*this);
  wantsSync_ = true;
}

void CommitGroup::decide(FoldPieceCall& call) {
  // Nobody waits for these to be durable: until the rows of the journal are deleted, in a later commit, they
  // say the same.
  for (const auto& [key, value] : call.sends) batch_.Put(database_.column(Column::sends), key, value);
  for (const auto& [key, value] : call.cursors) batch_.Merge(database_.column(Column::cursors), key, value);
}

void CommitGroup::decide(FoldedCall& call) { foldedRow_ = call.lastRow; }

Result<std::optional<std::string>> CommitGroup::get(std::string_view key) {
  if (const auto pending = directory_.find(std::string(key)); pending != directory_.end())
    return pending->second;
  return database_.get(Column::directory, key);
}

void CommitGroup::put(std::string key, std::string value) {
  batch_.Put(database_.column(Column::directory), key, value);
  directory_.insert_or_assign(std::move(key), std::move(value));
}

void CommitGroup::erase(std::string key) {
  batch_.Delete(database_.column(Column::directory), key);
  directory_.insert_or_assign(std::move(key), std::nullopt);
}

Result<std::uint64_t> CommitGroup::count(const std::string& from, const std::string& end) {
  RowScan rows(database_, Column::directory, from, end, {});
  std::uint64_t counted = 0;
  for (; rows.valid(); rows.next()) ++counted;
  if (Status status = rows.status(); !status) return std::move(status).error();
  return counted;
}

rocksdb::WriteBatch& CommitGroup::seal() {
  for (auto& [key, held] : cursors_) row_.cursors.emplace_back(key, held);
  if (!row_.empty()) {
    const std::string key = journal_key(journal_.next_row());
    encode_journal_row(key, row_, value_);
    batch_.Put(database_.column(Column::journal), key, value_);
  }
  if (foldedRow_ != 0)
    batch_.DeleteRange(database_.column(Column::journal), journal_key(0), journal_key(foldedRow_ + 1));
  return batch_;
}

void CommitGroup::committed() {
  if (foldedRow_ != 0) CHATCORE_KILL_POINT("fold.deleted");
  if (!row_.empty()) journal_.committed(std::move(row_));
  foldedRow_ = 0;
  timelines_.committed();
  hot_.trim();
  reset();
}

void CommitGroup::failed() {
  // What was decided may not be what is stored: read it again.
  hot_.clear();
  timelines_.failed();
  reset();
}

void CommitGroup::reset() {
  batch_.Clear();
  database_.stamp(batch_);
  sends_.clear();
  cursors_.clear();
  directory_.clear();
  preferences_.clear();
  row_.clear();
  wantsSync_ = false;
}

}  // namespace chatcore::rocks
