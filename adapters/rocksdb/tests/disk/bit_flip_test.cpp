#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "../temporary_store.hpp"
#include "chatcore/testing/manual_clock.hpp"
#include "faulty_disk.hpp"
#include "promises.hpp"
#include "seeds.hpp"

using namespace chatcore;
using namespace chatcore::rocks;

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFlips = 10;

std::string content_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream all;
  all << in.rdbuf();
  return all.str();
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// RocksDB 7.8 takes a table's block of properties apart before it looks at its checksum, and where this bit
/// says that the block is hashed ends the process (in builds with assertions, as Debian's is).
bool asserted(const std::string& name, const std::string& table, std::size_t at, int bit) {
  constexpr std::size_t kFooter = 53;
  constexpr std::size_t kTrailer = 5;
  if (!ends_with(name, ".sst") || table.size() < kFooter || bit != 7) return false;
  std::size_t metaindex = 0;  // follows the properties
  const auto* byte = reinterpret_cast<const unsigned char*>(table.data() + table.size() - kFooter + 1);
  for (int shift = 0; shift < 63; shift += 7, ++byte) {
    metaindex |= static_cast<std::size_t>(*byte & 127U) << shift;
    if (*byte < 128) break;
  }
  return at + 1 + kTrailer == metaindex;
}

struct Tally {
  std::size_t refused = 0;   ///< opening named the damage
  std::size_t reported = 0;  ///< a read did
  std::size_t harmless = 0;  ///< nothing was missed and nothing wrong
};

/// A store at rest, with everything it promised; bits of its files are turned one at a time.
class AtRest {
 public:
  explicit AtRest(std::uint64_t seed) : random_(seed) {
    options_.path = folder_.path() + "/store";
    options_.blockCacheBytes = 1U << 20;
    options_.foldThreshold = 10 + random_() % 200;
    options_.readerThreads = 1;
    options_.clock = &clock_;
    killed_ = random_() % 2 == 0;
    std::string wrong = write();
    if (!wrong.empty()) throw std::runtime_error(wrong);
    for (const auto& entry : fs::directory_iterator(options_.path)) {
      const std::string name = entry.path().filename().string();
      if (entry.is_regular_file() && name.rfind("LOG", 0) != 0 && name != "LOCK")
        files_[name] = content_of(entry.path());
    }
  }

  std::string flip(Tally& tally) {
    put_back();
    const auto [name, at] = choose();
    std::string damaged = files_.at(name);
    const int bit = static_cast<int>(random_() % 8);
    if (asserted(name, damaged, at, bit)) return {};
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
    std::ofstream(options_.path + "/" + name, std::ios::binary | std::ios::trunc) << damaged;
    std::string wrong = look(tally);
    if (!wrong.empty())
      wrong += "\nbit " + std::to_string(bit) + " of byte " + std::to_string(at) + " of " +
               std::to_string(damaged.size()) + " in " + name + (killed_ ? ", killed" : ", closed");
    return wrong;
  }

 private:
  static constexpr Tuning tuning(rocksdb::Env* env = nullptr) { return {env, 64U << 10, {}}; }

  std::string write() {
    FaultyDisk disk(folder_.path() + "/graveyard");
    const std::uint64_t rounds = 1 + random_() % 3;
    for (std::uint64_t round = 0; round < rounds; ++round) {
      auto engine = Engine::open(options_, tuning(disk.env()));
      if (!engine) return engine.error().message;
      OpenStore store(std::move(*engine));
      Load load(&store, history_, random_);
      for (std::uint64_t i = 0, steps = 20 + random_() % 100; i < steps; ++i) load.step();
      load.settle();
      if (load.refusals > 0 || !load.broken.empty()) return "the load did not go through";
      // As a killed process leaves it: everything that was written is there, and nothing is closed.
      if (killed_ && round + 1 == rounds) disk.cut();
    }
    return {};
  }

  void put_back() {
    fs::remove_all(options_.path);
    fs::create_directories(options_.path);
    for (const auto& [name, content] : files_)
      std::ofstream(options_.path + "/" + name, std::ios::binary) << content;
  }

  /// A byte of a file; more often of one that matters, and of where lengths and types stand.
  std::pair<std::string, std::size_t> choose() {
    std::vector<std::string> logs;
    std::vector<std::string> tables;
    std::vector<std::string> rest;
    for (const auto& [name, content] : files_) {
      if (content.empty()) continue;
      (ends_with(name, ".log") ? logs : ends_with(name, ".sst") ? tables : rest).push_back(name);
    }
    const std::uint64_t kind = random_() % 10;
    const auto& group = kind < 5 && !logs.empty() ? logs : kind < 8 && !tables.empty() ? tables : rest;
    const std::string& name = group[random_() % group.size()];
    const std::string& content = files_.at(name);
    const bool records = ends_with(name, ".log") || name.rfind("MANIFEST", 0) == 0;
    if (!records || random_() % 2 == 0) return {name, random_() % content.size()};
    std::vector<std::size_t> headers;
    for (std::size_t block = 0; block < content.size(); block += WalPages::kBlock) {
      const std::size_t end = std::min(content.size(), block + WalPages::kBlock);
      for (std::size_t header = block; header + 7 <= end;) {
        headers.push_back(header);
        std::uint16_t length = 0;
        std::memcpy(&length, content.data() + header + 4, sizeof length);
        header += 7U + length;
      }
    }
    // The last records are the ones that could be taken for torn.
    const std::size_t which = random_() % 3 == 0 ? headers.size() - 1 : random_() % headers.size();
    return {name, headers[which] + random_() % 7};
  }

  std::string look(Tally& tally) {
    auto engine = Engine::open(options_, tuning());
    if (!engine) {
      ++tally.refused;
      const bool named = engine.error().code != ErrorCode::internal && !engine.error().message.empty();
      return named ? "" : "refused without a name: " + engine.error().message;
    }
    OpenStore store(std::move(*engine));
    const Findings found = audit(store, history_, true);
    ++(found.reported.empty() ? tally.harmless : tally.reported);
    return found.broken.empty() ? "" : found.text();
  }

  std::mt19937_64 random_;
  TemporaryFolder folder_{place_of_disks()};
  testing::ManualClock clock_;
  RocksdbOptions options_;
  History history_;
  bool killed_ = false;
  std::map<std::string, std::string> files_;
};

}  // namespace

TEST_CASE("a bit that turns at rest is reported or harmless, never served and never a loss") {
  const Seeds seeds(20);
  Tally tally;
  for (std::uint64_t seed = seeds.first; seed <= seeds.last; ++seed) {
    AtRest store(seed);
    for (std::size_t i = 0; i < kFlips; ++i) {
      const std::string wrong = store.flip(tally);
      CHECK_MESSAGE(wrong.empty(), wrong << "\n" << replay(seed, "a bit that turns*"));
    }
  }
  MESSAGE(tally.refused << " refused at open, " << tally.reported << " reported by a read, " << tally.harmless
                        << " harmless");
}
