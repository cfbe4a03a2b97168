#include "server/shard.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace chatcore::server {

namespace {

constexpr std::uint32_t kWakeTag = gateway::WebSocketTransport::kListenerTag - 1;
constexpr int kRounds = 4;  // per turn, before what is queued is flushed
constexpr auto kTick = std::chrono::milliseconds(100);
constexpr int kTicksPerSecond = 10;

/// The shard whose thread this is: posting to oneself takes no lock.
thread_local const Shard* currentShard = nullptr;

}  // namespace

Shard::Shard(std::uint32_t index, std::uint32_t count, const ShardSetup& setup)
    : index_(index),
      count_(count),
      metrics_(setup.metrics),
      readiness_(io_),
      ticker_(io_),
      wakeFd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      transport_(setup.gateway, reactor_, setup.clock, setup.caps),
      remoteEngine_(link_to(setup.elsewhere)),
      gateway_(index, setup.gateway, transport_,
               remoteEngine_ != nullptr ? static_cast<Router&>(*remoteEngine_) : setup.router, setup.clock),
      outgoing_(count) {
  transport_.set_events(gateway_);
  if (remoteEngine_ != nullptr) {
    remoteEngine_->set_gateway(gateway_);
    gateway_.set_events(*remoteEngine_);
  }
  if (!ok()) return;
  if (!reactor_.add(wakeFd_, kWakeTag, gateway::Reactor::kReadable)) return;
  readiness_.assign(::dup(reactor_.descriptor()));
}

Shard::~Shard() {
  assert(!thread_.joinable());
  // Before anything else goes: until then the broker may post.
  remoteEngine_.reset();
  remoteGateways_.reset();
  if (wakeFd_ >= 0) ::close(wakeFd_);
}

std::unique_ptr<seam::RemoteEngine> Shard::link_to(const ElsewhereEngine* elsewhere) {
  if (elsewhere == nullptr) return nullptr;
  seam::Seat seat = elsewhere->seat;
  seat.shard = index_;
  seam::RemoteEngine::Ports ports = elsewhere->ports;
  ports.executor = this;
  return std::make_unique<seam::RemoteEngine>(std::move(seat), elsewhere->options, ports,
                                              elsewhere->loopback);
}

void Shard::serve_gateways(seam::Seat seat, const SeamOptions& options, seam::RemoteGateways::Ports ports,
                           seam::Announcement engine) {
  seat.shard = index_;
  ports.executor = this;
  remoteGateways_ =
      std::make_unique<seam::RemoteGateways>(std::move(seat), options, ports, std::move(engine));
}

void Shard::set_engine(engine::Context context) {
  context.link = this;
  context.executor = this;
  context.gateway = &gateway_;
  if (remoteGateways_ != nullptr) context.gateway = remoteGateways_.get();
  engine_ = std::make_unique<engine::EngineShard>(std::move(context));
  if (remoteGateways_ != nullptr)
    remoteGateways_->set_events(*engine_);
  else
    gateway_.set_events(*engine_);
}

FanOut& Shard::fan_out() noexcept {
  return remoteGateways_ != nullptr ? static_cast<FanOut&>(*remoteGateways_) : gateway_.fan_out();
}

void Shard::broadcast(const FrameRef& frame) {
  if (remoteGateways_ != nullptr)
    remoteGateways_->broadcast(frame);
  else
    gateway_.broadcast(frame);
}

void Shard::start() {
  thread_ = std::thread([this] {
    currentShard = this;
    schedule_tick();
    asio::post(io_, [this] { turn(); });
    turnPosted_ = true;
    if (engine_ != nullptr) engine_->conversations().recover();
    if (remoteEngine_ != nullptr) remoteEngine_->start();
    if (remoteGateways_ != nullptr) remoteGateways_->start();
    io_.run();
    currentShard = nullptr;
  });
}

bool Shard::owed() const noexcept {
  return (engine_ != nullptr && engine_->context().busy.use_count() > 1) ||
         (remoteEngine_ != nullptr && remoteEngine_->owed()) ||
         (remoteGateways_ != nullptr && remoteGateways_->owed());
}

bool Shard::join(std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  // What it says last is answered too.
  if (thread_.joinable()) post([this] { leave_broker(); });
  while (thread_.joinable() && (!leftBroker_.load() || owed()) && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  if (thread_.joinable()) {
    asio::post(io_, [this] { io_.stop(); });
    thread_.join();
  }
  return !owed();
}

void Shard::leave_broker() {
  if (remoteEngine_ != nullptr) remoteEngine_->stop();
  if (remoteGateways_ != nullptr) {
    remoteGateways_->stop();
    remoteGateways_->stop_hearing();
  }
  leftBroker_.store(true);
}

void Shard::post(Task task) {
  if (currentShard == this) {
    local_.push_back(std::move(task));
    return;
  }
  if (mailbox_.push(std::move(task))) wake();
}

void Shard::send(std::uint32_t shard, Task task) {
  (shard == index_ ? local_ : outgoing_[shard]).push_back(std::move(task));
}

void Shard::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wakeFd_, &one, sizeof one);
}

