#include "engine/sync_pages.hpp"

#include <algorithm>
#include <map>
#include <span>

#include "core/simulation_bug.hpp"
#include "core/string_map.hpp"
#include "engine/conversation.hpp"
#include "engine/page_view.hpp"

namespace chatcore::engine {

namespace {

constexpr std::size_t kPageBytes = 256 * 1024;
constexpr std::uint32_t kNewestPage = 50;      // events of a conversation that the client does not know
constexpr std::string_view kPageToken = "w.";  // the next page of a watermark sync: this session's alone
constexpr std::size_t kReadAhead = 16;         // conversations whose events are read per call
constexpr std::uint32_t kEntriesAtATime = 64;  // of the timeline

}  // namespace

/// One page in the making.
struct SyncPages::Run {
  struct Item {
    UserConversation conversation;
    Seq from = 1;
    Seq floor = 1;
    bool large = false;
    bool tellHidden = false;  ///< the client may know messages that are hidden since
  };
  Requester from;
  std::uint32_t limit = 200;
  std::map<ConversationId, protocol::Position, std::less<>> watermarks;
  std::optional<SyncContinuation> continued;
  Keep keep;

  std::uint64_t origin = 0;
  SyncToken end;  ///< what the client knows when it has taken all pages

  std::optional<SyncToken> token;  ///< of a token sync: what it knew
  ConversationId lastEntry;        ///< read of the timeline
  bool entriesDone = true;

  std::vector<Item> items;
  std::size_t next = 0;
  std::uint32_t events = 0;
  bool full = false;
  std::string page;
  std::vector<AccountSection> account;  ///< met on this page, by ascending timeline_id
  StringMap<bool> showsReading;         ///< of members whose cursors are told, and of the asker

  [[nodiscard]] std::optional<Seq> read_by(const CursorAdvance& member) const {
    const bool shown = showsReading.at(from.user()) && showsReading.at(member.userId);
    return shown ? std::optional(member.cursor.readSeq) : std::nullopt;
  }
};

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
  run->keep = std::move(keep);
  for (protocol::Position& mark : command.watermarks) run->watermarks.emplace(mark.conversationId, mark);
  protocol::begin_sync_page(run->page, run->from.id);
  if (!command.since) return start_watermarks(run);
  if (command.since->starts_with(kTimelineToken)) {
    run->keep(std::move(continued));
    return start_token(run, *command.since);
  }
  if (!continued || continued->token != *command.since) {
    run->keep(std::nullopt);
    return reset(*run);
  }
  run->continued = std::move(continued);
  start_watermarks(run);
}

void SyncPages::start_watermarks(const RunRef& run) {
  const auto read = [this, run](std::vector<TimelineEntry> large) {
    UserConversationsRequest request;
    request.userId = run->from.user();
    request.withCursors = true;
    request.withHidden = true;
    request.now = context_.now();
    read_all_conversations(
        context_, std::move(request),
        [this, run, large = std::move(large)](Result<std::vector<UserConversation>> conversations) {
          if (!conversations) return fail(run->from);
          if (run->continued) return continue_watermarks(run, std::move(*conversations));
          begin_watermarks(run, std::move(*conversations), large);
        });
  };
  if (run->continued) {
    run->origin = run->continued->origin;
    run->end = std::move(run->continued->end);
    return read({});
  }
  start_timeline(context_, UserId(run->from.user()), [this, run, read](Result<TimelineStart> start) {
    if (!start) return fail(run->from);
    run->origin = start->mark.origin;
    run->end.since = start->mark.position;
    read(std::move(start->large));
  });
}

void SyncPages::continue_watermarks(const RunRef& run, std::vector<UserConversation> conversations) {
  std::map<std::string_view, const SyncContinuation::Rest*> rest;
  for (const auto& item : run->continued->rest) rest.emplace(item.conversationId, &item);
  for (UserConversation& conversation : conversations) {
    const auto found = rest.find(conversation.conversationId);
    if (found == rest.end()) continue;
    const SyncContinuation::Rest& item = *found->second;
    const Seq floor = conversation.member.joinSeq;
    run->items.push_back({std::move(conversation), item.from, floor, item.large, item.tellHidden});
  }
  go_on(run);
}

