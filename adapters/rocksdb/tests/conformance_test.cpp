#include <doctest/doctest.h>

#include "chatcore/testing/directory_conformance.hpp"
#include "chatcore/testing/log_store_conformance.hpp"
#include "temporary_store.hpp"

using namespace chatcore;
using rocks::TemporaryFolder;

namespace {

RocksdbOptions options_in(const TemporaryFolder& folder, Durability durability, std::size_t foldThreshold) {
  RocksdbOptions options;
  options.path = folder.path();
  options.durability = durability;
  options.foldThreshold = foldThreshold;
  options.hotLogs = 8;
  return options;
}

/// A store that folds and forgets hot logs all the time, so that every case meets rows wherever they can lie.
class Fixture final : public testing::LogStoreFixture, public testing::DirectoryFixture {
 public:
  Fixture(Durability durability, std::size_t foldThreshold)
      : options_(options_in(folder_, durability, foldThreshold)), store_(rocks::open_store(options_)) {}
  LogStore& store() override { return store_->log_store(); }
  Directory& directory() override { return store_->directory(); }
  bool reopen() override {
    store_.reset();
    store_ = rocks::open_store(options_);
    return true;
  }

 private:
  TemporaryFolder folder_;
  RocksdbOptions options_;
  std::unique_ptr<RocksdbStore> store_;
};

void run_all(const std::vector<testing::ConformanceCase>& cases) {
  for (const auto& one : cases) {
    INFO(one.name);
    CHECK_NOTHROW(one.run());
  }
}

}  // namespace

TEST_CASE("the RocksDB log store does what every log store must do, in every durability mode") {
  for (Durability durability : {Durability::sync, Durability::os, Durability::memory})
    run_all(testing::log_store_conformance(
        [durability] { return std::make_unique<Fixture>(durability, 1U << 17); }));
}

TEST_CASE("the RocksDB log store does it also while everything is folded at once") {
  run_all(testing::log_store_conformance([] { return std::make_unique<Fixture>(Durability::os, 4); }));
}

TEST_CASE("the RocksDB directory does what every directory must do") {
  run_all(testing::directory_conformance([] { return std::make_unique<Fixture>(Durability::sync, 64); }));
}
