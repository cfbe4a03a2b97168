#include "engine_world.hpp"

#include <algorithm>

namespace chatcore::fuzz {

namespace {

GatewayOptions gateway_options() {
  GatewayOptions options;
  options.maxFrameBytes = 4096;
  options.outboxHighWater = 2048;
  options.outboxLimit = 16'384;
  options.maxMarks = 2;
  return options;
}

EngineOptions engine_options() {
  EngineOptions options;
  options.contentBytes = 512;
  options.frameBytes = 4096;
  options.rateLimits.events = {{5, 20}, {10, 40}, {}};
  options.rateLimits.receipts = {{5, 20}, {10, 40}, {}};
  options.rateLimits.malformed = {{2, 8}, {4, 16}, {}};
  options.rateLimits.maxIgnored = 10;
  options.maxDevicesPerUser = 3;
  options.maxLoadedConversations = 3;
  options.maxWaitingPerConversation = 8;
  options.maxFramesBeforeWelcome = 4;
  options.maxAppendBatch = 4;
  options.maxGroupMembers = 6;
  options.maxWatchedUsers = 4;
  options.maxConversationsPerUser = 4;
  return options;
}

}  // namespace

EngineWorld::EngineWorld(bool withPresence)
    : limits(engine::RateLimits::create(engine_options().rateLimits)) {
  for (std::uint32_t i = 0; i < kShards; ++i)
    shards.push_back(std::make_unique<ScriptedShard>(i, gateway_options(), router, clock));
  for (auto& shard : shards) router.add_shard(*shard, shard->gateway.fan_out());
  for (auto& shard : shards) {
    shard->engine = std::make_unique<engine::EngineShard>(context(*shard, withPresence));
    shard->gateway.set_events(*shard->engine);
    engines.push_back(shard->engine.get());
  }
}

EngineWorld::~EngineWorld() {
  presence.stop();
  settle();
  for (auto& shard : shards) shard->engine.reset();
}

engine::Context EngineWorld::context(ScriptedShard& shard, bool withPresence) {
  engine::Context context;
  context.store = &faultyStore;
  context.directory = &directory;
  context.presence = withPresence ? &presence : nullptr;
  context.authenticator = &authenticator;
  context.router = &router;
  context.clock = &clock;
  context.random = &random;
  context.log = &null_log();
  context.metrics = &null_metrics();
  context.topics = &topics;
  context.limits = limits.get();
  context.connections = &connections;
  context.options = engine_options();
  context.serverId = "fuzz";
  context.boot = 1;
  context.term = 1;
  context.shards = &engines;
  context.link = &shard;
  context.executor = &shard;
  context.gateway = &shard.gateway;
  return context;
}

void EngineWorld::settle() {
  constexpr int kMostTurns = 10'000;
  int turns = 0;
  for (bool any = true; any; ++turns) {
    require(turns < kMostTurns, "the engine comes to rest");
    any = shards[0]->turn(*shards[1]);
    any |= shards[1]->turn(*shards[0]);
    any |= !shards[0]->mail.empty();
  }
}

void EngineWorld::pass(std::chrono::milliseconds by) {
  using std::chrono::milliseconds;
  const milliseconds step = std::max(milliseconds(100), by / 6);
  for (milliseconds passed{0}; passed < by; passed += step) {
    clock.advance(std::min(step, by - passed));
    presence.expire_due();
    for (auto& shard : shards) {
      shard->gateway.tick();
      shard->engine->tick();
    }
    settle();
  }
}

bool EngineWorld::owed() const {
  return std::any_of(shards.begin(), shards.end(),
                     [](const auto& shard) { return shard->engine->context().busy.use_count() > 1; });
}

}  // namespace chatcore::fuzz
