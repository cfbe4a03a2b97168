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

SimulatedServer::SimulatedServer(World& world, SimulatedPorts& ports, std::string name)
    : world_(world), ports_(ports), name_(std::move(name)), random_(world.seed, 5) {}

SimulatedServer::~SimulatedServer() {
  if (up()) crash();
}

void SimulatedServer::start() {
  world_.trace.line(name_, "starts");
  process_ = std::make_unique<Process>(world_, name_);
  ++term_;
  const std::uint32_t count = world_.scenario.shards;
  std::vector<SimulatedShard*> peers;
  for (std::uint32_t i = 0; i < count; ++i) {
    process_->shards.push_back(std::make_unique<SimulatedShard>(world_, i, count, process_->router));
    peers.push_back(process_->shards.back().get());
    process_->router.add_shard(*peers.back(), peers.back()->gateway().fan_out());
  }
  for (SimulatedShard* shard : peers) {
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
    context.boot = term_;
    context.term = term_;
    context.shards = &process_->engines;
    shard->set_peers(peers);
    shard->set_engine(std::move(context));
    process_->engines.push_back(&shard->engine());
  }
  for (SimulatedShard* shard : peers) shard->start();
}

void SimulatedServer::crash() {
  world_.trace.line(name_, "crashes");
  std::vector<Executor*> executors;
  for (auto& shard : process_->shards) {
    executors.push_back(shard.get());
    shard->transport().drop_all();
    shard->halt();
  }
  ports_.store.forget(executors);
  ports_.directory.forget(executors);
  ports_.presence.forget(executors);
  ports_.authenticator.forget(executors);
  process_.reset();
}

bool SimulatedServer::accept(std::shared_ptr<Link> link, const std::string& query, Millis made) {
  if (!up()) return false;
  auto& shards = process_->shards;
  shards[world_.faults.index(shards.size())]->transport().accept(std::move(link), query, made);
  return true;
}

void SimulatedServer::blocks_changed(const UserId& a, const UserId& b) {
  if (!up()) return;
  for (auto& shard : process_->shards)
    shard->post([target = shard.get(), a, b] { target->engine().blocks_changed(a, {b}, std::nullopt); });
}

std::string SimulatedServer::leftovers() {
  std::string left;
  const auto add = [&](const std::string& what, std::size_t count) {
    if (count != 0) left += (left.empty() ? "" : ", ") + std::to_string(count) + " " + what;
  };
  for (auto& shard : process_->shards) {
    add("connections", shard->transport().open());
    add("sessions", shard->gateway().sessions().open_sessions());
    add("topics", shard->gateway().topics().topics());
    add("users", shard->engine().users().known());
    add("port calls without an answer",
        static_cast<std::size_t>(shard->engine().context().busy.use_count() - 1));
    const std::size_t loaded = shard->engine().conversations().loaded();
    const std::size_t most = world_.scenario.engine.maxLoadedConversations;
    add("conversations too many", loaded > most ? loaded - most : 0);
  }
  return left;
}

}  // namespace chatcore::simulation
