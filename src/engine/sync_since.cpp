#include <algorithm>

#include "engine/sync_pages.hpp"
#include "engine/sync_run.hpp"

/// What has changed since a token was given, found in the user's timeline.
namespace chatcore::engine {

/// By the token that the device was last known to have.
void SyncPages::resume(const RunRef& run) {
  context_.store->kept_tokens(
      {DeviceKey{UserId(run->from.user()), run->from.device()}}, *context_.executor,
      [busy = context_.busy, this, run](std::vector<Result<std::optional<std::string>>> kept) {
        if (!kept[0]) return fail(run->from);
        if (!*kept[0]) return reset(*run);
        start_token(run, **std::move(kept[0]));
      });
}

void SyncPages::start_token(const RunRef& run, std::string text) {
  TimelineMarkRequest mark{UserId(run->from.user())};
  // Who continues from a token has all that it stands for: should the device lose it, it goes on from there.
  // Not one from after all that is known here: the store may be an older copy, and would come to it one day.
  const auto known = newest_ ? decode_token(text, newest_->origin, run->from.user()) : std::nullopt;
  if (known && !known->page && known->since <= newest_->position) {
    mark.deviceId = run->from.device();
    mark.token = text;
  }
  context_.store->mark_timeline(
      {std::move(mark)}, *context_.executor,
      [busy = context_.busy, this, run, text = std::move(text)](std::vector<Result<TimelineMark>> marks) {
        if (!marks[0]) return fail(run->from);
        newest_ = *marks[0];
        run->origin = marks[0]->origin;
        auto token = decode_token(text, run->origin, run->from.user());
        // A position that was never given: the store is not the one that gave it,
        // but an older copy.
        const TimelinePosition now = marks[0]->position;
        if (!token || token->since > now || (token->page && token->page->end > now)) return reset(*run);
        if (token->start) return list_again(run, *std::move(token));
        run->end.since = now;
        begin_token(run, *std::move(token));
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
  take_entries(run, {std::move(rest)});
}

void SyncPages::read_entries(const RunRef& run) {
  TimelineRequest request;
  request.userId = run->from.user();
  request.since = run->token->since;
  request.after = run->lastEntry;
  request.limit = kConversationsAtATime;
  context_.store->timeline(
      {std::move(request)}, *context_.executor,
      [busy = context_.busy, this, run](std::vector<Result<std::vector<TimelineEntry>>> answers) {
        if (!answers[0] && answers[0].error().code == ErrorCode::out_of_range) return reset(*run);
        if (!answers[0]) return fail(run->from);
        run->entriesDone = answers[0]->size() < kConversationsAtATime;
        if (answers[0]->empty()) return go_on(run);
        run->lastEntry = answers[0]->back().conversationId;
        take_account(*run, *answers[0]);
        if (answers[0]->empty()) return go_on(run);
        take_entries(run, std::move(*answers[0]));
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

void SyncPages::take_entries(const RunRef& run, std::vector<TimelineEntry> entries) {
  std::vector<UserConversationsRequest> requests;
  for (const TimelineEntry& entry : entries)
    requests.push_back(whole(*run, entry.conversationId, entry.hides));
  read_conversations(std::move(requests), run, [this, run, entries = std::move(entries)](Found found) {
    for (std::size_t i = 0; i < entries.size(); ++i) take_entry(run, entries[i], std::move(*found[i]));
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
    const Seq first = newest_shown(conversation, run->newest);
    return run->add(std::move(conversation), first, entry.large, false);
  }
  if (!entry.changed && *seen == conversation.head) return;
  // What came live since the token was given.
  if (const auto mark = run->watermarks.find(id);
      mark != run->watermarks.end() && mark->second.epoch == conversation.epoch)
    seen = std::clamp(mark->second.seq, *seen, conversation.head);
  run->add(std::move(conversation), *seen + 1, entry.large, entry.hides);
}

}  // namespace chatcore::engine
