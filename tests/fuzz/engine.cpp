#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "engine_world.hpp"
#include "protocol/decode.hpp"

/// What up to four clients do to a server, line by line: `a{…` is a frame from alice's phone, `b` bob's desk,
/// `c` carol's tab, `d` alice's tablet, each connected when it first speaks. `+a query` connects with a query
/// of its own, `-a` goes away, `<a bytes` reads no more than that, `.` lets everything come to rest,
/// `~millis` time pass. `!n kind` fails the n-th call to the store from here (`u`nknown but written, `n`ot
/// written, `r`efused, `f`enced, `d`elayed), `*` ends the faults. `xab` blocks, `oab` unblocks, `va` revokes.
/// Begun with `p` there is a presence port. Every request that has an id is answered once, unless its
/// connection was closed, and whatever goes out is JSON.
namespace chatcore::fuzz {

namespace {

using Kind = gateway::ParseStep::Kind;

constexpr std::array<std::string_view, 4> kUsers = {"alice", "bob", "carol", "alice"};
constexpr std::array<std::string_view, 4> kDevices = {"phone", "desk", "tab", "tablet"};

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// What of an outgoing frame is looked at.
struct Heard {
  bool isFrame = false;           ///< a JSON object with a type
  std::optional<std::string> id;  ///< however it was escaped
};

Heard slowly_heard(std::string_view text) {
  // The parser would take a NUL for the end, and skip a byte order mark.
  if (!text.starts_with('{') || text.find('\0') != std::string_view::npos) return {};
  const auto frame = nlohmann::json::parse(text, nullptr, false);
  Heard heard;
  heard.isFrame = frame.is_object() && frame.contains("type");
  if (!heard.isFrame || !frame.contains("id")) return heard;
  const auto& id = frame.at("id");
  heard.id = id.is_string() ? '"' + id.get<std::string>() : id.dump();
  return heard;
}

/// The slow one took a sixth of each execution; simdjson takes a fiftieth, but no number beyond 64 bits.
Heard hear(std::string_view text) {
  static simdjson::dom::parser parser;
  simdjson::dom::object frame;
  if (parser.parse(text.data(), text.size()).get(frame) != simdjson::SUCCESS) return slowly_heard(text);
  Heard heard;
  heard.isFrame = frame.at_key("type").error() == simdjson::SUCCESS;
  simdjson::dom::element id;
  if (frame.at_key("id").get(id) != simdjson::SUCCESS) return heard;
  std::string_view name;
  heard.id = id.get(name) == simdjson::SUCCESS ? std::string(1, '"').append(name) : simdjson::minify(id);
  return heard;
}

std::string name_of(const protocol::RequestId& id) {
  std::string frame = R"({"type":"")";
  id.append_member(frame);
  const Heard heard = hear(frame += '}');
  require(heard.id.has_value(), "an id that was taken is JSON");
  return *heard.id;
}

/// One connection as its client sees it.
class Client {
 public:
  Client(ScriptedShard& shard, ConnectionSlot slot, std::string_view query) : shard_(shard), slot_(slot) {
    auto& connection = shard_.transport.at(slot_);
    connection = {};
    connection.open = true;
    shard_.gateway.on_open(slot_, {query, {}, {}, "192.0.2.1"});
  }

  [[nodiscard]] bool gone() const { return !shard_.transport.at(slot_).open; }

  void say(std::string_view frame) {
    static protocol::Decoder decoder({512, 4096});
    if (gone() || frame.size() > 4096) return;
    const auto decoded = decoder.decode(frame);
    if (decoded.id.present()) ++asked_[name_of(decoded.id)];
    const Exact exact(frame);
    const std::string_view message = exact.view();
    shard_.gateway.on_heard(slot_);
    shard_.gateway.on_messages(slot_, {&message, 1});
  }
  void leave() {
    if (gone()) return;
    left_ = true;
    shard_.gateway.on_peer_close(slot_, 1000);
  }
  void read_at_most(std::size_t bytes) {
    if (gone()) return;
    shard_.transport.at(slot_).room = bytes;
    if (bytes > 0) shard_.gateway.on_writable(slot_);
  }

  /// Takes what has come.
  void listen() {
    std::string& bytes = shard_.transport.at(slot_).bytes;
    unread_.append(bytes);
    bytes.clear();
    for (;;) {
      const auto step = parser_.next({unread_.data(), unread_.size()});
      require(step.kind != Kind::failure, "a server sends frames that are right");
      if (step.kind == Kind::text) take(step.payload);
      if (step.kind == Kind::close) left_ = true;
      unread_.erase(0, step.consumed);
      if (step.kind == Kind::need_more) return;
    }
  }
  void check_answers() const {
    for (const auto& [id, times] : answered_) {
      const auto asked = asked_.find(id);
      require(asked != asked_.end() && times <= asked->second, "no request is answered twice");
    }
    if (!left_ && !gone()) require(asked_ == answered_, "every request is answered");
  }

 private:
  void take(std::string_view text) {
    const Heard heard = hear(text);
    require(heard.isFrame, "what goes out is JSON");
    if (heard.id) ++answered_[*heard.id];
  }

