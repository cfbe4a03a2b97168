#include "engine/catch_up.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include "engine/conversation.hpp"
#include "engine/engine_shard.hpp"

namespace chatcore::engine {

namespace {

constexpr std::size_t kPageBytes = 256 * 1024;
constexpr std::uint32_t kNewestPage = 50;      // events of a conversation that the client did not name
constexpr std::string_view kPageToken = "w.";  // the next page of a sync under way
constexpr std::string_view kEndToken = "t.";   // the end of one: what a timeline would continue from
constexpr std::size_t kReadAhead = 16;         // conversations read from the store per call

Error unavailable() {
  return {ErrorCode::unavailable, "the store did not answer", std::chrono::milliseconds(500)};
}
Error not_a_member() { return {ErrorCode::not_a_member, "not a member of this conversation", {}}; }

bool visible(const EventMetadata& event, std::string_view senderId, const UserConversation& to,
             Timestamp now) {
  return event.seq >= to.member.joinSeq && (!event.hiddenFromOthers || senderId == to.member.userId) &&
         !expired(event, now);
}

/// What a reader may see of a page, and as what.
class PageView {
 public:
  PageView(const EventRange& range, const UserConversation& to, Timestamp now)
      : range_(range), to_(to), now_(now) {}

  [[nodiscard]] bool shows(const EventView& event) const {
    return visible(event, event.senderId, to_, now_) &&
           !std::binary_search(range_.hidden.begin(), range_.hidden.end(), event.seq);
  }
  [[nodiscard]] const MessageView* view_of(const EventView& event) const {
    const auto found =
        std::lower_bound(range_.changed.begin(), range_.changed.end(), event.seq,
                         [](const MessageView& view, Seq seq) { return view.state.seq < seq; });
    return found != range_.changed.end() && found->state.seq == event.seq ? &*found : nullptr;
  }

 private:
  const EventRange& range_;
  const UserConversation& to_;
  Timestamp now_;
};

Timestamp last_activity(const UserConversation& conversation) {
  return conversation.lastMessage ? conversation.lastMessage->timestamp : conversation.lastEventAt;
}

}  // namespace

/// One page of a sync in the making.
struct CatchUp::SyncRun {
  struct Item {
    UserConversation conversation;
    Seq from = 1;
    Seq floor = 1;
  };
  Requester from;
  std::uint32_t limit = 200;
  std::map<ConversationId, protocol::Position, std::less<>> watermarks;
  std::optional<SyncContinuation> continued;
  std::vector<UserConversation> conversations;
  std::vector<Item> items;
  std::size_t next = 0;
  std::uint32_t events = 0;
  bool full = false;
  std::string page;
  Keep keep;
  StringMap<bool> showsReading;  ///< of members whose cursors are told, and of the asker

