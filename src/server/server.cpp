#include "chatcore/server/server.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/rate_limits.hpp"
#include "gateway/connection_caps.hpp"
#include "protocol/encode.hpp"
#include "protocol/json_object.hpp"
#include "routing/local_router.hpp"
#include "server/listener.hpp"
#include "server/shard.hpp"

namespace chatcore {

namespace {

constexpr std::size_t kMaxAlertBytes = 16 * 1024;
constexpr std::size_t kMaxServerIdBytes = 64;
constexpr std::uint64_t kBoots = std::uint64_t{1} << 53;
constexpr std::chrono::seconds kAnswerLimit{10};  // what a stop waits for a port that owes an answer

Error invalid(std::string message) { return {ErrorCode::invalid_argument, std::move(message), {}}; }

bool in_channel(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
         byte == '-' || byte == '_';
}

Status check(const SeamOptions& options) {
  const auto shortest = std::min({options.announce, options.comeBackWithin, options.link.beat,
                                  options.link.resendAfter, options.link.silence});
  if (shortest.count() <= 0) return invalid("a time of `seam` is not above 0");
  if (options.link.silence < 2 * options.link.beat)
    return invalid("`seam.link.silence` is less than two beats");
  if (options.link.resendAfter >= options.link.silence)
    return invalid("`seam.link.resendAfter` is not below its silence");
  if (options.comeBackWithin > std::chrono::hours(1))
    return invalid("`seam.comeBackWithin` is above an hour");
  if (options.maxGateways == 0 || options.maxSessionsPerGateway == 0)
    return invalid("a bound of `seam` is 0");
  if (options.link.maxUnacknowledged < 2 * options.packetBytes)
    return invalid("`seam.link.maxUnacknowledged` is less than two packets");
  return {};
}

Status check(const ServerOptions& options, const ServerPorts& ports) {
  if (options.shards > kMaxShards) return invalid("`shards` is above 64");
  if (options.engine.maxDevicesPerUser == 0) return invalid("`engine.maxDevicesPerUser` is 0");
  if (options.engine.maxDevicesPerUser > 32) return invalid("`engine.maxDevicesPerUser` is above 32");
  if (options.engine.hooks.connectDeadline.count() <= 0 || options.engine.hooks.persistDeadline.count() <= 0)
    return invalid("a deadline of `engine.hooks` is not above 0");
  if (options.serverId.empty() || options.serverId.size() > kMaxServerIdBytes)
    return invalid("`serverId` is not 1 to 64 bytes long");
  if (options.role != ServerRole::whole &&
      !std::all_of(options.serverId.begin(), options.serverId.end(), in_channel))
    return invalid("`serverId` has bytes other than A-Z a-z 0-9 - _, of which channels are made");
  if (options.role != ServerRole::whole && ports.broker == nullptr)
    return invalid("`ports.broker` is missing, which gateways and engines meet at");
  if (Status seam = check(options.seam); options.role != ServerRole::whole && !seam) return seam;
  if (options.role == ServerRole::gateway) return {};
  if (ports.store == nullptr) return invalid("`ports.store` is missing");
  if (ports.directory == nullptr) return invalid("`ports.directory` is missing");
  if (ports.authenticator == nullptr) return invalid("`ports.authenticator` is missing");
  if ((ports.push == nullptr) != (ports.workQueue == nullptr))
    return invalid("`ports.push` and `ports.workQueue` go together");
  return {};
}

}  // namespace

class Server::Impl {
 public:
  Impl(ServerOptions options, ServerPorts ports)
      : options_(std::move(options)),
        ports_(std::move(ports)),
        topics_(shard_count()),
        caps_(options_.gateway.maxConnections, options_.gateway.maxConnectionsPerAddress),
        limits_(engine::RateLimits::create(options_.engine.rateLimits)) {}
  ~Impl() { stop(); }

  Status start() {
    if (Status checked = check(options_, ports_); !checked) return checked;
    if (Status found = find_address(); !found) return found;
    build_shards();
    if (Status listening = listen(); !listening) return listening;
    if (ports_.everySecond) shards_[0]->set_every_second(std::move(ports_.everySecond));
    for (auto& shard : shards_) shard->start();
    if (has_engine() && ports_.workQueue != nullptr) consume_push_jobs();
    return {};
  }

