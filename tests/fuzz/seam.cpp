#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <vector>

#include "chatcore/testing/manual_clock.hpp"
#include "fuzz.hpp"
#include "gateway/gateway.hpp"
#include "scripted_transport.hpp"
#include "seam/remote_engine.hpp"
#include "seam/remote_gateways.hpp"

/// The first line says what the rest is: `M` one packet and the messages in it; `E` what gateways do to an
/// engine's end, a line each; `G` likewise what an engine does to a gateway. Words of a line stand between
/// spaces: see `EngineScript::run` and `GatewayScript::run`.
namespace chatcore::fuzz {

namespace {

using namespace chatcore::seam;

/// Hands its only subscriber what a script says, and counts what is published.
class ScriptedBroker final : public Broker {
 public:
  class Connection final : public Broker::Subscription {
   public:
    void subscribe(std::vector<std::string>, Completion<Status> done) override { done({}); }
    void unsubscribe(std::vector<std::string>, Completion<Status> done) override { done({}); }
  };
  std::unique_ptr<Subscription> connect(Executor&, BrokerListener heard) override {
    listener = std::move(heard);
    return std::make_unique<Connection>();
  }
  void publish(std::vector<BrokerMessage> batch, Executor&, Completion<Status> done) override {
    for (const BrokerMessage& message : batch)
      require(decode_packet(*message.payload).has_value(), "what is sent is packets");
    done({});
  }
  void hear(std::string bytes) {
    listener.messages({{"channel", std::make_shared<const std::string>(std::move(bytes))}});
  }
  BrokerListener listener;
};

class NoExecutor final : public Executor {
 public:
  void post(Task task) override { task(); }
};

class Words {
 public:
  explicit Words(std::string_view line) : rest_(line) {}
  std::string_view word() { return take_until(rest_, ' '); }
  std::uint64_t number() {
    const std::string_view text = word();
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }
  std::vector<SessionId> numbers() {
    std::vector<SessionId> all;
    while (!rest_.empty() && all.size() < 16) all.push_back(number());
    return all;
  }
  std::string_view rest() { return rest_; }

 private:
  std::string_view rest_;
};

/// Takers as the router is told of them: first taken, then left, and so on.
class CheckedRouter final : public Router {
 public:
  void take(std::uint32_t, const Topic& topic) override { taken.insert(std::string(topic->name())); }
  void leave(std::uint32_t, const Topic& topic) override { taken.erase(std::string(topic->name())); }
  void publish(std::uint32_t, const Topic&, const Envelope&) override {}
  void change_members(std::uint32_t, const Topic&, const MembershipDelta&) override {}
  std::set<std::string> taken;
};

template <class Message, class Read>
void same_again(std::string_view body, Read read) {
  ByteReader reader(body);
  for (std::optional<Message> message = read(reader); message; message = read(reader)) {
    std::string bytes;
    append(bytes, *message);
    ByteReader again(bytes);
    const std::optional<Message> second = read(again);
    require(second && again.done(), "what is written can be read");
    std::string twice;
    append(twice, *second);
    require(twice == bytes, "what is read is what was written");
    if (!reader.more()) break;
  }
}

void check_messages(std::string_view bytes) {
  const Exact exact(bytes);
  same_again<Downward>(exact.view(), read_downward);
  same_again<Upward>(exact.view(), read_upward);
  if (const auto packet = decode_packet(exact.view())) {
    same_again<Downward>(packet->body, read_downward);
    (void)decode_announcement(packet->body);
  }
}

/// One end of a link that is right in everything but its messages.
struct Writer {
  std::string channel;
  std::uint64_t link = 0;
  std::uint64_t seq = 0;

  std::string packet(PacketKind kind, std::string body, std::uint64_t number) {
    Packet made;
    made.kind = kind;
    made.link = link;
    made.seq = number;
    made.body = std::make_shared<const std::string>(std::move(body));
    return encode(made, channel);
  }
  std::string data(std::string body) { return packet(PacketKind::data, std::move(body), ++seq); }
  template <class Message>
  std::string say(const Message& message) {
    std::string body;
    append(body, message);
    return data(std::move(body));
  }
};

constexpr std::chrono::milliseconds kTick{100};

[[nodiscard]] SeamOptions few() {
  SeamOptions options;
  options.packetBytes = 200;
  options.maxSessionsPerGateway = 4;
  return options;
}

class EngineScript final : public GatewayEvents {
 public:
  void run(std::string_view script) {
    gateways_.set_events(*this);
    gateways_.start();
    while (!script.empty()) {
      Words words(take_until(script, '\n'));
      line(words);
      gateways_.flush();
    }
    gateways_.stop();
    require(open_.empty() && gateways_.sessions() == 0, "a stop ends every session");
    require(gateways_.topics() == 0 && router_.taken.empty(), "no topic is taken once nobody is there");
  }

