#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arguments.hpp"
#include "chatcore/client/client.hpp"
#include "printer.hpp"
#include "seen_messages.hpp"
#include "terminal.hpp"

namespace chat_cli {

class App {
 public:
  explicit App(const Arguments& arguments);
  ~App();
  /// The process's exit code.
  int run();

 private:
  chatcore::client::Listener make_listener();
  void show_state(const chatcore::client::StateChange& change);
  void show_message(const chatcore::client::Message& message, bool live);
  void show_change(const chatcore::client::MessageChange& change);
  void show_receipt(const chatcore::client::Receipt& receipt);
  void show_event(std::string_view json);

  int finish();
  void take_line(const std::string& line);
  void command(const std::string& name, const std::vector<std::string>& words);
  void talk_to(const std::string& user);
  void send(const std::string& text);
  void create(const std::vector<std::string>& words);
  void delete_group();
  void archive(bool archived);
  void pin(bool pinned);
  chatcore::Completion<chatcore::Status> group_done(std::string done);
  void history(const std::vector<std::string>& words);
  void edit(const std::vector<std::string>& words);
  void remove(const std::vector<std::string>& words);
  void react(const std::vector<std::string>& words, bool add);
  std::optional<SeenMessages::Found> named(const std::vector<std::string>& words, bool own);
  chatcore::Completion<chatcore::Result<chatcore::client::Sent>> change_done(std::string done,
                                                                             chatcore::Seq target);
  void status(const std::vector<std::string>& words);
  void receipts(const std::vector<std::string>& words);
  void account(const std::string& name, const std::vector<std::string>& words);
  void rename(const std::vector<std::string>& words);
  chatcore::Completion<chatcore::Status> account_done(std::string done);
  void show_presence(const chatcore::client::PresenceChange& change);
  void wait(const std::vector<std::string>& words);
  void mark_all_read();
  std::string current() const;
  std::string place_of(const std::string& conversation) const;

  Arguments arguments_;
  Terminal terminal_;
  Printer printer_;
  std::string to_;
  std::string group_;
  std::map<std::string, std::string> peers_;     ///< direct conversation → the other user
  std::map<std::string, std::string> presence_;  ///< user → "online", "offline", …
  std::map<std::string, chatcore::Seq> shown_;   ///< newest seq on the screen, per conversation
  SeenMessages seen_;
  std::size_t unanswered_ = 0;
  bool quit_ = false;
  bool stopped_ = false;
  std::unique_ptr<chatcore::client::Client> client_;
};

}  // namespace chat_cli
