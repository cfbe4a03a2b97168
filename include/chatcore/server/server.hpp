#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "chatcore/engine/options.hpp"
#include "chatcore/gateway/options.hpp"
#include "chatcore/gateway/seam_options.hpp"
#include "chatcore/ports/authenticator.hpp"
#include "chatcore/ports/broker.hpp"
#include "chatcore/ports/clock.hpp"
#include "chatcore/ports/directory.hpp"
#include "chatcore/ports/hooks.hpp"
#include "chatcore/ports/log.hpp"
#include "chatcore/ports/log_store.hpp"
#include "chatcore/ports/metrics.hpp"
#include "chatcore/ports/presence.hpp"
#include "chatcore/ports/push.hpp"
#include "chatcore/ports/work_queue.hpp"
#include "chatcore/result.hpp"

namespace chatcore {

/// Gateways and their engine may be different servers, with a Broker between them: as many gateways as there
/// are connections for, and one engine.
enum class ServerRole : std::uint8_t {
  whole,    ///< connections and the engine behind them
  gateway,  ///< connections. Needs `broker`, no store, directory or authenticator, and knows no chat
  /// The engine of all gateways on the broker. Listens to nobody. Gateways heed the engine with the highest
  /// `term`: whoever starts another one sees to it that the one before has ended.
  engine,
};

struct ServerOptions {
  ServerRole role = ServerRole::whole;
  /// `address:port`; an IPv6 address in brackets; port 0 picks a free one.
  std::string listen = "127.0.0.1:8080";
  /// Threads that serve, each with its own sessions and conversations: 1 to 64; 0: one per core.
  std::uint32_t shards = 0;
  /// How long `stop` spreads its closes over, so that clients do not all come back at once.
  std::chrono::milliseconds drainWindow{500};
  /// How long clients are told to stay away, at least; each gets a moment of its own above it.
  std::chrono::milliseconds comeBackAfter{200};
  /// 1 to 64 bytes; one of its own for every server on a broker, where it is made of A-Z a-z 0-9 - _.
  std::string serverId = "chatcore-1";
  /// Another server may listen on the same address and port: the system spreads connections over both.
  bool sharePort = false;
  GatewayOptions gateway;
  SeamOptions seam;
  EngineOptions engine;
};

/// What the host plugs in. The host owns them, and they outlive the server. `store`, `directory` and
/// `authenticator` are required but by a gateway; of the others null means the embedded default, or none.
struct ServerPorts {
  Broker* broker = nullptr;  ///< between gateways and engine; a whole server needs none
  LogStore* store = nullptr;
  Directory* directory = nullptr;
  Authenticator* authenticator = nullptr;
  Presence* presence = nullptr;    ///< null: this process serves every device, no leases are needed
  WorkQueue* workQueue = nullptr;  ///< with `push`: null turns notifications off
  Push* push = nullptr;
  Hooks* hooks = nullptr;
  Clock* clock = nullptr;
  Random* random = nullptr;
  Log* log = nullptr;
  Metrics* metrics = nullptr;
  /// Called on one of the server's threads about once a second, for ports that need time to pass
  /// (MemoryPresence::expire_due, MemoryWorkQueue::run_due).
  UniqueFunction<void()> everySecond;
  /// Grows with every start on the same store: fences an older owner. RocksdbStore::boot().
  Term term = 1;
};

/// A chat server in this process: gateways and engines, one of each per shard, or either of them.
/// Thread-safe. What a host tells, and `system_alert`, is for the server that has the engine; a gateway
/// passes over it.
class CHATCORE_API Server {
 public:
  /// Listens and serves until `stop`. Errors: `invalid_argument` (options), `io_error` (cannot listen; the
  /// message names the address).
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(ServerOptions options, ServerPorts ports);

  /// The port that is listened on; 0 of an engine only.
  [[nodiscard]] std::uint16_t port() const noexcept;

  /// Graceful drain: stops accepting, tells every client to come back (4000), sends what is queued, and
  /// returns when every connection is closed or after the drain window and the close linger, whichever is
  /// first. Appends that were accepted are finished. An engine tells its gateways that their links are over,
  /// which close their clients 4004; one that is not told finds out after `seam.link.silence`. Idempotent.
  void stop();

  /// Blocks until SIGTERM or SIGINT (unblocking them in this thread), then stops. One at a time in a process.
  /// For programs that have nothing else to do.
  void run_until_signal();

  /// Tells every connected device `{"type":"system.alert","data":…}`. `dataObject` is a JSON object of at
  /// most 16 KiB, spliced in as it is. `invalid_argument` if it is no object or too long, `unsupported` at a
  /// gateway; not stored, not repeated.
  Status system_alert(const std::string& dataObject);

  /// The host tells that one of two users has blocked or unblocked the other.
  void blocks_changed(const UserId& a, const UserId& b);
  /// The host tells that it has changed a user's settings (`Directory::put_user`): who may see them online
  /// and whether they show read receipts. Returns at once. Until it is told, what was known before may hold
  /// for `EngineOptions::settingsCache`, and for watchers of the user's presence until they ask again.
  void settings_changed(const UserId& user);
  /// The host tells that it has changed a section of a user's account in the Directory, after it has. Devices
  /// that are connected get `account.changed`, those that are away hear of it with their next sync by token.
  /// For `settings` it does what settings_changed does, for `contacts` it looks at who may see the user
  /// online; for `blocks` blocks_changed is to be called as well, for each pair. Nothing but the user's own
  /// devices hear of it. Returns at once; a note that the store does not take is logged and lost: call again.
  /// Does nothing for what is no user id.
  void account_changed(const UserId& user, AccountSection section);

  /// Closes the connections of a device, or of all of a user's devices, with 4503 (`device_removed`), those
  /// too whose credentials are being checked at this moment. Returns at once. Lasts no longer than that: the
  /// Authenticator has to refuse them from now on, so tell it first. Messages that were accepted before stay.
  void revoke_device(const UserId& user, const DeviceId& device);
  void revoke_user(const UserId& user);

  struct Stats {
    std::uint64_t connections = 0;
    std::uint64_t conversations = 0;  ///< loaded
    std::uint64_t topics = 0;
    std::uint64_t users = 0;        ///< whose presence is held: connected, watched, or gone a moment ago
    std::uint64_t rateBuckets = 0;  ///< that count somebody's commands
    std::uint64_t commands = 0;
    /// Of a gateway: how many of its shards have their engine; without, nobody is let in. Of an engine: how
    /// many gateways' shards it serves.
    std::uint64_t links = 0;
    std::uint64_t shards = 0;
  };
  /// A sum over the shards, as each last reported it (within 100 ms).
  [[nodiscard]] Stats stats() const;

  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace chatcore