  void opened(SessionId session, const HandshakeView&) override {
    require(open_.insert(session).second, "a name is given to one session");
    if (open_.size() % 3 == 0) return;
    gateways_.admit(session);
    (void)gateways_.subscribe(session, topics_.intern("t" + std::to_string(open_.size() % 2)), open_.size());
  }
  void received(SessionId session, std::span<const std::string_view> messages) override {
    require(open_.contains(session), "who is heard is open");
    for (const std::string_view message : messages) gateways_.deliver(session, FrameRef::text(message));
  }
  void drained(SessionId session, std::vector<WithheldMark>, bool) override {
    require(open_.contains(session), "who has drained is open");
  }
  void closed(SessionId session, std::uint16_t) override {
    require(open_.erase(session) == 1, "a session is closed once");
  }
  void stale(const Topic& topic, std::vector<SessionId> takers) override {
    for (const SessionId taker : takers) require(open_.contains(taker) || asked_, "takers were open");
    questions_.emplace_back(topic, std::move(takers));
  }

 private:
  void line(Words& words) {
    const std::string_view what = words.word();
    if (what.empty()) return;
    Writer& peer = peers_[words.number() % 2];
    const auto hear = [&](const auto& message) { broker_.hear(peer.say(Upward(message))); };
    switch (what[0]) {
      case 'a': {
        peer.link = words.number();
        peer.seq = 0;
        std::string version;
        put_number(version, kVersion);
        broker_.hear(peer.packet(PacketKind::attach, version, 0));
        break;
      }
      case 'o':
        hear(Opened{words.number(), words.word(), {}, {}, words.word(), std::chrono::milliseconds(1)});
        break;
      case 'm':
        hear(Received{words.number(), {words.rest()}});
        break;
      case 'd':
        hear(Drained{words.number(), true, {{words.word(), 3}}});
        break;
      case 'c':
        hear(Closed{words.number(), 1006});
        break;
      case 's': {
        const std::string_view topic = words.word();
        hear(Stale{topic, words.numbers()});
        break;
      }
      case 'v':
        hear(Overdue{words.number()});
        break;
      case 'l': {
        const std::string_view topic = words.word();
        hear(Left{topic, words.number()});
        break;
      }
      case 'x':
        broker_.hear(peer.data(std::string(words.rest())));
        break;
      case 'q':
        broker_.hear(peer.packet(static_cast<PacketKind>(words.number() % 9), std::string(), words.number()));
        break;
      case 'r':
        broker_.hear(std::string(words.rest()));
        break;
      default:
        engine(what[0], words);
    }
  }

  /// What the engine itself does.
  void engine(char what, Words& words) {
    const Topic topic = topics_.intern(words.word());
    switch (what) {
      case 'P':
        gateways_.publish(topic, {FrameRef::text("frame"), words.number() % 4,
                                  open_.empty() ? 0 : *open_.begin(), nullptr});
        break;
      case 'U':
        gateways_.change_members(topic,
                                 {words.number() % 4, 0, {topics_.intern("t0")}, {topics_.intern("t1")}});
        break;
      case 'K':
        if (!open_.empty()) gateways_.close(*open_.begin(), CloseCode::draining, 0);
        break;
      case 'A':
        if (!questions_.empty()) {
          asked_ = true;  // a question may wait while its sessions end
          const auto [about, takers] = std::move(questions_.back());
          questions_.pop_back();
          gateways_.refreshed(about, words.number() % 4, takers);
        }
        break;
      case 'T':
        clock_.advance(kTick * static_cast<int>(words.number() % 60));
        gateways_.tick();
        break;
      default:
        break;
    }
  }

  [[nodiscard]] RemoteGateways::Ports ports() {
    RemoteGateways::Ports all;
    all.broker = &broker_;
    all.executor = &executor_;
    all.clock = &clock_;
    all.log = &null_log();
    all.topics = &topics_;
    all.router = &router_;
    return all;
  }

  testing::ManualClock clock_;
  NoExecutor executor_;
  ScriptedBroker broker_;
  TopicNames topics_{1};
  CheckedRouter router_;
  std::set<SessionId> open_;
  std::vector<std::pair<Topic, std::vector<SessionId>>> questions_;
  bool asked_ = false;
  Writer peers_[2] = {{"a", 0, 0}, {"b", 0, 0}};
  RemoteGateways gateways_{{"e", 1, 0}, few(), ports(), {"e", 1, 1, 1}};
};

class GatewayScript {
 public:
  GatewayScript() {
    link_.set_gateway(gateway_);
    gateway_.set_events(link_);
    link_.start();
  }

  void run(std::string_view script) {
    while (!script.empty()) {
      Words words(take_until(script, '\n'));
      line(words);
      turn();
    }
    for (ConnectionSlot slot = 0; slot < kSlots; ++slot) end(slot);
    require(gateway_.sessions().open_sessions() == 0, "a session ends with its connection");
    gateway_.forget_questions();  // which nobody here answers
    require(gateway_.topics().topics() == 0, "a topic ends with its takers");
  }

