#include <map>
#include <optional>
#include <utility>

#include "app.hpp"

namespace chat_cli {

using namespace chatcore::client;
using chatcore::Audience;
using chatcore::Result;

namespace {

constexpr const char* kAudiences[] = {"everyone", "contacts", "nobody"};

std::optional<Audience> audience(const std::string& name) {
  for (const Audience each : {Audience::everyone, Audience::contacts, Audience::nobody})
    if (name == kAudiences[static_cast<int>(each)]) return each;
  return std::nullopt;
}

std::string presence_text(const PresenceChange& change) {
  using chatcore::Availability;
  std::string now = change.online ? "online" : "offline";
  if (change.online && change.availability == Availability::away) now = "away";
  if (change.online && change.availability == Availability::dnd) now = "not to be disturbed";
  if (!change.text.empty()) now += " \"" + printable(change.text) + '"';
  return now;
}

}  // namespace

void App::show_presence(const PresenceChange& change) {
  const std::string now = presence_text(change);
  // Each connection begins with the present state; only what changed is news.
  const auto [known, added] = presence_.try_emplace(change.userId, now);
  if (!added && std::exchange(known->second, now) == now) return;
  printer_.line(change.userId + " is " + now);
}

void App::status(const Words& words) {
  using chatcore::Availability;
  static const std::map<std::string, Availability> kNames{
      {"online", Availability::online}, {"away", Availability::away}, {"dnd", Availability::dnd}};
  const auto named = words.empty() ? kNames.end() : kNames.find(words[0]);
  if (named == kNames.end()) return printer_.line("error: /status online|away|dnd [TEXT]");
  client_->set_status(named->second, joined(words, 1, words.size()));
}

void App::ask_presence(const Words& words) {
  if (words.empty()) {
    for (const auto& [user, presence] : presence_) printer_.line(user + ": " + presence);
    return;
  }
  ++unanswered_;
  client_->presence(words, [this](Result<std::vector<PresenceChange>> users) {
    --unanswered_;
    if (!users) return printer_.line("failed /who " + explain(users.error()));
    for (const PresenceChange& user : *users) printer_.line(user.userId + ": " + presence_text(user));
  });
}

void App::update_settings(const SettingsChange& change, const std::string& done) {
  ++unanswered_;
  client_->update_settings(change, [this, done](chatcore::Status status) {
    --unanswered_;
    printer_.line(status ? done + " ✓" : "failed: not " + done + ' ' + explain(status.error()));
  });
}

void App::receipts(const Words& words) {
  if (words.size() != 1 || (words[0] != "on" && words[0] != "off"))
    return printer_.line("error: /receipts on|off");
  SettingsChange change;
  change.readReceipts = words[0] == "on";
  update_settings(change, "read receipts " + words[0]);
}

void App::privacy(const Words& words) {
  const auto who = words.size() == 2 ? audience(words[1]) : std::nullopt;
  if (!who || (words[0] != "online" && words[0] != "lastseen"))
    return printer_.line("error: /privacy online|lastseen everyone|contacts|nobody");
  SettingsChange change;
  (words[0] == "online" ? change.online : change.lastSeen) = who;
  update_settings(change, words[0] + " for " + words[1]);
}

void App::settings() {
  ++unanswered_;
  client_->settings([this](Result<Settings> settings) {
    --unanswered_;
    if (!settings) return printer_.line("failed /settings " + explain(settings.error()));
    show_settings(*settings);
  });
}

void App::show_settings(const Settings& settings) {
  printer_.line(std::string("settings: read receipts ") + (settings.readReceipts ? "on" : "off") +
                ", online for " + kAudiences[static_cast<int>(settings.online)] + ", last seen for " +
                kAudiences[static_cast<int>(settings.lastSeen)]);
}

void App::list_devices() {
  ++unanswered_;
  client_->devices([this](Result<std::vector<DeviceEntry>> devices) {
    --unanswered_;
    if (!devices) return printer_.line("failed /devices " + explain(devices.error()));
    for (const DeviceEntry& device : *devices)
      printer_.line("device " + device.deviceId +
                    (device.platform.empty() ? "" : " " + printable(device.platform)) +
                    (device.online ? " online" : " offline") + (device.current ? " (this one)" : "") +
                    (device.primary ? " (primary)" : ""));
    printer_.line("devices end");
  });
}

void App::remove_device(const Words& words) {
  if (words.size() != 1) return printer_.line("error: /remove-device DEVICE");
  ++unanswered_;
  client_->remove_device(words[0], [this, device = words[0]](chatcore::Status status) {
    --unanswered_;
    printer_.line(status ? "removed device " + printable(device) + " ✓"
                         : "failed /remove-device " + explain(status.error()));
  });
}

void App::refresh_token(const Words& words) {
  auto token = words.size() == 1 ? first_line_of(words[0]) : std::nullopt;
  if (!token) return printer_.line("error: /token FILE, whose first line it is");
  ++unanswered_;
  client_->set_token(std::move(*token), [this](chatcore::Status status) {
    --unanswered_;
    printer_.line(status ? "token ✓" : "failed /token " + explain(status.error()));
  });
}

}  // namespace chat_cli
