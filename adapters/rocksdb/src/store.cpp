#include "chatcore/rocksdb/store.hpp"

#include "engine.hpp"
#include "rocks_directory.hpp"
#include "rocks_log_store.hpp"

namespace chatcore {

struct RocksdbStore::Parts {
  explicit Parts(std::unique_ptr<rocks::Engine> running)
      : engine(std::move(running)), logs(*engine), users(*engine) {}
  std::unique_ptr<rocks::Engine> engine;
  rocks::RocksLogStore logs;
  rocks::RocksDirectory users;
};

Result<std::unique_ptr<RocksdbStore>> RocksdbStore::open(RocksdbOptions options) {
  auto engine = rocks::Engine::open(options);
  if (!engine) return std::move(engine).error();
  return std::unique_ptr<RocksdbStore>(new RocksdbStore(std::make_unique<Parts>(std::move(*engine))));
}

RocksdbStore::RocksdbStore(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
RocksdbStore::~RocksdbStore() = default;

LogStore& RocksdbStore::log_store() noexcept { return parts_->logs; }
Directory& RocksdbStore::directory() noexcept { return parts_->users; }
std::uint64_t RocksdbStore::boot() const noexcept { return parts_->engine->database().boot(); }
void RocksdbStore::stop() { parts_->engine->stop(); }

}  // namespace chatcore
