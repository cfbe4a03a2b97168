#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "core/shard_link.hpp"
#include "engine/engine_shard.hpp"
#include "engine/rate_limits.hpp"
#include "gateway/gateway.hpp"
#include "link.hpp"
#include "routing/local_router.hpp"
#include "seam/remote_engine.hpp"
#include "seam/remote_gateways.hpp"
#include "simulated_broker.hpp"
#include "simulated_directory.hpp"
#include "simulated_hooks.hpp"
#include "simulated_store.hpp"

namespace chatcore::simulation {

class SimulatedShard;

/// A shard's connections: what WebSocketTransport does with sockets, done with links.
class SimulatedTransport final : public Transport {
 public:
  explicit SimulatedTransport(SimulatedShard& shard) : shard_(shard) {}

  void accept(std::shared_ptr<Link> link, const std::string& query, Millis made);
  void message(ConnectionSlot slot, const std::string& text);
  void heard(ConnectionSlot slot);
  void writable(ConnectionSlot slot);
  void peer_closes(ConnectionSlot slot, std::uint16_t code);
  void ended(ConnectionSlot slot);
  /// The server has died.
  void drop_all();
  [[nodiscard]] std::size_t open() const;

  [[nodiscard]] std::size_t write(ConnectionSlot slot, std::span<const std::string_view> pieces) override;
  void ping(ConnectionSlot slot) override;
  void finish(ConnectionSlot slot) override;
  void abort(ConnectionSlot slot) override;
  std::size_t encode_close(std::span<char, 131> out, std::uint16_t code, std::string_view reason) override;

 private:
  SimulatedShard& shard_;
  std::vector<std::shared_ptr<Link>> links_;
  std::vector<ConnectionSlot> free_;
};

/// What server::Shard does with a thread, an io_context and mailboxes, done in the scheduler's lanes: a turn
/// is as many items as happen to come before its end. Has a gateway, an engine, or both; where it has one
/// only, the other is on another server.
class SimulatedShard final : public Executor, public ShardLink {
 public:
  SimulatedShard(World& world, std::uint32_t index, std::uint32_t count);
  ~SimulatedShard() override;

  void set_peers(std::vector<SimulatedShard*> peers) { peers_ = std::move(peers); }
  void make_gateway(Router& router);
  /// Instead of a gateway: those of other servers.
  void make_remote_gateways(seam::Seat seat, seam::RemoteGateways::Ports ports, Term term);
  void make_engine(engine::Context context);
  /// With a gateway, instead of an engine: that of another server.
  void make_remote_engine(seam::Seat seat, seam::RemoteEngine::Ports ports);
  void start();
  /// As part of a turn.
  template <class Work>
  void run(Work work) {
    work();
    ask_for_turn();
  }

  void post(Task task) override;
  [[nodiscard]] std::uint32_t self() const noexcept override { return index_; }
  [[nodiscard]] std::uint32_t count() const noexcept override { return count_; }
  void send(std::uint32_t shard, Task task) override;

  [[nodiscard]] gateway::Gateway& gateway() noexcept { return *gateway_; }
  [[nodiscard]] engine::EngineShard& engine() noexcept { return *engine_; }
  [[nodiscard]] FanOut& fan_out() noexcept;
  [[nodiscard]] SimulatedTransport& transport() noexcept { return transport_; }
  /// Drops what waits.
  void halt();
  /// `add(what, count)` of everything that should be gone once nobody is connected.
  template <class Add>
  void count_leftovers(Add add);

 private:
  void ask_for_turn();
  void end_turn();
  void hand_off();
  void tick();
  void check_bounds();

  World& world_;
  std::uint32_t index_;
  std::uint32_t count_;
  SimulatedTransport transport_;
  std::unique_ptr<seam::RemoteEngine> remoteEngine_;
  std::unique_ptr<gateway::Gateway> gateway_;
  std::unique_ptr<seam::RemoteGateways> remoteGateways_;
  std::unique_ptr<engine::EngineShard> engine_;
  std::vector<SimulatedShard*> peers_;
  Scheduler::Lane mailbox_;
  Scheduler::Lane local_;
  Scheduler::Lane turns_;
  Scheduler::Lane ticks_;
  std::vector<Scheduler::Lane> from_;  ///< by the shard that sends
  std::vector<std::vector<Task>> outgoing_;
  bool turnAsked_ = false;
};

template <class Add>
void SimulatedShard::count_leftovers(Add add) {
  if (gateway_ != nullptr) {
    add("connections", transport_.open());
    add("sessions", gateway_->sessions().open_sessions());
    add("topics", gateway_->topics().topics());
  }
  if (remoteGateways_ != nullptr) {
    add("sessions of gateways", remoteGateways_->sessions());
    add("topics of gateways", remoteGateways_->topics());
  }
  if (engine_ == nullptr) return;
  add("users", engine_->users().known());
  add("port calls without an answer", static_cast<std::size_t>(engine_->context().busy.use_count() - 1));
  const std::size_t loaded = engine_->conversations().loaded();
  const std::size_t most = world_.scenario.engine.maxLoadedConversations;
  add("conversations too many", loaded > most ? loaded - most : 0);
}

/// The ports, which outlive a server's process.
struct SimulatedPorts {
  explicit SimulatedPorts(World& world)
      : store(world), directory(world), presence(world), authenticator(world), hooks(world), broker(world) {}
  SimulatedStore store;
  SimulatedDirectory directory;
  SimulatedPresence presence;
  SimulatedAuthenticator authenticator;
  SimulatedHooks hooks;
  SimulatedBroker broker;
};

enum class ServerRole : std::uint8_t {
  whole,    ///< connections and the engine behind them
  gateway,  ///< connections
  engine,   ///< what is behind those of other servers
};

/// A server: the real engines and gateways of its shards. Comes and goes; there may be several over the same
/// ports, each with a name of its own.
class SimulatedServer {
 public:
  SimulatedServer(World& world, SimulatedPorts& ports, ServerRole role, std::string name,
                  std::uint64_t stream);
  ~SimulatedServer();

  /// `term`: higher than any engine's before.
  void start(Term term);
  void crash();
  [[nodiscard]] bool up() const noexcept { return process_ != nullptr; }
  /// False: nobody listens.
  [[nodiscard]] bool accept(std::shared_ptr<Link> link, const std::string& query, Millis made);
  void blocks_changed(const UserId& a, const UserId& b);
  /// Nothing comes here from other servers, nor gets there, for a while.
  void cut_off(Millis until);
  /// Once nobody is connected any more: what should be gone and is not; empty if nothing.
  [[nodiscard]] std::string leftovers();

 private:
  struct Process;
  void make_whole(Term term);
  void make_gateway(Term term);
  void make_engine(Term term);
  [[nodiscard]] engine::Context context(Term term);
  [[nodiscard]] std::vector<Executor*> executors() const;

  World& world_;
  SimulatedPorts& ports_;
  ServerRole role_;
  std::string name_;
  Choices random_;
  std::unique_ptr<Process> process_;
};

}  // namespace chatcore::simulation
