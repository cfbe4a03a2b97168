#include "simulated_server.hpp"

namespace chatcore::simulation {

namespace {

class TracedLog final : public Log {
 public:
  TracedLog(World& world, std::string name) : world_(world), name_(std::move(name)) {}
  void write(LogLevel, std::string_view component, std::string_view message) override {
    world_.trace.line(name_, std::string(component) + ": " + std::string(message));
  }

 private:
  World& world_;
  std::string name_;
};

}  // namespace

/// What dies in a crash.
struct SimulatedServer::Process {
  Process(World& world, const std::string& name)
      : log(world, name),
        topics(world.scenario.shards),
        limits(engine::RateLimits::create(world.scenario.engine.rateLimits)) {}

  TracedLog log;
  TopicNames topics;
  std::atomic<std::uint64_t> connections{0};
  std::unique_ptr<engine::RateLimits> limits;
  routing::LocalRouter router;
  std::vector<engine::EngineShard*> engines;
  std::vector<std::unique_ptr<SimulatedShard>> shards;

  [[nodiscard]] SimulatedShard& home_of(std::string_view id) {
    return *shards[partition_of(id) % shards.size()];
  }
};

SimulatedServer::SimulatedServer(World& world, SimulatedPorts& ports, ServerRole role, std::string name,
                                 std::uint64_t stream)
    : world_(world), ports_(ports), role_(role), name_(std::move(name)), random_(world.seed, stream) {}

SimulatedServer::~SimulatedServer() {
  if (up()) crash();
}

void SimulatedServer::start(Term term) {
  world_.trace.line(name_, "starts");
  process_ = std::make_unique<Process>(world_, name_);
  const std::uint32_t count = world_.scenario.shards;
  std::vector<SimulatedShard*> peers;
  for (std::uint32_t i = 0; i < count; ++i) {
    process_->shards.push_back(std::make_unique<SimulatedShard>(world_, i, count));
    peers.push_back(process_->shards.back().get());
  }
  for (SimulatedShard* shard : peers) shard->set_peers(peers);
  switch (role_) {
    case ServerRole::whole:
      make_whole(term);
      break;
    case ServerRole::gateway:
      make_gateway(term);
      break;
    case ServerRole::engine:
      make_engine(term);
      break;
  }
  for (SimulatedShard* shard : peers) shard->start();
}

void SimulatedServer::make_whole(Term term) {
  for (auto& shard : process_->shards) {
    shard->make_gateway(process_->router);
    process_->router.add_shard(*shard, shard->fan_out());
  }
  for (auto& shard : process_->shards) {
    shard->make_engine(context(term));
    process_->engines.push_back(&shard->engine());
  }
}

void SimulatedServer::make_gateway(Term term) {
  seam::RemoteEngine::Ports ports;
  ports.broker = &ports_.broker;
  ports.clock = &world_.clock;
  ports.log = &process_->log;
  ports.topics = &process_->topics;
  ports.random = &random_;
  for (auto& shard : process_->shards) {
    ports.executor = shard.get();
    shard->make_remote_engine({name_, term, shard->self()}, ports);
  }
}

void SimulatedServer::make_engine(Term term) {
  seam::RemoteGateways::Ports ports;
  ports.broker = &ports_.broker;
  ports.clock = &world_.clock;
  ports.log = &process_->log;
  ports.topics = &process_->topics;
  ports.router = &process_->router;
  for (auto& shard : process_->shards) {
    ports.executor = shard.get();
    shard->make_remote_gateways({name_, term, shard->self()}, ports, term);
    process_->router.add_shard(*shard, shard->fan_out());
  }
  for (auto& shard : process_->shards) {
    shard->make_engine(context(term));
    process_->engines.push_back(&shard->engine());
  }
}

engine::Context SimulatedServer::context(Term term) {
  engine::Context context;
  context.store = &ports_.store;
  context.directory = &ports_.directory;
  context.presence = &ports_.presence;
  context.authenticator = &ports_.authenticator;
  context.router = &process_->router;
  if (world_.scenario.hooks) context.hooks = &ports_.hooks;
  context.clock = &world_.clock;
  context.random = &random_;
  context.log = &process_->log;
  context.metrics = &null_metrics();
  context.topics = &process_->topics;
  context.limits = process_->limits.get();
  context.connections = &process_->connections;
  context.options = world_.scenario.engine;
  context.serverId = name_;
  context.boot = term;
  context.term = term;
  context.shards = &process_->engines;
  return context;
}

std::vector<Executor*> SimulatedServer::executors() const {
  std::vector<Executor*> executors;
  for (auto& shard : process_->shards) executors.push_back(shard.get());
  return executors;
}

void SimulatedServer::crash() {
  world_.trace.line(name_, "crashes");
  for (auto& shard : process_->shards) {
    shard->transport().drop_all();
    shard->halt();
  }
  const std::vector<Executor*> gone = executors();
  ports_.broker.forget(gone);
  if (role_ != ServerRole::gateway) {
    ports_.store.forget(gone);
    ports_.directory.forget(gone);
    ports_.presence.forget(gone);
    ports_.authenticator.forget(gone);
  }
  process_.reset();
}

void SimulatedServer::cut_off(Millis until) {
  if (!up()) return;
  world_.trace.line(name_, "is cut off from other servers for a while");
  ports_.broker.cut_off(executors(), until);
}

bool SimulatedServer::accept(std::shared_ptr<Link> link, const std::string& query, Millis made) {
  if (!up()) return false;
  auto& shards = process_->shards;
  shards[world_.faults.index(shards.size())]->transport().accept(std::move(link), query, made);
  return true;
}

void SimulatedServer::blocks_changed(const UserId& a, const UserId& b) {
  if (!up() || role_ == ServerRole::gateway) return;
  for (auto& shard : process_->shards)
    shard->post([target = shard.get(), a, b] { target->engine().blocks_changed(a, {b}, std::nullopt); });
}

std::string SimulatedServer::leftovers() {
  std::string left;
  const auto add = [&](const std::string& what, std::size_t count) {
    if (count != 0) left += (left.empty() ? "" : ", ") + std::to_string(count) + " " + what + " of " + name_;
  };
  for (auto& shard : process_->shards) shard->count_leftovers(add);
  return left;
}

}  // namespace chatcore::simulation
