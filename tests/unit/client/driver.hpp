#pragma once

#include <doctest/doctest.h>
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/state.hpp"

namespace chatcore::client::testing {

/// Always the middle: backoffs become predictable.
class MiddleRandom final : public Random {
 public:
  void fill(std::span<std::byte> bytes) override {
    // Little-endian: a value in the middle of the 64-bit range, varied below so that ids differ.
    for (std::size_t i = 0; i < bytes.size(); ++i)
      bytes[i] = static_cast<std::byte>(i + 1 == bytes.size() ? 0x80 : counter_++);
  }

 private:
  unsigned counter_ = 0;
};

/// Plays the server and the clock for one State.
class Driver {
 public:
  static Options alice() {
    Options options;
    options.user = "alice";
    options.device = "phone";
    return options;
  }
  explicit Driver(Options options = alice()) : state(std::move(options), random) {}

  Now now() const { return {Millis(steady), 1'700'000'000'000 + steady}; }
  void pass(std::int64_t millis) {
    // As a shell would: stop at every deadline on the way.
    const std::int64_t end = steady + millis;
    for (int turns = 0; turns < 100'000; ++turns) {
      const auto next = state.deadline();
      if (!next || next->count() > end) break;
      steady = std::max(steady, next->count());
      state.advance(now());
      collect();
    }
    steady = end;
    state.advance(now());
    collect();
  }

  void connect() { state.connect(now()), collect(); }
  void open() { state.connected(now(), connection), collect(); }
  void from_server(const std::string& text) { state.received(now(), connection, text), collect(); }
  void reply(const Json& frame) { from_server(frame.dump()); }
  void lose(std::uint16_t code = 1006, const std::string& reason = "") {
    state.disconnected(now(), connection, code, reason), collect();
  }
  void welcome() {
    reply(Json{{"type", "welcome"}, {"userId", "alice"}, {"deviceId", "phone"}, {"heartbeatSeconds", 30}});
  }
  /// Through the handshake and an answer to the sync.
  void go_online(Json conversations = Json::array()) {
    connect();
    come_back(std::move(conversations));
  }
  void come_back(Json conversations = Json::array()) {
    open();
    welcome();
    const Json sync = take("sync");
    reply(Json{{"type", "sync.page"},
               {"id", sync.at("id")},
               {"conversations", std::move(conversations)},
               {"token", "t"},
               {"more", false}});
    REQUIRE(state.state() == ConnectionState::online);
  }
  Ticket send(const std::string& conversation, const std::string& text) {
    Outgoing message;
    message.conversationId = conversation;
    message.content = Json(text).dump();
    const Ticket ticket = nextTicket++;
    state.send(now(), ticket, std::move(message));
    collect();
    return ticket;
  }
  Ticket change(std::variant<OutgoingChange::Edit, OutgoingChange::Deletion, OutgoingChange::Reaction> what,
                const std::string& conversation = "c1", MessageId message = 1001) {
    const Ticket ticket = nextTicket++;
    state.change(now(), ticket, {conversation, message, std::move(what), {}});
    collect();
    return ticket;
  }
  void message(Seq seq, const std::string& conversation = "c1", Epoch epoch = 1) {
    reply(Json{{"type", "message.new"}, {"data", event(seq, conversation, epoch)}});
  }
  static Json event(Seq seq, const std::string& conversation = "c1", Epoch epoch = 1) {
    return {{"conversationId", conversation},
            {"messageId", std::to_string(1000 + seq)},
            {"seq", seq},
            {"epoch", epoch},
            {"senderId", "bob"},
            {"senderDeviceId", "desk"},
            {"clientMsgId", "b-" + std::to_string(seq)},
            {"messageType", "text"},
            {"content", "m" + std::to_string(seq)},
            {"timestamp", 5}};
  }
  static Json paged(Seq seq, const std::string& conversation = "c1") {
    Json out = event(seq, conversation);
    out["event"] = "message";
    return out;
  }
  static Json range(Seq from, Seq to, Seq head, const std::string& conversation = "c1") {
    Json events = Json::array();
    for (Seq seq = from; seq <= to; ++seq) events.push_back(paged(seq, conversation));
    return {{"conversationId", conversation}, {"headSeq", head},  {"fromSeq", from}, {"toSeq", to},
            {"events", std::move(events)},    {"more", to < head}};
  }
  void answer_history(const Json& request, Json page) {
    page["type"] = "history.page";
    page["id"] = request.at("id");
    reply(page);
  }
  void confirm(const Json& frame, Seq seq, bool duplicate = false) {
    reply(Json{{"type", "message.sent"},
               {"id", frame.at("id")},
               {"clientMsgId", frame.at("clientMsgId")},
               {"conversationId", frame.value("conversationId", "c1")},
               {"messageId", "1"},
               {"seq", seq},
               {"timestamp", 9},
               {"duplicate", duplicate}});
  }
  void refuse(const Json& request, const std::string& code, bool temporary, int retryAfterMs = 0) {
    Json frame{{"type", "error"},
               {"id", request.at("id")},
               {"code", code},
               {"message", "no"},
               {"temporary", temporary}};
    if (retryAfterMs > 0) frame["retryAfterMs"] = retryAfterMs;
    reply(frame);
  }

