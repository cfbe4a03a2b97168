#include <benchmark/benchmark.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <sys/resource.h>

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <random>

#include "chatcore/rocksdb/store.hpp"

/// What storing costs against the same rows put into RocksDB with nothing around it. Every row reports
/// `cpu_us`: processor time of the whole process (RocksDB's threads included) per append or page.
namespace {

using namespace chatcore;

constexpr std::size_t kLogs = 1000;
constexpr std::size_t kContent = 128;
constexpr Seq kLargeLog = 1'000'000;

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "chatcore-bench-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Runs completions on the benchmark's own thread.
class Inbox final : public Executor {
 public:
  void post(Task task) override {
    {
      std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    arrived_.notify_one();
  }
  void run() {
    std::vector<Task> taken;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [this] { return !tasks_.empty(); });
      taken.swap(tasks_);
    }
    for (Task& task : taken) task();
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<Task> tasks_;
};

std::string uuid(std::mt19937_64& random) {
  char text[37];
  const std::uint64_t a = random();
  const std::uint64_t b = random();
  std::snprintf(text, sizeof text, "%08x-%04x-4%03x-%04x-%012llx", static_cast<unsigned>(a >> 32),
                static_cast<unsigned>(a >> 16 & 0xffff), static_cast<unsigned>(a & 0xfff),
                static_cast<unsigned>(b >> 48), static_cast<unsigned long long>(b & 0xffffffffffffULL));
  return text;
}

std::string log_name(std::size_t i) { return "dm.abcdefghijklmnopqrstuvwxyz" + std::to_string(100'000 + i); }

AppendRequest request_for(std::size_t log, Seq head, std::mt19937_64& random, bool cursor) {
  AppendRequest request;
  request.log = log_name(log);
  request.term = 1;
  request.expectedHead = head;
  Event& event = request.events.emplace_back();
  event.seq = head + 1;
  event.messageId = random();
  event.timestamp = 1'700'000'000'000;
  event.ordinal = head + 1;
  event.payloadHash = random();
  event.senderId = "user-" + std::to_string(log);
  event.senderDeviceId = "phone";
  event.clientMsgId = uuid(random);
  event.content.assign(kContent, 'x');
  if (cursor)
    request.effects.cursors.push_back({event.senderId, Cursor{event.seq, event.seq, event.seq, event.seq}});
  return request;
}

RocksdbOptions options_for(const Folder& folder, Durability durability) {
  RocksdbOptions options;
  options.path = folder.path();
  options.durability = durability;
  return options;
}

void append(benchmark::State& state, Durability durability, bool cursor) {
  const Folder folder;
  auto store = std::move(*RocksdbStore::open(options_for(folder, durability)));
  const auto batchSize = static_cast<std::size_t>(state.range(0));
  std::vector<Seq> heads(kLogs);
  std::mt19937_64 random(1);
  Inbox inbox;
  std::size_t appended = 0;
  double spent = 0;
  for (auto _ : state) {
    // Making requests is the caller's cost: prepared outside of the measured processor time.
    state.PauseTiming();
    std::vector<std::vector<AppendRequest>> batches(2048 / batchSize);
    for (auto& batch : batches) {
      for (std::size_t i = 0; i < batchSize; ++i) {
        const std::size_t log = random() % kLogs;
        batch.push_back(request_for(log, heads[log]++, random, cursor));
      }
    }
    state.ResumeTiming();
    const double before = cpu_seconds();
    for (auto& batch : batches) {
      bool answered = false;
      store->log_store().append(std::move(batch), inbox, [&](std::vector<AppendResult> results) {
        answered = true;
        for (const AppendResult& result : results) {
          if (result.outcome != AppendOutcome::committed) state.SkipWithError("not committed");
        }
      });
      while (!answered) inbox.run();
    }
    spent += cpu_seconds() - before;
    appended += 2048;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(appended));
  state.counters["cpu_us"] = spent * 1e6 / static_cast<double>(appended);
}

/// The limit: the same bytes under the same keys, one batch, one write.
void raw_append(benchmark::State& state, bool sync) {
  const Folder folder;
  rocksdb::Options options;
  options.create_if_missing = true;
  options.allow_concurrent_memtable_write = false;
  rocksdb::DB* opened = nullptr;
  if (!rocksdb::DB::Open(options, folder.path(), &opened).ok()) return state.SkipWithError("cannot open");
  const std::unique_ptr<rocksdb::DB> db(opened);
  const auto batchSize = static_cast<std::size_t>(state.range(0));
  std::vector<Seq> heads(kLogs);
  std::mt19937_64 random(1);
  std::size_t appended = 0;
  double spent = 0;
  rocksdb::WriteBatch batch;
  rocksdb::WriteOptions write;
  write.sync = sync;
  const std::string value(kContent + 90, 'x');
  for (auto _ : state) {
    const double before = cpu_seconds();
    for (std::size_t n = 0; n < 2048 / batchSize; ++n) {
      batch.Clear();
      for (std::size_t i = 0; i < batchSize; ++i) {
        const std::size_t log = random() % kLogs;
        std::string key = log_name(log);
        const std::uint64_t seq = __builtin_bswap64(++heads[log]);
        key.append(reinterpret_cast<const char*>(&seq), sizeof seq);
        batch.Put(key, value);
      }
      if (!db->Write(write, &batch).ok()) state.SkipWithError("not written");
    }
    spent += cpu_seconds() - before;
    appended += 2048;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(appended));
  state.counters["cpu_us"] = spent * 1e6 / static_cast<double>(appended);
}

BENCHMARK_CAPTURE(raw_append, sync, true)->Arg(1)->Arg(64);
BENCHMARK_CAPTURE(append, sync, Durability::sync, false)->Arg(1)->Arg(64);
BENCHMARK_CAPTURE(append, sync_with_cursor, Durability::sync, true)->Arg(1)->Arg(64);
BENCHMARK_CAPTURE(raw_append, os, false)->Arg(1)->Arg(64);
BENCHMARK_CAPTURE(append, os, Durability::os, false)->Arg(1)->Arg(64);
BENCHMARK_CAPTURE(append, os_with_cursor, Durability::os, true)->Arg(1)->Arg(64);

/// One log of a million events, made once for both readers.
class LargeLog {
 public:
  LargeLog() {
    auto store = std::move(*RocksdbStore::open(options_for(folder_, Durability::os)));
    std::mt19937_64 random(1);
    Inbox inbox;
    for (Seq head = 0; head < kLargeLog;) {
      std::vector<AppendRequest> batch;
      for (int i = 0; i < 256 && head < kLargeLog; ++i)
        batch.push_back(request_for(0, head++, random, false));
      bool answered = false;
      store->log_store().append(std::move(batch), inbox, [&](std::vector<AppendResult>) { answered = true; });
      while (!answered) inbox.run();
    }
  }
  RocksdbOptions options() const { return options_for(folder_, Durability::os); }

 private:
  Folder folder_;
};
LargeLog& large_log() {
  static LargeLog log;
  return log;
}

void page_of_50(benchmark::State& state) {
  auto store = std::move(*RocksdbStore::open(large_log().options()));
  std::mt19937_64 random(1);
  Inbox inbox;
  const double before = cpu_seconds();
  for (auto _ : state) {
    std::vector<ReadRequest> batch(static_cast<std::size_t>(state.range(0)));
    for (ReadRequest& read : batch) {
      read.log = log_name(0);
      read.to = 50 + random() % (kLargeLog - 50);
      read.newestFirst = true;
      read.maxEvents = 50;
    }
    bool answered = false;
    store->log_store().read(std::move(batch), inbox, [&](std::vector<Result<EventRange>> pages) {
      answered = true;
      for (const auto& page : pages) {
        if (!page || page->events.size() != 50) state.SkipWithError("not a page");
      }
    });
    while (!answered) inbox.run();
  }
  const auto pages = state.iterations() * state.range(0);
  state.SetItemsProcessed(pages);
  state.counters["cpu_us"] = (cpu_seconds() - before) * 1e6 / static_cast<double>(pages);
}
BENCHMARK(page_of_50)->Arg(1)->Arg(16)->UseRealTime();

/// The limit: one reverse iterator over the same database, values only looked at.
void raw_page_of_50(benchmark::State& state) {
  const std::string path = large_log().options().path;
  std::vector<std::string> names;
  rocksdb::DB::ListColumnFamilies(rocksdb::DBOptions(), path, &names).PermitUncheckedError();
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(128U << 20);
  rocksdb::ColumnFamilyOptions column;
  column.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  std::vector<rocksdb::ColumnFamilyDescriptor> columns;
  for (const std::string& name : names) columns.emplace_back(name, column);
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  if (!rocksdb::DB::OpenForReadOnly(rocksdb::DBOptions(), path, columns, &handles, &opened).ok())
    return state.SkipWithError("cannot open");
  const std::unique_ptr<rocksdb::DB> db(opened);
  const auto events =
      static_cast<std::size_t>(std::find(names.begin(), names.end(), "events") - names.begin());
  std::mt19937_64 random(1);
  const std::string log = log_name(0);
  const double before = cpu_seconds();
  for (auto _ : state) {
    std::string key(1, static_cast<char>(log.size()));
    key += log;
    const std::uint64_t to = __builtin_bswap64(50 + random() % (kLargeLog - 50));
    key.append(reinterpret_cast<const char*>(&to), sizeof to);
    const std::unique_ptr<rocksdb::Iterator> rows(db->NewIterator(rocksdb::ReadOptions(), handles[events]));
    rows->SeekForPrev(key);
    std::size_t bytes = 0;
    for (int i = 0; i < 50 && rows->Valid(); ++i, rows->Prev()) bytes += rows->value().size();
    benchmark::DoNotOptimize(bytes);
  }
  state.counters["cpu_us"] = (cpu_seconds() - before) * 1e6 / static_cast<double>(state.iterations());
  for (rocksdb::ColumnFamilyHandle* handle : handles)
    db->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(raw_page_of_50)->UseRealTime();

}  // namespace
