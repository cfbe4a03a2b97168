#include "engine/catch_up.hpp"

#include <algorithm>
#include <charconv>

#include "engine/conversation.hpp"
#include "engine/engine_shard.hpp"
#include "engine/page_view.hpp"
#include "engine/user_reads.hpp"

namespace chatcore::engine {

namespace {

constexpr std::size_t kPageBytes = 256 * 1024;

Error unavailable() {
  return {ErrorCode::unavailable, "the store did not answer", std::chrono::milliseconds(500)};
}
Error not_a_member() { return {ErrorCode::not_a_member, "not a member of this conversation", {}}; }

/// Of a device that knows the heads of all conversations.
SyncToken token_of(const TimelineStart& start, const std::vector<UserConversation>& conversations) {
  SyncToken token;
  token.since = start.mark.position;
  for (const TimelineEntry& entry : start.large) {
    const auto found =
        std::find_if(conversations.begin(), conversations.end(),
                     [&](const UserConversation& one) { return one.conversationId == entry.conversationId; });
    if (found != conversations.end()) token.know_large(entry.conversationId, found->head);
  }
  return token;
}

Timestamp last_activity(const UserConversation& conversation) {
  return conversation.lastMessage ? conversation.lastMessage->timestamp : conversation.lastEventAt;
}

}  // namespace

void CatchUp::fail(const Requester& from, const Error& error) {
  outlet_.error(from.session, from.id, {}, error);
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
  const Seq floor = first_visible(conversation);
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
  if (!command.cursor.empty()) return list_from(std::move(from), std::move(command), {});
  // The first page's token: what happens from here on is told by the sync that continues it.
  const UserId user(from.user());
  start_timeline(context_, user,
                 [busy = context_.busy, this, from = std::move(from),
                  command = std::move(command)](Result<TimelineStart> start) mutable {
                   if (!start) return fail(from, unavailable());
                   list_from(std::move(from), std::move(command), std::move(*start));
                 });
}

void CatchUp::list_from(Requester from, protocol::ConversationsList command, TimelineStart start) {
  UserConversationsRequest request;
  request.userId = from.user();
  request.withLastMessage = true;
  request.now = context_.now();
  read_all_conversations(context_, std::move(request),
                         [this, from = std::move(from), command = std::move(command),
                          start = std::move(start)](Result<std::vector<UserConversation>> conversations) {
                           if (!conversations) return fail(from, unavailable());
                           list_page(from, command, std::move(*conversations), start);
                         });
}

void CatchUp::list_page(const Requester& from, const protocol::ConversationsList& command,
                        std::vector<UserConversation> conversations, const TimelineStart& start) {
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
    entry.mutedUntil =
        position->preferences.mutedUntil > context_.now() ? position->preferences.mutedUntil : 0;
    entry.expiresInSeconds = position->info.expiresInSeconds;
    entry.archived = position->preferences.archived;
    entry.pinned = position->preferences.pinned;
    if (position->info.kind == ConversationKind::group) entry.settings = &position->info.settings;
    entry.pins = {position->info.pins, first_visible(*position), context_.now()};
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
  std::string token;
  if (command.cursor.empty()) {
    const SyncToken here = token_of(start, conversations);
    token = encode_token(here, start.mark.origin, from.user());
  }
  protocol::end_conversations_page(page, cursor, token, more);
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
  count_in_store(context_, id, UserId(from.user()),
                 [this, from, id, message](std::optional<std::uint64_t> unread) {
                   const FrameRef frame = outlet_.frame(
                       [&](std::string& out) {
                         protocol::append_sync_deleted(out, id, message.seq, message.epoch, message.messageId,
                                                       unread.value_or(0));
                       },
                       {DeliveryClass::ephemeral, {}, 0});
                   context_.router->publish(context_.link->self(), context_.inbox(from.user()),
                                            {frame, 0, from.session, nullptr});
                 });
}

}  // namespace chatcore::engine
