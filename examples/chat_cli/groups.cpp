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

/// In a created group, and in one that has changed.
std::string settings_text(const GroupChange& now) {
  std::string out;
  if (now.permissions && now.permissions->send == Permission::admins) out += " (only admins write)";
  if (now.slowModeSeconds) out += " (slow mode " + std::to_string(*now.slowModeSeconds) + " s)";
  if (now.expiresInSeconds) out += " (messages last " + std::to_string(*now.expiresInSeconds) + " s)";
  return out;
}

std::string users_text(const std::vector<chatcore::UserId>& users) { return joined(users, 0, users.size()); }

/// False: not an option, or not a value of it.
bool take_option(std::string_view word, chatcore::GroupSettings& settings) {
  const std::size_t equals = word.find('=');
  const std::string_view name = word.substr(0, equals);
  const std::string_view value = word.substr(equals + 1);
  if (name == "history") {
    using chatcore::HistoryVisibility;
    settings.history = value == "all" ? HistoryVisibility::all : HistoryVisibility::joined;
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

void App::create(const Words& words) {
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

bool App::in_group() {
  if (group_.empty()) printer_.line("error: say /group ID first");
  return !group_.empty();
}

void App::change_group(const Words& words) {
  if (!in_group()) return;
  // Permissions are named all or none: those that the line does not name become what they are by default.
  chatcore::GroupSettings settings;
  GroupChange change;
  for (const std::string& word : words) {
    if (!take_option(word, settings)) return printer_.line("error: no option: " + printable(word));
    if (word.starts_with("history="))
      change.history = settings.history;
    else if (word.starts_with("slow="))
      change.slowModeSeconds = settings.slowModeSeconds;
    else
      change.permissions = settings.permissions;
  }
  client_->update_group(group_, change, group_done("changed"));
}

void App::rename(const Words& words) {
  if (words.empty()) return printer_.line("error: /rename NAME");
  if (in_group()) client_->update_group(group_, {joined(words, 0, words.size())}, group_done("renamed"));
}

void App::add_members(const Words& words) {
  if (words.empty()) return printer_.line("error: /add USER…");
  if (in_group()) client_->add_members(group_, words, group_done("members added to"));
}

void App::remove_members(const Words& words) {
  if (words.empty()) return printer_.line("error: /remove USER…");
  if (in_group()) client_->remove_members(group_, words, group_done("members removed from"));
}

void App::set_role(const Words& words) {
  using chatcore::Role;
  if (words.size() == 2)
    for (const Role role : {Role::member, Role::admin, Role::owner})
      if (words[1] == to_string(role)) {
        if (in_group()) client_->set_role(group_, words[0], role, group_done("role changed in"));
        return;
      }
  printer_.line("error: /role USER member|admin|owner");
}

void App::leave_group() {
  if (in_group()) client_->leave_group(group_, group_done("left"));
}

void App::delete_group() {
  if (in_group()) client_->delete_group(group_, group_done("deleted"));
}

void App::list_members() {
  if (!talking()) return;
  ++unanswered_;
  client_->members({current(), {}, 500}, [this](Result<MembersPage> page) {
    --unanswered_;
    if (!page) return printer_.line("failed /members " + explain(page.error()));
    for (const GroupMember& member : page->members)
      printer_.line("member " + member.userId + " (" + std::string(to_string(member.role)) + ')');
    printer_.line(page->more ? "members end (there are more)" : "members end");
  });
}

void App::show_conversation_change(const ConversationChange& change) {
  const auto line = [&](const std::string& text) {
    printer_.line(change.by + ' ' + text + place_of(change.conversationId));
  };
  const std::string name = change.now.name ? " \"" + printable(*change.now.name) + '"' : std::string();
  switch (change.kind) {
    case ConversationChange::Kind::created:
      return line("created the group" + name + settings_text(change.now));
    case ConversationChange::Kind::updated:
      return line("changed the conversation" + name + settings_text(change.now));
    case ConversationChange::Kind::added:
      return line("added " + users_text(change.users));
    case ConversationChange::Kind::removed:
      return line("removed " + users_text(change.users));
    case ConversationChange::Kind::left:
      return line("left" + (change.newOwner.empty() ? "" : "; the owner is now " + change.newOwner));
    case ConversationChange::Kind::role_changed:
      return line("made " + users_text(change.users) + ' ' + std::string(to_string(change.role)));
    case ConversationChange::Kind::deleted:
      return line("deleted the group");
    case ConversationChange::Kind::message_pinned:
      return line("pinned seq=" + std::to_string(change.pinned.seq));
    case ConversationChange::Kind::message_unpinned:
      return line("unpinned seq=" + std::to_string(change.pinned.seq));
  }
}

}  // namespace chat_cli
