#include <doctest/doctest.h>

#include "../temporary_store.hpp"
#include "chatcore/testing/manual_clock.hpp"
#include "faulty_disk.hpp"
#include "promises.hpp"
#include "seeds.hpp"

using namespace chatcore;
using namespace chatcore::rocks;

namespace {

constexpr std::size_t kSmallBuffer = 64U << 10;  // the smallest that RocksDB takes

/// One store whose power is cut again and again. Everything that is random comes from the seed; how RocksDB's
/// own threads interleave does not.
class Campaign {
 public:
  Campaign(Durability durability, std::uint64_t seed)
      : random_(seed), disk_(std::make_shared<FaultyDisk>(folder_.path() + "/graveyard")) {
    options_.path = folder_.path() + "/store";
    options_.durability = durability;
    options_.blockCacheBytes = 1U << 20;
    options_.foldThreshold = 10 + random_() % 200;
    options_.readerThreads = 1;
    options_.clock = &clock_;
    // Every third store folds as after a failed write.
    if (seed % 3 == 0) foldPiece_ = 1 + seed % 20;
  }

  /// What went wrong; empty: nothing.
  std::string run() {
    for (std::uint64_t round = 0, rounds = 1 + random_() % 3; round < rounds; ++round) {
      arm();
      if (auto store = open()) {
        if (std::string wrong = check(*store); !wrong.empty()) return wrong;
        if (std::string wrong = work(*store); !wrong.empty()) return wrong;
        disk_->cut();
        close(std::move(store));
      } else if (!disk_->is_cut()) {
        return error_;
      }
      disk_->restore(random_);
      ++cuts_;
    }
    auto store = open();
    if (store == nullptr) return error_;
    std::string wrong = check(*store);
    close(std::move(store));
    return wrong;
  }

  [[nodiscard]] std::size_t cuts() const { return cuts_; }
  [[nodiscard]] std::size_t promised() const { return promised_; }
  [[nodiscard]] std::size_t lost() const { return lost_; }

 private:
  void arm() {
    const std::uint64_t kind = random_() % 8;
    // Opening takes about a hundred operations.
    disk_->cut_after(kind == 0 ? 1 + random_() % 100 : kind == 1 ? 0 : 60 + random_() % 500);
  }

  std::unique_ptr<OpenStore> open() {
    auto engine = Engine::open(
        options_,
        {.env = disk_->env(), .writeBufferBytes = kSmallBuffer, .listeners = {}, .foldPiece = foldPiece_});
    if (engine) return std::make_unique<OpenStore>(std::move(*engine));
    error_ = "cannot be opened: " + engine.error().message;
    return nullptr;
  }

  static void close(std::unique_ptr<OpenStore> store) { store->engine->stop(); }

  std::string check(OpenStore& store) {
    const bool wasCut = disk_->is_cut();
    const Findings found = audit(store, history_, options_.durability == Durability::sync);
    // A look at a disk that fails meanwhile proves nothing.
    if (wasCut || disk_->is_cut()) return {};
    if (!found.broken.empty() || !found.reported.empty()) return found.text();
    lost_ += history_.steps.size() - found.survived;
    history_.lose_after(found.survived);
    return {};
  }

  std::string work(OpenStore& store) {
    std::string wrong;
    {
      Load load(&store, history_, random_);
      for (std::uint64_t i = 0, steps = random_() % 200; i < steps && !disk_->is_cut(); ++i) {
        load.step();
        if (random_() % 40 == 0) background(store);
      }
      if (random_() % 2 == 0) load.settle();
      load.settle();
      for (const std::string& one : load.broken) wrong += one + "; ";
    }
    for (const Step& step : history_.steps) promised_ += step.kept ? 1 : 0;
    return wrong;
  }

  /// What RocksDB does by itself in its own time, now.
  void background(OpenStore& store) {
    Database& database = store.engine->database();
    rocksdb::ColumnFamilyHandle* column = database.column(static_cast<Column>(random_() % kColumns));
    rocksdb::FlushOptions flush;
    flush.wait = random_() % 2 == 0;
    if (options_.durability == Durability::memory) return;
    if (random_() % 3 != 0) {
      database.db().Flush(flush, column).PermitUncheckedError();
    } else {
      database.db()
          .CompactRange(rocksdb::CompactRangeOptions(), column, nullptr, nullptr)
          .PermitUncheckedError();
    }
  }

  std::mt19937_64 random_;
  TemporaryFolder folder_{place_of_disks()};
  std::shared_ptr<FaultyDisk> disk_;
  testing::ManualClock clock_;
  RocksdbOptions options_;
  std::size_t foldPiece_ = 0;
  History history_;
  std::string error_;
  std::size_t cuts_ = 0;
  std::size_t promised_ = 0;
  std::size_t lost_ = 0;
};

void run(Durability durability, std::uint64_t usual, const char* name) {
  const Seeds seeds(usual);
  std::size_t cuts = 0;
  std::size_t promised = 0;
  std::size_t lost = 0;
  for (std::uint64_t seed = seeds.first; seed <= seeds.last; ++seed) {
    Campaign campaign(durability, seed);
    const std::string wrong = campaign.run();
    CHECK_MESSAGE(wrong.empty(), wrong << "\n" << replay(seed, name));
    cuts += campaign.cuts();
    promised += campaign.promised();
    lost += campaign.lost();
  }
  MESSAGE(cuts << " cuts, " << promised << " promises, " << lost << " steps lost");
}

}  // namespace

TEST_CASE("durability sync: a power cut loses nothing that was promised") {
  run(Durability::sync, 30, "durability sync*");
}

TEST_CASE("durability os: a power cut loses a suffix, and nothing by half") {
  run(Durability::os, 20, "durability os*");
}

TEST_CASE("durability memory: a power cut loses a suffix, and nothing by half") {
  run(Durability::memory, 10, "durability memory*");
}
