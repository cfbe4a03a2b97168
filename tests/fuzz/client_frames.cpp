#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "client/decode_pages.hpp"
#include "client/state.hpp"
#include "fuzz.hpp"

/// A hostile server, line by line: `{…` is a frame, and so is any line of no other kind; `+` the connection
/// is made, `-code reason` it ends, `~millis` time passes; `s conversation text`, `e conversation text`
/// (edit), `v conversation emoji` (react), `x conversation` (delete), `r json`, `m conversation seq`, `w
/// user`, `h` (disconnect) and `c` (connect) are what the application does meanwhile. Whatever comes, what
/// the client sends is JSON, every completion comes once, messages and changes come in order, and time does
/// not stand still.
namespace chatcore::fuzz {

namespace {

using namespace chatcore::client;

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// The same every time.
class SameRandom final : public Random {
 public:
  void fill(std::span<std::byte> bytes) override {
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(counter_++ * 37);
  }

 private:
  unsigned counter_ = 0;
};

/// The parser takes a NUL for the end of its input, and skips a byte order mark.
bool is_json_text(std::string_view text) {
  return text.find('\0') == std::string_view::npos && !text.starts_with("\xEF\xBB\xBF") && Json::accept(text);
}

bool is_object(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  return begin != std::string_view::npos && text[begin] == '{' && is_json_text(text);
}

/// What an application does with the answer to a request. A decoder turns every other type away as soon as it
/// has read it, which would be nine readings of each frame.
void decode_answer(std::string_view text) {
  const auto of = [&](std::string_view type) { return text.find(type) != std::string_view::npos; };
  if (of("history.page")) static_cast<void>(decode_history(text));
  if (of("conversations.page")) static_cast<void>(decode_conversations(text));
  if (of("receipts.page")) static_cast<void>(decode_receipts(text));
  if (of("members.page")) static_cast<void>(decode_members(text));
  if (of("devices.page")) static_cast<void>(decode_devices(text));
  if (of("settings")) static_cast<void>(decode_settings_answer(text));
  if (of("presence.state")) static_cast<void>(decode_presence_state(text));
  if (of("profile")) static_cast<void>(decode_profile_answer(text));
  if (of("contacts.page") || of("blocks.page")) static_cast<void>(decode_users(text));
}

Options options() {
  Options options;
  options.user = "alice";
  options.device = "phone";
  options.limits.queuedSends = 8;
  options.limits.sendsInFlight = 4;
  options.limits.pendingRequests = 4;
  options.limits.conversations = 8;
  options.limits.heldEvents = 8;
  options.limits.contentBytes = 200;
  options.watermarks = {{"c9", 1, 5}};
  return options;
}

class Play {
 public:
  Play() : state_(options(), random_) {
    state_.connect(now());
    collect();
  }

