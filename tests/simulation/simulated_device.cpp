#include "simulated_device.hpp"

#include <algorithm>

#include "client/decode.hpp"
#include "client/encode.hpp"

namespace chatcore::simulation {

SimulatedDevice::SimulatedDevice(World& world, SimulatedFleet& fleet, UserId user, std::uint32_t number,
                                 std::uint64_t stream)
    : world_(world),
      fleet_(fleet),
      user_(std::move(user)),
      device_("d" + std::to_string(number)),
      number_(number),
      name_(user_ + "-" + device_),
      random_(world.seed, stream),
      newestPage_(random_.percent(70) ? 50 : static_cast<std::size_t>(random_.between(3, 30))) {}

void SimulatedDevice::boot(const Memory& memory) {
  client::Options options;
  options.user = user_;
  options.device = device_;
  options.watermarks = memory.watermarks;
  options.syncToken = memory.token;
  options.limits.requestTimeout = Millis(5'000);
  options.limits.connectTimeout = Millis(4'000);
  options.limits.backoffCap = Millis(2'000);
  options.limits.backoffReset = Millis(3'000);
  options.limits.heldEvents = 8;
  options.limits.syncEvents = newestPage_;
  options.limits.sendsInFlight = static_cast<std::size_t>(random_.between(1, 16));
  state_ = std::make_unique<client::State>(options, random_);
  ++life_;
  armedFor_.reset();
}

void SimulatedDevice::begin() {
  boot(Memory{});
  connect();
}

void SimulatedDevice::connect() {
  removed_ = false;
  state_->connect(now());
  carry_out();
}

void SimulatedDevice::disconnect() {
  world_.trace.line(name_, "disconnects");
  state_->disconnect(now());
  carry_out();
}

void SimulatedDevice::send(const ConversationId& conversation, const UserId& to) {
  Sent sent;
  sent.conversation = conversation;
  if (to.empty())
    sent.message.conversationId = conversation;
  else
    sent.message.to = to;
  sent.message.clientMsgId = next_id();
  if (world_.scenario.expiry && random_.percent(25))
    sent.message.expiresInSeconds = static_cast<std::uint32_t>(random_.between(1, 8));
  sent.message.content = '"' + sent.message.clientMsgId + std::string(random_.index(120), '.') + '"';
  sends_.push_back(std::move(sent));
  submit(sends_.size() - 1);
}

void SimulatedDevice::change(client::OutgoingChange change) {
  Sent sent;
  sent.conversation = change.conversationId;
  sent.message.clientMsgId = change.clientMsgId = next_id();
  sent.change = std::move(change);
  sends_.push_back(std::move(sent));
  submit(sends_.size() - 1);
}

void SimulatedDevice::send_again() {
  if (sends_.empty()) return;
  const std::size_t recent = std::min<std::size_t>(sends_.size(), 6);
  const std::size_t index = sends_.size() - 1 - random_.index(recent);
  if (sends_[index].confirmed) submit(index);
}

void SimulatedDevice::submit(std::size_t index) {
  const client::Ticket ticket = ++tickets_;
  sendOf_[ticket] = index;
  const Sent& sent = sends_[index];
  if (sent.change)
    state_->change(now(), ticket, *sent.change);
  else
    state_->send(now(), ticket, sent.message);
  carry_out();
}

void SimulatedDevice::request(std::string json) {
  const client::Ticket ticket = ++tickets_;
  requests_.insert(ticket);
  state_->request(now(), ticket, json);
  carry_out();
}

void SimulatedDevice::prefer(const ConversationId& conversation, Preference which, Timestamp value) {
  const client::Ticket ticket = ++tickets_;
  requests_.insert(ticket);
  wanted_[ticket] = {conversation, which, value};
  std::string json = client::encode_mute(conversation, value);
  if (which == Preference::archived) json = client::encode_archive(conversation, value != 0);
  if (which == Preference::pinned) json = client::encode_pin(conversation, value != 0);
  state_->request(now(), ticket, json);
  carry_out();
}

void SimulatedDevice::set_status(Availability availability, const std::string& text) {
  state_->set_status(now(), availability, text);
  carry_out();
}

void SimulatedDevice::mark_read(const ConversationId& conversation, Seq seq) {
  state_->mark_read(now(), conversation, seq);
  carry_out();
}

void SimulatedDevice::clear(const ConversationId& conversation, Seq seq) {
  const client::Ticket ticket = ++tickets_;
  requests_.insert(ticket);
  clearing_[ticket] = {conversation, seq};
  state_->request(now(), ticket, client::encode_clear({conversation, 1, seq}));
  carry_out();
}

void SimulatedDevice::typing(const ConversationId& conversation, bool active) {
  state_->typing(now(), conversation, active);
  carry_out();
}

void SimulatedDevice::watch(const UserId& user) {
  watched_.try_emplace(user);
  state_->subscribe_presence(now(), {user});
  carry_out();
}

void SimulatedDevice::unwatch(const UserId& user) {
  watched_.erase(user);
  state_->unsubscribe_presence(now(), {user});
  carry_out();
}

void SimulatedDevice::watch_again() {
  const std::map<UserId, Watched> watched = watched_;
  for (const auto& [user, seen] : watched) {
    unwatch(user);
    watch(user);
  }
}

void SimulatedDevice::remember() {
  // The token may be older than the rest: then some of it is told again.
  const std::string token = random_.percent(70) ? state_->sync_token() : memory_.token;
  memory_ = {state_->watermarks(), views_, preferences_, cleared_, token};
}

void SimulatedDevice::vanish() {
  world_.trace.line(name_, "vanishes");
  if (link_ != nullptr) link_->abandon();
  link_ = nullptr;
  state_ = nullptr;
  for (const auto& [id, on] : sentOn_) world_.refused.insert(id);
  sendOf_.clear();
  requests_.clear();
  wanted_.clear();
  clearing_.clear();
  removed_ = false;
  watched_.clear();
  receipts_.clear();
}

void SimulatedDevice::come_back() {
  world_.trace.line(name_, "comes back with what it remembers");
  views_ = memory_.views;
  preferences_ = memory_.preferences;
  cleared_ = memory_.cleared;
  boot(memory_);
  for (std::size_t i = 0; i < sends_.size(); ++i)
    if (!sends_[i].done) submit(i);
  connect();
}

void SimulatedDevice::carry_out() {
  for (client::Actions actions = state_->take_actions(); !actions.empty(); actions = state_->take_actions())
    for (client::Action& action : actions) std::visit([this](auto& one) { perform(std::move(one)); }, action);
  arm();
}

void SimulatedDevice::arm() {
  const auto deadline = state_->deadline();
  if (!deadline || (armedFor_ && *armedFor_ <= *deadline)) return;
  armedFor_ = deadline;
  world_.scheduler.at(std::max(*deadline, world_.now()), [this, life = life_, due = *deadline] {
    if (life != life_ || state_ == nullptr || armedFor_ != due) return;
    armedFor_.reset();
    state_->advance(now());
    carry_out();
  });
}

void SimulatedDevice::link_opened(std::uint64_t number) {
  state_->connected(now(), number);
  carry_out();
}
void SimulatedDevice::link_frame(std::uint64_t number, std::string_view text) {
  state_->received(now(), number, text);
  carry_out();
}
void SimulatedDevice::link_heard(std::uint64_t number) {
  state_->heard(now(), number);
  carry_out();
}
void SimulatedDevice::link_lost(std::uint64_t number, std::uint16_t code, std::string_view reason) {
  const std::shared_ptr<Link> gone = std::exchange(link_, nullptr);
  state_->disconnected(now(), number, code, reason);
  carry_out();
}

void SimulatedDevice::perform(client::Connect action) {
  connection_ = action.connection;
  link_ = std::make_shared<Link>(world_, *this, action.connection, user_, device_);
  link_->connect(fleet_);
}

void SimulatedDevice::perform(client::SendFrame action) {
  // A message under way from two connections at once has no order with what follows it: see README.md.
  constexpr std::string_view kId = R"("clientMsgId":")";
  if (const std::size_t at = action.text.find(kId); at != std::string::npos) {
    const std::string rest = action.text.substr(at + kId.size());
    const ClientMsgId id = rest.substr(0, rest.find('"'));
    const auto [known, first] = sentOn_.emplace(id, action.connection);
    if (!first && known->second != action.connection) world_.refused.insert(id);
  }
  if (link_ != nullptr && action.connection == connection_) link_->send(std::move(action.text));
}

void SimulatedDevice::perform(client::CloseConnection action) {
  if (link_ == nullptr || action.connection != connection_) return;
  world_.trace.line(name_, "closes " + std::to_string(action.code));
  std::exchange(link_, nullptr)->close(action.code);
}

void SimulatedDevice::perform(client::StateChange action) {
  static constexpr const char* kNames[] = {"offline", "connecting", "syncing",
                                           "online",  "waiting",    "stopped"};
  world_.trace.line(name_, std::string("is ") + kNames[static_cast<int>(action.state)]);
  using client::ConnectionState;
  if (action.state == ConnectionState::stopped) {
    removed_ = action.closeCode == 4503;
    // Its credentials are good, and no other connection is newer than this one.
    if (action.closeCode == 4500 || action.closeCode == 4502)
      world_.fail(name_ + " is sent away for good: " + action.reason);
  }
  for (auto& [user, watched] : watched_)
    if (action.state != client::ConnectionState::online && action.state != client::ConnectionState::syncing)
      watched.online = false;
}

void SimulatedDevice::shows(const ConversationId& id, Seq seq, const std::string& what) {
  View& view = views_[id];
  world_.trace.line(name_, "shows " + id + " #" + std::to_string(seq) + " " + what);
  if (seq <= view.last)
    world_.fail(name_ + " shows " + id + " #" + std::to_string(seq) + " after #" + std::to_string(view.last));
  view.last = seq;
  view.shown.emplace(seq, what);
  const Truth::Log* log = world_.truth.find(id);
  if (log == nullptr || !log->could_see(user_, seq))
    world_.fail(name_ + " shows " + id + " #" + std::to_string(seq) + ", which is not for this user");
}

void SimulatedDevice::perform(client::Message action) {
  shows(action.conversationId, action.seq, std::to_string(action.messageId));
  const Truth::Log* log = world_.truth.find(action.conversationId);
  if (log == nullptr || action.seq > log->head()) return;
  const Event& event = log->at(action.seq);
  if (event.messageId != action.messageId || event.senderId != action.senderId ||
      event.clientMsgId != action.clientMsgId ||
      (event.content != action.content && !(action.content.empty() && log->message(action.seq).deleted)))
    world_.fail(name_ + " shows " + action.conversationId + " #" + std::to_string(action.seq) +
                " other than it was written");
}

void SimulatedDevice::perform(client::MessageChange action) {
  if (action.seq == 0) return;
  shows(action.conversationId, action.seq, "a change");
  const Truth::Log* log = world_.truth.find(action.conversationId);
  if (log == nullptr || action.seq > log->head()) return;
  const Event& event = log->at(action.seq);
  if (event.targetId != action.targetId || event.senderId != action.senderId ||
      event.clientMsgId != action.clientMsgId)
    world_.fail(name_ + " shows a change of " + action.conversationId + " #" + std::to_string(action.seq) +
                " other than it was made");
}

void SimulatedDevice::perform(client::Receipt action) {
  auto& [delivered, read] = receipts_[{action.conversationId, action.userId}];
  Seq& last = action.kind == client::Receipt::Kind::read ? read : delivered;
  if (action.seq < last) world_.fail(name_ + " is told of a receipt that moved back");
  last = action.seq;
  const Truth::Log* log = world_.truth.find(action.conversationId);
  if (log == nullptr || action.seq > log->head()) world_.fail(name_ + " is told of a receipt above the head");
}

void SimulatedDevice::perform(client::Typing) {}

void SimulatedDevice::perform(client::PresenceChange action) {
  world_.trace.line(name_, "sees " + action.userId + (action.online ? " online" : " offline"));
  if (const auto known = watched_.find(action.userId); known != watched_.end())
    known->second = {action.online, action.availability, action.text};
}

void SimulatedDevice::perform(client::ConversationChange action) {
  shows(action.conversationId, action.seq, "a change of the conversation");
}

void SimulatedDevice::perform(client::ConversationReset action) {
  if (action.reason == client::ConversationReset::Reason::began_anew)
    world_.fail(name_ + " is told that a log was lost: " + action.conversationId);
  views_.erase(action.conversationId);
  preferences_.erase(action.conversationId);
  cleared_.erase(action.conversationId);
}

void SimulatedDevice::perform(client::HistoryCleared action) {
  world_.trace.line(
      name_, "is told that " + action.conversationId + " is cleared up to #" + std::to_string(action.seq));
  Seq& up = cleared_[action.conversationId];
  up = std::max(up, action.seq);
}

void SimulatedDevice::perform(client::PreferencesChange action) {
  world_.trace.line(name_, "is told its preferences of " + action.conversationId);
  preferences_[action.conversationId] = action.now;
}

void SimulatedDevice::perform(client::RawEvent action) {
  world_.fail(name_ + " is given what its client does not know: " + action.json);
}

void SimulatedDevice::perform(Error action) {
  world_.trace.line(name_, "error: " + std::string(to_string(action.code)) + " " + action.message);
}

void SimulatedDevice::perform(client::SendDone action) {
  const auto known = sendOf_.find(action.ticket);
  if (known == sendOf_.end()) return world_.fail(name_ + " is told twice what became of a message");
  Sent& sent = sends_[known->second];
  sendOf_.erase(known);
  sent.done = true;
  const std::string id = sent.message.clientMsgId;
  if (!action.result) {
    world_.trace.line(name_, id + " is refused: " + std::string(to_string(action.result.error().code)));
    return;
  }
  world_.trace.line(name_, id + " is #" + std::to_string(action.result->seq));
  const client::Sent& now = *action.result;
  if (sent.confirmed && (sent.confirmed->seq != now.seq || sent.confirmed->messageId != now.messageId))
    world_.fail(id + " was confirmed twice, with other numbers");
  sent.confirmed = now;
  const Truth::Log* log = world_.truth.find(now.conversationId);
  if (log == nullptr || now.seq == 0 || now.seq > log->head())
    return world_.fail(id + " is confirmed as #" + std::to_string(now.seq) + ", which is not in the log");
  const Event& event = log->at(now.seq);
  if (event.clientMsgId != id || event.senderId != user_ || event.messageId != now.messageId)
    world_.fail(id + " is confirmed as #" + std::to_string(now.seq) + ", where something else stands");
}

void SimulatedDevice::perform(client::RequestDone action) {
  if (requests_.erase(action.ticket) == 0) return world_.fail(name_ + " is answered twice");
  if (action.result) answer_ = *action.result;
  if (action.result) note_own_change(*action.result);
  note_clearing(action);
  if (const auto wanted = wanted_.extract(action.ticket); !wanted.empty() && action.result) {
    const auto& [conversation, which, value] = wanted.mapped();
    // What its user asked for last holds, whatever the order of the answers.
    client::Ticket& last = lastGranted_[{conversation, which}];
    if (action.ticket < last) return;
    last = action.ticket;
    Preferences& now = preferences_[conversation];
    if (which == Preference::muted) now.mutedUntil = value;
    if (which == Preference::archived) now.archived = value != 0;
    if (which == Preference::pinned) now.pinned = value != 0;
    world_.trace.line(name_, "wants " + conversation + " as asked for");
  }
  world_.trace.line(name_, action.result
                               ? "a request worked"
                               : "a request failed: " + std::string(to_string(action.result.error().code)));
}

void SimulatedDevice::note_clearing(const client::RequestDone& done) {
  const auto clearing = clearing_.extract(done.ticket);
  if (clearing.empty()) return;
  const auto [conversation, seq] = clearing.mapped();
  if (done.result) {
    Seq& up = cleared_[conversation];
    up = std::max(up, seq);
  } else if (done.result.error().temporary()) {
    // It may have been done all the same, which only the others are told.
    clear(conversation, seq);
  }
}

void SimulatedDevice::note_own_change(const std::string& answer) {
  const auto frame = client::parse_object(answer);
  if (!frame || client::text_field(*frame, "type") != "message.sent") return;
  const ConversationId id = client::text_field(*frame, "conversationId");
  const Seq seq = client::number_field(*frame, "seq");
  ownChanges_.emplace(id, seq);
  const Truth::Log* log = world_.truth.find(id);
  if (log == nullptr || seq == 0 || seq > log->head() || log->at(seq).senderId != user_ ||
      log->at(seq).clientMsgId != client::text_field(*frame, "clientMsgId"))
    world_.fail(name_ + "'s change is confirmed where something else stands");
}

MessageId SimulatedDevice::some_message(const ConversationId& id) {
  std::vector<MessageId> known;
  if (const auto view = views_.find(id); view != views_.end())
    for (const auto& [seq, what] : view->second.shown)
      if (!what.empty() && what.find_first_not_of("0123456789") == std::string::npos)
        known.push_back(std::stoull(what));
  for (const Sent& sent : sends_)
    if (!sent.change && sent.confirmed && sent.confirmed->conversationId == id)
      known.push_back(sent.confirmed->messageId);
  if (known.empty()) return 0;
  // Mostly the newest: those that others are about to change too.
  const std::size_t recent = std::min<std::size_t>(known.size(), random_.percent(70) ? 3 : known.size());
  std::sort(known.begin(), known.end());
  return known[known.size() - 1 - random_.index(recent)];
}

std::string SimulatedDevice::behind(const ConversationId& id, const Truth::Log& log) const {
  const auto member = log.members.find(user_);
  if (member == log.members.end()) return {};
  const auto view = views_.find(id);
  std::set<Seq> own;
  for (const Sent& sent : sends_)
    if (sent.confirmed && sent.confirmed->conversationId == id) own.insert(sent.confirmed->seq);
  // A device that is new to a long conversation begins with its newest page.
  Seq from = member->second.joinSeq;
  // The page is shared by all conversations that are new to the device.
  Seq everything = 0;
  for (const auto& [other, events] : world_.truth.logs()) everything += events.head();
  if (log.head() > newestPage_ && view == views_.end()) from = log.head() + 1;
  // Who joins a group that shows everything may be told by a token from there on, and has the rest by
  // history.
  const bool joinedLater = member->second.joinSeq < log.joined.at(user_);
  if ((joinedLater || everything > newestPage_) && view != views_.end() && !view->second.shown.empty())
    from = std::max(from, view->second.shown.begin()->first);
  for (Seq seq = from; seq <= log.head(); ++seq) {
    if (!log.could_see(user_, seq) || own.contains(seq) || ownChanges_.contains({id, seq})) continue;
    // It may have gone before this device came to it; and the clock may have jumped back since.
    if (log.hides(user_, seq) || log.at(seq).expiresAt != 0) continue;
    if (view == views_.end() || !view->second.shown.contains(seq))
      return name_ + " has not seen " + id + " #" + std::to_string(seq) + " of " + std::to_string(log.head());
  }
  return {};
}

}  // namespace chatcore::simulation
