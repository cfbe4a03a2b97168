#include <charconv>
#include <optional>
#include <utility>

#include "app.hpp"

namespace chat_cli {

using namespace chatcore::client;
using chatcore::Permission;
using chatcore::Result;

namespace {

std::optional<Permission> permission(std::string_view text) {
  for (const Permission each : {Permission::everyone, Permission::admins})
    if (text == to_string(each)) return each;
  return std::nullopt;
}

/// False: not an option, or not a value of it.
bool take_option(std::string_view word, chatcore::GroupSettings& settings) {
  const std::size_t equals = word.find('=');
  const std::string_view name = word.substr(0, equals);
  const std::string_view value = word.substr(equals + 1);
  if (name == "history") {
    settings.history = chatcore::HistoryVisibility::all;
    return value == to_string(settings.history);
  }
  if (name == "slow") {
    const char* end = value.data() + value.size();
    const auto [last, failure] = std::from_chars(value.data(), end, settings.slowModeSeconds);
    return failure == std::errc() && last == end;
  }
  const auto who = permission(value);
  if (!who) return false;
  if (name == "send") return settings.permissions.send = *who, true;
  if (name == "add") return settings.permissions.add = *who, true;
  if (name == "edit") return settings.permissions.edit = *who, true;
  return false;
}

}  // namespace

void App::create(const std::vector<std::string>& words) {
  if (words.size() < 2) return printer_.line("error: /create ID NAME MEMBER… OPTION…");
  NewGroup group{words[0], words[1], {}};
  for (std::size_t i = 2; i < words.size(); ++i) {
    if (words[i].find('=') == std::string::npos)
      group.members.push_back(words[i]);
    else if (!take_option(words[i], group.settings))
      return printer_.line("error: no option: " + printable(words[i]));
  }
  ++unanswered_;
  group_ = words[0];
  client_->create_group(std::move(group), [this, name = words[1]](Result<chatcore::ConversationId> id) {
    --unanswered_;
    if (!id) return printer_.line("failed /create " + explain(id.error()));
    group_ = *id;
    printer_.line("created " + *id + " \"" + printable(name) + '"');
  });
}

/// Prints what was done to the present conversation, or what went wrong.
chatcore::Completion<chatcore::Status> App::group_done(std::string done) {
  ++unanswered_;
  return [this, what = std::move(done) + ' ' + current()](chatcore::Status status) {
    --unanswered_;
    printer_.line(status ? what : "failed: not " + what + ' ' + explain(status.error()));
  };
}

void App::delete_group() {
  if (group_.empty()) return printer_.line("error: say /group ID first");
  client_->delete_group(group_, group_done("deleted"));
}

void App::archive(bool archived) {
  if (current().empty()) return printer_.line("error: say /to USER or /group ID first");
  client_->archive_conversation(current(), archived, group_done(archived ? "archived" : "unarchived"));
}

void App::pin(bool pinned) {
  if (current().empty()) return printer_.line("error: say /to USER or /group ID first");
  client_->pin_conversation(current(), pinned, group_done(pinned ? "pinned" : "unpinned"));
}

}  // namespace chat_cli
