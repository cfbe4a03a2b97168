#include "app.hpp"

/// What this user keeps of others, and is called.
namespace chat_cli {

/// Prints what was done, or what went wrong.
chatcore::Completion<chatcore::Status> App::account_done(std::string done) {
  ++unanswered_;
  return [this, done = std::move(done)](chatcore::Status status) {
    --unanswered_;
    printer_.line(status ? done : "failed: not " + done + ' ' + explain(status.error()));
  };
}

void App::change_contacts(const Words& words, bool add) {
  if (words.empty()) return printer_.line("error: say who");
  const std::string users = printable(joined(words, 0, words.size()));
  if (add) return client_->add_contacts(words, account_done("contacts now " + users));
  client_->remove_contacts(words, account_done("no contacts now " + users));
}

void App::change_blocks(const Words& words, bool add) {
  if (words.empty()) return printer_.line("error: say whom");
  const std::string users = printable(joined(words, 0, words.size()));
  if (add) return client_->block(words, account_done("blocked " + users));
  client_->unblock(words, account_done("unblocked " + users));
}

void App::take_name(const Words& words) {
  const std::string name = joined(words, 0, words.size());
  client_->set_display_name(name, account_done("called \"" + printable(name) + '"'));
}

/// Where everything is to be fetched anew nothing is known yet, and nothing is news.
void App::show_account_changes(const chatcore::client::AccountChanges& changes) {
  if (changes.sections.size() == chatcore::kAccountSections) return;
  std::string names;
  for (const chatcore::AccountSection section : changes.sections)
    names.append(" ").append(to_string(section));
  printer_.line("changed meanwhile:" + names);
}

void App::show_users_change(const chatcore::client::UsersChange& change) {
  std::string users;
  for (const std::string& user : change.users) users += ' ' + printable(user);
  printer_.line(std::string(to_string(change.section)) + (change.added ? " with" : " without") + users +
                ", by another device");
}

}  // namespace chat_cli