  void line(std::string_view line) {
    if (line.empty()) return;
    const char what = line.front();
    auto rest = line.substr(1);
    if (rest.starts_with(' ')) rest.remove_prefix(1);
    switch (what) {
      case '+':
        state_.connected(now(), connection_);
        break;
      case '-': {
        const auto code = static_cast<std::uint16_t>(number(take_until(rest, ' ')));
        state_.disconnected(now(), connection_, code, rest);
        break;
      }
      case '~':
        pass(static_cast<std::int64_t>(std::min<std::uint64_t>(number(rest), 100'000)));
        break;
      case 's': {
        Outgoing message;
        const std::string to(take_until(rest, ' '));
        (to.starts_with('@') ? message.to : message.conversationId) = to.starts_with('@') ? to.substr(1) : to;
        message.content = rest;
        const Ticket ticket = expect();
        if (ticket % 2 == 1) message.clientMsgId = "s-" + std::to_string(ticket);  // which a server can name
        state_.send(now(), ticket, std::move(message));
        break;
      }
      case 'e': {
        const std::string to(take_until(rest, ' '));
        state_.change(now(), expect(), {to, 7, OutgoingChange::Edit{std::string(rest)}, {}});
        break;
      }
      case 'v': {
        const std::string to(take_until(rest, ' '));
        state_.change(now(), expect(), {to, 7, OutgoingChange::Reaction{std::string(rest), true}, {}});
        break;
      }
      case 'x':
        state_.change(now(), expect(), {ConversationId(rest), 7, OutgoingChange::Deletion{}, {}});
        break;
      case 'r':
        state_.request(now(), expect(), rest);
        break;
      case 'm': {
        const std::string conversation(take_until(rest, ' '));
        state_.mark_read(now(), conversation, number(rest));
        break;
      }
      case 'w':
        state_.subscribe_presence(now(), {UserId(rest)});
        break;
      case 'h':
        state_.disconnect(now());
        break;
      case 'c':
        state_.connect(now());
        break;
      default:
        take_frame(line);
    }
    collect();
  }

  void end() {
    pass(1'000);
    state_.close(now());
    collect();
    require(waiting_.empty(), "every call is completed");
    require(!state_.deadline().has_value(), "who is closed waits for nothing");
  }

 private:
  Now now() const { return {Millis(steady_), 1'700'000'000'000 + steady_}; }
  Ticket expect() {
    waiting_.insert(++tickets_);
    return tickets_;
  }

  void take_frame(std::string_view text) {
    // What makes the client forget a conversation may bring its messages again.
    for (const char* forgets : {"error", "removed", "sync.reset", "epoch"})
      if (text.find(forgets) != std::string_view::npos) last_.clear();
    const Exact exact(text);
    state_.received(now(), connection_, exact.view());
    decode_answer(exact.view());
  }

  void pass(std::int64_t millis) {
    const std::int64_t end = steady_ + millis;
    int still = 0;
    for (;;) {
      const auto next = state_.deadline();
      if (!next || next->count() > end) break;
      still = next->count() > steady_ ? 0 : still + 1;
      require(still < 20, "a deadline that has passed is dealt with");
      steady_ = std::max(steady_, next->count());
      state_.advance(now());
      collect();
    }
    steady_ = end;
    state_.advance(now());
    collect();
  }

  void collect() {
    for (Action& action : state_.take_actions()) std::visit([this](const auto& one) { keep(one); }, action);
  }
  void keep(const Connect& action) {
    require(action.connection > connection_, "connections are numbered");
    connection_ = action.connection;
  }
  void keep(const SendFrame& action) {
    require(action.connection == connection_, "what is sent goes to the present connection");
    require(is_object(action.text), "what is sent is JSON");
  }
  void keep(const Message& message) { keep_in_order(message); }
  void keep(const MessageChange& change) {
    if (change.kind != MessageChange::Kind::deleted_for_me) return keep_in_order(change);
    require(change.seq == 0, "what this user deleted for themselves has no place in the log");
  }
  void keep(const ConversationChange& change) { keep_place(change); }
  void keep(const Alert& alert) { require(is_object(alert.json), "an alert is a JSON object"); }
  void keep_place(const auto& event) {
    auto& last = last_[event.conversationId];
    require(std::pair(event.epoch, event.seq) > last, "messages and changes come in order, each once");
    last = {event.epoch, event.seq};
  }
  void keep_in_order(const auto& event) {
    keep_place(event);
    require(event.content.empty() || is_json_text(event.content), "content is JSON");
  }
  void keep(const RawEvent& event) { require(is_object(event.json), "an event is JSON"); }
  void keep(const SendDone& done) { require(waiting_.erase(done.ticket) == 1, "a send is completed once"); }
  void keep(const RequestDone& done) {
    require(waiting_.erase(done.ticket) == 1, "a request is completed once");
  }
  template <class Other>
  void keep(const Other&) {}

  SameRandom random_;
  State state_;
  std::int64_t steady_ = 1'000'000;
  ConnectionNumber connection_ = 0;
  Ticket tickets_ = 0;
  std::set<Ticket> waiting_;
  std::map<ConversationId, std::pair<Epoch, Seq>> last_;
};

}  // namespace

}  // namespace chatcore::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace chatcore::fuzz;
  Play play;
  auto lines = text_of(data, size);
  for (int n = 0; !lines.empty() && n < 100; ++n) play.line(take_until(lines, '\n'));
  play.end();
  return 0;
}
