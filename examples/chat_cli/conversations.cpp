#include <algorithm>
#include <chrono>
#include <utility>

#include "app.hpp"

namespace chat_cli {

using namespace chatcore::client;
using chatcore::Result;

namespace {

std::string preferences_text(const chatcore::Preferences& preferences) {
  std::string out;
  if (preferences.mutedUntil != 0) out += " muted";
  if (preferences.archived) out += " archived";
  if (preferences.pinned) out += " pinned";
  return out;
}

}  // namespace

void App::list_conversations(const Words& words) {
  ConversationsQuery query;
  query.limit = static_cast<std::size_t>(std::clamp(words.empty() ? 50 : number(words[0], 50), 1, 500));
  ++unanswered_;
  client_->conversations(query, [this](Result<ConversationsPage> page) {
    --unanswered_;
    if (!page) return printer_.line("failed /conversations " + explain(page.error()));
    for (const ConversationEntry& entry : page->conversations) {
      const std::string& name = entry.peer.empty() ? entry.name : entry.peer;
      printer_.line("conversation " + entry.conversationId + " \"" + printable(name) +
                    "\" unread=" + std::to_string(entry.unread) + preferences_text(entry.preferences));
    }
    printer_.line(page->more ? "conversations end (there are more)" : "conversations end");
  });
}

void App::list_receipts(const Words& words) {
  if (!talking()) return;
  ReceiptsQuery query;
  query.conversationId = current();
  query.seq = words.empty() ? 0 : static_cast<chatcore::Seq>(std::max(number(words[0], 0), 0));
  ++unanswered_;
  client_->receipts(query, [this](Result<ReceiptsPage> page) {
    --unanswered_;
    if (!page) return printer_.line("failed /seen " + explain(page.error()));
    for (const MemberReceipt& member : page->members)
      printer_.line("seen by " + member.userId + ": delivered seq=" + std::to_string(member.deliveredSeq) +
                    ", read " + (member.readSeq ? "seq=" + std::to_string(*member.readSeq) : "hidden"));
    printer_.line(page->more ? "seen end (there are more)" : "seen end");
  });
}

void App::clear(const Words& words) {
  const auto message = named(words.empty() ? Words{"last"} : words, false);
  if (message) client_->clear_conversation({current(), 1, message->seq}, group_done("cleared"));
}

void App::mute(const Words& words) {
  if (!talking()) return;
  const int seconds = words.empty() ? 0 : number(words[0], 0);
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  client_->mute_conversation(current(), seconds > 0 ? now.count() + seconds * 1000LL : kMutedForever,
                             group_done("muted"));
}

void App::archive(bool archived) {
  if (!talking()) return;
  client_->archive_conversation(current(), archived, group_done(archived ? "archived" : "unarchived"));
}

void App::pin(bool pinned) {
  if (!talking()) return;
  client_->pin_conversation(current(), pinned, group_done(pinned ? "pinned" : "unpinned"));
}

void App::show_preferences(const PreferencesChange& change) {
  // A sync tells all of them; only what changed is news.
  chatcore::Preferences& known = preferences_[change.conversationId];
  if (std::exchange(known, change.now) == change.now) return;
  const std::string now = preferences_text(change.now);
  printer_.line("now" + (now.empty() ? " neither muted, archived nor pinned" : now) + ": " +
                change.conversationId);
}

}  // namespace chat_cli
