#include "link.hpp"

#include <algorithm>
#include <charconv>

#include "simulated_fleet.hpp"

namespace chatcore::simulation {

namespace {

std::uint64_t number_after(std::string_view text, std::string_view key, std::size_t within = SIZE_MAX) {
  const std::size_t at = text.substr(0, within).find(key);
  if (at == std::string_view::npos) return 0;
  std::uint64_t value = 0;
  std::from_chars(text.data() + at + key.size(), text.data() + text.size(), value);
  return value;
}

std::string_view text_after(std::string_view text, std::string_view key) {
  const std::size_t at = text.find(key);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = text.substr(at + key.size());
  return rest.substr(0, rest.find('"'));
}

gateway::WebSocketOptions client_side() {
  gateway::WebSocketOptions options;
  options.role = gateway::WebSocketRole::client;
  options.maxMessageBytes = 1 << 20;
  return options;
}

}  // namespace

Link::Link(World& world, LinkUser& user, std::uint64_t number, UserId userId, DeviceId deviceId)
    : world_(world),
      user_(&user),
      number_(number),
      userId_(std::move(userId)),
      deviceId_(std::move(deviceId)),
      name_(userId_ + "/" + deviceId_),
      made_(world.now()),
      up_(world.scheduler.open()),
      down_(world.scheduler.open()),
      acknowledgements_(world.scheduler.open()),
      room_(world.scenario.socketBytes),
      parser_(client_side()) {}

Link::~Link() {
  for (const Scheduler::Lane lane : {up_, down_, acknowledgements_}) world_.scheduler.close(lane);
}

void Link::connect(SimulatedFleet& fleet) {
  // Accepted in the order in which they were made; their handshakes may come in another.
  world_.scheduler.post(up_, lag(), [self = shared_from_this(), &fleet, made = world_.now()] {
    if (!fleet.accept(self, "user=" + self->userId_ + "&device=" + self->deviceId_, made))
      return self->lose(self->lag(), 1006, "refused");
    self->world_.scheduler.post(self->down_, self->lag(), [self] {
      if (self->user_ != nullptr) self->user_->link_opened(self->number_);
    });
  });
}

void Link::attach(SimulatedTransport& transport, std::uint32_t slot) {
  transport_ = &transport;
  slot_ = slot;
}

void Link::send(std::string frame) {
  world_.trace.line(name_, "→ " + frame);
  if (cut_ || closedByDevice_) return;
  world_.scheduler.post(up_, lag(), [self = shared_from_this(), frame = std::move(frame)] {
    if (self->transport_ == nullptr) return;
    if (const std::uint64_t id = number_after(frame, R"("id":)"); id != 0) self->unanswered_.insert(id);
    self->world_.heard[self->userId_] = self->world_.now();
    self->transport_->message(self->slot_, frame);
  });
}

void Link::close(std::uint16_t code) {
  user_ = nullptr;
  if (closedByDevice_) return;
  closedByDevice_ = true;
  if (cut_) return;
  world_.scheduler.post(up_, lag(), [self = shared_from_this(), code] {
    if (self->transport_ != nullptr) self->transport_->peer_closes(self->slot_, code);
  });
  server_loses(Millis(200));
}

void Link::stall(Millis until) {
  stalledUntil_ = until;
  world_.trace.line(name_, "stops reading for a while");
  world_.scheduler.at(until, [self = shared_from_this()] { self->read(); });
}

void Link::cut() {
  if (cut_) return;
  cut_ = true;
  world_.trace.line(name_, "the link is cut");
  world_.scheduler.clear(up_);
  world_.scheduler.clear(down_);
  const bool noticed = world_.faults.percent(60);
  lose(Millis(world_.faults.between(0, 3'000)), 1006, "cut");
  if (noticed) server_loses(Millis(world_.faults.between(0, 5'000)));
}

void Link::abandon() {
  user_ = nullptr;
  cut_ = true;
  world_.scheduler.clear(up_);
  server_loses(Millis(world_.faults.between(0, 3'000)));
}

std::size_t Link::take(std::span<const std::string_view> pieces) {
  std::string bytes;
  for (std::string_view piece : pieces) {
    note_refusals(piece);
    watch_presence(piece);
    watch_removal(piece);
  }
  for (std::string_view piece : pieces) {
    const std::string_view fits = piece.substr(0, room_ - bytes.size());
    bytes.append(fits);
    if (fits.size() < piece.size()) {
      blocked_ = wasFull_ = true;
      break;
    }
  }
  const std::size_t taken = bytes.size();
  room_ -= taken;
  if (!cut_ && taken != 0)
    world_.scheduler.post(down_, lag(), [self = shared_from_this(), bytes = std::move(bytes)]() mutable {
      self->arrive(std::move(bytes));
    });
  return taken;
}

void Link::note_refusals(std::string_view frames) {
  constexpr std::string_view kError = R"({"type":"error")";
  for (std::size_t at = frames.find(kError); at != std::string_view::npos; at = frames.find(kError, at + 1)) {
    const std::string_view error = frames.substr(at, frames.find('}', at) - at);
    if (error.find(R"("temporary":false)") != std::string_view::npos)
      world_.refused.emplace(text_after(error, R"("clientMsgId":")"));
  }
}

void Link::arrive(std::string bytes) {
  world_.trace.mix(bytes.size());
  arrived_ += bytes;
  read();
}

void Link::read() {
  if (world_.now() < stalledUntil_) return;
  free_room(arrived_.size());
  unread_ += std::exchange(arrived_, {});
  if (user_ == nullptr || closedByDevice_) return unread_.clear();
  // What a message makes the device do may end this connection under way.
  const std::shared_ptr<Link> self = shared_from_this();
  std::size_t done = 0;
  while (user_ != nullptr) {
    const gateway::ParseStep step = parser_.next(std::span(unread_).subspan(done));
    done += step.consumed;
    using Kind = gateway::ParseStep::Kind;
    if (step.kind == Kind::need_more) break;
    if (step.kind == Kind::text) take_message(step.payload);
    if (step.kind == Kind::failure) world_.fail(name_ + " got bytes that are no frame");
    if (step.kind == Kind::close) {
      world_.trace.line(name_, "← close " + std::to_string(step.closeCode) + " " + std::string(step.payload));
      closedByDevice_ = true;
      server_loses(lag());
      std::exchange(user_, nullptr)->link_lost(number_, step.closeCode, step.payload);
    }
  }
  unread_.erase(0, done);
}

void Link::free_room(std::size_t bytes) {
  if (bytes == 0 || cut_) return;
  world_.scheduler.post(acknowledgements_, lag(), [self = shared_from_this(), bytes] {
    self->room_ += bytes;
    if (self->transport_ != nullptr && std::exchange(self->blocked_, false))
      self->transport_->writable(self->slot_);
  });
}

void Link::take_message(std::string_view text) {
  world_.trace.note(name_, "← " + std::string(text));
  if (const std::uint64_t id = number_after(text, R"("id":)", 100); id != 0) {
    unanswered_.erase(id);
    if (text.starts_with(R"({"type":"receipts.page")")) watch_receipts_page(text);
  } else if (text.starts_with(R"({"type":"message.new")") || text.starts_with(R"({"type":"event.void")") ||
             text.starts_with(R"({"type":"conversation.)")) {
    watch_live(text);
  } else {
    watch_receipt(text);
  }
  user_->link_frame(number_, text);
}

void Link::watch_live(std::string_view text) {
  const ConversationId id(text_after(text, R"("conversationId":")"));
  const Seq seq = number_after(text, R"("seq":)");
  if (id.empty() || seq == 0) return world_.fail(name_ + " got a live event without a place");
  Seq& last = lastLive_[id];
  if (seq <= last)
    world_.fail(name_ + " got " + id + " #" + std::to_string(seq) + " live after #" + std::to_string(last));
  last = seq;
  const Truth::Log* log = world_.truth.find(id);
  if (log == nullptr || seq > log->head())
    return world_.fail(name_ + " got " + id + " #" + std::to_string(seq) + ", which is not in the log");
  // Who is taken in again begins again.
  if (text.starts_with(R"({"type":"conversation.member")") &&
      text.find(R"("op":"added")") != std::string_view::npos)
    lastRead_.erase(id);
  if (!text.starts_with(R"({"type":"event.void")") && !log->could_see(userId_, seq))
    world_.fail(name_ + " got " + id + " #" + std::to_string(seq) + ", which is not for this user");
}

/// Nobody is called offline who was heard of a moment ago; a connection that is being closed may still be.
void Link::watch_presence(std::string_view frames) {
  constexpr std::string_view kUpdate = R"({"type":"presence.update")";
  const std::size_t at = frames.find(kUpdate);
  // What had to wait for room says what was so when it was made.
  if (at == std::string_view::npos || stalledUntil_.count() != 0 || wasFull_) return;
  const std::string_view update = frames.substr(at, frames.find('}', at) - at);
  if (text_after(update, R"("status":")") != "offline") return;
  const auto& scenario = world_.scenario;
  // Who is heard of at a gateway has gone for an engine that the gateway has lost.
  if (scenario.parts()) return;
  const UserId user(text_after(update, R"("userId":")"));
  // A block takes out of sight at once.
  const auto apart = [&](const UserId& by, const UserId& whom) {
    return world_.blocks(by, whom).value_or(true);
  };
  if (apart(user, userId_) || apart(userId_, user)) return;
  const auto touched = world_.settingsTouched.find(user);
  if (scenario.directoryErrors && touched != world_.settingsTouched.end() &&
      world_.now() - touched->second < Millis(10'000))
    return;
  const Millis least = scenario.engine.presenceDebounce - scenario.gateway.closeLinger - Millis(200);
  if (world_.now() - world_.heard[user] < least)
    world_.fail(name_ + " is told at once that " + user + " went");
}

/// A device that was removed is not served from when the server has heard of that, but as a new one; and who
/// comes while it is being removed is not let in before that.
void Link::watch_removal(std::string_view frames) {
  const bool welcome = frames.find(R"({"type":"welcome")") != std::string_view::npos;
  if (welcome) welcomed_ = world_.now();
  const auto found = world_.deviceLives.find({userId_, deviceId_});
  if (found == world_.deviceLives.end() || wasFull_ || welcomed_.count() < 0 ||
      frames.find(R"({"type":)") == std::string_view::npos)
    return;
  const World::DeviceLife& life = found->second;
  if (welcome && life.removals != 0 && made_ > life.leaving)
    world_.fail(name_ + " is let in while it is being removed");
  if (life.told < life.removed || life.registered >= life.removed ||
      world_.now() <= life.told + world_.scenario.between_servers())
    return;
  // Nobody is kept out because the directory does not answer.
  if (world_.scenario.directoryErrors && welcomed_ > life.told) return;
  world_.fail(name_ + " is served though it was removed");
}

/// Of others' receipts an older one may be told late, where it had to be looked up; one's own come in order.
void Link::watch_receipt(std::string_view text) {
  if (text.starts_with(R"({"type":"message.delivered")"))
    check_stored(text, UserId(text_after(text, R"("userId":")")), &Cursor::deliveredSeq,
                 number_after(text, R"("seq":)"));
  if (text.starts_with(R"({"type":"message.read")")) {
    const UserId reader(text_after(text, R"("readBy":")"));
    check_stored(text, reader, &Cursor::readSeq, number_after(text, R"("seq":)"));
    const bool hidden = world_.shows_receipts(userId_) == false || world_.shows_receipts(reader) == false;
    if (hidden && stalledUntil_.count() == 0 && !wasFull_)
      world_.fail(name_ + " is told what is hidden: " + std::string(text));
  }
  if (!text.starts_with(R"({"type":"sync.read")")) return;
  const Seq seq = number_after(text, R"("lastReadSeq":)");
  check_stored(text, userId_, &Cursor::readSeq, seq);
  Seq& last = lastRead_[ConversationId(text_after(text, R"("conversationId":")"))];
  if (seq < last)
    world_.fail(name_ + ": what was read moves back from " + std::to_string(last) + ": " + std::string(text));
  last = seq;
}

void Link::watch_receipts_page(std::string_view text) {
  const std::string_view key = R"({"userId":")";
  for (auto at = text.find(key); at != std::string_view::npos; at = text.find(key, at + 1)) {
    const std::string_view member = text.substr(at, text.find('}', at) - at);
    const UserId user(text_after(member, key));
    check_stored(text, user, &Cursor::deliveredSeq, number_after(member, R"("deliveredSeq":)"));
    check_stored(text, user, &Cursor::readSeq, number_after(member, R"("readSeq":)"));
  }
}

/// Nobody is told of a place that could still be lost.
void Link::check_stored(std::string_view text, const UserId& user, Seq Cursor::* position, Seq told) {
  const Truth::Log* log = world_.truth.find(ConversationId(text_after(text, R"("conversationId":")")));
  const Seq stored = log != nullptr ? log->position_of(user).*position : 0;
  if (told > stored)
    world_.fail(name_ + " is told of " + user + " at #" + std::to_string(told) + " where the store has #" +
                std::to_string(stored) + ": " + std::string(text));
}

void Link::pinged() {
  if (cut_) return;
  world_.scheduler.post(down_, lag(), [self = shared_from_this()] {
    if (self->user_ != nullptr) self->user_->link_heard(self->number_);
    if (self->closedByDevice_ || self->world_.now() < self->stalledUntil_) return;
    self->world_.scheduler.post(self->up_, self->lag(), [self] {
      if (self->transport_ != nullptr) self->transport_->heard(self->slot_);
    });
  });
}

void Link::finished() {
  if (closedByDevice_ && !cut_) server_loses(Millis(0));
}

void Link::dropped() {
  world_.scheduler.clear(up_);
  if (cut_) return;
  world_.scheduler.clear(down_);
  cut_ = true;
  lose(lag(), 1006, "reset");
}

void Link::lose(Millis after, std::uint16_t code, std::string reason) {
  world_.scheduler.post(down_, after, [self = shared_from_this(), code, reason = std::move(reason)] {
    self->world_.trace.line(self->name_, "lost: " + reason);
    self->closedByDevice_ = true;
    if (LinkUser* user = std::exchange(self->user_, nullptr)) user->link_lost(self->number_, code, reason);
  });
}

void Link::server_loses(Millis after) {
  world_.scheduler.post(up_, after, [self = shared_from_this()] {
    if (self->transport_ != nullptr) self->transport_->ended(self->slot_);
  });
}

}  // namespace chatcore::simulation
