#include <algorithm>

#include "keys.hpp"
#include "log_reader.hpp"
#include "message_rows.hpp"
#include "row_scan.hpp"
#include "values.hpp"

/// The reads that put a log together from several column families. Cursors of recent commits are in memory
/// only and are asked for before the snapshot is taken: so none is ahead of the events it is shown with.
namespace chatcore::rocks {

namespace {

constexpr int kLastMessageScan = 64;

/// Where the page of a user's conversations begins that is asked for.
std::string first_key(const UserConversationsRequest& request) {
  if (request.only) return pair_key(request.userId, *request.only);
  return request.after.empty() ? owner_prefix(request.userId)
                               : pair_key(request.userId, request.after) + '\0';
}

Error too_long() { return Error{.code = ErrorCode::overloaded, .message = "too long to be waited for"}; }

Error damaged(const char* what) { return Error{.code = ErrorCode::corrupted, .message = what}; }

}  // namespace

Result<LogState> LogReader::state(const ConversationId& log) {
  auto held = member_states(log);
  if (!held) return std::move(held).error();
  renew_snapshot();
  LogState state;
  const auto found = seek_head(owner_prefix(log));
  if (!found) return found.error();
  if (!*found) return state;
  EventView head;
  if (Status taken = take_event(head); !taken) return std::move(taken).error();
  state.exists = true;
  state.epoch = head.epoch;
  state.head = head.seq;
  state.lastMessageId = head.messageId;
  state.ordinal = head.ordinal;
  auto deleted = last_deleted_ordinal(log);
  if (!deleted) return std::move(deleted).error();
  state.lastDeletedOrdinal = *deleted;
  if (Status filled = fill_description(log, state.info, state.memberSeq); !filled)
    return std::move(filled).error();
  auto members = member_states(log);
  if (!members) return std::move(members).error();
  state.members = std::move(*members);

  // Both lists ascend by user: merge what was held before the snapshot into what it shows.
  auto mine = held->begin();
  for (MemberState& member : state.members) {
    while (mine != held->end() && mine->member.userId < member.member.userId) ++mine;
    const bool same = mine != held->end() && mine->member.userId == member.member.userId;
    auto merged = cursor(pair_key(log, member.member.userId), same ? mine->cursor : Cursor{});
    if (!merged) return std::move(merged).error();
    member.cursor = *merged;
  }
  return state;
}

Result<std::vector<MemberState>> LogReader::member_states(const ConversationId& log, std::size_t limit) {
  std::vector<MemberState> states;
  RowScan rows(database_, Column::members, owner_prefix(log), owner_end(log), view_);
  for (; rows.valid() && states.size() < limit; rows.next()) {
    MemberState& state = states.emplace_back();
    state.member.userId = second_of_pair(rows.key());
    if (!decode_member(rows.key(), rows.value(), state.member)) return damaged("a member is damaged");
    state.cursor = journal_.held_cursor(std::string(rows.key()));
  }
  if (Status status = rows.status(); !status) return std::move(status).error();
  return states;
}

Result<std::vector<LogReader::Mine>> LogReader::conversations_listed(
    const UserConversationsRequest& request) {
  std::vector<Mine> mine;
  const UserId& user = request.userId;
  if (!storable(user) || request.after.size() > kMaxKeyId) return mine;
  const auto add = [&](std::string_view log) {
    mine.push_back({ConversationId(log), journal_.held_cursor(pair_key(log, user))});
  };
  if (request.only) {
    if (storable(*request.only)) add(*request.only);
    return mine;
  }
  RowScan rows(database_, Column::conversations, first_key(request), owner_end(user),
               {nullptr, view_.memoryOnly});
  for (; rows.valid() && mine.size() < request.limit; rows.next()) add(second_of_pair(rows.key()));
  if (Status status = rows.status(); !status) return std::move(status).error();
  return mine;
}

/// Membership and `memberSeq` stand in one snapshot, or a removed member could be taken for one.
Result<std::vector<UserConversation>> LogReader::memberships_of(const UserConversationsRequest& request) {
  std::vector<UserConversation> views;
  const UserId& user = request.userId;
  if (!storable(user) || request.after.size() > kMaxKeyId) return views;
  if (request.only && !storable(*request.only)) return views;
  renew_snapshot();
  RowScan rows(database_, Column::conversations, first_key(request), owner_end(user), view_);
  for (; rows.valid() && views.size() < request.limit; rows.next()) {
    if (view_.memoryOnly && ++rowsRead_ > kBriefRows) return too_long();
    if (request.only && second_of_pair(rows.key()) != *request.only) break;
    UserConversation& view = views.emplace_back();
    view.conversationId = second_of_pair(rows.key());
    view.member.userId = user;
    if (!decode_member(rows.key(), rows.value(), view.member)) return damaged("a membership is damaged");
    if (Status filled = fill_member_seq(view.conversationId, view.memberSeq); !filled)
      return std::move(filled).error();
  }
  if (Status status = rows.status(); !status) return std::move(status).error();
  return views;
}

Result<std::vector<UserConversation>> LogReader::conversations_of(const UserConversationsRequest& request) {
  if (request.detail == ConversationDetail::membership) return memberships_of(request);
  auto mine = conversations_listed(request);
  if (!mine) return std::move(mine).error();
  renew_snapshot();
  std::vector<UserConversation> views;
  views.reserve(mine->size());
  for (const Mine& one : *mine) {
    const std::string key = pair_key(request.userId, one.log);
    auto row = database_.get(Column::conversations, key, view_);
    if (!row) return std::move(row).error();
    if (!*row) continue;
    UserConversation& view = views.emplace_back();
    view.conversationId = one.log;
    view.member.userId = request.userId;
    if (!decode_member(key, **row, view.member)) return damaged("a membership is damaged");
    if (request.detail == ConversationDetail::head) {
      if (Status filled = fill_head(view, request); !filled) return std::move(filled).error();
      continue;
    }
    if (Status filled = fill(view, request, one.held); !filled) return std::move(filled).error();
    if (request.withCursors) {
      if (Status filled = fill_cursors(view); !filled) return std::move(filled).error();
    }
  }
  return views;
}

Status LogReader::fill_hidden(UserConversation& view) {
  const std::string first = hidden_key(view.conversationId, view.member.userId, 0);
  const std::unique_ptr<rocksdb::Iterator> rows(
      database_.db().NewIterator(view_.options(), database_.column(Column::messages)));
  rows->SeekForPrev(hidden_key(view.conversationId, view.member.userId, UINT64_MAX));
  for (; rows->Valid() && rows->key().compare(first) >= 0 && view.hidden.size() < kMaxHiddenTold;
       rows->Prev())
    view.hidden.push_back(number_of_key(rows->key().ToStringView()));
  if (!rows->status().ok()) return to_error(rows->status());
  std::reverse(view.hidden.begin(), view.hidden.end());
  return {};
}

/// The others' cursors may be newer than the snapshot; none is shown above the head it stands beside.
Status LogReader::fill_cursors(UserConversation& view) {
  auto states = member_states(view.conversationId, kLargeGroupSize);
  if (!states) return std::move(states).error();
  if (states->size() >= kLargeGroupSize) return {};
  for (const MemberState& state : *states) {
    if (state.member.userId == view.member.userId) continue;
    auto merged = cursor(pair_key(view.conversationId, state.member.userId), state.cursor);
    if (!merged) return std::move(merged).error();
    merged->deliveredSeq = std::min(merged->deliveredSeq, view.head);
    merged->readSeq = std::min(merged->readSeq, view.head);
    view.cursors.push_back({state.member.userId, *merged});
  }
  if (view.info.kind == ConversationKind::direct && !view.cursors.empty())
    view.peer = view.cursors.front().userId;
  return {};
}

Status LogReader::fill(UserConversation& view, const UserConversationsRequest& request, const Cursor& held) {
  const UserId& user = request.userId;
  if (Status filled = fill_description(view.conversationId, view.info, view.memberSeq); !filled)
    return filled;
  auto merged = cursor(pair_key(view.conversationId, user), held);
  if (!merged) return std::move(merged).error();
  view.cursor = *merged;
  const std::string key = pair_key(user, view.conversationId);
  auto preferences = database_.get(Column::mutes, key, view_);
  if (!preferences) return std::move(preferences).error();
  if (*preferences && !decode_preferences(key, **preferences, view.preferences))
    return damaged("a user's preferences are damaged");
  // Where cursors are asked for the members are gone through anyway.
  if (view.info.kind == ConversationKind::direct && !request.withCursors) {
    if (Status filled = fill_peer(view, user); !filled) return filled;
  }
  if (Status filled = fill_head(view, request); !filled) return filled;
  if (request.withHidden) {
    if (Status filled = fill_hidden(view); !filled) return filled;
  }
  std::uint64_t seen = seen_ordinal(view.cursor, view.member.joinOrdinal);
  if (view.ordinal <= seen) return {};
  if (view.ordinal > kMaxUnread) seen = std::max(seen, view.ordinal - kMaxUnread);
  auto deleted = deleted_after(view.conversationId, user, view.cursor.readSeq, seen, request.now);
  if (!deleted) return std::move(deleted).error();
  view.deletedUnread = *deleted;
  return {};
}

Status LogReader::fill_peer(UserConversation& view, const UserId& user) {
  RowScan rows(database_, Column::members, owner_prefix(view.conversationId), owner_end(view.conversationId),
               view_);
  for (; rows.valid() && !view.peer; rows.next()) {
    if (second_of_pair(rows.key()) != user) view.peer = second_of_pair(rows.key());
  }
  return rows.status();
}

Result<bool> LogReader::take_if_last(UserConversation& view, const UserConversationsRequest& request,
                                     const EventView& event) {
  const bool visible = event.kind == EventKind::message && event.seq >= first_visible(view) &&
                       (!event.hiddenFromOthers || event.senderId == request.userId) &&
                       !expired(event, request.now);
  if (!visible) return false;
  auto found = found_message({view.conversationId, request.userId}, event);
  if (!found) return std::move(found).error();
  if (found->hidden) return false;
  view.lastMessage = std::move(found->event);
  view.lastMessageView = std::move(found->view);
  return true;
}

Status LogReader::fill_head(UserConversation& view, const UserConversationsRequest& request) {
  const std::string prefix = owner_prefix(view.conversationId);
  const auto found = seek_head(prefix);
  if (!found) return found.error();
  EventView event;
  int seen = 0;
  for (; seen < kLastMessageScan && at_event_of(prefix); ++seen, events().Prev()) {
    if (Status taken = take_event(event); !taken) return taken;
    if (seen == 0) {
      view.head = event.seq;
      view.epoch = event.epoch;
      view.ordinal = event.ordinal;
      view.lastEventAt = event.timestamp;
    }
    if (!request.withLastMessage || event.seq < first_visible(view)) return {};
    auto taken = take_if_last(view, request, event);
    if (!taken) return std::move(taken).error();
    if (*taken) return {};
  }
  if (!events().status().ok()) return to_error(events().status());
  if (seen < kLastMessageScan) return {};
  const bool counted = event.kind == EventKind::message && !event.hiddenFromOthers;
  return find_last_message(view, request, event.ordinal - (counted ? 1 : 0));
}

Status LogReader::find_last_message(UserConversation& view, const UserConversationsRequest& request,
                                    std::uint64_t ordinal) {
  const std::string prefix = owner_prefix(view.conversationId);
  const std::uint64_t unseen =
      std::max(view.member.joinSeq == 1 ? 0 : view.member.joinOrdinal, view.cursor.clearedOrdinal);
  for (int tries = 0; tries < kLastMessageScan && ordinal > unseen; ++tries, --ordinal) {
    EventView event;
    // Ordinals never fall, and step up at each countable message.
    auto found = first_event(prefix, view.head, event,
                             [ordinal](const EventView& one) { return one.ordinal >= ordinal; });
    if (!found) return std::move(found).error();
    if (!*found) return damaged("a message is missing");
    auto taken = take_if_last(view, request, event);
    if (!taken) return std::move(taken).error();
    if (*taken) return {};
  }
  return {};
}

}  // namespace chatcore::rocks
