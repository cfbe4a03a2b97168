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
  using Words = std::vector<std::string>;
  friend struct Command;

  chatcore::client::Listener make_listener();
  void show_state(const chatcore::client::StateChange& change);
  void show_message(const chatcore::client::Message& message, bool live);
  void show_change(const chatcore::client::MessageChange& change);
  void show_receipt(const chatcore::client::Receipt& receipt);
  void show_conversation_change(const chatcore::client::ConversationChange& change);
  void show_preferences(const chatcore::client::PreferencesChange& change);
  void show_settings(const chatcore::client::Settings& settings);
  void show_event(std::string_view json);

  int finish();
  void take_line(const std::string& line);
  void command(const std::string& name, const Words& words);
  bool talking();
  void talk_to(const std::string& user);
  void send(const std::string& text);
  // Groups (groups.cpp)
  bool in_group();
  void create(const Words& words);
  void change_group(const Words& words);
  void rename(const Words& words);
  void add_members(const Words& words);
  void remove_members(const Words& words);
  void set_role(const Words& words);
  void leave_group();
  void delete_group();
  void list_members();
  // Conversations (conversations.cpp)
  void list_conversations(const Words& words);
  void list_receipts(const Words& words);
  void clear(const Words& words);
  void mute(const Words& words);
  void archive(bool archived);
  void pin(bool pinned);
  chatcore::Completion<chatcore::Status> group_done(std::string done);
  void history(const Words& words);
  void edit(const Words& words);
  void remove(const Words& words);
  void react(const Words& words, bool add);
  void pin_message(const Words& words, bool add);
  std::optional<SeenMessages::Found> named(const Words& words, bool own);
  chatcore::Completion<chatcore::Result<chatcore::client::Sent>> change_done(std::string done,
                                                                             chatcore::Seq target);
  // Others (contacts.cpp)
  void change_contacts(const Words& words, bool add);
  void change_blocks(const Words& words, bool add);
  void take_name(const Words& words);
  void show_account_changes(const chatcore::client::AccountChanges& changes);
  void show_users_change(const chatcore::client::UsersChange& change);
  chatcore::Completion<chatcore::Status> account_done(std::string done);

  // This user (account.cpp)
  void status(const Words& words);
  void receipts(const Words& words);
  void privacy(const Words& words);
  void settings();
  void update_settings(const chatcore::client::SettingsChange& change, const std::string& done);
  void list_devices();
  void remove_device(const Words& words);
  void ask_presence(const Words& words);
  void refresh_token(const Words& words);
  void show_presence(const chatcore::client::PresenceChange& change);
  void wait(const Words& words);
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
  std::map<std::string, chatcore::Preferences> preferences_;  ///< what was last said of a conversation
  std::size_t unanswered_ = 0;
  bool quit_ = false;
  bool stopped_ = false;
  std::unique_ptr<chatcore::client::Client> client_;
};

}  // namespace chat_cli
