#include <deque>
#include <map>
#include <random>
#include <set>

#include "driver.hpp"

using namespace chatcore;
using namespace chatcore::client;
using testing::Driver;

namespace {

/// A small honest server on an unreliable network: two conversations, pages of three, temporary failures.
class Network {
 public:
  explicit Network(unsigned seed) : dice_(seed) {}

  Driver driver{options()};
  std::map<std::string, std::vector<Json>> logs;
  std::map<std::string, std::vector<std::string>> written;  ///< what the client was asked to send, in order
  bool calm = false;

  void write() {
    const std::string conversation = chance(2) ? "c1" : "c2";
    written[conversation].push_back("w" + std::to_string(++counter_));
    const std::string& text = written[conversation].back();
    if (chance(3))
      driver.change(OutgoingChange::Edit{Json(text).dump()}, conversation);
    else
      driver.send(conversation, text);
  }

  void bob_writes() {
    const std::string conversation = chance(2) ? "c1" : "c2";
    live(append(conversation, "bob", "desk", "b" + std::to_string(++counter_), "from bob",
                chance(3) ? "edit" : "message"));
  }

  void step() {
    driver.pass(static_cast<std::int64_t>(dice_() % 40));
    if (driver.state.state() == ConnectionState::connecting && !open_) accept();
    if (!open_) return driver.sent.clear();
    if (!calm && chance(60)) return cut();
    while (!driver.sent.empty() && open_) {
      const Json frame = driver.sent.front();
      driver.sent.erase(driver.sent.begin());
      answer(frame);
    }
    for (int i = 0; i < 3 && !toClient_.empty() && open_; ++i) {
      const Json frame = toClient_.front();
      toClient_.pop_front();
      driver.reply(frame);
    }
  }

  /// What a real server does a while after a conversation fell quiet.
  void announce_heads() {
    Json heads = Json::object();
    for (const auto& [conversation, log] : logs) heads[conversation] = log.size();
    if (open_) toClient_.push_back({{"type", "sync.required"}, {"conversations", heads}});
  }

 private:
  static Options options() {
    Options options = Driver::alice();
    options.limits.heldEvents = 4;
    options.limits.sendsInFlight = 5;
    return options;
  }
  bool chance(unsigned oneIn) { return dice_() % oneIn == 0; }

  void accept() {
    open_ = true;
    failed_.clear();
    driver.open();
    toClient_ = {Json{{"type", "welcome"}, {"userId", "alice"}, {"deviceId", "phone"}}};
  }
  void cut() {
    open_ = false;
    toClient_.clear();
    driver.sent.clear();
    driver.lose();
  }

  Json append(const std::string& conversation, const char* sender, const char* device, const std::string& id,
              const std::string& content, const char* event) {
    std::vector<Json>& log = logs[conversation];
    log.push_back({{"conversationId", conversation},
                   {"seq", log.size() + 1},
                   {"senderId", sender},
                   {"senderDeviceId", device},
                   {"clientMsgId", id},
                   {"content", content},
                   {"event", event}});
    return log.back();
  }
  void live(const Json& event) {
    if (!open_ || (!calm && chance(4))) return;
    Json frame{{"type", event.at("event") == "edit" ? "message.edited" : "message.new"}, {"data", event}};
    const std::size_t place =
        chance(3) && !toClient_.empty() && toClient_.front().at("type") != "welcome" ? 0 : toClient_.size();
    toClient_.insert(toClient_.begin() + static_cast<std::ptrdiff_t>(place), frame);
    if (chance(5)) toClient_.push_back(frame);
  }

  void answer(const Json& frame) {
    const std::string type = frame.at("type");
    if (type == "message.send" || type == "message.edit") return take_event(frame);
    if (type == "sync") return take_sync(frame);
    if (type == "history") return take_history(frame);
    if (type == "presence.ping") return toClient_.push_back({{"type", "presence.pong"}});
    toClient_.push_back({{"type", "ok"}, {"id", frame.at("id")}});
  }

