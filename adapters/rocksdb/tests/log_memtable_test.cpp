#include "log_memtable.hpp"

#include <doctest/doctest.h>
#include <rocksdb/db.h>

#include <atomic>
#include <map>
#include <random>
#include <thread>

#include "keys.hpp"
#include "temporary_store.hpp"

using namespace chatcore;

namespace {

/// Two column families that are given the same: one on the memtable under test, one on RocksDB's own.
class Twins {
 public:
  explicit Twins(const std::string& path) : path_(path) { open(); }
  ~Twins() { close(); }

  void reopen() {
    close();
    open();
  }
  void put(const std::string& key, const std::string& value) {
    rocksdb::WriteBatch batch;
    for (rocksdb::ColumnFamilyHandle* column : columns_) batch.Put(column, key, value);
    REQUIRE(db_->Write({}, &batch).ok());
  }
  void remove(const std::string& key) {
    rocksdb::WriteBatch batch;
    for (rocksdb::ColumnFamilyHandle* column : columns_) batch.Delete(column, key);
    REQUIRE(db_->Write({}, &batch).ok());
  }
  void flush() { REQUIRE(db_->Flush({}, columns_).ok()); }
  rocksdb::DB& db() { return *db_; }

  struct Iterators {
    std::unique_ptr<rocksdb::Iterator> ours, theirs;

    void both(void (rocksdb::Iterator::*step)()) {
      ((*ours).*step)();
      ((*theirs).*step)();
    }
    void seek(const std::string& key) { ours->Seek(key), theirs->Seek(key); }
    void seek_for_prev(const std::string& key) { ours->SeekForPrev(key), theirs->SeekForPrev(key); }
    [[nodiscard]] bool valid() const { return theirs->Valid(); }
    [[nodiscard]] bool agree() const {
      if (!ours->status().ok() || ours->Valid() != theirs->Valid()) return false;
      return !ours->Valid() || (ours->key() == theirs->key() && ours->value() == theirs->value());
    }
  };
  Iterators iterators(const rocksdb::Snapshot* snapshot = nullptr) {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot;
    return {std::unique_ptr<rocksdb::Iterator>(db_->NewIterator(options, columns_[1])),
            std::unique_ptr<rocksdb::Iterator>(db_->NewIterator(options, columns_[0]))};
  }

 private:
  void open() {
    rocksdb::DBOptions options;
    options.create_if_missing = true;
    options.create_missing_column_families = true;
    options.allow_concurrent_memtable_write = false;
    rocksdb::ColumnFamilyOptions ours;
    ours.memtable_factory = std::make_shared<rocks::LogMemtableFactory>();
    rocksdb::DB* opened = nullptr;
    REQUIRE(rocksdb::DB::Open(options, path_, {{"default", {}}, {"ours", ours}}, &columns_, &opened).ok());
    db_.reset(opened);
  }
  void close() {
    for (rocksdb::ColumnFamilyHandle* column : columns_) db_->DestroyColumnFamilyHandle(column);
    columns_.clear();
    db_.reset();
  }

  std::string path_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> columns_;
};

std::string key_of(const std::string& log, Seq seq) {
  std::string key;
  rocks::event_key(key, log, seq);
  return key;
}

/// Names of which some begin like others.
std::string log_name(std::mt19937& random) {
  std::string name;
  for (std::size_t n = 1 + random() % 3; n > 0; --n) name.push_back("ab\xff"[random() % 3]);
  return name;
}

bool walks_agree(Twins::Iterators at, std::mt19937& random) {
  for (int begin = 0; begin < 6; ++begin) {
    std::string target = key_of(log_name(random), random() % 12);
    if (random() % 4 == 0) target.resize(random() % target.size());
    switch (random() % 4) {
      case 0:
        at.both(&rocksdb::Iterator::SeekToFirst);
        break;
      case 1:
        at.both(&rocksdb::Iterator::SeekToLast);
        break;
      case 2:
        at.seek(target);
        break;
      default:
        at.seek_for_prev(target);
    }
    if (!at.agree()) return false;
    for (int step = 0; step < 20 && at.valid(); ++step) {
      at.both(random() % 3 == 0 ? &rocksdb::Iterator::Prev : &rocksdb::Iterator::Next);
      if (!at.agree()) return false;
    }
  }
  return true;
}

}  // namespace

TEST_CASE(
    "walking the log memtable finds what RocksDB's own memtable has, whatever was written in whatever "
    "order") {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    const rocks::TemporaryFolder folder;
    Twins twins(folder.path());
    std::mt19937 random(seed);
    std::map<std::string, Seq> heads;
    for (int step = 0; step < 300; ++step) {
      const std::string log = log_name(random);
      const std::string value = std::to_string(step);
      if (random() % 8 != 0) {
        twins.put(key_of(log, ++heads[log]), value);
      } else if (random() % 2 == 0) {
        twins.put(key_of(log, random() % 12), value);
      } else {
        twins.remove(key_of(log, random() % 12));
      }
      if (random() % 100 == 0) twins.flush();
      if (random() % 100 == 0) twins.reopen();
      if (step % 10 == 0) REQUIRE(walks_agree(twins.iterators(), random));
    }
    REQUIRE(walks_agree(twins.iterators(), random));
  }
}

TEST_CASE("a walk over the log memtable does not see what is written after it began") {
  const rocks::TemporaryFolder folder;
  Twins twins(folder.path());
  std::mt19937 random(7);
  for (Seq seq = 1; seq <= 5; ++seq) twins.put(key_of("a", seq), "before");
  const rocksdb::Snapshot* snapshot = twins.db().GetSnapshot();
  Twins::Iterators began = twins.iterators();
  began.seek(key_of("a", 3));
  for (Seq seq = 4; seq <= 500; ++seq) twins.put(key_of("a", seq), "after");
  twins.put(key_of("Z", 1), "after");
  twins.put(key_of("b", 1), "after");
  twins.remove(key_of("a", 1));
  for (int i = 0; i < 3; ++i) {
    REQUIRE(began.agree());
    began.both(&rocksdb::Iterator::Next);
  }
  CHECK_FALSE(began.valid());
  CHECK(walks_agree(std::move(began), random));
  CHECK(walks_agree(twins.iterators(snapshot), random));
  twins.db().ReleaseSnapshot(snapshot);
}

TEST_CASE("readers of the log memtable see every log without a hole while it grows") {
  const rocks::TemporaryFolder folder;
  Twins twins(folder.path());
  constexpr Seq kLogs = 50;
  constexpr Seq kEach = 400;
  std::atomic<bool> done{false};
  std::atomic<bool> whole{true};
  const auto read = [&] {
    while (!done.load()) {
      const auto rows = std::move(twins.iterators().ours);
      std::string last;
      for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
        const std::string key = rows->key().ToString();
        const bool follows =
            key.substr(0, key.size() - 8) == last.substr(0, last.empty() ? 0 : last.size() - 8);
        const Seq before = follows && !last.empty() ? rocks::seq_of_event_key(last) : 0;
        if (rocks::seq_of_event_key(key) != before + 1) whole.store(false);
        last = key;
      }
    }
  };
  std::thread one(read);
  std::thread two(read);
  for (Seq seq = 1; seq <= kEach; ++seq)
    for (Seq log = 0; log < kLogs; ++log) twins.put(key_of("log" + std::to_string(log), seq), "x");
  done.store(true);
  one.join();
  two.join();
  CHECK(whole.load());
}
