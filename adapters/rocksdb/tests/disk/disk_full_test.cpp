#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "../temporary_store.hpp"
#include "chatcore/testing/manual_clock.hpp"
#include "faulty_disk.hpp"
#include "promises.hpp"
#include "seeds.hpp"

using namespace chatcore;
using namespace chatcore::rocks;

namespace {

enum class Fault : std::uint8_t { full, readOnly };

/// A disk that takes nothing for a while: appends fail, or every change does.
class Refusing {
 public:
  Refusing(FaultyDisk& disk, Fault fault) {
    disk.observe([this, fault](DiskOp what, const std::string&) {
      if (slow_.load() && what == DiskOp::sync) std::this_thread::sleep_for(std::chrono::milliseconds(50));
      if (!on_.load()) return rocksdb::IOStatus::OK();
      if (fault == Fault::readOnly) return rocksdb::IOStatus::IOError("Read-only file system");
      const bool grows = what == DiskOp::append;  // an empty file still finds a place
      if (!grows) return rocksdb::IOStatus::OK();
      rocksdb::IOStatus full = rocksdb::IOStatus::NoSpace("No space left on device");
      full.SetRetryable(true);  // as the real file system says
      return full;
    });
  }
  void set(bool on) { on_.store(on); }
  /// Syncing takes its time.
  void slow_down() { slow_.store(true); }

 private:
  std::atomic<bool> on_{false};
  std::atomic<bool> slow_{false};
};

constexpr std::size_t kFoldThreshold = 40;

RocksdbOptions options_in(const std::string& path, Clock& clock) {
  RocksdbOptions options;
  options.path = path;
  options.blockCacheBytes = 1U << 20;
  options.foldThreshold = kFoldThreshold;
  options.readerThreads = 1;
  options.clock = &clock;
  return options;
}

AppendRequest one(const ConversationId& log, Seq seq, MessageId id) {
  AppendRequest request;
  request.log = log;
  request.term = 1;
  request.expectedHead = seq - 1;
  Event& event = request.events.emplace_back();
  event.seq = event.ordinal = seq;
  event.messageId = id;
  event.timestamp = 1'700'000'000'000;
  event.senderId = "alice";
  event.clientMsgId = "m" + std::to_string(id);
  event.content.assign(500, 'x');
  return request;
}

/// One writer. Each attempt is another event, so that the one that was promised can be told from the one
/// whose fate was left open.
class Writer {
 public:
  explicit Writer(OpenStore& store) : store_(store) {}

  /// Appends the next event; false: not now.
  bool append() {
    const auto results = executor_.wait<std::vector<AppendResult>>([&](Executor& e, auto done) {
      store_.logs.append({one("log", head + 1, ++attempts_)}, e, std::move(done));
    });
    const AppendResult& result = results[0];
    switch (result.outcome) {
      case AppendOutcome::committed:
        promised[++head] = attempts_;
        return true;
      case AppendOutcome::conflict:
        head = stored();
        return false;
      case AppendOutcome::refused:
        CHECK(result.error.code == ErrorCode::unavailable);
        ++refused;
        return false;
      case AppendOutcome::unknown:
        CHECK(result.error.code == ErrorCode::unavailable);
        ++unknown;
        return false;
      default:
        FAIL("an outcome that nothing calls for");
        return false;
    }
  }

  /// Whether each send that was promised is known when it comes again.
  bool remembered() {
    for (const auto& [seq, id] : promised) {
      const auto results = executor_.wait<std::vector<AppendResult>>(
          [&](Executor& e, auto done) { store_.logs.append({one("log", seq, id)}, e, std::move(done)); });
      const AppendResult& again = results[0];
      if (again.outcome != AppendOutcome::duplicate || !again.original) return false;
      if (again.original->seq != seq || again.original->messageId != id) return false;
    }
    return true;
  }

  /// The head as readers see it, and that everything up to there is served.
  Seq stored() {
    Seq seen = 0;
    bool more = true;
    while (more) {
      auto page = executor_.wait<std::vector<Result<EventRange>>>([&](Executor& e, auto done) {
        store_.logs.read({{.log = "log", .from = seen + 1, .to = UINT64_MAX}}, e, std::move(done));
      });
      REQUIRE(page[0].has_value());
      more = page[0]->more;
      for (const EventView& event : page[0]->events) {
        REQUIRE(event.seq == ++seen);
        const auto known = promised.find(seen);
        REQUIRE((known == promised.end() || known->second == event.messageId));
      }
    }
    return seen;
  }

  Seq head = 0;
  std::map<Seq, MessageId> promised;
  std::size_t refused = 0;
  std::size_t unknown = 0;

 private:
  OpenStore& store_;
  MessageId attempts_ = 0;
  testing::TestExecutor executor_;
};

std::unique_ptr<OpenStore> open(const RocksdbOptions& options, FaultyDisk& disk) {
  auto engine = Engine::open(options, {disk.env(), 64U << 10, {}});
  if (!engine) throw std::runtime_error(engine.error().message);
  return std::make_unique<OpenStore>(std::move(*engine));
}

/// Lets the disk fail and looks that writers are refused and readers go on.
void refuse(Writer& writer, Refusing& disk, std::uint64_t steps) {
  for (std::uint64_t i = 0; i < steps; ++i) REQUIRE(writer.append());
  disk.set(true);
  const Seq before = writer.head;
  bool taken = true;
  for (int i = 0; i < 20; ++i) taken = writer.append();
  CHECK_FALSE(taken);
  CHECK(writer.stored() >= before);
  disk.set(false);
}

/// Service comes back by itself.
void resume(Writer& writer) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!writer.append() && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  REQUIRE(writer.append());
}