  ScriptedShard& shard_;
  ConnectionSlot slot_;
  gateway::WebSocketParser parser_{{gateway::WebSocketRole::client, 1 << 24, true, false}};
  std::string unread_;
  std::map<std::string, int> asked_;
  std::map<std::string, int> answered_;
  bool left_ = false;
};

class Script {
 public:
  explicit Script(bool withPresence) : world_(withPresence) {}

  void line(std::string_view line) {
    if (line.empty()) return;
    const char what = line.front();
    auto rest = line.substr(1);
    if (what >= 'a' && what <= 'd') return client(what - 'a').say(rest);
    switch (what) {
      case '.':
        return rest_now();
      case '~':
        world_.pass(std::chrono::milliseconds(std::min<std::uint64_t>(number(rest), 120'000)));
        return listen();
      case '!':
        return fail(rest);
      case '*':
        return heal();
      default:
        break;
    }
    const std::size_t who = index(rest);
    if (who >= kUsers.size()) return;
    rest.remove_prefix(1);
    const std::size_t whom = index(rest);
    if (rest.starts_with(' ')) rest.remove_prefix(1);
    if (what == '+') connect(who, rest);
    if (what == '-' && clients_[who]) clients_[who]->leave();
    if (what == '<' && clients_[who]) clients_[who]->read_at_most(number(rest));
    if (what == 'v') revoke(kUsers[who]);
    if ((what == 'x' || what == 'o') && whom < kUsers.size()) block(kUsers[who], kUsers[whom], what == 'x');
  }

  void end() {
    heal();
    for (auto& client : clients_)
      if (client) client->read_at_most(SIZE_MAX);
    rest_now();
    require(!world_.owed(), "every call to a port is answered");
    for (auto& client : clients_)
      if (client) client->check_answers();
    for (auto& client : clients_)
      if (client) client->leave();
    world_.settle();
    for (auto& client : clients_) require(!client || client->gone(), "who leaves is gone");
  }

 private:
  static std::size_t index(std::string_view text) {
    return text.empty() || text.front() < 'a' || text.front() > 'd'
               ? kUsers.size()
               : static_cast<std::size_t>(text.front() - 'a');
  }

  Client& client(int who) {
    const auto at = static_cast<std::size_t>(who);
    if (!clients_[at] || clients_[at]->gone())
      connect(at, "user=" + std::string(kUsers[at]) + "&device=" + std::string(kDevices[at]));
    return *clients_[at];
  }
  void connect(std::size_t who, std::string_view query) {
    if (clients_[who]) {
      clients_[who]->read_at_most(SIZE_MAX);
      rest_now();
      if (!world_.owed()) clients_[who]->check_answers();
      clients_[who]->leave();
      rest_now();
      if (!clients_[who]->gone()) return;
    }
    const auto slot = static_cast<ConnectionSlot>(who / kShards);
    clients_[who] = std::make_unique<Client>(*world_.shards[who % kShards], slot, query);
  }
  void rest_now() {
    world_.settle();
    listen();
  }
  void listen() {
    for (auto& client : clients_)
      if (client) client->listen();
  }
  void fail(std::string_view rest) {
    const std::uint64_t n = number(take_until(rest, ' '));
    const std::string_view kinds = "unrfd";
    const auto kind = rest.empty() ? std::string_view::npos : kinds.find(rest.front());
    if (kind == std::string_view::npos || n == 0 || n > 100) return;
    world_.faults.fail(world_.faults.calls() + n, static_cast<testing::Fault>(kind + 1));
  }
  void heal() {
    world_.faults.heal();
    do {
      world_.faults.release();
      world_.settle();
    } while (world_.owed() && ++releases_ < 1000);
    listen();
  }
  void revoke(std::string_view user) {
    for (auto& shard : world_.shards)
      shard->post([engine = shard->engine.get(), user] { engine->revoke(UserId(user), {}); });
  }
  void block(std::string_view by, std::string_view whom, bool blocked) {
    auto& shard = *world_.shards[0];
    world_.directory.set_block(UserId(by), UserId(whom), blocked, shard, [](const Status&) {});
    world_.settle();
    const ConversationId id = direct_conversation_id(by, whom);
    auto& home = world_.home_of(id);
    home.post([engine = home.engine.get(), id] { engine->conversations().blocks_changed(id); });
    for (const auto& [user, other] : {std::pair(by, whom), std::pair(whom, by)}) {
      auto& owner = world_.home_of(user);
      owner.post([engine = owner.engine.get(), user, other] {
        engine->users().blocks_changed(UserId(user), UserId(other));
      });
    }
  }

  EngineWorld world_;
  std::array<std::unique_ptr<Client>, 4> clients_;
  int releases_ = 0;
};

}  // namespace

}  // namespace chatcore::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace chatcore::fuzz;
  auto lines = text_of(data, size);
  Script script(lines.starts_with('p'));
  for (int n = 0; !lines.empty() && n < 100; ++n) script.line(take_until(lines, '\n'));
  script.end();
  return 0;
}