void SyncPages::begin_watermarks(const RunRef& run, std::vector<UserConversation> conversations,
                                 const std::vector<TimelineEntry>& large) {
  const auto is_large = [&](const ConversationId& id) {
    const auto found = std::lower_bound(large.begin(), large.end(), id,
                                        [](const TimelineEntry& entry, const ConversationId& wanted) {
                                          return entry.conversationId < wanted;
                                        });
    return found != large.end() && found->conversationId == id;
  };
  std::vector<UserConversation*> unnamed;
  for (UserConversation& conversation : conversations) {
    const auto mark = run->watermarks.find(conversation.conversationId);
    if (mark == run->watermarks.end()) {
      unnamed.push_back(&conversation);
      continue;
    }
    const bool continues = mark->second.epoch == conversation.epoch && mark->second.seq <= conversation.head;
    const Seq after = mark->second.seq;
    run->watermarks.erase(mark);
    if (continues) {
      // What a client continues from may lie before its latest join: the numbers between are void for it.
      const Seq floor = conversation.member.joinSeq;
      const bool isLarge = is_large(conversation.conversationId);
      run->items.push_back({std::move(conversation), after + 1, floor, isLarge, true});
      continue;
    }
    reset_conversation(*run, conversation);
    unnamed.push_back(&conversation);
  }
  for (UserConversation* conversation : unnamed) {
    const bool isLarge = is_large(conversation->conversationId);
    add_newest(run, std::move(*conversation), isLarge);
  }
  for (const auto& gone : run->watermarks) protocol::append_removed_conversation(run->page, gone.first);
  go_on(run);
}

void SyncPages::reset_conversation(const Run& run, const UserConversation& conversation) {
  outlet_.send(run.from.session, [&](std::string& out) {
    protocol::append_sync_reset(out, {}, conversation.conversationId, conversation.epoch, conversation.head);
  });
}

void SyncPages::add_newest(const RunRef& run, UserConversation conversation, bool large) {
  const Seq head = conversation.head;
  const Seq newest = std::min(kNewestPage, run->limit);
  const Seq floor = conversation.member.joinSeq;
  const Seq first = std::max(head > newest ? head - newest + 1 : 1, floor);
  run->items.push_back({std::move(conversation), first, floor, large, false});
}

void SyncPages::start_token(const RunRef& run, std::string_view token) {
  context_.store->mark_timeline(
      {UserId(run->from.user())}, *context_.executor,
      [busy = context_.busy, this, run, text = std::string(token)](std::vector<Result<TimelineMark>> marks) {
        if (!marks[0]) return fail(run->from);
        run->origin = marks[0]->origin;
        auto known = decode_token(text, run->origin, run->from.user());
        // A position that was never given: the store is not the one that gave it, but an older copy.
        const TimelinePosition now = marks[0]->position;
        if (!known || known->since > now || (known->page && known->page->end > now)) return reset(*run);
        run->end.since = now;
        begin_token(run, std::move(*known));
      });
}

void SyncPages::begin_token(const RunRef& run, SyncToken token) {
  run->end.large = token.large;
  run->entriesDone = false;
  run->token = std::move(token);
  const auto& page = run->token->page;
  if (!page) return read_entries(run);
  run->end.since = page->end;
  run->lastEntry = page->after;
  if (page->from == 0) return read_entries(run);
  TimelineEntry rest;
  rest.conversationId = page->after;
  rest.large = run->token->known_large(page->after).has_value();
  rest.changed = rest.hides = true;
  rest.seen = page->from - 1;
  read_conversations(run, {std::move(rest)});
}

void SyncPages::read_entries(const RunRef& run) {
  TimelineRequest request;
  request.userId = run->from.user();
  request.since = run->token->since;
  request.after = run->lastEntry;
  request.limit = kEntriesAtATime;
  context_.store->timeline(
      {std::move(request)}, *context_.executor,
      [busy = context_.busy, this, run](std::vector<Result<std::vector<TimelineEntry>>> answers) {
        if (!answers[0]) return fail(run->from);
        run->entriesDone = answers[0]->size() < kEntriesAtATime;
        if (answers[0]->empty()) return go_on(run);
        run->lastEntry = answers[0]->back().conversationId;
        take_account(*run, *answers[0]);
        if (answers[0]->empty()) return go_on(run);
        read_conversations(run, std::move(*answers[0]));
      });
}

