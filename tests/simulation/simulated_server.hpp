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
/// is as many items as happen to come before its end.
class SimulatedShard final : public Executor, public ShardLink {
 public:
  SimulatedShard(World& world, std::uint32_t index, std::uint32_t count, Router& router);
  ~SimulatedShard() override;

  void set_peers(std::vector<SimulatedShard*> peers) { peers_ = std::move(peers); }
  void set_engine(engine::Context context);
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

  [[nodiscard]] gateway::Gateway& gateway() noexcept { return gateway_; }
  [[nodiscard]] engine::EngineShard& engine() noexcept { return *engine_; }
  [[nodiscard]] SimulatedTransport& transport() noexcept { return transport_; }
  /// Drops what waits.
  void halt();

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
  gateway::Gateway gateway_;
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

/// The ports, which outlive a server's process.
struct SimulatedPorts {
  explicit SimulatedPorts(World& world)
      : store(world), directory(world), presence(world), authenticator(world), hooks(world) {}
  SimulatedStore store;
  SimulatedDirectory directory;
  SimulatedPresence presence;
  SimulatedAuthenticator authenticator;
  SimulatedHooks hooks;
};

/// A server: the real engines and gateways of its shards. Comes and goes; there may be several over the same
/// ports, each with a name of its own.
class SimulatedServer {
 public:
  SimulatedServer(World& world, SimulatedPorts& ports, std::string name);
  ~SimulatedServer();

  void start();
  void crash();
  [[nodiscard]] bool up() const noexcept { return process_ != nullptr; }
  /// False: nobody listens.
  [[nodiscard]] bool accept(std::shared_ptr<Link> link, const std::string& query, Millis made);
  void blocks_changed(const UserId& a, const UserId& b);
  /// Once nobody is connected any more: what should be gone and is not; empty if nothing.
  [[nodiscard]] std::string leftovers();

 private:
  struct Process;
  World& world_;
  SimulatedPorts& ports_;
  std::string name_;
  Term term_ = 0;
  Choices random_;
  std::unique_ptr<Process> process_;
};

}  // namespace chatcore::simulation
