#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <chrono>
#include <memory>

namespace chatcore::rocks {

/// What a read that must not wait for the disk gives RocksDB as `ReadOptions::io_timeout`.
inline constexpr std::chrono::microseconds kNoWaiting{1};

/// The system's files, but for tables, of which a read with `kNoWaiting` gets what the system has in memory,
/// and else `TimedOut` (preadv2(2), RWF_NOWAIT). RocksDB's own files ignore timeouts.
[[nodiscard]] std::unique_ptr<rocksdb::Env> make_env_with_table_files();

}  // namespace chatcore::rocks
