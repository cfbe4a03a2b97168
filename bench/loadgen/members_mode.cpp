#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "fleet.hpp"
#include "frame_scan.hpp"
#include "histogram.hpp"
#include "modes.hpp"
#include "report.hpp"
#include "server_process.hpp"
#include "setup.hpp"

namespace chatcore::bench {
namespace {

constexpr std::int64_t kPatience = 60'000'000'000;
constexpr std::int64_t kQuiet = 1'000'000'000;

/// Another client of the same server: sends a ping, waits for the pong, sends the next. What it waits is what
/// a shard is busy with in one piece.
class Probe {
 public:
  Probe(Fleet& fleet, LinkIndex link) : fleet_(fleet), link_(link) {}

  void ping() {
    since_ = now_nanoseconds();
    fleet_.send_text(link_, R"({"type":"presence.ping"})");
  }
  void take(LinkIndex link, std::string_view text) {
    if (link != link_ || !is_type(text, "presence.pong")) return;
    waits_.record(fleet_.read_time() - since_);
    ping();
  }
  [[nodiscard]] const Histogram& waits() const noexcept { return waits_; }
  void clear() { waits_.clear(); }

 private:
  Fleet& fleet_;
  LinkIndex link_;
  std::int64_t since_ = 0;
  Histogram waits_;
};

class Listing {
 public:
  Listing(Fleet& fleet, LinkIndex link, std::string conversation)
      : fleet_(fleet), link_(link), conversation_(std::move(conversation)) {}

  /// Reads the whole list while the probe goes on; returns how many members it has.
  std::uint64_t run(Probe& probe) {
    std::uint64_t members = 0;
    bool more = true;
    const auto deadline = now_nanoseconds() + kPatience;
    ask({});
    while (more) {
      fleet_.turn(100'000'000, [&](LinkIndex from, std::string_view text) {
        probe.take(from, text);
        if (from != link_ || is_type(text, "conversation.member")) return;
        if (!is_type(text, "members.page") && !is_type(text, "conversation.members"))
          throw std::runtime_error(std::string(text.substr(0, 300)));
        constexpr std::string_view kMember = "\"userId\":";
        for (auto at = text.find(kMember); at != std::string_view::npos; at = text.find(kMember, at + 1))
          ++members;
        more = text.substr(text.size() - std::min<std::size_t>(text.size(), 40)).find(R"("more":true)") !=
               std::string_view::npos;
        if (more) ask(std::string(find_text(text, "\"cursor\"")));
      });
      if (now_nanoseconds() > deadline) throw std::runtime_error("the member list did not come in time");
    }
    return members;
  }

 private:
  void ask(const std::string& cursor) {
    std::string frame = R"({"type":"conversation.members","conversationId":")" + conversation_ + "\"";
    if (!cursor.empty()) frame += R"(,"cursor":")" + cursor + '"';
    fleet_.send_text(link_, frame + R"(,"limit":500})");
  }

  Fleet& fleet_;
  LinkIndex link_;
  std::string conversation_;
};

double milliseconds(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e6; }

}  // namespace

int run_members(const Options& options) {
  Fleet fleet(options);
  const auto creator = fleet.open(fresh_users("creator", 1));
  const auto bystander = fleet.open(fresh_users("bystander", 1));
  const auto members = fresh_users("member", options.receivers - 1);
  Probe probe(fleet, bystander);
  probe.ping();
  const auto show = [&](LinkIndex from, std::string_view text) { probe.take(from, text); };
  for (const auto begin = now_nanoseconds(); now_nanoseconds() - begin < kQuiet;) fleet.turn(kQuiet, show);
  const auto whileQuiet = probe.waits();
  probe.clear();
  const auto conversation = create_group(
      fleet, creator, members, [&](LinkIndex from, std::string_view text) { probe.take(from, text); });
  const auto whileAdding = probe.waits();

  probe.clear();
  Listing listing(fleet, creator, conversation);
  const auto cpuBefore = cpu_nanoseconds(options.serverPid);
  const auto start = now_nanoseconds();
  std::uint64_t rounds = 0;
  do {
    const auto listed = listing.run(probe);
    if (listed != options.receivers) throw std::runtime_error("members listed: " + std::to_string(listed));
    ++rounds;
  } while (now_nanoseconds() - start < static_cast<std::int64_t>(options.seconds * 1e9));
  const auto seconds = static_cast<double>(now_nanoseconds() - start) / 1e9;
  print_figures(options,
                {{"members", options.receivers},
                 {"rounds", static_cast<double>(rounds)},
                 {"secondsPerRound", seconds / static_cast<double>(rounds)},
                 {"serverCpuNs", static_cast<double>(cpu_nanoseconds(options.serverPid) - cpuBefore)},
                 {"stallWhileQuietMaxMs", milliseconds(whileQuiet.max())},
                 {"stallWhileAddingMaxMs", milliseconds(whileAdding.max())},
                 {"stallWhileAddingP99Ms", milliseconds(whileAdding.percentile(0.99))},
                 {"stallWhileListingMaxMs", milliseconds(probe.waits().max())},
                 {"stallWhileListingP99Ms", milliseconds(probe.waits().percentile(0.99))}});
  return 0;
}

int run_joins(const Options& options) {
  Fleet fleet(options);
  const auto creator = fleet.open(fresh_users("creator", 1));
  const auto conversation = create_group(fleet, creator, fresh_users("member", options.receivers - 1));
  const auto joiner = fresh_users("joiner", 1);
  (void)fleet.open(joiner);
  const auto change = [&](const std::string& how) {
    (void)request(fleet, creator,
                  R"({"type":"conversation.)" + how + R"(","conversationId":")" + conversation +
                      R"(","members":[")" + joiner[0] + "\"]");
  };
  change("addMembers");
  change("removeMembers");

  std::uint64_t added = 0;
  std::uint64_t removed = 0;
  std::uint64_t pairs = 0;
  const auto start = now_nanoseconds();
  for (; now_nanoseconds() - start < static_cast<std::int64_t>(options.seconds * 1e9); ++pairs) {
    const auto before = cpu_nanoseconds(options.serverPid);
    change("addMembers");
    const auto between = cpu_nanoseconds(options.serverPid);
    change("removeMembers");
    added += between - before;
    removed += cpu_nanoseconds(options.serverPid) - between;
  }
  const auto count = static_cast<double>(pairs);
  print_figures(options, {{"members", options.receivers},
                          {"joins", count},
                          {"serverCpuNsPerJoin", static_cast<double>(added) / count},
                          {"serverCpuNsPerLeave", static_cast<double>(removed) / count}});
  return 0;
}

}  // namespace chatcore::bench
