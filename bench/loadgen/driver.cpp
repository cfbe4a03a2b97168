#include "driver.hpp"

#include <time.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "server_process.hpp"

namespace chatcore::bench {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kDrainPatience = 20 * kSecond;
constexpr std::int64_t kLongestWindow = 200 * kSecond;
constexpr std::int64_t kQuiet = 20'000'000;

std::uint64_t own_cpu() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<std::uint64_t>(used.tv_sec) * kSecond + static_cast<std::uint64_t>(used.tv_nsec);
}

class Driver {
 public:
  Driver(Fleet& fleet, Workload& workload, const Options& options)
      : fleet_(fleet), workload_(workload), options_(options) {}

  /// Returns when the last message arrived. `messages` above 0: so many, however long they take.
  std::int64_t window(double seconds, std::uint64_t messages = 0) {
    const auto start = now_nanoseconds();
    const auto end = start + (messages > 0 ? kLongestWindow : static_cast<std::int64_t>(seconds * kSecond));
    for (auto now = start; now < end; now = now_nanoseconds()) {
      if (messages > 0 && workload_.tally().launched >= messages) break;
      const auto wait = options_.rate > 0 ? keep_rate(start, now) : keep_in_flight(now);
      turn(std::min(wait, end - now));
    }
    if (workload_.tally().launched < messages)
      throw std::runtime_error("the window's messages took too long");
    return drain();
  }

  std::int64_t drain() {
    const auto& tally = workload_.tally();
    const auto deadline = now_nanoseconds() + kDrainPatience;
    while (tally.completed < tally.launched || tally.acknowledged < tally.launched) {
      turn(kSecond / 10);
      if (tally.mismatches != 0) throw std::runtime_error("a message came twice or out of order");
      if (now_nanoseconds() > deadline) {
        throw std::runtime_error("lost: of " + std::to_string(tally.launched) + " messages " +
                                 std::to_string(tally.acknowledged) + " were acknowledged and " +
                                 std::to_string(tally.completed) + " arrived everywhere");
      }
    }
    return now_nanoseconds();
  }

  /// Receipts and other frames that nothing waits for still cost the server: let them end inside the window.
  void settle() {
    for (auto reads = ~std::uint64_t{0}; reads != fleet_.counters().reads;) {
      reads = fleet_.counters().reads;
      turn(kQuiet);
    }
  }

 private:
  void turn(std::int64_t wait) {
    fleet_.turn(wait, [this](LinkIndex link, std::string_view text) {
      workload_.on_text(link, text, fleet_.read_time());
    });
  }

  std::int64_t keep_in_flight(std::int64_t now) {
    const auto& tally = workload_.tally();
    while (tally.launched - tally.completed < options_.inFlight && workload_.launch(now)) continue;
    return kSecond / 10;
  }

  std::int64_t keep_rate(std::int64_t start, std::int64_t now) {
    const auto due_at = [&](std::uint64_t n) {
      return start + static_cast<std::int64_t>(static_cast<double>(n) * kSecond / options_.rate);
    };
    const auto& launched = workload_.tally().launched;
    while (due_at(launched) <= now && workload_.launch(due_at(launched))) continue;
    return std::max<std::int64_t>(due_at(launched) - now, 1000);
  }

  Fleet& fleet_;
  Workload& workload_;
  const Options& options_;
};

}  // namespace

void prime(Fleet& fleet, Workload& workload) {
  Options once;
  if (!workload.launch(now_nanoseconds())) throw std::runtime_error("nothing can be launched");
  Driver(fleet, workload, once).drain();
}

Measurement measure(Fleet& fleet, Workload& workload, const Options& options) {
  Driver driver(fleet, workload, options);
  workload.start_tally();
  driver.window(options.warmupSeconds);
  driver.settle();

  workload.start_tally();
  const auto before = fleet.counters();
  const auto serverCpu = cpu_nanoseconds(options.serverPid);
  const auto loadgenCpu = own_cpu();
  const auto start = now_nanoseconds();
  const auto end =
      driver.window(options.seconds,
                    static_cast<std::uint64_t>(options.megabytes * 1e6 / std::max(options.payloadBytes, 1U)));
  driver.settle();

  Measurement result;
  result.serverCpu = cpu_nanoseconds(options.serverPid) - serverCpu;
  result.loadgenCpu = own_cpu() - loadgenCpu;
  result.tally = workload.tally();
  result.seconds = static_cast<double>(end - start) / kSecond;
  result.traffic = {.reads = fleet.counters().reads - before.reads,
                    .frames = fleet.counters().frames - before.frames};
  return result;
}

}  // namespace chatcore::bench
