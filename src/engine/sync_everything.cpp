#include <algorithm>
#include <tuple>

#include "core/string_map.hpp"
#include "engine/sync_pages.hpp"
#include "engine/sync_run.hpp"

/// A sync that goes through all of a user's conversations, the most recently active first: each from its
/// watermark, or with its newest events.
///
/// One that named no watermarks can be continued anywhere, for its tokens say which conversation comes next
/// in that order. What has changed since it began may have moved to the front of it: such conversations are
/// told when the others are through, in the order of their ids, whether they were told before or not. The one
/// that a token names keeps its place, for it may have been told in part.
namespace chatcore::engine {

namespace {

using Rest = SyncContinuation::Rest;

bool comes_first(const Rest& left, const Rest& right) {
  if (left.again != right.again) return right.again;
  if (left.again) return left.conversationId < right.conversationId;
  return std::tie(right.lastEventAt, left.conversationId) < std::tie(left.lastEventAt, right.conversationId);
}

Rest rest_of(const UserConversation& heads, Seq from, bool large) {
  return {heads.conversationId, from, heads.head, heads.lastEventAt, large, false, false};
}

template <class Use>
void read_heads(const Context& context, const Requester& from, Use use) {
  UserConversationsRequest request;
  request.userId = from.user();
  request.detail = ConversationDetail::head;
  read_all_conversations(context, std::move(request), std::move(use));
}

}  // namespace

void SyncPages::start_everything(const RunRef& run) {
  run->anywhere = run->watermarks.empty();
  start_timeline(context_, UserId(run->from.user()), [this, run](Result<TimelineStart> start) {
    if (!start) return fail(run->from);
    newest_ = start->mark;
    run->origin = start->mark.origin;
    run->end.since = start->mark.position;
    read_heads(context_, run->from, [this, run, large = std::move(start->large)](Result<Heads> heads) {
      if (!heads) return fail(run->from);
      list_named_and_newest(run, *heads, large);
      go_on(run);
    });
  });
}

void SyncPages::list_named_and_newest(const RunRef& run, const Heads& heads,
                                      const std::vector<TimelineEntry>& large) {
  const auto is_large = [&](const ConversationId& id) {
    const auto found = std::lower_bound(large.begin(), large.end(), id,
                                        [](const TimelineEntry& entry, const ConversationId& wanted) {
                                          return entry.conversationId < wanted;
                                        });
    return found != large.end() && found->conversationId == id;
  };
  for (const UserConversation& conversation : heads) {
    const bool isLarge = is_large(conversation.conversationId);
    const auto mark = run->watermarks.find(conversation.conversationId);
    if (mark == run->watermarks.end()) {
      run->rest.push_back(rest_of(conversation, newest_shown(conversation, run->newest), isLarge));
      continue;
    }
    const bool continues = mark->second.epoch == conversation.epoch && mark->second.seq <= conversation.head;
    if (continues) {
      run->rest.push_back(rest_of(conversation, mark->second.seq + 1, isLarge));
      run->rest.back().tellHidden = true;
    } else {
      reset_conversation(*run, conversation);
      run->rest.push_back(rest_of(conversation, newest_shown(conversation, run->newest), isLarge));
    }
    run->watermarks.erase(mark);
  }
  for (const auto& gone : run->watermarks) protocol::append_removed_conversation(run->page, gone.first);
  run->watermarks.clear();
  std::sort(run->rest.begin(), run->rest.end(), comes_first);
}

void SyncPages::continue_everything(const RunRef& run, SyncContinuation continued) {
  run->origin = continued.origin;
  run->anywhere = continued.anywhere;
  run->newest = continued.newest;
  run->end = std::move(continued.end);
  run->rest = std::move(continued.rest);
  go_on(run);
}

/// Another connection than the one that began it: what remains is made out anew.
void SyncPages::list_again(const RunRef& run, SyncToken token) {
  run->anywhere = true;
  run->newest = token.start->newest;
  run->end.since = token.page->end;
  run->end.large = token.large;
  read_changes(run, token, {});
}

void SyncPages::read_changes(const RunRef& run, const SyncToken& token, std::vector<TimelineEntry> sofar) {
  TimelineRequest request;
  request.userId = run->from.user();
  request.since = token.page->end;
  if (!sofar.empty()) request.after = sofar.back().conversationId;
  const std::uint32_t limit = request.limit;
  context_.store->timeline(
      {std::move(request)}, *context_.executor,
      [busy = context_.busy, this, run, token, limit,
       sofar = std::move(sofar)](std::vector<Result<std::vector<TimelineEntry>>> answers) mutable {
        if (!answers[0] && answers[0].error().code == ErrorCode::out_of_range) return reset(*run);
        if (!answers[0]) return fail(run->from);
        const bool more = answers[0]->size() == limit;
        std::move(answers[0]->begin(), answers[0]->end(), std::back_inserter(sofar));
        if (more) return read_changes(run, token, std::move(sofar));
        read_heads(context_, run->from, [this, run, token, sofar = std::move(sofar)](Result<Heads> heads) {
          if (!heads) return fail(run->from);
          list_what_remains(run, token, *heads, sofar);
          go_on(run);
        });
      });
}

void SyncPages::list_what_remains(const RunRef& run, const SyncToken& token, const Heads& heads,
                                  const std::vector<TimelineEntry>& changes) {
  StringMap<const TimelineEntry*> changed;
  for (const TimelineEntry& entry : changes) changed.emplace(entry.conversationId, &entry);
  Rest next;
  next.conversationId = token.page->after;
  next.lastEventAt = token.start->lastEventAt;
  next.again = token.start->again;
  for (const UserConversation& conversation : heads) {
    const auto entry = changed.find(conversation.conversationId);
    const bool large = entry != changed.end() && entry->second->large;
    // Nobody's timeline hears what happens in a large group; but of those that were told the token knows.
    if (large && token.known_large(conversation.conversationId)) continue;
    Rest rest = rest_of(conversation, newest_shown(conversation, run->newest), large);
    rest.again = entry != changed.end();
    if (rest.again) rest.tellHidden = entry->second->hides;
    if (rest.conversationId == next.conversationId) {
      // In its old place, also if it has moved: of one that was told in part no later token says how far.
      rest.from = token.page->from;
      rest.lastEventAt = next.lastEventAt;
      rest.again = next.again;
    } else if (comes_first(rest, next)) {
      continue;
    } else if (rest.again) {
      // Told before, it is known up to where it was then.
      const auto& seen = entry->second->seen;
      if (seen && *seen < conversation.head) rest.from = std::min(rest.from, *seen + 1);
    }
    run->rest.push_back(std::move(rest));
  }
  std::sort(run->rest.begin(), run->rest.end(), comes_first);
}

void SyncPages::read_rest(const RunRef& run) {
  std::vector<UserConversationsRequest> requests;
  const std::size_t first = run->restNext;
  Seq room = run->limit - run->events;
  while (run->restNext < run->rest.size() && requests.size() < kConversationsAtATime) {
    const Rest& rest = run->rest[run->restNext++];
    requests.push_back(whole(*run, rest.conversationId, rest.tellHidden));
    const Seq missing = rest.head >= rest.from ? rest.head - rest.from + 1 : 0;
    if (missing >= room) break;
    room -= missing;
  }
  read_conversations(std::move(requests), run, [this, run, first](Found found) {
    // One that was left meanwhile is not told: the sync that continues this one says so.
    for (std::size_t i = 0; i < found.size(); ++i)
      if (!found[i]->empty()) take_rest(run, first + i, std::move(found[i]->front()));
    go_on(run);
  });
}

void SyncPages::take_rest(const RunRef& run, std::size_t which, UserConversation conversation) {
  const Rest& rest = run->rest[which];
  Seq from = rest.from;
  if (from > conversation.head + 1) {
    reset_conversation(*run, conversation);
    from = newest_shown(conversation, run->newest);
  }
  run->add(std::move(conversation), from, rest.large, rest.tellHidden, which);
}

std::string SyncPages::remaining_token(const Run& run, const SyncContinuation::Rest& next) const {
  SyncToken token;
  token.since = run.end.since;
  token.large = run.end.large;
  token.page = SyncTokenPage{run.end.since, next.conversationId, next.from};
  token.start = SyncTokenStart{next.lastEventAt, next.again, run.newest};
  return encode_token(token, run.origin, run.from.user());
}

}  // namespace chatcore::engine
