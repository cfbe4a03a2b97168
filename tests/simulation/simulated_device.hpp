#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "client/state.hpp"
#include "link.hpp"
#include "simulated_fleet.hpp"

namespace chatcore::simulation {

/// A device: the client's real state machine, and an application above it that keeps what it was told and
/// holds it against the truth.
class SimulatedDevice final : public LinkUser {
 public:
  /// What the application sent, in the order it did, and what became of it.
  struct Sent {
    ConversationId conversation;
    client::Outgoing message;
    std::optional<client::OutgoingChange> change;  ///< in place of the message, under the same name
    bool done = false;
    std::optional<client::Sent> confirmed;
  };
  /// What it shows of a conversation.
  struct View {
    std::map<Seq, std::string> shown;  ///< message ids; of other events their kind
    Seq last = 0;
  };
  struct Watched {
    bool online = false;
    Availability availability = Availability::online;
    std::string text;
  };

  SimulatedDevice(World& world, SimulatedFleet& fleet, UserId user, std::uint32_t number,
                  std::uint64_t stream);

  // What people do with it.
  void begin();
  void connect();
  void disconnect();
  void send(const ConversationId& conversation, const UserId& to);
  void change(client::OutgoingChange change);
  /// The same clientMsgId and content once more.
  void send_again();
  /// Any command; told whether it worked.
  void request(std::string json);
  enum class Preference : std::uint8_t { muted, archived, pinned };
  void prefer(const ConversationId& conversation, Preference which, Timestamp value);
  void set_status(Availability availability, const std::string& text);
  void mark_read(const ConversationId& conversation, Seq seq);
  void clear(const ConversationId& conversation, Seq seq);
  void typing(const ConversationId& conversation, bool active);
  void watch(const UserId& user);
  void unwatch(const UserId& user);
  void watch_again();
  void remember();  ///< as an application stores what it has, now and then
  void vanish();    ///< without a word
  void come_back();

  [[nodiscard]] std::shared_ptr<Link> link() const { return link_; }
  [[nodiscard]] const UserId& user() const { return user_; }
  [[nodiscard]] const DeviceId& device() const { return device_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  /// Among its user's devices, from 1.
  [[nodiscard]] std::uint32_t number() const { return number_; }
  [[nodiscard]] bool running() const { return state_ != nullptr; }
  [[nodiscard]] bool online() const {
    return running() && state_->state() == client::ConnectionState::online;
  }
  [[nodiscard]] bool offline() const {
    return running() && (state_->state() == client::ConnectionState::offline ||
                         state_->state() == client::ConnectionState::stopped);
  }
  /// Its user had it removed, or it made room for another one.
  [[nodiscard]] bool removed() const { return offline() && removed_; }
  [[nodiscard]] std::size_t unconfirmed() const { return running() ? state_->unconfirmed() : 0; }
  [[nodiscard]] std::size_t open_requests() const { return requests_.size(); }
  [[nodiscard]] const std::map<ConversationId, View>& views() const { return views_; }
  [[nodiscard]] const std::deque<Sent>& sends() const { return sends_; }
  [[nodiscard]] const std::map<ConversationId, Preferences>& preferences() const { return preferences_; }
  /// Up to where it shows nothing of a conversation any more.
  [[nodiscard]] Seq cleared(const ConversationId& id) const {
    const auto found = cleared_.find(id);
    return found == cleared_.end() ? 0 : found->second;
  }
  [[nodiscard]] const std::map<UserId, Watched>& watched() const { return watched_; }
  /// A message of a conversation that it has shown or sent; 0: there is none.
  [[nodiscard]] MessageId some_message(const ConversationId& id);
  [[nodiscard]] std::optional<std::string> answer() { return std::exchange(answer_, std::nullopt); }
  [[nodiscard]] std::string next_id() { return name_ + "." + std::to_string(++ids_); }
  [[nodiscard]] std::string behind(const ConversationId& id, const Truth::Log& log) const;

  void link_opened(std::uint64_t number) override;
  void link_frame(std::uint64_t number, std::string_view text) override;
  void link_heard(std::uint64_t number) override;
  void link_lost(std::uint64_t number, std::uint16_t code, std::string_view reason) override;

 private:
  struct Memory {
    std::vector<client::Watermark> watermarks;
    std::map<ConversationId, View> views;
    std::map<ConversationId, Preferences> preferences;
    std::map<ConversationId, Seq> cleared;
    std::string token;  ///< no newer than the rest
  };

  [[nodiscard]] client::Now now() const { return {world_.clock.steady(), world_.clock.now()}; }
  void boot(const Memory& memory);
  void carry_out();
  void arm();
  void submit(std::size_t index);
  void shows(const ConversationId& id, Seq seq, const std::string& what);
  void note_own_change(const std::string& answer);
  void note_clearing(const client::RequestDone& done);

  void perform(client::Connect action);
  void perform(client::SendFrame action);
  void perform(client::CloseConnection action);
  void perform(client::StateChange action);
  void perform(client::Message action);
  void perform(client::MessageChange action);
  void perform(client::Receipt action);
  void perform(client::Typing action);
  void perform(client::PresenceChange action);
  void perform(const client::AccountChanges&) {}
  void perform(const client::Profile&) {}
  void perform(const client::UsersChange&) {}
  void perform(client::ConversationChange action);
  void perform(client::ConversationReset action);
  void perform(client::ReadPosition) {}
  void perform(client::HistoryCleared action);
  void perform(client::PreferencesChange action);
  void perform(client::Settings) {}
  void perform(client::DeviceChange) {}
  void perform(client::Alert) {}
  void perform(client::RawEvent action);
  void perform(Error action);
  void perform(client::SendDone action);
  void perform(client::RequestDone action);

  World& world_;
  SimulatedFleet& fleet_;
  UserId user_;
  DeviceId device_;
  std::uint32_t number_;
  std::string name_;
  Choices random_;
  std::unique_ptr<client::State> state_;
  std::size_t newestPage_ = 50;
  std::uint64_t life_ = 0;  ///< counts its beginnings: timers of an earlier one mean nothing
  std::optional<Millis> armedFor_;
  std::shared_ptr<Link> link_;
  client::ConnectionNumber connection_ = 0;
  std::uint64_t ids_ = 0;
  client::Ticket tickets_ = 0;
  std::map<client::Ticket, std::size_t> sendOf_;
  std::set<client::Ticket> requests_;
  struct Wanted {
    ConversationId conversation;
    Preference which;
    Timestamp value;
  };
  std::map<client::Ticket, Wanted> wanted_;
  bool removed_ = false;
  std::deque<Sent> sends_;
  std::map<ClientMsgId, client::ConnectionNumber> sentOn_;
  std::map<ConversationId, View> views_;
  std::set<std::pair<ConversationId, Seq>> ownChanges_;  ///< that it was told of as their answer
  std::map<std::pair<ConversationId, UserId>, std::pair<Seq, Seq>> receipts_;
  std::map<UserId, Watched> watched_;
  std::map<ConversationId, Preferences> preferences_;
  std::map<std::pair<ConversationId, Preference>, client::Ticket> lastGranted_;
  std::map<ConversationId, Seq> cleared_;
  std::map<client::Ticket, std::pair<ConversationId, Seq>> clearing_;
  std::optional<std::string> answer_;
  Memory memory_;
};

}  // namespace chatcore::simulation