 private:
  static constexpr ConnectionSlot kSlots = 4;

  void line(Words& words) {
    const std::string_view what = words.word();
    if (what.empty()) return;
    const auto hear = [&](const auto& message) { broker_.hear(engine_.say(Downward(message))); };
    const auto some = [&] { return session(words.number()); };
    switch (what[0]) {
      case 'n':
        announce(words.number());
        break;
      case 'b':
        engine_.link = words.number();
        engine_.seq = 0;
        broker_.hear(engine_.packet(PacketKind::beat, {}, 0));
        break;
      case 'o':
        open(static_cast<ConnectionSlot>(words.number() % kSlots), words.word());
        break;
      case 'm': {
        const auto slot = static_cast<ConnectionSlot>(words.number() % kSlots);
        const std::string_view text = words.rest();
        if (transport_.at(slot).open) gateway_.on_messages(slot, {&text, 1});
        break;
      }
      case 'c':
        end(static_cast<ConnectionSlot>(words.number() % kSlots));
        break;
      case 'S':
        hear(Subscribe{some(), words.word(), words.number()});
        break;
      case 'U':
        hear(Unsubscribe{some(), words.word()});
        break;
      case 'A':
        hear(Admit{some()});
        break;
      case 'D':
        hear(Deliver{some(), {DeliveryClass::reply, {}, 0, words.rest()}});
        break;
      case 'K':
        hear(Close{some(), static_cast<CloseCode>(words.number() % 5'000), 1});
        break;
      case 'R': {
        Refreshed answer{words.word(), words.number(), {}};
        for (const SessionId each : words.numbers()) answer.allowed.push_back(session(each));
        hear(answer);
        break;
      }
      case 'P':
        hear(Publish{
            words.word(), {DeliveryClass::live, "k", words.number(), "event"}, words.number(), some()});
        break;
      case 'H':
        hear(
            PublishHead{words.word(), words.number(), "k", words.number(), std::chrono::milliseconds(5'000)});
        break;
      case 'M':
        hear(ChangeMembers{words.word(), words.number(), words.number(), {words.word()}, {words.word()}});
        break;
      case 'B':
        hear(Broadcast{{DeliveryClass::ephemeral, {}, 0, words.rest()}});
        break;
      case 'x':
        broker_.hear(engine_.data(std::string(words.rest())));
        break;
      case 'q':
        broker_.hear(engine_.packet(static_cast<PacketKind>(words.number() % 9), {}, words.number()));
        break;
      case 'r':
        broker_.hear(std::string(words.rest()));
        break;
      case 'T':
        clock_.advance(kTick * static_cast<int>(words.number() % 60));
        gateway_.tick();
        link_.tick();
        break;
      default:
        break;
    }
  }

  void announce(std::uint64_t term) {
    const Packet packet = announcement({"e", term, term, 1});
    engine_.channel = engine_channel("e", term, 0);
    broker_.hear(encode(packet, engine_.channel));
  }
  void open(ConnectionSlot slot, std::string_view query) {
    if (transport_.at(slot).open) return;
    transport_.at(slot) = {};
    transport_.at(slot).open = true;
    HandshakeView handshake;
    handshake.query = query;
    gateway_.on_open(slot, handshake);
  }
  void end(ConnectionSlot slot) {
    if (!std::exchange(transport_.at(slot).open, false)) return;
    gateway_.on_close(slot, 1006);
  }
  [[nodiscard]] SessionId session(std::uint64_t number) const {
    const auto slot = static_cast<ConnectionSlot>(number % (kSlots + 1));
    return slot < gateway_.sessions().slots() ? gateway_.sessions().id(slot) : number;
  }
  void turn() {
    gateway_.flush();
    link_.flush();
    for (ConnectionSlot slot = 0; slot < kSlots; ++slot)
      if (transport_.at(slot).ends) end(slot);
  }
  [[nodiscard]] RemoteEngine::Ports ports() {
    RemoteEngine::Ports all;
    all.broker = &broker_;
    all.executor = &executor_;
    all.clock = &clock_;
    all.log = &null_log();
    all.topics = &topics_;
    all.random = &random_;
    return all;
  }

  testing::ManualClock clock_;
  NoExecutor executor_;
  SameRandom random_;
  ScriptedBroker broker_;
  TopicNames topics_{1};
  ScriptedTransport transport_;
  Writer engine_;
  RemoteEngine link_{{"g", 1, 0}, {}, ports(), true};
  gateway::Gateway gateway_{0, {}, transport_, link_, clock_};
};

}  // namespace

}  // namespace chatcore::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace chatcore::fuzz;
  std::string_view rest = text_of(data, size);
  const std::string_view kind = take_until(rest, '\n');
  if (kind == "M") check_messages(rest);
  if (kind == "E") EngineScript().run(rest);
  if (kind == "G") GatewayScript().run(rest);
  return 0;
}
