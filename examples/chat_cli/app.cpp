#include "app.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <utility>

#include "chatcore/model/ids.hpp"

namespace chat_cli {

using namespace chatcore::client;
using chatcore::Error;
using chatcore::Result;
using chatcore::Seq;

namespace {

constexpr std::chrono::seconds kFarewell{5};
constexpr int kWaitFailed = 3;

std::vector<std::string> split(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::string text_of(const Message& message) {
  if (message.deleted) return "(deleted)";
  std::string out = printable(message.text ? *message.text : message.content);
  if (message.editedAt != 0) out += " (edited)";
  for (const Reaction& reaction : message.reactions)
    out += " [" + printable(reaction.emoji) + ' ' + std::to_string(reaction.count) + ']';
  return out;
}

}  // namespace

App::App(const Arguments& arguments) : arguments_(arguments), group_(arguments.group) {
  Options options;
  options.url = arguments_.url;
  options.token = arguments_.token;
  options.user = arguments_.user;
  options.device = arguments_.device;
  options.platform = arguments_.platform;
  options.executor = &terminal_;
  client_ = std::make_unique<Client>(std::move(options), make_listener());
  if (!arguments_.to.empty()) talk_to(arguments_.to);
}
App::~App() { client_.reset(); }

Listener App::make_listener() {
  Listener listener;
  listener.on_state = [this](const StateChange& change) { show_state(change); };
  listener.on_message = [this](const Message& message) { show_message(message, true); };
  listener.on_change = [this](const MessageChange& change) { show_change(change); };
  listener.on_receipt = [this](const Receipt& receipt) { show_receipt(receipt); };
  listener.on_typing = [this](const Typing& typing) {
    printer_.line(typing.userId + (typing.active ? " is typing" : " stopped typing") +
                  place_of(typing.conversationId));
  };
  listener.on_presence = [this](const PresenceChange& change) { show_presence(change); };
  listener.on_conversation = [this](const ConversationChange& change) { show_conversation_change(change); };
  listener.on_reset = [this](const ConversationReset& reset) {
    const bool removed = reset.reason == ConversationReset::Reason::removed;
    printer_.line((removed ? "no longer in " : "begun anew: ") + reset.conversationId);
  };
  listener.on_cleared = [this](const HistoryCleared& cleared) {
    if (cleared.unread)
      printer_.line("cleared up to seq=" + std::to_string(cleared.seq) + ": " + cleared.conversationId);
  };
  listener.on_preferences = [this](const PreferencesChange& change) { show_preferences(change); };
  listener.on_settings = [this](const Settings& settings) { show_settings(settings); };
  listener.on_device = [this](const DeviceChange& change) {
    printer_.line("device " + change.deviceId + (change.added ? " added" : " removed"));
  };
  listener.on_alert = [this](std::string_view json) { printer_.line("alert " + printable(json)); };
  listener.on_account_changed = [this](const AccountChanges& changes) { show_account_changes(changes); };
  listener.on_profile = [this](const Profile& profile) {
    printer_.line("called \"" + printable(profile.displayName) + "\" by another device");
  };
  listener.on_users_changed = [this](const UsersChange& change) { show_users_change(change); };
  listener.on_event = [this](std::string_view json) { show_event(json); };
  listener.on_error = [this](const Error& error) { printer_.line("error: " + explain(error)); };
  return listener;
}

std::string App::current() const {
  if (!group_.empty()) return group_;
  return to_.empty() ? std::string() : chatcore::direct_conversation_id(arguments_.user, to_);
}

/// Which conversation a line belongs to, where that is not the one on the screen.
std::string App::place_of(const std::string& conversation) const {
  if (conversation == current() || peers_.contains(conversation) || conversation.starts_with("dm."))
    return "";
  return " [" + conversation + "]";
}

void App::show_state(const StateChange& change) {
  stopped_ = change.state == ConnectionState::stopped;
  const std::string why = change.reason.empty() ? "" : " (" + printable(change.reason) + ")";
  switch (change.state) {
    case ConnectionState::online:
      return printer_.line("connected as " + arguments_.user + "/" + arguments_.device);
    case ConnectionState::waiting:
      return printer_.line("connection lost" + why);
    case ConnectionState::stopped:
      return printer_.line("stopped by the server" + why);
    case ConnectionState::offline:
      return printer_.line("offline");
    default:
      return;
  }
}

void App::show_message(const Message& message, bool live) {
  printer_.line(message.senderId + ": " + text_of(message) + " (seq=" + std::to_string(message.seq) + ')' +
                place_of(message.conversationId));
  seen_.add(message.conversationId, message.seq, message.messageId, message.senderId == arguments_.user);
  Seq& shown = shown_[message.conversationId];
  shown = std::max(shown, message.seq);
  if (live && message.senderId != arguments_.user) client_->mark_read(message.conversationId, message.seq);
}

void App::show_receipt(const Receipt& receipt) {
  const bool read = receipt.kind == Receipt::Kind::read;
  printer_.line((read ? "read ✓✓✓ seq=" : "delivered ✓✓ seq=") + std::to_string(receipt.seq) + " by " +
                receipt.userId + place_of(receipt.conversationId));
}

void App::show_event(std::string_view json) {
  const auto frame = nlohmann::json::parse(json, nullptr, false);
  if (!frame.is_object() || !frame.contains("type") || !frame["type"].is_string()) return;
  const std::string type = frame["type"];
  printer_.line("event " + printable(type) + " " + printable(json));
}

int App::run() {
  client_->connect();
  while (!quit_ && (printer_.waiting() || !terminal_.ended())) {
    const bool block = printer_.waiting();
    const auto line = terminal_.turn(!block, std::chrono::milliseconds(block ? 20 : 1000));
    if (line) take_line(*line);
    if (!printer_.timed_out()) continue;
    printer_.line("timeout: nothing contained \"" + printer_.awaited() + "\"");
    return kWaitFailed;
  }
  return finish();
}

int App::finish() {
  const auto deadline = std::chrono::steady_clock::now() + kFarewell;
  while (unanswered_ > 0 && !stopped_ && std::chrono::steady_clock::now() < deadline)
    terminal_.turn(false, std::chrono::milliseconds(20));
  // Receipts of what was shown last travel a moment later than the line.
  const auto flushed = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
  while (std::chrono::steady_clock::now() < flushed) terminal_.turn(false, std::chrono::milliseconds(20));
  if (unanswered_ > 0) printer_.line("not sent: " + std::to_string(unanswered_));
  client_->disconnect();
  return 0;
}

void App::take_line(const std::string& line) {
  if (line.empty()) return;
  if (line.front() != '/') return send(line);
  std::vector<std::string> words = split(line);
  const std::string name = words.front();
  words.erase(words.begin());
  command(name, words);
}

/// Says so if there is nobody to talk to.
bool App::talking() {
  if (current().empty()) printer_.line("error: say /to USER or /group ID first");
  return !current().empty();
}

void App::talk_to(const std::string& user) {
  if (!chatcore::valid_id(user)) return printer_.line("error: not a valid user");
  to_ = user;
  group_.clear();
  peers_[current()] = user;
  client_->subscribe_presence({user});
}

void App::send(const std::string& text) {
  if (!talking()) return;
  ++unanswered_;
  auto done = [this, text](Result<Sent> sent) {
    --unanswered_;
    if (!sent) return printer_.line("failed \"" + printable(text) + "\" " + explain(sent.error()));
    seen_.add(sent->conversationId, sent->seq, sent->messageId, true);
    printer_.line("sent ✓ seq=" + std::to_string(sent->seq) + " \"" + printable(text) + '"' +
                  place_of(sent->conversationId));
  };
  if (group_.empty()) {
    client_->send_text_to(to_, text, std::move(done));
  } else {
    client_->send_text(group_, text, std::move(done));
  }
}

void App::history(const Words& words) {
  if (!talking()) return;
  HistoryQuery query;
  query.conversationId = current();
  query.limit = static_cast<std::size_t>(std::clamp(words.empty() ? 20 : number(words[0], 20), 1, 200));
  ++unanswered_;
  client_->history(query, [this](Result<HistoryPage> page) {
    --unanswered_;
    if (!page) return printer_.line("failed /history " + explain(page.error()));
    for (const Message& message : page->messages) {
      seen_.add(message.conversationId, message.seq, message.messageId, message.senderId == arguments_.user);
      printer_.line("history seq=" + std::to_string(message.seq) + ' ' + message.senderId + ": " +
                    text_of(message));
    }
    printer_.line("history end");
  });
}

void App::wait(const Words& words) {
  const int seconds = words.size() < 2 ? 0 : number(words.back(), 0);
  if (seconds <= 0) return printer_.line("error: /wait TEXT SECONDS");
  printer_.wait_for(joined(words, 0, words.size() - 1),
                    std::chrono::steady_clock::now() + std::chrono::seconds(seconds));
}

void App::mark_all_read() {
  for (const auto& [conversation, seq] : shown_) client_->mark_read(conversation, seq);
}

}  // namespace chat_cli
