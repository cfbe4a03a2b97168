#include <algorithm>
#include <nlohmann/json.hpp>

#include "client/decode.hpp"
#include "client/decode_account.hpp"
#include "simulation.hpp"

namespace chatcore::simulation {

namespace {

constexpr Millis kLongestUnrest{120'000};
constexpr Millis kStep{500};

}  // namespace

void Simulation::settle() {
  if (broken()) return;
  calm();
  const Millis until = world_.now() + kLongestUnrest;
  pass(Millis(3'000));
  while (!broken() && !unsettled().empty()) {
    if (world_.now() >= until) return world_.fail("still not quiet: " + unsettled());
    for (const auto& device : devices_)
      if (!spare(*device) && device->removed()) device->connect();
    pass(kStep);
  }
  // Who asked while the directory was away was shown nobody: an application asks again by and by.
  for (const auto& device : devices_)
    if (!spare(*device) && device->online()) device->watch_again();
  pass(Millis(1'000));
}

std::string Simulation::unsettled() const {
  for (const auto& device : devices_) {
    if (spare(*device)) continue;
    if (!device->online()) return device->name() + " is not online";
    if (device->unconfirmed() != 0) return device->name() + " has messages that are not confirmed";
    if (device->open_requests() != 0) return device->name() + " has requests without an answer";
    const auto& unanswered = device->link()->unanswered();
    if (!unanswered.empty())
      return device->name() + " was never answered request " + std::to_string(*unanswered.begin());
    for (const auto& [id, log] : world_.truth.logs())
      if (std::string behind = device->behind(id, log); !behind.empty()) return behind;
  }
  return {};
}

void Simulation::check_quiet() {
  if (broken()) return;
  const auto& engine = world_.scenario.engine;
  pass(engine.presenceTtl + engine.presenceDebounce + Millis(2'000));
  // Somebody may have repeated what was refused before, a moment ago.
  if (!broken() && !unsettled().empty()) pass(Millis(5'000));
  if (!broken() && !unsettled().empty()) world_.fail("quiet did not last: " + unsettled());
  check_presence();
  check_preferences();
  check_cleared();
  check_receipts();
  check_lists();
  check_histories();
  check_sends();
}

void Simulation::check_presence() {
  for (const auto& device : devices_) {
    if (spare(*device) || broken()) continue;
    for (const auto& [user, watched] : device->watched()) {
      if (world_.blockList.contains({user, device->user()}) ||
          world_.blockList.contains({device->user(), user}))
        continue;  // what was shown before a block is not taken back
      if (!watched.online) world_.fail(device->name() + " sees " + user + " offline, who is online");
    }
    check_watched(*device);
  }
}

/// What a watcher was told last is what anybody is told who asks now.
void Simulation::check_watched(SimulatedDevice& device) {
  std::string users;
  for (const auto& [user, watched] : device.watched()) users += (users.empty() ? "\"" : ",\"") + user + '"';
  if (users.empty()) return;
  const auto page = ask(device, R"({"type":"presence.get","users":[)" + users + "]}");
  if (!page) return world_.fail(device.name() + " is not told who is there");
  const auto answer = nlohmann::json::parse(*page);
  for (const auto& entry : answer.at("users")) {
    const UserId user = entry.at("userId");
    const auto& seen = device.watched().at(user);
    if (world_.blockList.contains({user, device.user()}) || world_.blockList.contains({device.user(), user}))
      continue;
    const client::PresenceChange now = client::decode_presence(entry);
    if (now.online != seen.online || now.availability != seen.availability || now.text != seen.text)
      world_.fail(device.name() + " sees another status of " + user + " than it is told when it asks");
  }
}

/// All devices of a user agree with the store on what is muted, archived and pinned.
void Simulation::check_preferences() {
  const Scenario& scenario = world_.scenario;
  // What failed may have been made all the same, and what was dropped is not said again: see README.md.
  if (scenario.storeErrors || scenario.lags()) return;
  const auto now = [&](Preferences preferences) {
    // Whether it is over was asked at another time, perhaps before the clock jumped.
    if (scenario.wallJumps || preferences.mutedUntil <= world_.clock.now() + 5'000)
      preferences.mutedUntil = 0;
    return preferences;
  };
  for (const auto& device : devices_) {
    if (spare(*device)) continue;
    for (const UserConversation& stored : ports_.store.conversations_now(device->user())) {
      const auto told = device->preferences().find(stored.conversationId);
      // Who comes back into a group is not told what they wanted of it once.
      const Truth::Log* log = world_.truth.find(stored.conversationId);
      if (told == device->preferences().end() && log != nullptr && log->stays.at(device->user()).size() > 1)
        continue;
      const Preferences view = told == device->preferences().end() ? Preferences{} : told->second;
      if (now(view) != now(stored.preferences))
        return world_.fail(device->name() + " shows other preferences of " + stored.conversationId +
                           " than the store has");
    }
  }
}

/// No device of a user shows what another has cleared.
void Simulation::check_cleared() {
  if (world_.scenario.storeErrors || world_.scenario.lags()) return;
  for (const auto& device : devices_) {
    if (spare(*device)) continue;
    for (const UserConversation& stored : ports_.store.conversations_now(device->user())) {
      const Truth::Log* log = world_.truth.find(stored.conversationId);
      // Who comes back into a group begins with what comes then.
      if (log == nullptr || log->stays.at(device->user()).size() > 1) continue;
      if (device->cleared(stored.conversationId) < stored.cursor.clearedSeq)
        return world_.fail(device->name() + " still shows what was cleared of " + stored.conversationId);
    }
  }
}

void Simulation::check_receipts() {
  for (const auto& device : devices_) {
    if (device->number() != 1) continue;
    for (const auto& [id, log] : world_.truth.logs()) {
      if (broken()) return;
      if (!log.members.contains(device->user())) continue;
      const auto page = ask(*device, R"({"type":"receipts.get","conversationId":")" + id + R"("})");
      if (!page) return world_.fail(device->name() + " is not told who has read " + id);
      check_receipts_page(*device, *page);
    }
  }
}

/// Nobody learns what another has read while either hides it, and everybody does while neither does.
void Simulation::check_receipts_page(const SimulatedDevice& device, const std::string& text) {
  const auto page = nlohmann::json::parse(text);
  if (page.at("type") != "receipts.page") return world_.fail(device.name() + " is told " + text);
  const ConversationId id = page.at("conversationId");
  for (const auto& entry : page.at("members")) {
    const UserId other = entry.at("userId");
    const auto mine = world_.shows_receipts(device.user());
    const auto theirs = world_.shows_receipts(other);
    if (other == device.user() || !mine || !theirs) continue;
    const bool shown = *mine && *theirs;
    if (entry.contains("readSeq") != shown)
      world_.fail(device.name() + (shown ? " is not told" : " is told") + " what " + other + " has read in " +
                  id);
    if (!shown) continue;
    const Seq told = entry.at("readSeq");
    for (const UserConversation& stored : ports_.store.conversations_now(other)) {
      if (stored.conversationId != id) continue;
      // What was stored and said to have failed is known to the store alone.
      const Seq known = stored.cursor.readSeq;
      if (world_.scenario.storeErrors ? told > known : told != known)
        world_.fail(device.name() + " is told that " + other + " has read " + id + " to " +
                    std::to_string(told) + ", and the store has " + std::to_string(known));
    }
  }
}

void Simulation::check_lists() {
  for (const auto& device : devices_) {
    if (spare(*device)) continue;
    if (broken()) return;
    const auto page = ask(*device, R"({"type":"conversations.list","limit":100})");
    if (!page) return world_.fail(device->name() + " gets no list of conversations");
    check_list(*device, *page);
  }
}

std::optional<std::string> Simulation::ask(SimulatedDevice& device, std::string json) {
  static_cast<void>(device.answer());
  device.request(std::move(json));
  std::optional<std::string> answer;
  for (int i = 0; i < 40 && !answer && !broken(); ++i) {
    pass(kStep);
    answer = device.answer();
  }
  return answer;
}

void Simulation::check_histories() {
  for (const auto& device : devices_) {
    if (spare(*device)) continue;
    if (broken()) return;
    const ConversationId id = some_conversation(device->user());
    const Truth::Log* log = world_.truth.find(id);
    if (log == nullptr || !log->members.contains(device->user())) continue;
    const auto page = ask(*device, R"({"type":"history","limit":100,"conversationId":")" + id + R"("})");
    if (!page) return world_.fail(device->name() + " gets no history of " + id);
    check_history(*device, *page);
  }
}

/// Every message of the page as its events make it, and none that is not to be seen.
void Simulation::check_history(const SimulatedDevice& device, const std::string& text) {
  const auto page = nlohmann::json::parse(text);
  const ConversationId id = page.at("conversationId");
  const Truth::Log& log = *world_.truth.find(id);
  const UserId& user = device.user();
  std::map<Seq, nlohmann::json> shown;
  for (const auto& event : page.at("events")) shown.emplace(event.at("seq"), event);
  for (Seq seq = page.at("fromSeq"); seq <= page.at("toSeq") && seq != 0 && !broken(); ++seq) {
    const std::string what = device.name() + " is shown " + id + " #" + std::to_string(seq) + ": ";
    const Timestamp now = world_.clock.now();
    if (log.about_to_expire(now)) return;
    const bool expected = log.could_see(user, seq) && !expired(log.at(seq), now) &&
                          seq >= log.members.at(user).joinSeq && !log.hides(user, seq) &&
                          !changes_message(log.at(seq).kind);
    const auto found = shown.find(seq);
    if (expected != (found != shown.end()))
      return world_.fail(what + (expected ? "not at all" : "though it must not be"));
    if (!expected || log.at(seq).kind != EventKind::message) continue;
    const Truth::Message message = log.message(seq);
    const auto& event = found->second;
    if (event.value("deleted", false) != message.deleted)
      return world_.fail(what + "deleted or not, wrongly");
    if (message.deleted) continue;
    const std::string content = message.content.empty() ? log.at(seq).content : message.content;
    if (event.at("content") != nlohmann::json::parse(content)) world_.fail(what + "with another content");
    nlohmann::json reactions = nlohmann::json::array();
    for (const auto& [emoji, users] : message.reactions) {
      reactions.push_back({{"emoji", emoji}, {"count", users.size()}});
      if (users.contains(user)) reactions.back()["mine"] = true;
    }
    if (event.value("reactions", nlohmann::json::array()) != reactions)
      world_.fail(what + "with other reactions");
  }
}

void Simulation::check_list(const SimulatedDevice& device, const std::string& page) {
  const auto stored = ports_.store.conversations_now(device.user());
  const auto list = nlohmann::json::parse(page).at("conversations");
  std::size_t expected = 0;
  for (const auto& [id, log] : world_.truth.logs()) expected += log.members.contains(device.user()) ? 1 : 0;
  if (list.size() != expected)
    return world_.fail(device.name() + " is told of " + std::to_string(list.size()) + " conversations of " +
                       std::to_string(expected));
  for (const auto& entry : list) {
    const ConversationId id = entry.at("conversationId");
    const Truth::Log* log = world_.truth.find(id);
    if (log == nullptr || !log->members.contains(device.user()))
      return world_.fail(device.name() + " is told of " + id + ", where it is no member");
    const Seq readSeq = entry.value("readSeq", Seq{0});
    const std::uint64_t unread = log->unread(device.user(), readSeq, world_.clock.now());
    const std::string told = device.name() + " is told of " + id + ": ";
    if (entry.at("headSeq") != log->head()) world_.fail(told + "a wrong head");
    if (entry.at("unread") != unread && !log->about_to_expire(world_.clock.now()))
      world_.fail(told + std::to_string(entry.at("unread").get<std::uint64_t>()) + " unread, which is " +
                  std::to_string(unread));
    if (readSeq > log->head()) world_.fail(told + "read above the head");
    check_pins(device, entry.value("pinnedMessages", nlohmann::json::array()).dump(), *log, told);
    const auto own = std::find_if(stored.begin(), stored.end(),
                                  [&](const UserConversation& known) { return known.conversationId == id; });
    if (own == stored.end() || own->cursor.readSeq != readSeq)
      world_.fail(told + "another readSeq than the store's");
  }
}

void Simulation::check_pins(const SimulatedDevice& device, const std::string& listed, const Truth::Log& log,
                            const std::string& told) {
  const Timestamp now = world_.clock.now();
  if (log.about_to_expire(now)) return;
  const Seq first =
      std::max(log.members.at(device.user()).joinSeq, log.position_of(device.user()).clearedSeq + 1);
  nlohmann::json seen = nlohmann::json::array();
  for (const PinnedMessage& pin : log.pins)
    if (pin.seq >= first && (pin.expiresAt == 0 || pin.expiresAt > now))
      seen.push_back({{"messageId", std::to_string(pin.messageId)}, {"seq", pin.seq}});
  if (listed != seen.dump()) world_.fail(told + "other pinned messages than there are");
}

void Simulation::check_sends() {
  for (const auto& device : devices_) {
    for (const SimulatedDevice::Sent& sent : device->sends()) {
      const Truth::Log* log = world_.truth.find(sent.conversation);
      const bool written = log != nullptr && log->sends.contains({device->user(), sent.message.clientMsgId});
      if (written && sent.done && !sent.confirmed)
        world_.fail(sent.message.clientMsgId + " was refused for good and is in the log");
    }
    check_order(*device);
  }
}

void Simulation::check_order(const SimulatedDevice& device) {
  for (const auto& [id, log] : world_.truth.logs()) {
    std::map<ClientMsgId, Seq> places;
    for (const Event& event : log.events)
      if (event.senderId == device.user()) places.emplace(event.clientMsgId, event.seq);
    Seq last = 0;
    for (const SimulatedDevice::Sent& sent : device.sends()) {
      // What was refused for good and is sent once more, because nobody heard that, is sent anew.
      if (sent.conversation != id || world_.refused.contains(sent.message.clientMsgId)) continue;
      const auto place = places.find(sent.message.clientMsgId);
      if (place == places.end()) continue;
      if (place->second < last)
        return world_.fail(sent.message.clientMsgId + " overtook what its sender sent before to " + id);
      last = place->second;
    }
  }
}

void Simulation::everybody_leaves() {
  if (broken()) return;
  for (const auto& device : devices_)
    if (device->running()) device->disconnect();
  const auto& engine = world_.scenario.engine;
  pass(engine.presenceTtl + engine.presenceDebounce + engine.headAfterQuiet + Millis(5'000));
  if (broken()) return;
  if (const std::string left = fleet_.leftovers(); !left.empty())
    world_.fail("left after everybody has gone: " + left);
  if (ports_.presence.leases() != 0) world_.fail("leases are left after everybody has gone");
}

}  // namespace chatcore::simulation
