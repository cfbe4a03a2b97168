#include <doctest/doctest.h>

#include <filesystem>
#include <thread>

#include "chatcore/testing/manual_clock.hpp"
#include "chatcore/testing/test_executor.hpp"
#include "database.hpp"
#include "journal.hpp"
#include "temporary_store.hpp"
#include "values.hpp"

using namespace chatcore;
using rocks::Column;
using rocks::TemporaryFolder;

namespace {

AppendRequest send(Seq seq) {
  AppendRequest request;
  request.log = "log";
  request.term = 1;
  request.expectedHead = seq - 1;
  Event& event = request.events.emplace_back();
  event.seq = seq;
  event.timestamp = 1'700'000'000'000;
  event.senderId = "alice";
  event.clientMsgId = "m" + std::to_string(seq);
  request.effects.cursors.push_back({"alice", Cursor{seq, seq, seq, seq}});
  return request;
}

std::vector<AppendResult> append(RocksdbStore& store, std::vector<AppendRequest> batch) {
  testing::TestExecutor executor;
  return executor.wait<std::vector<AppendResult>>(
      [&](Executor& e, auto done) { store.log_store().append(std::move(batch), e, std::move(done)); });
}

void append_all(RocksdbStore& store, Seq from, Seq to) {
  for (Seq seq = from; seq <= to; ++seq)
    REQUIRE(append(store, {send(seq)})[0].outcome == AppendOutcome::committed);
}

std::size_t rows(rocks::Database& database, Column column) {
  const std::unique_ptr<rocksdb::Iterator> all(
      database.db().NewIterator(rocksdb::ReadOptions(), database.column(column)));
  std::size_t count = 0;
  for (all->SeekToFirst(); all->Valid(); all->Next()) ++count;
  return count;
}

struct Counted {
  std::size_t journal;
  std::size_t sends;
  std::size_t cursors;
};

Counted count(const RocksdbOptions& options) {
  auto database = rocks::Database::open(options);
  REQUIRE(database.has_value());
  return {rows(**database, Column::journal), rows(**database, Column::sends),
          rows(**database, Column::cursors)};
}

bool all_remembered(RocksdbStore& store, Seq to) {
  for (Seq seq = 1; seq <= to; ++seq) {
    const AppendResult retry = append(store, {send(seq)})[0];
    if (retry.outcome != AppendOutcome::duplicate || !retry.original || retry.original->seq != seq)
      return false;
  }
  return true;
}

/// The events' own time: otherwise compactions would forget them as old.
testing::ManualClock& event_time() {
  static testing::ManualClock clock(1'700'000'000'000);
  return clock;
}

RocksdbOptions options_in(const TemporaryFolder& folder, std::size_t foldThreshold) {
  RocksdbOptions options;
  options.clock = &event_time();
  options.path = folder.path();
  options.foldThreshold = foldThreshold;
  return options;
}

}  // namespace

TEST_CASE("below the threshold sends stay in the journal, one row per commit, and are loaded again") {
  const TemporaryFolder folder;
  const RocksdbOptions options = options_in(folder, 1000);
  {
    const auto store = rocks::open_store(options);
    append(*store, {send(1), send(2), send(3)});
    append_all(*store, 4, 5);
  }
  const Counted counted = count(options);
  CHECK(counted.journal == 3);
  CHECK(counted.sends == 0);
  CHECK(all_remembered(*rocks::open_store(options), 5));
}

TEST_CASE("past the threshold sends and cursors are folded and their rows deleted") {
  const TemporaryFolder folder;
  const RocksdbOptions options = options_in(folder, 10);
  {
    const auto store = rocks::open_store(options);
    append_all(*store, 1, 200);
    CHECK(all_remembered(*store, 200));
  }
  const Counted counted = count(options);
  CHECK(counted.sends > 0);
  CHECK(counted.journal < 200);
  CHECK(counted.cursors == 1);
  const auto again = rocks::open_store(options);
  CHECK(all_remembered(*again, 200));
  testing::TestExecutor executor;
  const auto cursors = executor.wait<std::vector<Result<Cursor>>>([&](Executor& e, auto done) {
    again->log_store().advance({{"log", "alice", {}}}, e, std::move(done));
  });
  CHECK(*cursors[0] == Cursor{200, 200, 200, 200});
}

TEST_CASE("rows that were folded but not deleted do no harm") {
  // What a crash between ingesting and deleting leaves: both. Made here by putting the rows back.
  const TemporaryFolder folder;
  const RocksdbOptions keep = options_in(folder, 1000);
  append_all(*rocks::open_store(keep), 1, 50);
  std::vector<std::pair<std::string, std::string>> saved;
  {
    auto database = rocks::Database::open(keep);
    REQUIRE(database.has_value());
    const std::unique_ptr<rocksdb::Iterator> all(
        (*database)->db().NewIterator(rocksdb::ReadOptions(), (*database)->column(Column::journal)));
    for (all->SeekToFirst(); all->Valid(); all->Next())
      saved.emplace_back(all->key().ToString(), all->value().ToString());
  }
  const RocksdbOptions fold = options_in(folder, 10);
  append_all(*rocks::open_store(fold), 51, 100);
  {
    auto database = rocks::Database::open(keep);
    REQUIRE(database.has_value());
    rocksdb::WriteBatch batch;
    for (const auto& [key, value] : saved) batch.Put((*database)->column(Column::journal), key, value);
    REQUIRE((*database)->write(batch, true).ok());
  }
  {
    const auto store = rocks::open_store(fold);
    CHECK(all_remembered(*store, 100));
    append_all(*store, 101, 200);
    CHECK(all_remembered(*store, 200));
  }
  CHECK(all_remembered(*rocks::open_store(keep), 200));
}

