#include "client/decode_account.hpp"
#include "client/state.hpp"

// What a sync brings, and what asks for one.
namespace chatcore::client {

namespace {

// More conversations behind than this are caught up by one sync instead of a fetch each.
constexpr std::size_t kFetchEach = 8;

}  // namespace

void State::take_account(AccountChanges changes) {
  if (!changes.sections.empty()) act(std::move(changes));
}

void State::take_sync_page(Now now, const Json& page) {
  take_account(decode_account(page));
  const auto conversations = page.find("conversations");
  if (conversations != page.end() && conversations->is_array())
    for (const Json& entry : *conversations)
      if (entry.is_object()) take_sync_entry(now, entry);
  std::string token = text_field(page, "token");
  if (flag_field(page, "more") && !token.empty()) return request_sync_since(now, token);
  if (syncsWhole_) {
    AccountChanges all;
    for (std::size_t i = 0; i < kAccountSections; ++i) all.sections.push_back(static_cast<AccountSection>(i));
    take_account(std::move(all));
  }
  // What this sync told and the client did not take is told again by one from the same place.
  if (!syncAgain_) {
    syncToken_ = std::move(token);
    resumes_ = false;
    inbound_.synced();
  }
  finish_sync(now);
}

void State::take_sync_entry(Now now, const Json& entry) {
  const ConversationId id = text_field(entry, "conversationId");
  if (!valid_id(id)) return;
  if (flag_field(entry, "removed")) {
    // Taken out and in again since the page was made? The next sync knows.
    if (inbound_.heard_during_sync(id)) {
      syncAgain_ = true;
      return;
    }
    inbound_.forget(id);
    receivedFlow_.forget(id);
    readFlow_.forget(id);
    return act(ConversationReset{ConversationReset::Reason::removed, id, 1});
  }
  LogRange range = decode_range(entry);
  const Epoch epoch = range.epoch;
  // Before what comes: none of it is that old.
  if (const Seq floor = number_field(entry, "floorSeq"); floor > 1) act(HistoryCleared{id, epoch, floor - 1});
  take_range(now, std::move(range));
  take_entry_preferences(id, entry);
  take_entry_cursors(id, epoch, entry);
  take_entry_deletions(id, epoch, entry);
}

void State::take_entry_preferences(const ConversationId& id, const Json& entry) {
  if (preferencesHeard_.contains(id)) return;
  // What this client has just changed may be missing here, what others did before is perhaps only here.
  if (preferencesChanged_.contains(id)) {
    syncAgain_ = true;
    return;
  }
  act(PreferencesChange{id, decode_preferences(entry)});
}

/// `sync.preferences`.
void State::take_preferences(const Json& frame) {
  const ConversationId id = text_field(frame, "conversationId");
  if (!valid_id(id)) return;
  if (syncing_) preferencesHeard_.insert(id);
  act(PreferencesChange{id, decode_preferences(frame)});
}

void State::take_entry_cursors(const ConversationId& id, Epoch epoch, const Json& entry) {
  if (const Seq read = number_field(entry, "readSeq"); read > 0) readFlow_.known({id, epoch, read});
  const Json* cursors = object_field(entry, "cursors");
  if (cursors == nullptr) return;
  for (const auto& [user, cursor] : cursors->items()) {
    if (!cursor.is_object() || user == user_) continue;
    take_receipt({Receipt::Kind::delivered, id, user, epoch, number_field(cursor, "deliveredSeq")});
    take_receipt({Receipt::Kind::read, id, user, epoch, number_field(cursor, "readSeq")});
  }
}

void State::take_entry_deletions(const ConversationId& id, Epoch epoch, const Json& entry) {
  const auto deleted = entry.find("deletedForMe");
  if (deleted == entry.end() || !deleted->is_array()) return;
  for (const Json& seq : *deleted) {
    if (!seq.is_number_unsigned()) continue;
    MessageChange change;
    change.kind = MessageChange::Kind::deleted_for_me;
    change.conversationId = id;
    change.epoch = epoch;
    change.targetSeq = seq.get<Seq>();
    change.senderId = user_;
    act(std::move(change));
  }
}

void State::take_sync_required(Now now, const Json& frame) {
  const Json* heads = object_field(frame, "conversations");
  // No heads at all: everything may be behind.
  if (heads == nullptr || heads->empty() || heads->size() > kFetchEach) {
    // What a sync under way has already passed may be what is missing.
    syncAgain_ = syncing_;
    if (!syncing_) start_sync(now);
    return;
  }
  for (const auto& [id, value] : heads->items()) {
    if (!valid_id(id)) continue;
    const Watermark head = mark_of(id, value);
    if (!inbound_.head(now.steady, id, head.epoch, head.seq)) report_too_many_conversations();
  }
}

void State::take_sync_reset(Now now, const Json& frame) {
  const ConversationId id = text_field(frame, "conversationId");
  if (id.empty()) {
    if (!syncing_) syncAt_ = now.steady + retry_.next(random_);
    return;
  }
  if (!valid_id(id)) return;
  act(ConversationReset{ConversationReset::Reason::began_anew, id, epoch_field(frame)});
  if (!inbound_.restart(now.steady, id, epoch_field(frame), number_field(frame, "headSeq")))
    report_too_many_conversations();
}

}  // namespace chatcore::client
