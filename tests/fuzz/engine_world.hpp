#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chatcore/memory/directory.hpp"
#include "chatcore/memory/log_store.hpp"
#include "chatcore/memory/presence.hpp"
#include "chatcore/server/dev_authenticator.hpp"
#include "chatcore/testing/fault_plan.hpp"
#include "chatcore/testing/manual_clock.hpp"
#include "engine/engine_shard.hpp"
#include "engine/rate_limits.hpp"
#include "fuzz.hpp"
#include "gateway/gateway.hpp"
#include "gateway/websocket_frame.hpp"
#include "routing/local_router.hpp"
#include "scripted_transport.hpp"

/// A server of two shards without threads, sockets or a clock of its own: gateways and engines as they are,
/// on memory ports, one turn after the other.
namespace chatcore::fuzz {

inline constexpr std::uint32_t kShards = 2;

class EngineWorld;

/// One shard, as server::Shard is one, but for the thread.
class ScriptedShard final : public Executor, public ShardLink {
 public:
  ScriptedShard(std::uint32_t index, const GatewayOptions& options, Router& router, const Clock& clock)
      : gateway(index, options, transport, router, clock), index_(index) {}

  void post(Task task) override { mail.push_back(std::move(task)); }
  [[nodiscard]] std::uint32_t self() const noexcept override { return index_; }
  [[nodiscard]] std::uint32_t count() const noexcept override { return kShards; }
  void send(std::uint32_t shard, Task task) override {
    if (shard == index_) return mail.push_back(std::move(task));
    outgoing.push_back(std::move(task));
  }

  /// False: there was nothing to do.
  bool turn(ScriptedShard& other) {
    const bool any = !mail.empty();
    std::vector<Task> now = std::exchange(mail, {});
    for (Task& task : now) task();
    engine->end_of_turn();
    hand_off(other);
    gateway.flush();
    reap();
    hand_off(other);
    return any || !mail.empty();
  }

  ScriptedTransport transport;
  gateway::Gateway gateway;
  std::unique_ptr<engine::EngineShard> engine;
  std::vector<Task> mail;
  std::vector<Task> outgoing;

 private:
  void hand_off(ScriptedShard& other) {
    for (Task& task : outgoing) other.mail.push_back(std::move(task));
    outgoing.clear();
  }
  void reap() {
    for (ConnectionSlot slot = 0; slot < transport.slots(); ++slot) {
      auto& connection = transport.at(slot);
      if (!connection.open || !connection.ends) continue;
      connection.open = false;
      gateway.on_close(slot, connection.endCode);
    }
  }

  std::uint32_t index_;
};

class EngineWorld {
 public:
  explicit EngineWorld(bool withPresence);
  ~EngineWorld();

  /// Runs turns until nothing is left to do.
  void settle();
  void pass(std::chrono::milliseconds by);
  [[nodiscard]] ScriptedShard& home_of(std::string_view id) { return *shards[partition_of(id) % kShards]; }
  /// Whether a port still owes an answer.
  [[nodiscard]] bool owed() const;

  testing::ManualClock clock;
  SameRandom random;
  MemoryLogStore store{{.timelineOrigin = 1}};
  testing::FaultPlan faults;
  testing::FaultyLogStore faultyStore{store, faults};
  MemoryDirectory directory;
  MemoryPresence presence{clock};
  DevAuthenticator authenticator;
  TopicNames topics{kShards};
  std::atomic<std::uint64_t> connections{0};
  std::unique_ptr<engine::RateLimits> limits;
  routing::LocalRouter router;
  std::vector<std::unique_ptr<ScriptedShard>> shards;
  std::vector<engine::EngineShard*> engines;

 private:
  [[nodiscard]] engine::Context context(ScriptedShard& shard, bool withPresence);
};

}  // namespace chatcore::fuzz
