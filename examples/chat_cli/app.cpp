#include "app.hpp"

#include <algorithm>
#include <charconv>
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
constexpr const char* kHelp =
    "/to USER  /group ID  /create ID NAME MEMBER… OPTION…  /delete-group  /archive  /unarchive  /pin  /unpin "
    " "
    "/history [N]  /edit SEQ TEXT  /delete SEQ me|everyone  /react SEQ EMOJI  /unreact SEQ EMOJI  /read  "
    "/typing  /who  /status online|away|dnd [TEXT]  /receipts on|off  /contact USER…  /uncontact USER…  "
    "/block USER…  /unblock USER…  /name TEXT  /offline  /online  /wait TEXT SECONDS  "
    "/quit; "
    "anything else is sent. SEQ: a number that was shown, or last (for /edit and /delete: your own last). "
    "OPTION: send=admins (a broadcast channel), add=everyone, edit=everyone, history=all, slow=SECONDS";

std::vector<std::string> split(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

/// `fallback` for what is no number.
int number(const std::string& text, int fallback) {
  int value = fallback;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
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
  if (type == "sync.read") return;
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

void App::command(const std::string& name, const std::vector<std::string>& words) {
  if (name == "/to" && words.size() == 1) return talk_to(words[0]);
  if (name == "/group" && words.size() == 1) {
    group_ = words[0];
    return;
  }
  if (name == "/create") return create(words);
  if (name == "/delete-group") return delete_group();
  if (name == "/archive" || name == "/unarchive") return archive(name == "/archive");
  if (name == "/pin" || name == "/unpin") return pin(name == "/pin");
  if (name == "/history") return history(words);
  if (name == "/edit") return edit(words);
  if (name == "/delete") return remove(words);
  if (name == "/react" || name == "/unreact") return react(words, name == "/react");
  if (name == "/wait") return wait(words);
  if (name == "/status") return status(words);
  if (name == "/receipts") return receipts(words);
  if (name == "/contact" || name == "/uncontact" || name == "/block" || name == "/unblock")
    return account(name, words);
  if (name == "/name") return rename(words);
  if (name == "/read") return mark_all_read();
  if (name == "/offline") return client_->disconnect();
  if (name == "/online") return client_->connect();
  if (name == "/quit") {
    quit_ = true;
    return;
  }
  if (name == "/typing") return current().empty() ? void() : client_->typing(current(), true);
  if (name == "/who") {
    for (const auto& [user, presence] : presence_) printer_.line(user + ": " + presence);
    return;
  }
  printer_.line(kHelp);
}

void App::talk_to(const std::string& user) {
  if (!chatcore::valid_id(user)) return printer_.line("error: not a valid user");
  to_ = user;
  group_.clear();
  peers_[current()] = user;
  client_->subscribe_presence({user});
}

void App::send(const std::string& text) {
  if (current().empty()) return printer_.line("error: say /to USER or /group ID first");
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

void App::history(const std::vector<std::string>& words) {
  if (current().empty()) return printer_.line("error: say /to USER or /group ID first");
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

void App::show_presence(const PresenceChange& change) {
  using chatcore::Availability;
  std::string now = change.online ? "online" : "offline";
  if (change.online && change.availability == Availability::away) now = "away";
  if (change.online && change.availability == Availability::dnd) now = "not to be disturbed";
  if (!change.text.empty()) now += " \"" + printable(change.text) + '"';
  // Each connection begins with the present state; only what changed is news.
  const auto [known, added] = presence_.try_emplace(change.userId, now);
  if (!added && std::exchange(known->second, now) == now) return;
  printer_.line(change.userId + " is " + now);
}

void App::status(const std::vector<std::string>& words) {
  using chatcore::Availability;
  static const std::map<std::string, Availability> kNames{
      {"online", Availability::online}, {"away", Availability::away}, {"dnd", Availability::dnd}};
  const auto named = words.empty() ? kNames.end() : kNames.find(words[0]);
  if (named == kNames.end()) return printer_.line("error: /status online|away|dnd [TEXT]");
  client_->set_status(named->second, joined(words, 1, words.size()));
}

void App::receipts(const std::vector<std::string>& words) {
  if (words.size() != 1 || (words[0] != "on" && words[0] != "off"))
    return printer_.line("error: /receipts on|off");
  SettingsChange change;
  change.readReceipts = words[0] == "on";
  ++unanswered_;
  client_->update_settings(change, [this, word = words[0]](chatcore::Status done) {
    --unanswered_;
    printer_.line(done ? "read receipts " + word + " ✓" : "failed /receipts " + explain(done.error()));
  });
}

void App::wait(const std::vector<std::string>& words) {
  const int seconds = words.size() < 2 ? 0 : number(words.back(), 0);
  if (seconds <= 0) return printer_.line("error: /wait TEXT SECONDS");
  printer_.wait_for(joined(words, 0, words.size() - 1),
                    std::chrono::steady_clock::now() + std::chrono::seconds(seconds));
}

void App::mark_all_read() {
  for (const auto& [conversation, seq] : shown_) client_->mark_read(conversation, seq);
}

}  // namespace chat_cli