  void stop() {
    std::lock_guard lock(stopping_);
    if (stopped_) return;
    stopped_ = true;
    for (auto& shard : shards_)
      shard->post([this, target = shard.get()] {
        target->drain(options_.drainWindow, options_.comeBackAfter, random());
      });
    // Waiting for the shards' own word; their clock may be a test's, so the limit is counted in real time.
    const auto limit = options_.drainWindow + options_.gateway.closeLinger + std::chrono::milliseconds(500);
    const auto until = std::chrono::steady_clock::now() + limit;
    const auto all_empty = [&] {
      for (auto& shard : shards_)
        if (!shard->empty()) return false;
      return true;
    };
    do {
      std::this_thread::sleep_for(std::chrono::milliseconds(120));  // a tick, after which counts are fresh
    } while (!all_empty() && std::chrono::steady_clock::now() < until);
    if (has_engine() && ports_.workQueue != nullptr) ports_.workQueue->stop();
    for (auto& shard : shards_) {
      if (shard->join(kAnswerLimit)) continue;
      // A port that never answers holds a reference to this shard for ever: better leaked than dangling.
      log().write(LogLevel::error, "server", "a port did not answer before the stop");
      [[maybe_unused]] auto* leaked = shard.release();
    }
    shards_.clear();
  }

  Status system_alert(const std::string& dataObject) {
    if (!has_engine()) return Error{ErrorCode::unsupported, "a gateway has no alerts of its own", {}};
    if (dataObject.size() > kMaxAlertBytes) return invalid("the alert is too long");
    if (!protocol::is_json_object(dataObject)) return invalid("the alert is not a JSON object");
    std::string payload;
    protocol::append_system_alert(payload, dataObject);
    const FrameRef frame = FrameRef::text(payload, {DeliveryClass::ephemeral, {}, 0});
    for (auto& shard : shards_) shard->post([target = shard.get(), frame] { target->broadcast(frame); });
    return {};
  }

  void settings_changed(const UserId& user) {
    if (!has_engine()) return;
    for (auto& shard : shards_)
      shard->post([target = shard.get(), user] { target->engine().settings_changed(user); });
  }

  void account_changed(const UserId& user, AccountSection section) {
    if (!has_engine()) return;
    server::Shard& home = home_of(user);
    home.post([&home, user, section] { home.engine().account_changed(user, section); });
  }

  void blocks_changed(const UserId& a, const UserId& b) {
    if (!has_engine()) return;
    for (auto& shard : shards_)
      shard->post([target = shard.get(), a, b] { target->engine().blocks_changed(a, {b}, std::nullopt); });
  }

  /// Through every shard: a session that one of them is admitting has told its user's home before.
  void revoke(const UserId& user, const DeviceId& device) {
    if (!has_engine()) return;
    for (auto& shard : shards_)
      shard->post([target = shard.get(), user, device] { target->engine().revoke(user, device); });
  }

  [[nodiscard]] std::uint16_t port() const noexcept { return listens() ? address_.port : std::uint16_t{0}; }
  [[nodiscard]] Stats stats() const {
    Stats sum;
    sum.shards = shards_.size();
    for (const auto& shard : shards_) {
      sum.connections += shard->connections();
      sum.conversations += shard->conversations();
      sum.topics += shard->topics();
      sum.users += shard->users();
      sum.commands += shard->commands();
      sum.links += shard->links();
    }
    if (limits_ != nullptr) sum.rateBuckets = limits_->tracked();
    return sum;
  }