TEST_CASE("a leftover of an unfinished fold is removed at open") {
  const TemporaryFolder folder;
  const RocksdbOptions options = options_in(folder, 1000);
  append_all(*rocks::open_store(options), 1, 3);
  const std::string leftover = folder.path() + "/fold/sends.sst";
  std::filesystem::copy_file(folder.path() + "/CURRENT", leftover);
  const auto store = rocks::open_store(options);
  CHECK_FALSE(std::filesystem::exists(leftover));
  CHECK(all_remembered(*store, 3));
}

TEST_CASE("a damaged journal row stops the store from opening") {
  const TemporaryFolder folder;
  const RocksdbOptions options = options_in(folder, 1000);
  append_all(*rocks::open_store(options), 1, 2);
  {
    auto database = rocks::Database::open(options);
    REQUIRE(database.has_value());
    rocksdb::WriteBatch batch;
    batch.Put((*database)->column(Column::journal), std::string("\0\0\0\0\0\0\0\1", 8), "damaged");
    REQUIRE((*database)->write(batch, true).ok());
  }
  auto opened = RocksdbStore::open(options);
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().code == ErrorCode::corrupted);
}

TEST_CASE("a damaged event is answered corrupted, its neighbours are served") {
  const TemporaryFolder folder;
  const RocksdbOptions options = options_in(folder, 1000);
  append_all(*rocks::open_store(options), 1, 3);
  {
    auto database = rocks::Database::open(options);
    REQUIRE(database.has_value());
    const std::string key = std::string("\3log\0\0\0\0\0\0\0\2", 12);
    auto row = (*database)->get(Column::events, key);
    REQUIRE((row && *row));
    (*row)->back() ^= 1;
    rocksdb::WriteBatch batch;
    batch.Put((*database)->column(Column::events), key, **row);
    REQUIRE((*database)->write(batch, true).ok());
  }
  const auto store = rocks::open_store(options);
  testing::TestExecutor executor;
  for (bool newestFirst : {false, true}) {
    const auto pages = executor.wait<std::vector<Result<EventRange>>>([&](Executor& e, auto done) {
      std::vector<ReadRequest> batch(2);
      batch[0] = {.log = "log", .from = 1, .to = 1, .newestFirst = newestFirst};
      batch[1] = {.log = "log", .from = 1, .to = 3, .newestFirst = newestFirst};
      store->log_store().read(std::move(batch), e, std::move(done));
    });
    CHECK(pages[0]->events.size() == 1);
    REQUIRE_FALSE(pages[1].has_value());
    CHECK(pages[1].error().code == ErrorCode::corrupted);
  }
}

TEST_CASE("old sends are forgotten by compaction, young ones are not") {
  const TemporaryFolder folder;
  testing::ManualClock clock(1'700'000'000'000);
  RocksdbOptions options = options_in(folder, 10);
  options.clock = &clock;
  append_all(*rocks::open_store(options), 1, 100);
  const std::size_t before = count(options).sends;
  REQUIRE(before > 0);
  const auto sends_after = [&](std::chrono::hours age) {
    clock.advance(age);
    auto database = rocks::Database::open(options);
    REQUIRE(database.has_value());
    rocksdb::CompactRangeOptions compact;
    compact.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    REQUIRE(
        (*database)->db().CompactRange(compact, (*database)->column(Column::sends), nullptr, nullptr).ok());
    return rows(**database, Column::sends);
  };
  CHECK(sends_after(std::chrono::hours(24 * 35)) == before);
  CHECK(sends_after(std::chrono::hours(24 * 2)) == 0);
}

TEST_CASE("compaction takes the content of what has expired, and nothing else of it") {
  const TemporaryFolder folder;
  testing::ManualClock clock(1'700'000'000'000);
  RocksdbOptions options = options_in(folder, 10);
  options.clock = &clock;
  AppendRequest brief = send(1);
  AppendRequest lasting = send(2);
  brief.events[0].content = lasting.events[0].content = "1";
  brief.events[0].expiresAt = clock.now() + 1'000;
  append(*rocks::open_store(options), {brief, lasting});
  const auto contents_after = [&](std::chrono::milliseconds age) {
    clock.advance(age);
    auto database = rocks::Database::open(options);
    REQUIRE(database.has_value());
    rocksdb::ColumnFamilyHandle* const events = (*database)->column(Column::events);
    rocksdb::CompactRangeOptions compact;
    compact.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    REQUIRE((*database)->db().CompactRange(compact, events, nullptr, nullptr).ok());
    std::vector<std::string> contents;
    const std::unique_ptr<rocksdb::Iterator> row((*database)->db().NewIterator({}, events));
    for (row->SeekToFirst(); row->Valid(); row->Next()) {
      EventView event;
      REQUIRE(rocks::decode_event(row->key().ToStringView(), row->value().ToStringView(), event));
      contents.emplace_back(event.content);
    }
    return contents;
  };
  CHECK(contents_after(std::chrono::milliseconds(999)) == std::vector<std::string>{"1", "1"});
  CHECK(contents_after(std::chrono::milliseconds(1)) == std::vector<std::string>{"", "1"});
}
