#include <utility>

#include "app.hpp"

namespace chat_cli {

using namespace chatcore::client;
using chatcore::Result;

void App::show_change(const MessageChange& change) {
  const std::string target = "seq=" + std::to_string(change.targetSeq);
  const auto line = [&](const std::string& text) {
    printer_.line(change.senderId + ' ' + text + place_of(change.conversationId));
  };
  switch (change.kind) {
    case MessageChange::Kind::edited:
      return line("edited " + target + ": " + printable(change.text ? *change.text : change.content));
    case MessageChange::Kind::deleted:
      return line("deleted " + target);
    case MessageChange::Kind::reaction_added:
      return line("reacted " + printable(change.emoji) + " to " + target);
    case MessageChange::Kind::reaction_removed:
      return line("took " + printable(change.emoji) + " back from " + target);
    case MessageChange::Kind::deleted_for_me:
      return line("deleted " + target + " for themselves on another device");
  }
}

/// The message that a command's first word names; says so if there is none.
std::optional<SeenMessages::Found> App::named(const Words& words, bool own) {
  if (!talking()) return std::nullopt;
  const auto found = words.empty() ? std::nullopt : seen_.find(current(), words[0], own);
  if (!found) printer_.line("error: no such message was shown here; /history shows older ones");
  return found;
}

/// Prints `done seq=N`, or what went wrong.
chatcore::Completion<Result<Sent>> App::change_done(std::string done, chatcore::Seq target) {
  ++unanswered_;
  return [this, done = std::move(done), target](Result<Sent> sent) {
    --unanswered_;
    const std::string what = done + " seq=" + std::to_string(target);
    printer_.line(sent ? what : "failed: not " + what + ' ' + explain(sent.error()));
  };
}

void App::edit(const Words& words) {
  if (words.size() < 2) return printer_.line("error: /edit SEQ|last TEXT");
  const auto message = named(words, true);
  if (!message) return;
  const std::string text = joined(words, 1, words.size());
  client_->edit_text(current(), message->id, text, change_done("edited ✓", message->seq));
}

void App::remove(const Words& words) {
  const std::string scope = words.size() == 2 ? words[1] : "";
  if (scope != "me" && scope != "everyone") return printer_.line("error: /delete SEQ|last me|everyone");
  const auto message = named(words, true);
  if (!message) return;
  if (scope == "everyone")
    return client_->delete_for_everyone(current(), message->id,
                                        change_done("deleted ✓ for everyone", message->seq));
  client_->delete_for_me(
      current(), message->id,
      [done = change_done("deleted ✓ for me", message->seq)](chatcore::Status status) mutable {
        done(status ? Result<Sent>(Sent{}) : Result<Sent>(status.error()));
      });
}

void App::react(const Words& words, bool add) {
  if (words.size() != 2) return printer_.line("error: /react SEQ|last EMOJI, or /unreact");
  const auto message = named(words, false);
  if (!message) return;
  client_->react(current(), message->id, words[1], add,
                 change_done((add ? "reacted ✓ " : "took back ✓ ") + printable(words[1]), message->seq));
}

void App::pin_message(const Words& words, bool add) {
  const auto message = named(words, false);
  if (!message) return;
  client_->pin_message(
      current(), message->id, add,
      [done = change_done(add ? "pinned ✓" : "unpinned ✓", message->seq)](chatcore::Status status) mutable {
        done(status ? Result<Sent>(Sent{}) : Result<Sent>(status.error()));
      });
}

}  // namespace chat_cli