 private:
  [[nodiscard]] std::uint32_t shard_count() const {
    if (options_.shards != 0) return std::min(options_.shards, kMaxShards);
    return std::clamp(std::thread::hardware_concurrency(), 1U, kMaxShards);
  }
  [[nodiscard]] server::Shard& home_of(std::string_view id) {
    return *shards_[partition_of(id) % shards_.size()];
  }
  [[nodiscard]] bool has_engine() const noexcept { return options_.role != ServerRole::gateway; }
  [[nodiscard]] bool listens() const noexcept { return options_.role != ServerRole::engine; }
  [[nodiscard]] Metrics& metrics() { return ports_.metrics != nullptr ? *ports_.metrics : null_metrics(); }
  [[nodiscard]] Clock& clock() { return ports_.clock != nullptr ? *ports_.clock : system_clock(); }
  [[nodiscard]] Log& log() { return ports_.log != nullptr ? *ports_.log : null_log(); }
  [[nodiscard]] Random& random() { return ports_.random != nullptr ? *ports_.random : system_random(); }

  void build_shards() {
    const std::uint32_t count = shard_count();
    const bool alone = options_.role == ServerRole::gateway;
    const server::ElsewhereEngine elsewhere = elsewhere_engine();
    const server::ShardSetup setup{options_.gateway, router_, clock(),
                                   metrics(),        caps_,   alone ? &elsewhere : nullptr};
    std::vector<server::Shard*> peers;
    for (std::uint32_t i = 0; i < count; ++i) {
      shards_.push_back(std::make_unique<server::Shard>(i, count, setup));
      peers.push_back(shards_.back().get());
    }
    for (auto& shard : shards_) {
      shard->set_peers(peers);
      if (options_.role == ServerRole::engine) serve_gateways(*shard);
      router_.add_shard(*shard, shard->fan_out());
    }
    if (alone) return;
    for (auto& shard : shards_) {
      shard->set_engine(context());
      engines_.push_back(&shard->engine());
    }
  }

  [[nodiscard]] server::ElsewhereEngine elsewhere_engine() {
    server::ElsewhereEngine elsewhere;
    // Nothing is kept over a restart that would tell one from the next.
    elsewhere.seat = {options_.serverId, random().below(kBoots), 0};
    elsewhere.options = options_.seam;
    elsewhere.ports.broker = ports_.broker;
    elsewhere.ports.clock = &clock();
    elsewhere.ports.log = &log();
    elsewhere.ports.topics = &topics_;
    elsewhere.ports.random = &random();
    elsewhere.loopback = server::is_loopback(address_);
    return elsewhere;
  }

  void serve_gateways(server::Shard& shard) {
    seam::RemoteGateways::Ports ports;
    ports.broker = ports_.broker;
    ports.clock = &clock();
    ports.log = &log();
    ports.topics = &topics_;
    ports.router = &router_;
    shard.serve_gateways(
        {options_.serverId, ports_.term, 0}, options_.seam, ports,
        {options_.serverId, ports_.term, ports_.term, shard_count(), ports_.authenticator->loopback_only()});
  }

  [[nodiscard]] engine::Context context() {
    engine::Context context;
    context.store = ports_.store;
    context.directory = ports_.directory;
    context.presence = ports_.presence;
    context.authenticator = ports_.authenticator;
    context.router = &router_;
    context.workQueue = ports_.workQueue;
    context.push = ports_.push;
    context.hooks = ports_.hooks;
    context.clock = &clock();
    context.random = &random();
    context.log = &log();
    context.metrics = &metrics();
    context.topics = &topics_;
    context.limits = limits_.get();
    context.connections = &connections_;
    context.options = options_.engine;
    context.serverId = options_.serverId;
    context.boot = ports_.term;
    context.term = ports_.term;
    context.shards = &engines_;
    return context;
  }

  Status find_address() {
    if (!listens()) return {};
    Result<server::ListenAddress> address = server::parse_listen_address(options_.listen);
    if (!address) return address.error();
    address_ = *address;
    if (has_engine() && ports_.authenticator->loopback_only() && !server::is_loopback(address_))
      return invalid(
          "development authentication trusts everybody, so it serves loopback addresses only, not '" +
          options_.listen + "'");
    return {};
  }

  Status listen() {
    for (auto& shard : shards_)
      if (!shard->ok()) return Error{ErrorCode::io_error, "the system gave no more descriptors", {}};
    if (!listens()) return {};
    auto listeners = server::open_listeners(address_, shards_.size(), options_.sharePort);
    if (!listeners) return listeners.error();
    bool watched = true;
    for (std::size_t i = 0; i < shards_.size(); ++i) watched &= shards_[i]->listen((*listeners)[i]);
    if (!watched) return Error{ErrorCode::io_error, "the listener cannot be watched", {}};
    return {};
  }

