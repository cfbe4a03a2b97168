#include <algorithm>
#include <cstring>

#include "simulated_server.hpp"

namespace chatcore::simulation {

namespace {
constexpr Millis kTick{100};
}

void SimulatedTransport::accept(std::shared_ptr<Link> link, const std::string& query, Millis made) {
  if (free_.empty()) {
    free_.push_back(static_cast<ConnectionSlot>(links_.size()));
    links_.emplace_back();
  }
  const ConnectionSlot slot = free_.back();
  free_.pop_back();
  link->attach(*this, slot);
  links_[slot] = std::move(link);
  HandshakeView handshake;
  handshake.query = query;
  handshake.remoteAddress = "192.0.2.1";
  handshake.acceptedAt = made;
  shard_.run([&] { shard_.gateway().on_open(slot, handshake); });
}

void SimulatedTransport::message(ConnectionSlot slot, const std::string& text) {
  const std::string_view view = text;
  shard_.run([&] {
    shard_.gateway().on_heard(slot);
    shard_.gateway().on_messages(slot, {&view, 1});
  });
}

void SimulatedTransport::heard(ConnectionSlot slot) {
  shard_.run([&] { shard_.gateway().on_heard(slot); });
}

void SimulatedTransport::writable(ConnectionSlot slot) {
  shard_.run([&] { shard_.gateway().on_writable(slot); });
}

void SimulatedTransport::peer_closes(ConnectionSlot slot, std::uint16_t code) {
  shard_.run([&] {
    if (code == 1006)
      ended(slot);
    else
      shard_.gateway().on_peer_close(slot, code);
  });
}

void SimulatedTransport::ended(ConnectionSlot slot) {
  if (links_[slot] == nullptr) return;
  const std::shared_ptr<Link> link = std::move(links_[slot]);
  links_[slot] = nullptr;
  link->detach();
  shard_.run([&] { shard_.gateway().on_close(slot, 1006); });
  free_.push_back(slot);
}

void SimulatedTransport::drop_all() {
  for (auto& link : links_) {
    if (link == nullptr) continue;
    link->detach();
    link->dropped();
    link = nullptr;
  }
}

std::size_t SimulatedTransport::open() const {
  std::size_t count = 0;
  for (const auto& link : links_) count += link != nullptr ? 1 : 0;
  return count;
}

std::size_t SimulatedTransport::write(ConnectionSlot slot, std::span<const std::string_view> pieces) {
  return links_[slot] == nullptr ? 0 : links_[slot]->take(pieces);
}

void SimulatedTransport::ping(ConnectionSlot slot) {
  if (links_[slot] != nullptr) links_[slot]->pinged();
}

void SimulatedTransport::finish(ConnectionSlot slot) {
  if (links_[slot] != nullptr) links_[slot]->finished();
}

void SimulatedTransport::abort(ConnectionSlot slot) {
  if (links_[slot] == nullptr) return;
  links_[slot]->dropped();
  links_[slot]->server_loses(Millis(0));
}

std::size_t SimulatedTransport::encode_close(std::span<char, 131> out, std::uint16_t code,
                                             std::string_view reason) {
  std::string payload;
  std::string frame;
  gateway::append_close_payload(payload, code, reason);
  gateway::append_frame(frame, gateway::Opcode::close, payload);
  std::memcpy(out.data(), frame.data(), frame.size());
  return frame.size();
}

SimulatedShard::SimulatedShard(World& world, std::uint32_t index, std::uint32_t count)
    : world_(world),
      index_(index),
      count_(count),
      transport_(*this),
      mailbox_(world.scheduler.open()),
      local_(world.scheduler.open()),
      turns_(world.scheduler.open()),
      ticks_(world.scheduler.open()),
      outgoing_(count) {
  for (std::uint32_t i = 0; i < count; ++i) from_.push_back(world.scheduler.open());
}

SimulatedShard::~SimulatedShard() {
  for (const Scheduler::Lane lane : {mailbox_, local_, turns_, ticks_}) world_.scheduler.close(lane);
  for (const Scheduler::Lane lane : from_) world_.scheduler.close(lane);
}

void SimulatedShard::halt() {
  for (const Scheduler::Lane lane : {mailbox_, local_, turns_, ticks_}) world_.scheduler.clear(lane);
  for (const Scheduler::Lane lane : from_) world_.scheduler.clear(lane);
  outgoing_.clear();
}

void SimulatedShard::make_gateway(Router& router) {
  gateway_ =
      std::make_unique<gateway::Gateway>(index_, world_.scenario.gateway, transport_, router, world_.clock);
}

void SimulatedShard::make_remote_engine(seam::Seat seat, seam::RemoteEngine::Ports ports) {
  remoteEngine_ = std::make_unique<seam::RemoteEngine>(std::move(seat), world_.scenario.seam, ports, true);
  make_gateway(*remoteEngine_);
  remoteEngine_->set_gateway(*gateway_);
  gateway_->set_events(*remoteEngine_);
}

void SimulatedShard::make_remote_gateways(seam::Seat seat, seam::RemoteGateways::Ports ports, Term term) {
  seam::Announcement engine{seat.serverId, seat.boot, term, count_};
  remoteGateways_ =
      std::make_unique<seam::RemoteGateways>(std::move(seat), world_.scenario.seam, ports, std::move(engine));
}

void SimulatedShard::make_engine(engine::Context context) {
  context.link = this;
  context.executor = this;
  context.gateway =
      gateway_ != nullptr ? static_cast<GatewayCommands*>(gateway_.get()) : remoteGateways_.get();
  engine_ = std::make_unique<engine::EngineShard>(std::move(context));
  if (gateway_ != nullptr)
    gateway_->set_events(*engine_);
  else
    remoteGateways_->set_events(*engine_);
}

FanOut& SimulatedShard::fan_out() noexcept {
  return gateway_ != nullptr ? gateway_->fan_out() : static_cast<FanOut&>(*remoteGateways_);
}

void SimulatedShard::start() {
  world_.scheduler.post(ticks_, kTick, [this] { tick(); });
  run([this] {
    if (engine_ != nullptr) engine_->conversations().recover();
    if (remoteEngine_ != nullptr) remoteEngine_->start();
    if (remoteGateways_ != nullptr) remoteGateways_->start();
  });
}

void SimulatedShard::post(Task task) {
  world_.scheduler.post(mailbox_, Millis(0),
                        [this, held = std::move(task)]() mutable { run(std::move(held)); });
}

void SimulatedShard::send(std::uint32_t shard, Task task) {
  if (shard != index_) return outgoing_[shard].push_back(std::move(task));
  world_.scheduler.post(local_, Millis(0),
                        [this, held = std::move(task)]() mutable { run(std::move(held)); });
}

void SimulatedShard::ask_for_turn() {
  if (std::exchange(turnAsked_, true)) return;
  world_.scheduler.post(turns_, Millis(0), [this] { end_turn(); });
}

void SimulatedShard::end_turn() {
  turnAsked_ = false;
  if (engine_ != nullptr) engine_->end_of_turn();
  hand_off();
  if (gateway_ != nullptr) gateway_->flush();
  if (remoteEngine_ != nullptr) remoteEngine_->flush();
  if (remoteGateways_ != nullptr) remoteGateways_->flush();
  hand_off();
  check_bounds();
}

void SimulatedShard::hand_off() {
  for (std::uint32_t shard = 0; shard < count_; ++shard) {
    SimulatedShard* peer = peers_[shard];
    for (Task& task : std::exchange(outgoing_[shard], {}))
      world_.scheduler.post(peer->from_[index_], Millis(0),
                            [peer, held = std::move(task)]() mutable { peer->run(std::move(held)); });
  }
}

void SimulatedShard::tick() {
  world_.scheduler.post(ticks_, kTick, [this] { tick(); });
  if (gateway_ != nullptr) gateway_->tick();
  if (engine_ != nullptr) engine_->tick();
  if (remoteEngine_ != nullptr) remoteEngine_->tick();
  if (remoteGateways_ != nullptr) remoteGateways_->tick();
  ask_for_turn();
}

void SimulatedShard::check_bounds() {
  if (gateway_ == nullptr) return;
  constexpr std::uint32_t kCloseFrame = 131;
  const auto& options = world_.scenario.gateway;
  auto& sessions = const_cast<gateway::SessionTable&>(gateway_->sessions());
  for (ConnectionSlot slot = 0; slot < sessions.slots(); ++slot) {
    const gateway::Outbox* outbox = sessions.hot(slot).outbox;
    if (outbox == nullptr) continue;
    // One frame alone may be as large as it is: it could never be sent otherwise.
    const std::size_t first = outbox->empty() ? 0 : outbox->frames[outbox->head]->wire().size();
    if (outbox->bytes > std::max<std::size_t>(options.outboxLimit, first) + kCloseFrame)
      world_.fail("an outbox holds " + std::to_string(outbox->bytes) + " bytes");
    if (outbox->lag != nullptr && outbox->lag->marks.size() > options.maxMarks)
      world_.fail("a lagging session remembers too many marks");
  }
}

}  // namespace chatcore::simulation
