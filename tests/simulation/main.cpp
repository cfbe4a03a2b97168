#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "bugs.hpp"
#include "simulation.hpp"

using namespace chatcore;
using simulation::Outcome;

namespace {

struct Arguments {
  std::uint64_t from = 1;
  std::uint64_t seeds = 1;
  bool trace = false;
  bool keepOn = false;  ///< after a failing seed
  double seconds = 0;   ///< 0: all seeds
  std::string bug;
  bool bugs = false;  ///< all of them, one after another
};

[[noreturn]] void usage() {
  std::fputs(
      "simulation [--from S] [--seeds N] [--seconds T] [--keep-on] [--bug NAME]\n"
      "simulation --seed S [--trace] [--bug NAME]\n"
      "simulation --bugs [--seeds N]\n",
      stderr);
  std::exit(2);
}

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--trace") {
      arguments.trace = true;
      continue;
    }
    if (name == "--bugs") {
      arguments.bugs = true;
      continue;
    }
    if (name == "--keep-on") {
      arguments.keepOn = true;
      continue;
    }
    if (i + 1 == argc) usage();
    const char* value = argv[++i];
    if (name == "--seed" || name == "--from")
      arguments.from = std::strtoull(value, nullptr, 10);
    else if (name == "--seeds")
      arguments.seeds = std::strtoull(value, nullptr, 10);
    else if (name == "--seconds")
      arguments.seconds = std::strtod(value, nullptr);
    else if (name == "--bug")
      arguments.bug = value;
    else
      usage();
  }
  return arguments;
}

volatile std::uint64_t running = 0;
char replay[256];
char told[128] = "FAILED";

/// An assertion that fails ends the process: say at which seed.
extern "C" void on_abort(int) {
  char text[600];
  const auto seed = static_cast<std::uint64_t>(running);
  const int size =
      std::snprintf(text, sizeof text,
                    "%s seed %" PRIu64 ": it ended the process\n  replay: %s --seed %" PRIu64 " --trace\n",
                    told, seed, replay, seed);
  [[maybe_unused]] const auto written = ::write(STDOUT_FILENO, text, static_cast<std::size_t>(size));
  ::_exit(1);
}

Outcome run(std::uint64_t seed, std::FILE* trace) {
  running = seed;
  return simulation::Simulation(seed, trace).run();
}

constexpr int kMissed = 3;

/// Looks for one defect, in a process of its own: it may end in an assertion.
int find_bug(const std::string& name, std::uint64_t seeds) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const std::string found = run(seed, nullptr).violation;
    if (found.empty()) continue;
    std::printf("found   %s: seed %" PRIu64 ": %s\n", name.c_str(), seed, found.c_str());
    return 0;
  }
  std::printf("MISSED  %s: in %" PRIu64 " seeds\n", name.c_str(), seeds);
  return kMissed;
}

/// How many seeds it takes to find each defect.
int find_bugs(std::uint64_t seeds) {
  int missed = 0;
  for (const std::string& name : simulation::known_bugs()) {
    if (!simulation::plant_bug(name)) return std::fputs("this build knows no bugs\n", stderr), 2;
    std::snprintf(told, sizeof told, "found   %s", name.c_str());
    std::fflush(stdout);
    const pid_t child = ::fork();
    if (child == 0) {
      const int verdict = find_bug(name, seeds);
      std::fflush(stdout);
      ::_exit(verdict);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == kMissed) ++missed;
  }
  return missed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments = parse(argc, argv);
  const char* command = std::getenv("SIMULATION_COMMAND");
  std::snprintf(replay, sizeof replay, "%s%s%s%s", command != nullptr ? command : argv[0],
                arguments.bug.empty() ? "" : " --bug '", arguments.bug.c_str(),
                arguments.bug.empty() ? "" : "'");
  if (!arguments.bug.empty() && !simulation::plant_bug(arguments.bug)) {
    std::fprintf(stderr, "this build knows no bug of that name: %s\n", arguments.bug.c_str());
    return 2;
  }
  for (const int signal : {SIGABRT, SIGSEGV, SIGFPE}) ::signal(signal, on_abort);
  if (arguments.bugs) return find_bugs(arguments.seeds);
  const auto begun = std::chrono::steady_clock::now();
  const auto elapsed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  };
  std::uint64_t ran = 0;
  std::uint64_t failed = 0;
  std::uint64_t steps = 0;
  std::uint64_t events = 0;
  double simulated = 0;
  for (std::uint64_t i = 0; i < arguments.seeds; ++i) {
    if (arguments.seconds > 0 && elapsed() > arguments.seconds) break;
    const Outcome outcome = run(arguments.from + i, arguments.trace ? stdout : nullptr);
    ++ran;
    steps += outcome.steps;
    events += outcome.committed;
    simulated += static_cast<double>(outcome.simulated.count()) / 1000;
    if (!outcome.violation.empty()) {
      ++failed;
      std::printf("FAILED seed %" PRIu64 ": %s\n  replay: %s --seed %" PRIu64 " --trace\n", outcome.seed,
                  outcome.violation.c_str(), replay, outcome.seed);
      std::fflush(stdout);
      if (!arguments.keepOn) break;
    } else if (arguments.seeds == 1) {
      std::printf("seed %" PRIu64 ": trace %016" PRIx64 ", %" PRIu64 " steps\n", outcome.seed,
                  outcome.traceHash, outcome.steps);
    }
  }
  std::printf("%" PRIu64 " seeds, %" PRIu64 " failed, in %.1f s: %.1f seeds/s, %.1f hours simulated, %" PRIu64
              " events committed, %" PRIu64 " steps\n",
              ran, failed, elapsed(), static_cast<double>(ran) / elapsed(), simulated / 3600, events, steps);
  return failed == 0 ? 0 : 1;
}