std::size_t rows(OpenStore& store, Column column) {
  Database& database = store.engine->database();
  const std::unique_ptr<rocksdb::Iterator> all(
      database.db().NewIterator(rocksdb::ReadOptions(), database.column(column)));
  std::size_t count = 0;
  for (all->SeekToFirst(); all->Valid(); all->Next()) ++count;
  return count;
}

/// The journal becomes no longer than it is allowed to, however much is sent.
void fold(OpenStore& store, Writer& writer) {
  const std::size_t before = rows(store, Column::sends);
  for (std::size_t i = 0; i < 10 * kFoldThreshold; ++i) REQUIRE(writer.append());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (rows(store, Column::journal) > kFoldThreshold + 1 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  CHECK(rows(store, Column::journal) <= kFoldThreshold + 1);
  CHECK(rows(store, Column::sends) >= before + 9 * kFoldThreshold);
  CHECK(writer.remembered());
}

void run(Fault fault, Durability durability, bool powerCut) {
  const TemporaryFolder folder(place_of_disks());
  FaultyDisk disk(folder.path() + "/graveyard");
  Refusing refusing(disk, fault);
  testing::ManualClock clock;
  RocksdbOptions options = options_in(folder.path() + "/store", clock);
  options.durability = durability;
  std::mt19937_64 random(7);
  auto store = open(options, disk);
  Seq head = 0;
  std::map<Seq, MessageId> promised;
  {
    Writer writer(*store);
    if (fault == Fault::full) {
      // Where nothing has been written before, and again where it has recovered once.
      const bool twice = durability == Durability::sync && !powerCut;
      for (std::uint64_t steps = twice ? 0 : 200; steps <= 200; steps += 200) {
        refuse(writer, refusing, steps);
        resume(writer);
        fold(*store, writer);
      }
    } else {
      refuse(writer, refusing, 200);
      // RocksDB takes this for fatal: the store stays closed to writers until it is opened again.
      CHECK_FALSE(writer.append());
    }
    // The first may be `unknown`; but not where a flush has met the full disk before any writer did.
    CHECK(writer.refused > 0);
    head = writer.head;
    promised = writer.promised;
  }
  if (powerCut) disk.cut();
  store.reset();
  if (powerCut) disk.restore(random);
  store = open(options, disk);
  Writer after(*store);
  after.promised = promised;
  CHECK(after.stored() == head);
  CHECK(after.remembered());
}

}  // namespace

TEST_CASE("a full disk refuses appends for a while, costs nothing that was promised, and folding goes on") {
  run(Fault::full, Durability::sync, false);
  run(Fault::full, Durability::sync, true);
  run(Fault::full, Durability::os, false);
}

TEST_CASE("durability memory: a full disk refuses appends for a while, and closing keeps what was written") {
  const TemporaryFolder folder(place_of_disks());
  FaultyDisk disk(folder.path() + "/graveyard");
  Refusing refusing(disk, Fault::full);
  testing::ManualClock clock;
  RocksdbOptions options = options_in(folder.path() + "/store", clock);
  options.durability = Durability::memory;
  auto store = open(options, disk);
  Seq head = 0;
  std::map<Seq, MessageId> promised;
  {
    Writer writer(*store);
    refusing.set(true);
    // Nothing is written before a memtable is full.
    for (int i = 0; i < 10'000 && writer.append(); ++i) continue;
    CHECK(writer.refused + writer.unknown > 0);
    refusing.set(false);
    resume(writer);
    fold(*store, writer);
    refusing.slow_down();
    head = writer.head;
    promised = writer.promised;
  }
  store.reset();
  store = open(options, disk);
  Writer after(*store);
  after.promised = promised;
  CHECK(after.stored() == head);
  CHECK(after.remembered());
}

TEST_CASE("a disk that has become read-only refuses appends, and serves what was promised, until a restart") {
  run(Fault::readOnly, Durability::sync, false);
  run(Fault::readOnly, Durability::sync, true);
}

TEST_CASE("durability memory: closing after the first memtable met a read-only disk keeps to a beginning") {
  const TemporaryFolder folder(place_of_disks());
  FaultyDisk disk(folder.path() + "/graveyard");
  Refusing refusing(disk, Fault::readOnly);
  testing::ManualClock clock;
  RocksdbOptions options = options_in(folder.path() + "/store", clock);
  options.durability = Durability::memory;
  options.foldThreshold = 100'000;  // which would flush before a memtable is full
  auto store = open(options, disk);
  Seq head = 0;
  {
    Writer writer(*store);
    refusing.set(true);
    for (int i = 0; i < 10'000 && writer.append(); ++i) continue;
    CHECK(writer.refused + writer.unknown > 0);
    head = writer.head;
  }
  store.reset();
  refusing.set(false);
  store = open(options, disk);
  CHECK(Writer(*store).stored() <= head);
}