  /// The next frame of this type that the client sent, which must exist.
  Json take(const std::string& type) {
    const auto at =
        std::find_if(sent.begin(), sent.end(), [&](const Json& f) { return f.at("type") == type; });
    REQUIRE_MESSAGE(at != sent.end(), "no ", type, " was sent");
    Json frame = *at;
    sent.erase(at);
    return frame;
  }
  std::vector<Json> take_all(const std::string& type) {
    std::vector<Json> out;
    std::erase_if(sent, [&](const Json& frame) {
      if (frame.at("type") != type) return false;
      out.push_back(frame);
      return true;
    });
    return out;
  }
  std::vector<std::string> contents(const std::string& type = "message.send") {
    std::vector<std::string> out;
    for (const Json& frame : take_all(type)) out.push_back(frame.at("content"));
    return out;
  }
  std::vector<Seq> taken_seqs() {
    std::vector<Seq> out;
    for (const Message& message : std::exchange(messages, {})) out.push_back(message.seq);
    return out;
  }

  void collect() {
    for (Action& action : state.take_actions())
      std::visit([this](auto& one) { keep(std::move(one)); }, action);
  }

  MiddleRandom random;
  State state;
  std::int64_t steady = 1'000'000;
  ConnectionNumber connection = 0;
  Ticket nextTicket = 1;
  std::vector<Json> sent;
  std::vector<std::uint16_t> closes;
  std::vector<StateChange> states;
  std::vector<Message> messages;
  std::vector<MessageChange> changes;
  std::map<ConversationId, std::vector<Seq>> shown;  ///< in seq order, as they came
  std::vector<Receipt> receipts;
  std::vector<Typing> typings;
  std::vector<PresenceChange> presences;
  std::vector<std::vector<AccountSection>> accounts;
  std::vector<Profile> profiles;
  std::vector<UsersChange> usersChanges;
  std::vector<ConversationChange> conversationChanges;
  std::vector<ConversationReset> resets;
  std::vector<ReadPosition> readPositions;
  std::vector<HistoryCleared> cleared;
  std::vector<PreferencesChange> preferences;
  std::vector<Settings> settings;
  std::vector<DeviceChange> devices;
  std::vector<Json> alerts;
  std::vector<Json> events;
  std::vector<Error> errors;
  std::vector<SendDone> sendsDone;
  std::vector<RequestDone> requestsDone;

 private:
  void keep(Connect action) { connection = action.connection; }
  void keep(SendFrame action) {
    CHECK(action.connection == connection);
    sent.push_back(Json::parse(action.text));
  }
  void keep(CloseConnection action) { closes.push_back(action.code); }
  void keep(StateChange action) { states.push_back(std::move(action)); }
  void keep(Message action) {
    shown[action.conversationId].push_back(action.seq);
    messages.push_back(std::move(action));
  }
  void keep(MessageChange action) {
    shown[action.conversationId].push_back(action.seq);
    changes.push_back(std::move(action));
  }
  void keep(Receipt action) { receipts.push_back(std::move(action)); }
  void keep(Typing action) { typings.push_back(std::move(action)); }
  void keep(PresenceChange action) { presences.push_back(std::move(action)); }
  void keep(Profile action) { profiles.push_back(std::move(action)); }
  void keep(UsersChange action) { usersChanges.push_back(std::move(action)); }
  void keep(AccountChanges action) { accounts.push_back(std::move(action.sections)); }
  void keep(ConversationChange action) {
    shown[action.conversationId].push_back(action.seq);
    conversationChanges.push_back(std::move(action));
  }
  void keep(ConversationReset action) { resets.push_back(std::move(action)); }
  void keep(ReadPosition action) { readPositions.push_back(std::move(action)); }
  void keep(HistoryCleared action) { cleared.push_back(std::move(action)); }
  void keep(PreferencesChange action) { preferences.push_back(std::move(action)); }
  void keep(Settings action) { settings.push_back(action); }
  void keep(DeviceChange action) { devices.push_back(std::move(action)); }
  void keep(Alert action) { alerts.push_back(Json::parse(action.json)); }
  void keep(RawEvent action) { events.push_back(Json::parse(action.json)); }
  void keep(Error action) { errors.push_back(std::move(action)); }
  void keep(SendDone action) { sendsDone.push_back(std::move(action)); }
  void keep(RequestDone action) { requestsDone.push_back(std::move(action)); }
};

using Seqs = std::vector<Seq>;
using Texts = std::vector<std::string>;

}  // namespace chatcore::client::testing
