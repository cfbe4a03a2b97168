#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "../temporary_store.hpp"
#include "chatcore/testing/kill_point.hpp"
#include "chatcore/testing/manual_clock.hpp"
#include "faulty_disk.hpp"
#include "promises.hpp"

using namespace chatcore;
using namespace chatcore::rocks;

namespace {

namespace fs = std::filesystem;

/// At each place; CHATCORE_KILLS asks for more.
constexpr std::size_t kUsualKills = 20;
constexpr unsigned kPatience = 60;  // seconds, of which a run takes a tenth of one
constexpr int kRounds = 3;
constexpr int kSteps = 50;

/// Where the process dies, and how often a run passes there, roughly.
struct Point {
  const char* name;
  std::uint64_t passes;
};
constexpr Point kPoints[] = {
    {"commit.decided", 100},  {"disk.wal.append", 100},     {"disk.wal.sync", 100},
    {"commit.marking", 100},  {"commit.written", 100},      {"commit.answering", 100},
    {"commit.answered", 100}, {"open.recovered", 3},        {"open.counted", 3},
    {"close.begun", 3},       {"fold.written", 6},          {"fold.piece", 40},
    {"fold.stored", 6},       {"fold.deleted", 6},          {"disk.table.append", 60},
    {"disk.table.sync", 20},  {"disk.manifest.append", 40}, {"disk.manifest.sync", 40},
    {"disk.folder.sync", 30}, {"disk.rename", 3},           {"disk.remove", 20},
};

/// Names what the disk is about to do.
rocksdb::IOStatus name_operation(DiskOp what, const std::string& path) {
  const fs::path file(path);
  const bool wal = file.extension() == ".log";
  const bool table = file.extension() == ".sst";
  const bool manifest = file.filename().string().rfind("MANIFEST", 0) == 0;
  const char* const kind = wal ? "wal" : table ? "table" : manifest ? "manifest" : nullptr;
  if (what == DiskOp::rename) testing::pass_kill_point("disk.rename");
  if (what == DiskOp::remove) testing::pass_kill_point("disk.remove");
  if (what == DiskOp::sync_folder) testing::pass_kill_point("disk.folder.sync");
  if (kind != nullptr && what == DiskOp::append)
    testing::pass_kill_point(std::string("disk.") + kind + ".append");
  if (kind != nullptr && what == DiskOp::sync)
    testing::pass_kill_point(std::string("disk.") + kind + ".sync");
  return rocksdb::IOStatus::OK();
}

std::uint64_t number_from(const char* name) {
  const char* const text = std::getenv(name);
  return text == nullptr ? 0 : std::strtoull(text, nullptr, 10);
}

RocksdbOptions options_in(const std::string& folder, std::uint64_t seed, Clock& clock) {
  RocksdbOptions options;
  options.path = folder + "/store";
  options.durability = seed % 2 == 0 ? Durability::sync : Durability::os;
  options.blockCacheBytes = 1U << 20;
  options.foldThreshold = 15;
  options.readerThreads = 1;
  options.clock = &clock;
  return options;
}

/// Half of the processes fold as after a failed write.
std::size_t fold_piece(std::uint64_t seed) { return seed / 2 % 2 == 0 ? 0 : 3; }

/// Opens, writes, flushes and closes a few times. Says on standard output what has been promised.
void write_until_killed() {
  const std::uint64_t seed = number_from("CHATCORE_KILL_SEED");
  const std::string folder = std::getenv("CHATCORE_KILL_FOLDER");
  FaultyDisk disk(folder + "/graveyard");
  disk.observe(name_operation);
  testing::ManualClock clock;
  History history;
  std::mt19937_64 random(seed);
  for (int round = 0; round < kRounds; ++round) {
    auto engine =
        Engine::open(options_in(folder, seed, clock), {disk.env(), 64U << 10, {}, fold_piece(seed)});
    if (!engine) ::_exit(3);
    OpenStore store(std::move(*engine));
    Load load(&store, history, random);
    load.onKept = [](std::size_t step) {
      const auto number = static_cast<std::uint32_t>(step);
      if (::write(STDOUT_FILENO, &number, sizeof number) != sizeof number) ::_exit(4);
    };
    for (int i = 0; i < kSteps; ++i) load.step();
    load.settle();
    rocksdb::DB& db = store.engine->database().db();
    for (const Column column : {Column::events, Column::journal})
      db.Flush(rocksdb::FlushOptions(), store.engine->database().column(column)).PermitUncheckedError();
    db.CompactRange(rocksdb::CompactRangeOptions(), store.engine->database().column(Column::events), nullptr,
                    nullptr)
        .PermitUncheckedError();
  }
}

struct Run {
  bool killed = false;
  std::vector<std::uint32_t> kept;
};

Run run_child(const std::string& at, std::uint64_t seed, const std::string& folder) {
  // For the child alone: the parent passes the same places when it looks at what is left.
  std::vector<std::string> variables = {"CHATCORE_KILL_AT=" + at,
                                        "CHATCORE_KILL_SEED=" + std::to_string(seed),
                                        "CHATCORE_KILL_FOLDER=" + folder};
  std::vector<char*> environment;
  for (std::string& variable : variables) environment.push_back(variable.data());
  for (char** inherited = environ; *inherited != nullptr; ++inherited) environment.push_back(*inherited);
  environment.push_back(nullptr);
  char name[] = "rocksdb_kill_tests";
  char* const arguments[] = {name, nullptr};
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(kPatience);
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    ::execve("/proc/self/exe", arguments, environment.data());
    ::_exit(5);
  }
  ::close(ends[1]);
  Run run;
  std::uint32_t number = 0;
  while (::read(ends[0], &number, sizeof number) == sizeof number) run.kept.push_back(number);
  ::close(ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  run.killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  REQUIRE((run.killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0)));
  return run;
}

