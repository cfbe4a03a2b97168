#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "chatcore/ports/clock.hpp"
#include "chatcore/ports/directory.hpp"
#include "chatcore/ports/log.hpp"
#include "chatcore/ports/log_store.hpp"

namespace chatcore {

/// What `committed` means.
enum class Durability : std::uint8_t {
  sync,    ///< on the disk: survives a power failure. One sync serves all that waits.
  os,      ///< handed to the operating system: survives a crash of the process. A crash of the machine loses
           ///< what was written since some moment, and nothing before it: never a gap, never half a request
  memory,  ///< in this process: any crash loses what was written since some moment, and nothing before it
};

/// Where and how; every bound answers `overloaded` when it is reached.
struct RocksdbOptions {
  std::string path;  ///< a folder of its own; made if absent
  Durability durability = Durability::sync;
  std::size_t blockCacheBytes =
      128U << 20;                          ///< of blocks read, uncompressed; the system caches files besides
  std::size_t maxPendingAppends = 65'536;  ///< requests of any writing kind that wait for a commit
  std::size_t maxPendingBytes = 256U << 20;  ///< of their events
  std::size_t maxPendingReads = 16'384;      ///< requests that wait for a reader thread
  std::size_t readerThreads = 2;
  std::size_t hotLogs = 200'000;           ///< logs appended to without reading first; about 100 bytes each
  std::size_t foldThreshold = 131'072;     ///< remembered sends and cursors kept in memory before folding
  std::chrono::hours sendMemory{24 * 36};  ///< how long clientMsgIds are remembered, at least 35 days
  bool knownUsersOnly = false;             ///< directory: false takes every valid id as a user
  Clock* clock = nullptr;                  ///< for forgetting sends; null: the system's clock
  Log* log = nullptr;                      ///< null: says nothing
};

/// The embedded store: LogStore and Directory in one RocksDB database. Thread-safe. Owns one committer
/// thread, one that tidies up in the background, and the readers. A call that reads up to 64 rows first tries
/// to do so on its caller's thread, with what is in memory: some 20 microseconds, and it never waits for the
/// disk. Its completion is posted like any other.
class CHATCORE_API RocksdbStore {
 public:
  /// Opens or makes the database; blocks while the write-ahead log is replayed.
  /// Errors: `invalid_argument` (not a folder, not a chatcore database), `unavailable` (in use by another
  /// process), `io_error` (unreadable), `corrupted` (what had been synced is damaged or missing: restore a
  /// copy), `unsupported` (written by a newer version).
  static Result<std::unique_ptr<RocksdbStore>> open(RocksdbOptions options);
  /// As `stop`.
  ~RocksdbStore();

  RocksdbStore(const RocksdbStore&) = delete;
  RocksdbStore& operator=(const RocksdbStore&) = delete;

  [[nodiscard]] LogStore& log_store() noexcept;
  [[nodiscard]] Directory& directory() noexcept;

  /// How many times the database has been opened, this time included: an ownership term and a server's boot.
  [[nodiscard]] std::uint64_t boot() const noexcept;

  /// Commits and answers what waits, then closes. Later calls are answered `cancelled`. The executors of
  /// waiting calls must still take posts. Not to be called from a completion. Idempotent.
  void stop();

 private:
  struct Parts;
  explicit RocksdbStore(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace chatcore