bool Shard::run_mail() {
  bool any = false;
  mailbox_.take(mail_);
  if (!mail_.empty()) {
    any = true;
    for (Task& task : mail_) task();
    mail_.clear();
  }
  if (!local_.empty()) {
    any = true;
    mail_.swap(local_);
    for (Task& task : mail_) task();
    mail_.clear();
  }
  return any;
}

bool Shard::run_events() {
  const auto events = reactor_.poll();
  for (const gateway::Reactor::Event& event : events) {
    if (event.tag == kWakeTag) {
      std::uint64_t count = 0;
      [[maybe_unused]] const auto read = ::read(wakeFd_, &count, sizeof count);
      continue;
    }
    transport_.handle(event);
  }
  return !events.empty();
}

void Shard::hand_off() {
  for (std::uint32_t shard = 0; shard < count_; ++shard) {
    if (outgoing_[shard].empty()) continue;
    Shard& peer = *peers_[shard];
    if (peer.mailbox_.push(outgoing_[shard])) peer.wake();
  }
}

void Shard::turn() {
  turnPosted_ = false;
  mailbox_.awake();
  bool more = true;
  for (int round = 0; round < kRounds && more; ++round) {
    more = run_mail();
    more |= run_events();
    if (engine_ != nullptr) engine_->end_of_turn();
    hand_off();
    more |= !local_.empty();
  }
  flush();
  transport_.reap();
  hand_off();
  if (more || !local_.empty() || !mailbox_.sleep()) {
    turnPosted_ = true;
    asio::post(io_, [this] { turn(); });
    return;
  }
  wait();
}

void Shard::flush() {
  gateway_.flush();
  if (remoteEngine_ != nullptr) remoteEngine_->flush();
  if (remoteGateways_ != nullptr) remoteGateways_->flush();
}

void Shard::wait() {
  if (waiting_) return;
  waiting_ = true;
  readiness_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const asio::error_code& failed) {
    waiting_ = false;
    if (!failed && !turnPosted_) turn();
  });
}

void Shard::schedule_tick() {
  ticker_.expires_after(kTick);
  ticker_.async_wait([this](const asio::error_code& failed) {
    if (failed) return;
    tick();
    schedule_tick();
  });
}

void Shard::tick() {
  transport_.tick();
  gateway_.tick();
  if (engine_ != nullptr) engine_->tick();
  if (remoteEngine_ != nullptr) remoteEngine_->tick();
  if (remoteGateways_ != nullptr) remoteGateways_->tick();
  if (drain_ != nullptr) drain_some();
  if (++ticks_ % kTicksPerSecond == 0) {
    if (everySecond_) everySecond_();
    report();
  }
  connections_.store(remoteGateways_ != nullptr ? remoteGateways_->sessions() : transport_.connections(),
                     std::memory_order_relaxed);
  topics_.store(remoteGateways_ != nullptr ? remoteGateways_->topics() : gateway_.topics().topics(),
                std::memory_order_relaxed);
  if (remoteEngine_ != nullptr) links_.store(remoteEngine_->attached() ? 1 : 0, std::memory_order_relaxed);
  if (remoteGateways_ != nullptr) links_.store(remoteGateways_->gateways(), std::memory_order_relaxed);
  if (engine_ != nullptr) {
    conversations_.store(engine_->conversations().loaded(), std::memory_order_relaxed);
    users_.store(engine_->users().known(), std::memory_order_relaxed);
    commands_.store(engine_->commands(), std::memory_order_relaxed);
  }
  if (!turnPosted_) turn();
}

void Shard::report() {
  const auto gauge = [&](const char* name, std::size_t value) {
    metrics_.set(name, index_, static_cast<std::int64_t>(value));
  };
  gauge("chatcore_connections", connections_.load(std::memory_order_relaxed));
  gauge("chatcore_topics", topics_.load(std::memory_order_relaxed));
  if (remoteEngine_ != nullptr || remoteGateways_ != nullptr)
    gauge("chatcore_seam_links", links_.load(std::memory_order_relaxed));
  if (engine_ == nullptr) return;
  gauge("chatcore_conversations_loaded", engine_->conversations().loaded());
  metrics_.add("chatcore_commands_total", engine_->commands() - reportedCommands_);
  reportedCommands_ = engine_->commands();
}

void Shard::drain(std::chrono::milliseconds window, std::chrono::milliseconds comeBackAfter, Random& random) {
  transport_.stop_listening();
  if (remoteGateways_ != nullptr) remoteGateways_->stop();
  drain_ = std::make_unique<Drain>();
  const auto ticks = static_cast<std::size_t>(std::max<std::int64_t>(window / kTick, 1));
  drain_->perTick = transport_.connections() / ticks + 1;
  drain_->comeBackAfterMs = static_cast<std::uint32_t>(comeBackAfter.count());
  drain_->random = &random;
}

void Shard::drain_some() {
  // Each batch is told a moment of its own, so that they do not all return in the same one.
  const auto spread = static_cast<std::uint32_t>(drain_->random->below(drain_->comeBackAfterMs + 1));
  [[maybe_unused]] const bool more = gateway_.drain(drain_->perTick, drain_->comeBackAfterMs + spread);
}

}  // namespace chatcore::server
