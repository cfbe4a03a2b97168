#include "chatcore/rocksdb/store.hpp"

#include "engine.hpp"
#include "rocks_directory.hpp"
#include "rocks_log_store.hpp"

namespace chatcore {

struct RocksdbStore::Parts {
  Parts(std::unique_ptr<rocks::Database> database, std::unique_ptr<rocks::Journal> journal)
      : engine(std::move(database), std::move(journal)), logs(engine), users(engine) {}
  rocks::Engine engine;
  rocks::RocksLogStore logs;
  rocks::RocksDirectory users;
};

Result<std::unique_ptr<RocksdbStore>> RocksdbStore::open(RocksdbOptions options) {
  auto database = rocks::Database::open(options);
  if (!database) return std::move(database).error();
  auto journal = std::make_unique<rocks::Journal>(**database);
  if (Status loaded = journal->load(); !loaded) return std::move(loaded).error();
  auto parts = std::make_unique<Parts>(std::move(*database), std::move(journal));
  return std::unique_ptr<RocksdbStore>(new RocksdbStore(std::move(parts)));
}

RocksdbStore::RocksdbStore(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
RocksdbStore::~RocksdbStore() = default;

LogStore& RocksdbStore::log_store() noexcept { return parts_->logs; }
Directory& RocksdbStore::directory() noexcept { return parts_->users; }
std::uint64_t RocksdbStore::boot() const noexcept { return parts_->engine.database().boot(); }
void RocksdbStore::stop() { parts_->engine.stop(); }

}  // namespace chatcore