  [[nodiscard]] std::optional<Seq> read_by(const CursorAdvance& member) const {
    const bool shown = showsReading.at(from.user()) && showsReading.at(member.userId);
    return shown ? std::optional(member.cursor.readSeq) : std::nullopt;
  }
};

void CatchUp::fail(const Requester& from, const Error& error) {
  outlet_.error(from.session, from.id, {}, error);
}

std::string CatchUp::new_token(std::string_view prefix) {
  static constexpr char kDigits[] = "abcdefghijklmnopqrstuvwxyz234567";
  std::byte bytes[24];
  context_.random->fill(bytes);
  std::string token(prefix);
  for (std::byte byte : bytes) token.push_back(kDigits[std::to_integer<unsigned>(byte) & 31]);
  return token;
}

void CatchUp::all_conversations(Requester from, std::vector<UserConversation> sofar, bool withLastMessage,
                                bool withCursors, Conversations use) {
  constexpr std::uint32_t kStep = 1000;
  UserConversationsRequest request;
  request.userId = from.user();
  request.after = sofar.empty() ? ConversationId{} : sofar.back().conversationId;
  request.limit = kStep;
  request.withLastMessage = withLastMessage;
  request.withCursors = withCursors;
  request.now = context_.now();
  context_.store->conversations_of(
      {request}, *context_.executor,
      [busy = context_.busy, this, from = std::move(from), sofar = std::move(sofar), withLastMessage,
       withCursors,
       use = std::move(use)](std::vector<Result<std::vector<UserConversation>>> answers) mutable {
        if (!answers[0]) return fail(from, unavailable());
        const bool more = answers[0]->size() == kStep;
        sofar.insert(sofar.end(), std::make_move_iterator(answers[0]->begin()),
                     std::make_move_iterator(answers[0]->end()));
        if (more && sofar.size() < context_.options.maxConversationsPerUser)
          return all_conversations(std::move(from), std::move(sofar), withLastMessage, withCursors,
                                   std::move(use));
        use(std::move(sofar));
      });
}

void CatchUp::sync(Requester from, protocol::Sync command, std::optional<SyncContinuation> continued,
                   Keep keep) {
  if (command.since && command.since->starts_with(kEndToken)) {
    keep(std::move(continued));
    return fail(from, {ErrorCode::unsupported,
                       "`since`: this server continues the pages of one sync only; send watermarks",
                       {}});
  }
  if (command.since && (!continued || continued->token != *command.since)) {
    outlet_.send(from.session, [&](std::string& out) { protocol::append_sync_reset(out, from.id); });
    return keep(std::nullopt);
  }
  auto run = std::make_shared<SyncRun>();
  run->from = from;
  run->limit = command.limit;
  run->keep = std::move(keep);
  if (command.since) run->continued = std::move(continued);
  for (protocol::Position& mark : command.watermarks) run->watermarks.emplace(mark.conversationId, mark);
  all_conversations(std::move(from), {}, false, true,
                    [this, run](std::vector<UserConversation> conversations) {
                      run->conversations = std::move(conversations);
                      begin_page(run);
                    });
}

void CatchUp::begin_page(std::shared_ptr<SyncRun> run) {
  protocol::begin_sync_page(run->page, run->from.id);
  // What a client continues from may lie before its latest join: the numbers between are void for it.
  const auto add = [&](UserConversation& conversation, Seq first) {
    const Seq floor = conversation.member.joinSeq;
    run->items.push_back({std::move(conversation), first, floor});
  };
  if (run->continued) {
    std::map<std::string_view, Seq> rest;
    for (const auto& item : run->continued->rest) rest.emplace(item.conversationId, item.from);
    for (UserConversation& conversation : run->conversations)
      if (const auto found = rest.find(conversation.conversationId); found != rest.end())
        add(conversation, found->second);
    return read_next(run);
  }
  std::vector<UserConversation*> unnamed;
  for (UserConversation& conversation : run->conversations) {
    const auto mark = run->watermarks.find(conversation.conversationId);
    if (mark == run->watermarks.end()) {
      unnamed.push_back(&conversation);
      continue;
    }
    const bool continues = mark->second.epoch == conversation.epoch && mark->second.seq <= conversation.head;
    const Seq after = mark->second.seq;
    run->watermarks.erase(mark);
    if (continues) {
      add(conversation, after + 1);
      continue;
    }
    outlet_.send(run->from.session, [&](std::string& out) {
      protocol::append_sync_reset(out, {}, conversation.conversationId, conversation.epoch,
                                  conversation.head);
    });
    unnamed.push_back(&conversation);
  }
  for (UserConversation* conversation : unnamed) {
    const Seq head = conversation->head;
    const Seq newest = std::min(kNewestPage, run->limit);
    add(*conversation, std::max(head > newest ? head - newest + 1 : 1, conversation->member.joinSeq));
  }
  for (const auto& gone : run->watermarks) protocol::append_removed_conversation(run->page, gone.first);
  read_next(run);
}

void CatchUp::read_next(std::shared_ptr<SyncRun> run) {
  if (run->next == run->items.size() || run->full) return finish_page(run);
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

void CatchUp::find_readers(std::shared_ptr<SyncRun> run, std::size_t first,
                           std::vector<Result<EventRange>> ranges) {
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

void CatchUp::append_ranges(std::shared_ptr<SyncRun> run, std::size_t first,
                            std::vector<Result<EventRange>> ranges) {
  for (std::size_t i = 0; i < ranges.size() && !run->full; ++i) {
    if (!ranges[i]) return fail(run->from, unavailable());
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
    protocol::SyncConversation entry;
    entry.headSeq = conversation.head;
    entry.fromSeq = start;
    entry.toSeq = item.from - 1;
    entry.floorSeq = item.floor;
    entry.epoch = conversation.epoch;
    entry.more = item.from <= conversation.head;
    entry.readSeq = conversation.cursor.readSeq;
    entry.unread = unread_of(conversation);
    std::vector<protocol::MemberCursor> cursors;
    for (const CursorAdvance& cursor : conversation.cursors)
      cursors.push_back({cursor.userId, cursor.cursor.deliveredSeq, run->read_by(cursor)});
    entry.cursors = cursors;
    protocol::end_sync_conversation(run->page, entry);
    if (entry.more) {
      // The item stays the next one: a range was cut by the store's byte limit, or the page is full.
      run->next = first + i;
      return finish_page(run);
    }
    run->next = first + i + 1;
    if (run->next < run->items.size() && (run->events >= run->limit || run->page.size() >= kPageBytes))
      run->full = true;
  }
  read_next(run);
}

void CatchUp::finish_page(std::shared_ptr<SyncRun> run) {
  std::optional<SyncContinuation> rest;
  if (run->next < run->items.size()) {
    rest.emplace();
    rest->token = new_token(kPageToken);
    for (std::size_t i = run->next; i < run->items.size(); ++i)
      rest->rest.push_back({run->items[i].conversation.conversationId, run->items[i].from});
  }
  const std::string token = rest ? rest->token : new_token(kEndToken);
  protocol::end_sync_page(run->page, token, rest.has_value());
  outlet_.deliver(run->from.session, FrameRef::text(run->page));
  run->keep(std::move(rest));
}

/// Looks the asker's membership up; whoever has none is told so.
void CatchUp::with_membership(Requester from, const ConversationId& id, Membership use) {
  UserConversationsRequest request;
  request.userId = from.user();
  request.only = id;
  request.now = context_.now();
  context_.store->conversations_of({request}, *context_.executor,
                                   [busy = context_.busy, this, from = std::move(from), use = std::move(use)](
                                       std::vector<Result<std::vector<UserConversation>>> answers) mutable {
                                     if (!answers[0]) return fail(from, unavailable());
                                     if (answers[0]->empty()) return fail(from, not_a_member());
                                     use(from, answers[0]->front());
                                   });
}

void CatchUp::history(Requester from, protocol::History command) {
  const ConversationId id = command.conversationId;
  with_membership(std::move(from), id,
                  [this, command](const Requester& asker, UserConversation& conversation) {
                    history_page(asker, command, std::move(conversation));
                  });
}

void CatchUp::history_page(const Requester& from, const protocol::History& command,
                           UserConversation conversation) {
  const Seq floor = conversation.member.joinSeq;
  ReadRequest read;
  read.log = conversation.conversationId;
  read.maxEvents = command.limit;
  read.newestFirst = !command.after;
  read.from = command.after ? std::max(*command.after + 1, floor) : floor;
  read.to = conversation.head;
  read.viewer = from.user();
  read.withViews = !command.raw;
  if (command.before) read.to = std::min(read.to, *command.before == 0 ? 0 : *command.before - 1);
  context_.store->read(
      {read}, *context_.executor,
      [busy = context_.busy, this, from, conversation = std::move(conversation), read, raw = command.raw,
       after = command.after.value_or(0)](std::vector<Result<EventRange>> ranges) {
        if (!ranges[0]) return fail(from, unavailable());
        const EventList& events = ranges[0]->events;
        std::string page;
        protocol::begin_history_page(page, from.id, conversation.conversationId);
        const PageView shown(*ranges[0], conversation, context_.now());
        for (const EventView& event : events) {
          // What changed a message is seen in the message.
          if (!shown.shows(event) || (!raw && changes_message(event.kind))) continue;
          protocol::append_page_event(page, conversation.conversationId, event, shown.view_of(event));
        }
        Seq low = 0;
        Seq high = 0;
        if (!events.empty()) {
          // Numbers before the join are void for who continues from before it.
          low = read.newestFirst ? events.back().seq : after + 1;
          high = read.newestFirst ? events.front().seq : events.back().seq;
        }
        const bool more = !events.empty() && (read.newestFirst ? low > read.from : high < read.to);
        protocol::end_history_page(page, low, high, conversation.epoch, more);
        outlet_.deliver(from.session, FrameRef::text(page));
      });
}

void CatchUp::list(Requester from, protocol::ConversationsList command) {
  auto held = std::make_shared<std::pair<Requester, protocol::ConversationsList>>(from, std::move(command));
  all_conversations(std::move(from), {}, true, false,
                    [this, held](std::vector<UserConversation> conversations) {
                      list_page(held->first, held->second, std::move(conversations));
                    });
}

void CatchUp::list_page(const Requester& from, const protocol::ConversationsList& command,
                        std::vector<UserConversation> conversations) {
  const auto later = [](Timestamp a, const ConversationId& idA, Timestamp b, const ConversationId& idB) {
    return a != b ? a > b : idA < idB;
  };
  std::sort(conversations.begin(), conversations.end(), [&](const auto& a, const auto& b) {
    return later(last_activity(a), a.conversationId, last_activity(b), b.conversationId);
  });
  auto position = conversations.begin();
  if (!command.cursor.empty()) {
    // The cursor is the place of the last entry given: "<last activity>:<conversation>".
    Timestamp at = 0;
    const char* end = command.cursor.data() + command.cursor.size();
    const auto [colon, failed] = std::from_chars(command.cursor.data(), end, at);
    if (failed != std::errc{} || colon == end || *colon != ':')
      return fail(from, {ErrorCode::bad_request, "`cursor` is not one of this server's", {}});
    const ConversationId id(colon + 1, end);
    position = std::find_if(position, conversations.end(), [&](const UserConversation& conversation) {
      return later(at, id, last_activity(conversation), conversation.conversationId);
    });
  }
  std::string page;
  protocol::begin_conversations_page(page, from.id);
  std::uint32_t count = 0;
  for (; position != conversations.end() && count < command.limit && page.size() < kPageBytes;
       ++position, ++count) {
    protocol::ConversationEntry entry;
    entry.conversationId = position->conversationId;
    entry.kind = position->info.kind;
    entry.name = position->info.name;
    if (position->peer) entry.peer = *position->peer;
    entry.role = position->member.role;
    entry.headSeq = position->head;
    entry.epoch = position->epoch;
    entry.readSeq = position->cursor.readSeq;
    entry.unread = unread_of(*position);
    entry.mutedUntil = position->mutedUntil > context_.now() ? position->mutedUntil : 0;
    entry.expiresInSeconds = position->info.expiresInSeconds;
    entry.lastMessage = position->lastMessage ? &*position->lastMessage : nullptr;
    entry.lastMessageView = position->lastMessageView ? &*position->lastMessageView : nullptr;
    protocol::append_conversation_entry(page, entry);
  }
  const bool more = position != conversations.end();
  std::string cursor;
  if (more) {
    const UserConversation& last = *(position - 1);
    cursor = std::to_string(last_activity(last)) + ":" + last.conversationId;
  }
  const bool firstPage = command.cursor.empty();
  protocol::end_conversations_page(page, cursor, firstPage ? new_token(kEndToken) : std::string{}, more);
  outlet_.deliver(from.session, FrameRef::text(page));
}

void CatchUp::members(Requester from, protocol::ConversationMembers command) {
  const ConversationId id = command.conversationId;
  with_membership(std::move(from), id, [this, command](const Requester& asker, UserConversation&) {
    context_.store->members(
        {MembersRequest{command.conversationId, command.cursor, command.limit + 1}}, *context_.executor,
        [busy = context_.busy, this, asker, command](std::vector<Result<std::vector<Member>>> members) {
          if (!members[0]) return fail(asker, unavailable());
          const bool more = members[0]->size() > command.limit;
          if (more) members[0]->resize(command.limit);
          std::vector<protocol::MemberEntry> entries;
          for (const Member& member : *members[0])
            entries.push_back({member.userId, member.role, member.joinSeq});
          outlet_.send(asker.session, [&](std::string& out) {
            protocol::append_members_page(out, asker.id, command.conversationId, entries,
                                          more ? std::string_view(members[0]->back().userId) : "", more);
          });
        });
  });
}

void CatchUp::mute(Requester from, protocol::ConversationMute command) {
  const ConversationId id = command.conversationId;
  with_membership(std::move(from), id,
                  [this, until = command.until](const Requester& asker, UserConversation& conversation) {
                    context_.store->mute({{UserId(asker.user()), conversation.conversationId, until}},
                                         *context_.executor,
                                         [busy = context_.busy, this, asker](std::vector<Status> stored) {
                                           if (!stored[0]) return fail(asker, unavailable());
                                           outlet_.ok(asker.session, asker.id);
                                         });
                  });
}

void CatchUp::hide(Requester from, protocol::MessageDelete command) {
  const ConversationId id = command.conversationId;
  with_membership(
      std::move(from), id,
      [this, messageId = command.messageId](const Requester& asker, UserConversation& conversation) {
        MessageQuery query{conversation.conversationId, messageId, UserId(asker.user())};
        context_.store->find_messages(
            {std::move(query)}, *context_.executor,
            [busy = context_.busy, this, asker,
             conversation = std::move(conversation)](std::vector<Result<std::optional<FoundMessage>>> found) {
              if (!found[0]) return fail(asker, unavailable());
              const bool seen =
                  *found[0] && (*found[0])->event.kind == EventKind::message &&
                  visible((*found[0])->event, (*found[0])->event.senderId, conversation, context_.now());
              if (!seen) return fail(asker, {ErrorCode::not_found, "`messageId`: no such message here", {}});
              hide_found(asker, conversation, **found[0]);
            });
      });
}

void CatchUp::hide_found(const Requester& from, const UserConversation& conversation,
                         const FoundMessage& message) {
  const Event& event = message.event;
  const std::uint64_t ordinal = event.hiddenFromOthers ? 0 : event.ordinal;
  context_.store->hide({HideRequest{UserId(from.user()), conversation.conversationId, event.seq, ordinal}},
                       *context_.executor,
                       [busy = context_.busy, this, from, id = conversation.conversationId, ordinal,
                        placed = static_cast<const EventMetadata&>(event)](std::vector<Status> stored) {
                         if (!stored[0]) return fail(from, unavailable());
                         outlet_.ok(from.session, from.id);
                         context_.on_shard(context_.home_of(id), [id, ordinal](EngineShard& owner) {
                           owner.conversations().message_hidden(id, ordinal);
                         });
                         tell_hidden(from, id, placed);
                       });
}

/// The user's other devices are told, and how many messages are unread now.
void CatchUp::tell_hidden(const Requester& from, const ConversationId& id, const EventMetadata& message) {
  UserConversationsRequest request;
  request.userId = from.user();
  request.only = id;
  request.now = context_.now();
  context_.store->conversations_of(
      {std::move(request)}, *context_.executor,
      [busy = context_.busy, this, from, id,
       message](std::vector<Result<std::vector<UserConversation>>> answers) {
        const bool known = answers[0] && !answers[0]->empty();
        const FrameRef frame = outlet_.frame(
            [&](std::string& out) {
              protocol::append_sync_deleted(out, id, message.seq, message.epoch, message.messageId,
                                            known ? unread_of(answers[0]->front()) : 0);
            },
            {DeliveryClass::ephemeral, {}, 0});
        context_.router->publish(context_.link->self(), context_.inbox(from.user()),
                                 {frame, 0, from.session, nullptr});
      });
}

}  // namespace chatcore::engine
