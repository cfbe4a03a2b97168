#pragma once

#include <asio.hpp>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "core/mailbox.hpp"
#include "core/shard_link.hpp"
#include "engine/engine_shard.hpp"
#include "gateway/gateway.hpp"
#include "gateway/reactor.hpp"
#include "gateway/websocket_transport.hpp"
#include "seam/remote_engine.hpp"
#include "seam/remote_gateways.hpp"

namespace chatcore::server {

/// What stands where a gateway's engine would be, if that is another server.
struct ElsewhereEngine {
  seam::Seat seat;
  SeamOptions options;
  seam::RemoteEngine::Ports ports;  ///< but the executor
  bool loopback = false;
};

/// What all shards of a server stand on.
struct ShardSetup {
  const GatewayOptions& gateway;
  Router& router;
  const Clock& clock;
  Metrics& metrics;
  gateway::ConnectionCaps& caps;
  const ElsewhereEngine* elsewhere = nullptr;  ///< of a gateway only
};

/// One thread, one io_context, and all that lives on them: a gateway, an engine, a mailbox. A turn takes the
/// mail, handles ready sockets, hands batches on, and flushes every dirty session once. Where the gateway or
/// the engine is on other servers, a link to it stands in its place.
class Shard final : public Executor, public ShardLink {
 public:
  Shard(std::uint32_t index, std::uint32_t count, const ShardSetup& setup);
  ~Shard() override;

  [[nodiscard]] bool ok() const noexcept { return reactor_.ok() && wakeFd_ >= 0; }
  void set_peers(std::vector<Shard*> peers) { peers_ = std::move(peers); }
  void set_engine(engine::Context context);
  /// Of an engine only, before set_engine: its gateways are on other servers.
  void serve_gateways(seam::Seat seat, const SeamOptions& options, seam::RemoteGateways::Ports ports,
                      seam::Announcement engine);
  [[nodiscard]] FanOut& fan_out() noexcept;
  /// To every admitted session. On this shard.
  void broadcast(const FrameRef& frame);
  [[nodiscard]] bool listen(int listener) { return transport_.listen(listener); }
  /// Called on this shard about once a second.
  void set_every_second(UniqueFunction<void()> task) { everySecond_ = std::move(task); }

  void start();
  /// Begins the drain; closes are spread over `window`.
  void drain(std::chrono::milliseconds window, std::chrono::milliseconds comeBackAfter, Random& random);
  [[nodiscard]] bool empty() const noexcept { return connections_.load() == 0; }
  /// Whether a port still owes this shard an answer; after `join` has begun, readable from any thread.
  [[nodiscard]] bool owed() const noexcept;
  /// Waits up to `limit` for the answers that ports owe, then stops the thread and joins it. False: some are
  /// still owed, and the shard must never be destroyed.
  [[nodiscard]] bool join(std::chrono::milliseconds limit);

  // Executor: from any thread. ShardLink: from this shard's thread.
  void post(Task task) override;
  [[nodiscard]] std::uint32_t self() const noexcept override { return index_; }
  [[nodiscard]] std::uint32_t count() const noexcept override { return count_; }
  void send(std::uint32_t shard, Task task) override;

  /// Not of a gateway only.
  [[nodiscard]] engine::EngineShard& engine() noexcept { return *engine_; }

  // As of the last tick; readable from any thread.
  [[nodiscard]] std::uint64_t connections() const noexcept {
    return connections_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t conversations() const noexcept {
    return conversations_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t topics() const noexcept { return topics_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t users() const noexcept { return users_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t links() const noexcept { return links_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t commands() const noexcept { return commands_.load(std::memory_order_relaxed); }

 private:
  void turn();
  [[nodiscard]] bool run_mail();
  [[nodiscard]] bool run_events();
  void hand_off();
  [[nodiscard]] std::unique_ptr<seam::RemoteEngine> link_to(const ElsewhereEngine* elsewhere);
  void wait();
  void wake();
  void tick();
  void report();
  void flush();
  void leave_broker();
  void schedule_tick();
  void drain_some();

  std::uint32_t index_;
  std::uint32_t count_;
  Metrics& metrics_;
  asio::io_context io_{1};
  gateway::Reactor reactor_;
  asio::posix::stream_descriptor readiness_;
  asio::steady_timer ticker_;
  int wakeFd_;
  gateway::WebSocketTransport transport_;
  std::unique_ptr<seam::RemoteEngine> remoteEngine_;
  gateway::Gateway gateway_;
  std::unique_ptr<seam::RemoteGateways> remoteGateways_;
  std::vector<engine::EngineShard*> engines_;
  std::unique_ptr<engine::EngineShard> engine_;

  Mailbox mailbox_;
  std::vector<Task> mail_;
  std::vector<Task> local_;
  std::vector<std::vector<Task>> outgoing_;
  std::vector<Shard*> peers_;
  std::thread thread_;
  bool waiting_ = false;
  bool turnPosted_ = false;
  UniqueFunction<void()> everySecond_;
  int ticks_ = 0;
  std::uint64_t reportedCommands_ = 0;

  struct Drain {
    std::size_t perTick = 0;
    std::uint32_t comeBackAfterMs = 0;
    Random* random = nullptr;
  };
  std::unique_ptr<Drain> drain_;
  std::atomic<bool> leftBroker_{false};
  std::atomic<std::uint64_t> connections_{0};
  std::atomic<std::uint64_t> conversations_{0};
  std::atomic<std::uint64_t> topics_{0};
  std::atomic<std::uint64_t> users_{0};
  std::atomic<std::uint64_t> commands_{0};
  std::atomic<std::uint64_t> links_{0};
};

}  // namespace chatcore::server
