// The limit of storing: rows as long as ours in column families like ours, a batch of N messages and the row
// that remembers their clientMsgIds and cursors in one synced write. No threads, no checks, no chat.
#include <rocksdb/db.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "journal_row.hpp"
#include "keys.hpp"
#include "values.hpp"

namespace chatcore::bench {
namespace {

constexpr std::size_t kLogs = 1000;

struct Flags {
  std::string data;
  std::size_t batch = 64;
  std::size_t messages = 20'000;
  bool sync = true;
};

[[noreturn]] void die(const std::string& why) {
  std::fprintf(stderr, "raw_rocksdb_writer: %s\n", why.c_str());
  std::exit(1);
}

double cpu_nanoseconds_of_this() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto of = [](const timeval& time) {
    return 1e9 * static_cast<double>(time.tv_sec) + 1e3 * static_cast<double>(time.tv_usec);
  };
  return of(used.ru_utime) + of(used.ru_stime);
}

std::string log_name(std::size_t i) { return "dm.abcdefghijklmnopqrstuvwxyz" + std::to_string(100'000 + i); }

std::string event_row() {
  Event event;
  event.seq = 1000;
  event.messageId = ~0ULL;
  event.timestamp = 1'700'000'000'000;
  event.ordinal = 1000;
  event.payloadHash = ~0ULL;
  event.senderId = "user-500";
  event.senderDeviceId = "phone";
  event.clientMsgId = "01890a5d-ac96-774b-bcce-b302099a8057";
  event.content.assign(128, 'x');
  std::string value;
  rocks::encode_event("key", event, value);
  return value;
}

std::string journal_row(std::size_t batch) {
  rocks::JournalRow row;
  for (std::size_t i = 0; i < batch; ++i) {
    row.sends.push_back({{~0ULL, i}, {1000, 1, ~0ULL, 1'700'000'000'000, ~0ULL}});
    row.cursors.push_back({rocks::pair_key(log_name(i), "user-500"), {{1000, 1000, 1000, 1000}, false}});
  }
  std::string value;
  rocks::encode_journal_row("key", row, value);
  return value;
}

struct Database {
  explicit Database(const std::string& path) {
    rocksdb::DBOptions options;
    options.create_if_missing = true;
    options.create_missing_column_families = true;
    options.allow_concurrent_memtable_write = false;
    std::vector<rocksdb::ColumnFamilyDescriptor> columns;
    for (const char* name : {"default", "events", "journal"})
      columns.emplace_back(name, rocksdb::ColumnFamilyOptions());
    rocksdb::DB* opened = nullptr;
    const auto status = rocksdb::DB::Open(options, path, columns, &handles, &opened);
    if (!status.ok()) die(status.ToString());
    db.reset(opened);
  }
  ~Database() {
    for (auto* handle : handles) db->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  std::unique_ptr<rocksdb::DB> db;
};

int run(const Flags& flags) {
  Database database(flags.data);
  const std::string event = event_row();
  const std::string journal = journal_row(flags.batch);
  std::vector<Seq> heads(kLogs);
  std::mt19937_64 random(1);
  rocksdb::WriteOptions write;
  write.sync = flags.sync;
  rocksdb::WriteBatch batch;
  std::string key;
  std::size_t written = 0;
  const double before = cpu_nanoseconds_of_this();
  for (std::uint64_t number = 0; written < flags.messages; ++number) {
    batch.Clear();
    for (std::size_t i = 0; i < flags.batch; ++i) {
      const std::size_t log = random() % kLogs;
      key.clear();
      rocks::event_key(key, log_name(log), ++heads[log]);
      batch.Put(database.handles[1], key, event);
    }
    batch.Put(database.handles[2], rocks::journal_key(number), journal);
    const auto status = database.db->Write(write, &batch);
    if (!status.ok()) die(status.ToString());
    written += flags.batch;
  }
  const double spent = cpu_nanoseconds_of_this() - before;
  std::printf("{\"messages\":%zu,\"cpuNsPerMessage\":%.1f,\"bytesPerMessage\":%.1f}\n", written,
              spent / static_cast<double>(written),
              static_cast<double>(event.size()) +
                  static_cast<double>(journal.size()) / static_cast<double>(flags.batch));
  return 0;
}

}  // namespace
}  // namespace chatcore::bench

int main(int argc, char** argv) {
  chatcore::bench::Flags flags;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    if (flag == "--data") flags.data = argv[i + 1];
    if (flag == "--batch") flags.batch = std::strtoull(argv[i + 1], nullptr, 10);
    if (flag == "--messages") flags.messages = std::strtoull(argv[i + 1], nullptr, 10);
    if (flag == "--durability") flags.sync = std::strcmp(argv[i + 1], "sync") == 0;
  }
  if (flags.data.empty() || flags.batch == 0)
    chatcore::bench::die("--data DIR [--batch N] [--messages N] [--durability sync|os]");
  return chatcore::bench::run(flags);
}