  /// One job is one event; its conversation's home knows who still needs to be told.
  void consume_push_jobs() {
    ports_.workQueue->consume("push", *shards_[0], [this](std::vector<Job> jobs, WorkQueue::Finish finish) {
      struct Round {
        std::vector<JobResult> results;
        std::size_t outstanding;
        WorkQueue::Finish finish;
      };
      auto round = std::make_shared<Round>();
      round->results.resize(jobs.size());
      round->outstanding = jobs.size();
      round->finish = std::move(finish);
      for (std::size_t i = 0; i < jobs.size(); ++i) {
        const auto done = [this, round, i](JobResult result) {
          shards_[0]->post([round, i, result] {
            round->results[i] = result;
            if (--round->outstanding == 0) round->finish(std::move(round->results));
          });
        };
        const std::size_t hash = jobs[i].payload.rfind('#');
        Seq seq = 0;
        const char* end = jobs[i].payload.data() + jobs[i].payload.size();
        if (hash == std::string::npos ||
            std::from_chars(jobs[i].payload.data() + hash + 1, end, seq).ptr != end) {
          done({JobOutcome::drop, {}});
          continue;
        }
        const ConversationId id = jobs[i].payload.substr(0, hash);
        server::Shard& home = home_of(id);
        home.post([&home, id, seq, done] { home.engine().conversations().push_due(id, seq, done); });
      }
    });
  }

  ServerOptions options_;
  ServerPorts ports_;
  TopicNames topics_;
  std::atomic<std::uint64_t> connections_{0};
  gateway::ConnectionCaps caps_;
  std::unique_ptr<engine::RateLimits> limits_;
  routing::LocalRouter router_;
  std::vector<engine::EngineShard*> engines_;
  std::vector<std::unique_ptr<server::Shard>> shards_;
  server::ListenAddress address_;
  std::mutex stopping_;
  bool stopped_ = false;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, ServerPorts ports) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(ports));
  if (Status started = impl->start(); !started) return started.error();
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

std::uint16_t Server::port() const noexcept { return impl_->port(); }
void Server::stop() { impl_->stop(); }
Status Server::system_alert(const std::string& dataObject) { return impl_->system_alert(dataObject); }
void Server::blocks_changed(const UserId& a, const UserId& b) { impl_->blocks_changed(a, b); }
void Server::account_changed(const UserId& user, AccountSection section) {
  if (valid_id(user)) impl_->account_changed(user, section);
}
void Server::settings_changed(const UserId& user) { impl_->settings_changed(user); }
void Server::revoke_device(const UserId& user, const DeviceId& device) {
  // An empty name is nobody's, and would mean all of them below.
  if (!device.empty()) impl_->revoke(user, device);
}
void Server::revoke_user(const UserId& user) { impl_->revoke(user, {}); }
Server::Stats Server::stats() const { return impl_->stats(); }

namespace {

// Where the handler can reach it: signals belong to the process, not to an object.
std::atomic<int> signalPipe{-1};

extern "C" void on_stop_signal(int) {
  const char byte = 0;
  [[maybe_unused]] const auto written = ::write(signalPipe.load(), &byte, 1);
}

}  // namespace

void Server::run_until_signal() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return stop();
  signalPipe.store(ends[1]);
  struct sigaction action{};
  action.sa_handler = on_stop_signal;
  struct sigaction previousTerm{};
  struct sigaction previousInt{};
  sigaction(SIGTERM, &action, &previousTerm);
  sigaction(SIGINT, &action, &previousInt);
  sigset_t signals;  // a host may have held them back until now
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  char byte = 0;
  while (::read(ends[0], &byte, 1) < 0 && errno == EINTR) {
  }
  stop();
  sigaction(SIGTERM, &previousTerm, nullptr);
  sigaction(SIGINT, &previousInt, nullptr);
  signalPipe.store(-1);
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace chatcore
