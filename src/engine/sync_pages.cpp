#include "engine/sync_pages.hpp"

#include <algorithm>
#include <span>

#include "core/simulation_bug.hpp"
#include "engine/conversation.hpp"
#include "engine/page_view.hpp"
#include "engine/sync_run.hpp"

namespace chatcore::engine {

namespace {

constexpr std::string_view kPageToken = "w.";  // the next page of a watermark sync: this session's alone
constexpr std::uint32_t kNewest = 50;          // events of a conversation that the client does not know
constexpr std::size_t kReadAhead = 16;         // conversations whose events are read per call

}  // namespace

void SyncPages::fail(const Requester& from) {
  outlet_.error(from.session, from.id, {},
                {ErrorCode::unavailable, "the store did not answer", std::chrono::milliseconds(500)});
}

void SyncPages::reset(const Run& run) {
  outlet_.send(run.from.session, [&](std::string& out) { protocol::append_sync_reset(out, run.from.id); });
}

std::string SyncPages::new_page_token() {
  static constexpr char kDigits[] = "abcdefghijklmnopqrstuvwxyz234567";
  std::byte bytes[24];
  context_.random->fill(bytes);
  std::string token(kPageToken);
  for (std::byte byte : bytes) token.push_back(kDigits[std::to_integer<unsigned>(byte) & 31]);
  return token;
}

void SyncPages::sync(Requester from, protocol::Sync command, std::optional<SyncContinuation> continued,
                     Keep keep) {
  auto run = std::make_shared<Run>();
  run->from = std::move(from);
  run->limit = command.limit;
  run->newest = command.newest.value_or(std::min(kNewest, command.limit));
  run->keep = std::move(keep);
  for (protocol::Position& mark : command.watermarks) run->watermarks.emplace(mark.conversationId, mark);
  protocol::begin_sync_page(run->page, run->from.id);
  if (command.resume) {
    run->keep(std::move(continued));
    return resume(run);
  }
  if (!command.since) return start_everything(run);
  if (continued && continued->token == *command.since) return continue_everything(run, *std::move(continued));
  const bool others = command.since->starts_with(kTimelineToken);
  run->keep(others ? std::move(continued) : std::nullopt);
  if (!others) return reset(*run);
  start_token(run, *std::move(command.since));
}

void SyncPages::reset_conversation(const Run& run, const UserConversation& conversation) {
  outlet_.send(run.from.session, [&](std::string& out) {
    protocol::append_sync_reset(out, {}, conversation.conversationId, conversation.epoch, conversation.head);
  });
}

UserConversationsRequest SyncPages::whole(const Run& run, const ConversationId& id, bool hidden) const {
  UserConversationsRequest request;
  request.userId = run.from.user();
  request.only = id;
  request.withCursors = true;
  request.withHidden = hidden;
  request.now = context_.now();
  return request;
}

void SyncPages::read_conversations(std::vector<UserConversationsRequest> requests, const RunRef& run,
                                   UniqueFunction<void(Found)> use) {
  context_.store->conversations_of(
      std::move(requests), *context_.executor,
      [busy = context_.busy, this, run, use = std::move(use)](Found found) mutable {
        for (const auto& one : found)
          if (!one) return fail(run->from);
        run->items.clear();
        run->next = 0;
        use(std::move(found));
      });
}

void SyncPages::go_on(const RunRef& run) {
  if (run->page.size() >= kSyncPageBytes) run->full = true;
  if (run->full) return finish_page(run);
  if (run->next < run->items.size()) return read_next(run);
  if (run->restNext < run->rest.size()) return read_rest(run);
  if (!run->entriesDone) return read_entries(run);
  finish_page(run);
}

void SyncPages::read_next(const RunRef& run) {
  std::vector<ReadRequest> reads;
  const std::size_t first = run->next;
  std::uint32_t room = run->limit - run->events;
  for (std::size_t i = first; i < run->items.size() && reads.size() < kReadAhead; ++i) {
    const auto& item = run->items[i];
    ReadRequest read;
    read.log = item.conversation.conversationId;
    read.from = std::max(item.from, item.floor);
    read.to = item.conversation.head;
    read.maxEvents = std::max<std::uint32_t>(room, 1);
    read.maxBytes = kSyncPageBytes;
    read.viewer = run->from.user();
    const Seq missing = read.to >= read.from ? read.to - read.from + 1 : 0;
    reads.push_back(std::move(read));
    if (missing >= room) break;
    room -= static_cast<std::uint32_t>(missing);
  }
  context_.store->read(std::move(reads), *context_.executor,
                       [busy = context_.busy, this, run, first](std::vector<Result<EventRange>> ranges) {
                         find_readers(run, first, std::move(ranges));
                       });
}

void SyncPages::find_readers(const RunRef& run, std::size_t first, std::vector<Result<EventRange>> ranges) {
  std::vector<UserId> users;
  const auto ask = [&](std::string_view user) {
    if (run->showsReading.try_emplace(user, false).second) users.emplace_back(user);
  };
  ask(run->from.user());
  for (std::size_t i = 0; i < ranges.size(); ++i)
    for (const CursorAdvance& cursor : run->items[first + i].conversation.cursors) ask(cursor.userId);
  privacy_.ask(users,
               [this, run, users, first, ranges = std::move(ranges)](const std::vector<bool>& shows) mutable {
                 for (std::size_t i = 0; i < users.size(); ++i) run->showsReading[users[i]] = shows[i];
                 append_ranges(run, first, std::move(ranges));
               });
}

void SyncPages::append_ranges(const RunRef& run, std::size_t first, std::vector<Result<EventRange>> ranges) {
  for (std::size_t i = 0; i < ranges.size() && !run->full; ++i) {
    if (!ranges[i]) return fail(run->from);
    auto& item = run->items[first + i];
    const UserConversation& conversation = item.conversation;
    const Seq start = item.from;
    // The floor may be above the head: all is cleared.
    item.from = std::max(item.from, std::min(item.floor, conversation.head + 1));
    protocol::begin_sync_conversation(run->page, conversation.conversationId);
    const PageView shown(*ranges[i], conversation, context_.now());
    for (const EventView& event : ranges[i]->events) {
      if (run->events >= run->limit || (run->page.size() >= kSyncPageBytes && run->events > 0)) {
        run->full = true;
        break;
      }
      item.from = event.seq + 1;
      if (!shown.shows(event)) continue;
      protocol::append_page_event(run->page, conversation.conversationId, event);
      ++run->events;
    }
    end_item(*run, first + i, start);
    // A range that was cut by the store's byte limit, or a full page: the item stays the next one.
    if (item.from <= conversation.head) return finish_page(run);
    if (run->more() && (run->events >= run->limit || run->page.size() >= kSyncPageBytes)) run->full = true;
  }
  go_on(run);
}

void SyncPages::end_item(Run& run, std::size_t index, Seq start) {
  Run::Item& item = run.items[index];
  const UserConversation& conversation = item.conversation;
  protocol::SyncConversation entry;
  entry.headSeq = conversation.head;
  entry.fromSeq = start;
  entry.toSeq = item.from - 1;
  entry.floorSeq = item.floor;
  entry.epoch = conversation.epoch;
  entry.more = item.from <= conversation.head;
  entry.readSeq = conversation.cursor.readSeq;
  entry.unread = unread_of(conversation);
  entry.preferences = conversation.preferences;
  if (entry.preferences.mutedUntil <= context_.now()) entry.preferences.mutedUntil = 0;
  entry.pins = {conversation.info.pins, item.floor, context_.now()};
  std::vector<protocol::MemberCursor> cursors;
  for (const CursorAdvance& cursor : conversation.cursors)
    cursors.push_back({cursor.userId, cursor.cursor.deliveredSeq, run.read_by(cursor)});
  entry.cursors = cursors;
  if (item.tellHidden) {
    // Up to the page's end: the client may have some of the page already, live.
    const auto& hidden = conversation.hidden;
    const auto end = std::upper_bound(hidden.begin(), hidden.end(), entry.toSeq);
    entry.deletedForMe = std::span(hidden.data(), static_cast<std::size_t>(end - hidden.begin()));
  }
  protocol::end_sync_conversation(run.page, entry);
  run.next = entry.more ? index : index + 1;
  if (entry.more) return;
  if (item.large)
    run.end.know_large(conversation.conversationId, conversation.head);
  else
    run.end.large.erase(SyncToken::hash_of(conversation.conversationId));
}

void SyncPages::finish_page(const RunRef& run) {
  const bool more = run->more();
  std::string token;
  if (run->token || !more) {
    const bool itemsLeft = run->next < run->items.size();
    SyncToken next;
    next.since = more ? run->token->since : run->end.since;
    if (CHATCORE_BUG("a token covers what comes after it")) ++next.since;
    next.large = std::move(run->end.large);
    if (more) {
      SyncTokenPage& page = next.page.emplace();
      page.end = run->end.since;
      const Run::Item* begun = itemsLeft ? &run->items[run->next] : nullptr;
      page.after = begun != nullptr ? begun->conversation.conversationId : run->lastEntry;
      page.from = begun != nullptr ? begun->from : 0;
      // The page that goes on with it must know that it is large.
      if (begun != nullptr && begun->large) next.know_large(page.after, begun->from - 1);
    }
    token = encode_token(next, run->origin, run->from.user());
    if (!run->token) run->keep(std::nullopt);
  } else {
    leave_rest(*run, token);
  }
  // Behind what is left of this page the next one meets them again.
  if (run->next < run->items.size())
    std::erase_if(run->account, [&](AccountSection section) {
      return timeline_id(section) > run->items[run->next].conversation.conversationId;
    });
  protocol::end_sync_page(run->page, token, more, run->account);
  outlet_.deliver(run->from.session, FrameRef::text(run->page));
}

/// Kept with the session, so that the next page need not look through everything again.
void SyncPages::leave_rest(Run& run, std::string& token) {
  std::size_t next = run.restNext;
  if (run.next < run.items.size()) {
    const Run::Item& item = run.items[run.next];
    next = item.rest;
    run.rest[next].from = item.from;
  }
  token = run.anywhere ? remaining_token(run, run.rest[next]) : new_page_token();
  SyncContinuation left;
  left.token = token;
  left.origin = run.origin;
  left.anywhere = run.anywhere;
  left.newest = run.newest;
  left.end = std::move(run.end);
  run.rest.erase(run.rest.begin(), run.rest.begin() + static_cast<std::ptrdiff_t>(next));
  left.rest = std::move(run.rest);
  run.keep(std::move(left));
}

}  // namespace chatcore::engine