/// What of the entries is a section of the account, and no conversation.
void SyncPages::take_account(Run& run, std::vector<TimelineEntry>& entries) {
  std::erase_if(entries, [&](const TimelineEntry& entry) {
    const auto section = account_section_of(entry.conversationId);
    if (section) run.account.push_back(*section);
    return section.has_value();
  });
}

void SyncPages::read_conversations(const RunRef& run, std::vector<TimelineEntry> entries) {
  std::vector<UserConversationsRequest> requests;
  for (const TimelineEntry& entry : entries) {
    UserConversationsRequest& request = requests.emplace_back();
    request.userId = run->from.user();
    request.only = entry.conversationId;
    request.withCursors = true;
    request.withHidden = entry.hides;
    request.now = context_.now();
  }
  context_.store->conversations_of(std::move(requests), *context_.executor,
                                   [busy = context_.busy, this, run, entries = std::move(entries)](
                                       std::vector<Result<std::vector<UserConversation>>> answers) {
                                     run->items.clear();
                                     run->next = 0;
                                     for (std::size_t i = 0; i < entries.size(); ++i) {
                                       if (!answers[i]) return fail(run->from);
                                       take_entry(run, entries[i], std::move(*answers[i]));
                                     }
                                     go_on(run);
                                   });
}

void SyncPages::take_entry(const RunRef& run, const TimelineEntry& entry,
                           std::vector<UserConversation> found) {
  const ConversationId& id = entry.conversationId;
  if (found.empty()) {
    run->end.large.erase(SyncToken::hash_of(id));
    if (entry.changed) protocol::append_removed_conversation(run->page, id);
    return;
  }
  UserConversation& conversation = found.front();
  const bool resumed = run->token->page && run->token->page->from != 0 && run->token->page->after == id;
  std::optional<Seq> seen = entry.seen;
  if (const auto known = run->token->known_large(id); known && !resumed) seen = known;
  if (!seen || *seen > conversation.head) {
    reset_conversation(*run, conversation);
    return add_newest(run, std::move(conversation), entry.large);
  }
  if (!entry.changed && *seen == conversation.head) return;
  // What came live since the token was given.
  if (const auto mark = run->watermarks.find(id);
      mark != run->watermarks.end() && mark->second.epoch == conversation.epoch)
    seen = std::clamp(mark->second.seq, *seen, conversation.head);
  const Seq floor = conversation.member.joinSeq;
  run->items.push_back({std::move(conversation), *seen + 1, floor, entry.large, entry.hides});
}

void SyncPages::go_on(const RunRef& run) {
  if (run->page.size() >= kPageBytes) run->full = true;
  if (run->full) return finish_page(run);
  if (run->next < run->items.size()) return read_next(run);
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
    read.maxBytes = kPageBytes;
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
    protocol::begin_sync_conversation(run->page, conversation.conversationId);
    const PageView shown(*ranges[i], conversation, context_.now());
    for (const EventView& event : ranges[i]->events) {
      if (run->events >= run->limit || (run->page.size() >= kPageBytes && run->events > 0)) {
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
    const bool more = run->next < run->items.size() || !run->entriesDone;
    if (more && (run->events >= run->limit || run->page.size() >= kPageBytes)) run->full = true;
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
  const bool itemsLeft = run->next < run->items.size();
  const bool more = itemsLeft || !run->entriesDone;
  std::string token;
  if (!more || run->token) {
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
    }
    token = encode_token(next, run->origin, run->from.user());
    if (!run->token) run->keep(std::nullopt);
  } else {
    SyncContinuation rest;
    rest.token = token = new_page_token();
    rest.origin = run->origin;
    rest.end = std::move(run->end);
    for (std::size_t i = run->next; i < run->items.size(); ++i) {
      const Run::Item& item = run->items[i];
      rest.rest.push_back({item.conversation.conversationId, item.from, item.large, item.tellHidden});
    }
    run->keep(std::move(rest));
  }
  // Behind what is left of this page the next one meets them again.
  if (itemsLeft)
    std::erase_if(run->account, [&](AccountSection section) {
      return timeline_id(section) > run->items[run->next].conversation.conversationId;
    });
  protocol::end_sync_page(run->page, token, more, run->account);
  outlet_.deliver(run->from.session, FrameRef::text(run->page));
}

}  // namespace chatcore::engine