  void take_event(const Json& frame) {
    const std::string conversation = frame.at("conversationId");
    const std::string id = frame.at("clientMsgId");
    const auto fail = [&](const char* code) {
      toClient_.push_back({{"type", "error"}, {"id", frame.at("id")}, {"code", code}, {"temporary", true}});
    };
    if (const auto failed = failed_.find(conversation); failed != failed_.end()) {
      if (failed->second != id) return fail("retry_in_order");
      failed_.erase(failed);
    }
    Seq seq = 0;
    for (const Json& event : logs[conversation])
      if (event.at("clientMsgId") == id) seq = event.at("seq");
    const bool duplicate = seq != 0;
    if (!duplicate) {
      if (!calm && chance(6)) {
        failed_[conversation] = id;
        return fail("unavailable");
      }
      const char* event = frame.at("type") == "message.edit" ? "edit" : "message";
      seq = append(conversation, "alice", "phone", id, frame.at("content"), event).at("seq");
    }
    toClient_.push_back({{"type", "message.sent"},
                         {"id", frame.at("id")},
                         {"clientMsgId", id},
                         {"conversationId", conversation},
                         {"seq", seq},
                         {"duplicate", duplicate}});
  }

  Json page_of(const std::string& conversation, Seq after) {
    const std::vector<Json>& log = logs[conversation];
    const Seq to = std::min<Seq>(after + 3, log.size());
    Json events = Json::array();
    for (Seq seq = after + 1; seq <= to; ++seq) events.push_back(log[seq - 1]);
    return {{"conversationId", conversation}, {"fromSeq", after + 1},   {"toSeq", to}, {"events", events},
            {"headSeq", log.size()},          {"more", to < log.size()}};
  }
  void take_sync(const Json& frame) {
    Json conversations = Json::array();
    const Json marks = frame.value("watermarks", Json::object());
    const bool first = !frame.contains("since");
    for (const char* id : {"c1", "c2"})
      if (first == (std::string(id) == "c1") && !logs[id].empty())
        conversations.push_back(page_of(id, first ? marks.value(id, Seq{0}) : marksOfC2_));
    if (first) marksOfC2_ = marks.value("c2", Seq{0});
    toClient_.push_back({{"type", "sync.page"},
                         {"id", frame.at("id")},
                         {"conversations", conversations},
                         {"token", "t"},
                         {"more", first}});
  }
  void take_history(const Json& frame) {
    Json page = page_of(frame.at("conversationId"), frame.value("after", Seq{0}));
    page["type"] = "history.page";
    page["id"] = frame.at("id");
    toClient_.push_back(page);
  }

  std::mt19937 dice_;
  bool open_ = false;
  int counter_ = 0;
  Seq marksOfC2_ = 0;
  std::deque<Json> toClient_;
  std::map<std::string, std::string> failed_;  ///< conversation → the command to be sent first
};

void check_converged(Network& network) {
  Driver& driver = network.driver;
  std::size_t writtenCount = 0;
  for (const auto& [conversation, log] : network.logs) {
    CAPTURE(conversation);
    std::vector<Seq> foreign;
    std::vector<std::string> own;
    for (const Json& event : log) {
      if (event.at("senderId") == "bob") foreign.push_back(event.at("seq"));
      if (event.at("senderId") == "alice") own.push_back(event.at("content"));
    }
    CHECK(driver.shown[conversation] == foreign);
    CHECK(own == network.written[conversation]);
    writtenCount += network.written[conversation].size();
    for (const Watermark& mark : driver.state.watermarks())
      if (mark.conversationId == conversation) CHECK(mark.seq == log.size());
  }
  CHECK(driver.sendsDone.size() == writtenCount);
  std::set<Ticket> tickets;
  for (const SendDone& done : driver.sendsDone) {
    CHECK(done.result.has_value());
    tickets.insert(done.ticket);
  }
  CHECK(tickets.size() == writtenCount);
  CHECK(driver.state.unconfirmed() == 0);
  CHECK(driver.errors.empty());
}

}  // namespace

TEST_CASE("over any bad network the client ends with the log, in order, each event once") {
  for (unsigned seed = 1; seed <= 150; ++seed) {
    CAPTURE(seed);
    Network network(seed);
    network.driver.connect();
    for (int i = 0; i < 400; ++i) {
      if (i % 7 == 0) network.write();
      if (i % 5 == 0) network.bob_writes();
      network.step();
    }
    network.calm = true;
    for (int i = 0; i < 4000; ++i) {
      if (i % 1000 == 500) network.announce_heads();
      network.step();
    }
    check_converged(network);
  }
}