/// What the child asked for: the same seed asks for the same.
History history_of(std::uint64_t seed, const std::vector<std::uint32_t>& kept) {
  History history;
  std::mt19937_64 random(seed);
  for (int round = 0; round < kRounds; ++round) {
    Load load(nullptr, history, random);
    for (int i = 0; i < kSteps; ++i) load.step();
  }
  for (const std::uint32_t step : kept) history.steps.at(step).kept = true;
  return history;
}

std::string check(const std::string& folder, std::uint64_t seed, const Run& run) {
  testing::ManualClock clock;
  auto engine = Engine::open(options_in(folder, seed, clock), {nullptr, 64U << 10, {}});
  if (!engine) return "cannot be opened: " + engine.error().message;
  OpenStore store(std::move(*engine));
  return audit(store, history_of(seed, run.kept), true).text();
}

/// Before doctest takes its arguments: a child has nothing to do with it.
const bool isChild = [] {
  if (std::getenv("CHATCORE_KILL_FOLDER") == nullptr) return false;
  write_until_killed();
  ::_exit(0);
}();

}  // namespace

TEST_CASE("a process that is killed anywhere keeps what it has promised") {
  REQUIRE_FALSE(isChild);
  const std::uint64_t asked = number_from("CHATCORE_KILLS");
  const std::size_t wanted = asked == 0 ? kUsualKills : asked;
  std::string summary;
  for (const Point& point : kPoints) {
    std::size_t kills = 0;
    std::uint64_t pass = 0;
    for (std::uint64_t seed = 1; kills < wanted && seed <= 4 * wanted; ++seed) {
      const TemporaryFolder folder(place_of_disks());
      // Spread over the run; begins anew where a run is over before it comes to so many.
      pass = pass % point.passes + 1;
      const std::string at = std::string(point.name) + ":" + std::to_string(pass);
      const Run run = run_child(at, seed, folder.path());
      if (!run.killed) {
        pass = 0;
        continue;
      }
      ++kills;
      pass += point.passes / wanted;
      const std::string wrong = check(folder.path(), seed, run);
      CHECK_MESSAGE(wrong.empty(), "killed at " << at << " with seed " << seed << ": " << wrong);
    }
    CHECK_MESSAGE(kills == wanted, point.name << " was reached " << kills << " times");
    summary += std::string(point.name) + " " + std::to_string(kills) + ", ";
  }
  MESSAGE("kills: " << summary);
}
