#include "scenario.hpp"

#include <set>
#include <stdexcept>

#include "chatcore/model/ids.hpp"

namespace chatcore::faulttest {

namespace {

constexpr int kTries = 12;
const std::vector<std::string> kUsers{"alice", "bob", "carol"};
// Comes first, is away while everything happens, and continues with its token.
constexpr const char* kAway = "/away";

/// Without what is another value in every run.
Json steady(Json value) {
  static const std::set<std::string> kVolatile{
      "messageId", "targetId", "timestamp", "createdAt", "editedAt",   "deletedAt", "expiresAt",
      "token",     "id",       "lastSeen",  "replyTo",   "lastActive", "cursor"};
  if (value.is_array())
    for (Json& one : value) one = steady(std::move(one));
  if (value.is_object()) {
    for (const std::string& key : kVolatile) value.erase(key);
    for (auto& [key, one] : value.items()) one = steady(std::move(one));
  }
  return value;
}

/// The order of the entries is that of times, or of answers from several shards.
Json by(const char* key, const Json& entries) {
  Json sorted = Json::object();
  for (const Json& entry : entries) sorted[entry.at(key).get<std::string>()] = steady(entry);
  return sorted;
}

Json sync_from_nothing() {
  return {{"type", "sync"}, {"watermarks", Json::object()}, {"newest", 100}, {"limit", 1000}};
}

}  // namespace

TestClient& Performance::device(const std::string& name) {
  const auto known = devices_.find(name);
  if (known != devices_.end() && !known->second.closed()) return known->second;
  if (known != devices_.end()) devices_.erase(known);
  const std::size_t slash = name.find('/');
  const std::string user = name.substr(0, slash);
  const std::string device = slash == std::string::npos ? "phone" : name.substr(slash + 1);
  for (int i = 0; i < kTries; ++i) {
    TestClient client = server_.open(user, device);
    try {
      client.expect_type("welcome");
      return devices_.emplace(name, std::move(client)).first->second;
    } catch (const std::runtime_error&) {
      // Told to come again; whoever is told nothing at all hangs.
      if (!client.closed()) throw;
      server_.clock.advance(1s);
    }
  }
  throw std::runtime_error(name + " is never let in");
}

Json Performance::ask(const std::string& name, const Json& command) {
  const Json said = meant_by(name, command);
  for (int i = 0; i < kTries; ++i) {
    TestClient& here = device(name);
    try {
      Json answer = here.ask(said);
      if (answer["type"] != "error") return answer;
      if (answer["temporary"] != true) throw std::logic_error(said.dump() + " is refused: " + answer.dump());
    } catch (const std::runtime_error&) {
      if (!here.closed()) throw;
    }
    server_.clock.advance(1s);
  }
  throw std::logic_error(said.dump() + " is never done");
}

Json Performance::meant_by(const std::string& name, Json value) const {
  if (value.is_structured())
    for (Json& one : value) one = meant_by(name, std::move(one));
  if (!value.is_string()) return value;
  const auto text = value.get<std::string>();
  if (!text.starts_with('$')) return value;
  if (text == "$token") return tokens_.at(name);
  if (!text.starts_with("$dm:")) return messages_.at(text.substr(1));
  const std::size_t colon = text.find(':', 4);
  return direct_conversation_id(text.substr(4, colon - 4), text.substr(colon + 1));
}

void Performance::note(const std::string& name, const Json& command, const Json& answer) {
  if (answer["type"] == "message.sent") messages_[command["clientMsgId"]] = answer["messageId"];
  if (answer["type"] == "sync.page") tokens_[name] = answer.value("token", "");
}

void Performance::play(const Scenario& scenario) {
  for (const std::string& user : kUsers) {
    note(user + kAway, {}, ask(user + kAway, sync_from_nothing()));
    devices_.erase(user + kAway);
  }
  for (const Step& step : scenario.steps) {
    if (step.command.is_null())
      devices_.erase(step.device);
    else
      note(step.device, step.command, ask(step.device, step.command));
  }
}

Json Performance::everything_shown() {
  Json shown;
  for (const std::string& user : kUsers) shown[user] = shown_to(user);
  return shown;
}

Json Performance::shown_to(const std::string& user) {
  const std::string fresh = user + "/new";
  Json shown;
  const Json page = ask(fresh, sync_from_nothing());
  shown["sync"] = by("conversationId", page["conversations"]);
  shown["list"] =
      by("conversationId", ask(fresh, {{"type", "conversations.list"}, {"limit", 100}})["conversations"]);
  for (const auto& [id, entry] : shown["list"].items())
    shown["history"][id] = steady(
        ask(fresh, {{"type", "history"}, {"conversationId", id}, {"after", 0}, {"limit", 200}})["events"]);
  for (const char* type : {"contacts.list", "blocks.list", "settings.get", "profile.get"})
    shown[type] = steady(ask(fresh, {{"type", type}}));
  shown["presence"] = by("userId", ask(fresh, {{"type", "presence.get"}, {"users", kUsers}})["users"]);
  Json since = {{"type", "sync"}, {"since", "$token"}, {"limit", 1000}};
  const Json told = ask(user + kAway, since);
  shown["away"] = Json::object();
  for (const Json& entry : told["conversations"]) {
    Json& known = shown["away"][entry.at("conversationId").get<std::string>()];
    for (const char* key : {"headSeq", "readSeq", "unread", "floorSeq", "removed", "mutedUntil", "archived"})
      if (entry.contains(key)) known[key] = entry[key];
  }
  shown["away account"] = told.value("account", Json::array());
  return shown;
}

}  // namespace chatcore::faulttest
