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

void App::account(const std::string& name, const std::vector<std::string>& words) {
  if (words.empty()) return printer_.line("error: " + name + " USER…");
  const std::string users = printable(joined(words, 0, words.size()));
  if (name == "/contact") return client_->add_contacts(words, account_done("contacts now " + users));
  if (name == "/uncontact") return client_->remove_contacts(words, account_done("no contacts now " + users));
  if (name == "/block") return client_->block(words, account_done("blocked " + users));
  client_->unblock(words, account_done("unblocked " + users));
}

void App::rename(const std::vector<std::string>& words) {
  const std::string name = joined(words, 0, words.size());
  client_->set_display_name(name, account_done("called \"" + printable(name) + '"'));
}

}  // namespace chat_cli
