#include <signal.h>
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
};

[[noreturn]] void usage() {
  std::fputs(
      "simulation [--from S] [--seeds N] [--seconds T] [--keep-on] [--bug NAME]\n"
      "simulation --seed S [--trace] [--bug NAME]\n",
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

/// An assertion that fails ends the process: say at which seed.
extern "C" void on_abort(int) {
  char text[400];
  const int size = std::snprintf(
      text, sizeof text,
      "FAILED seed %" PRIu64 ": it ended the process\n  replay: %s --seed %" PRIu64 " --trace\n",
      static_cast<std::uint64_t>(running), replay, static_cast<std::uint64_t>(running));
  [[maybe_unused]] const auto written = ::write(STDOUT_FILENO, text, static_cast<std::size_t>(size));
  ::_exit(1);
}

Outcome run(std::uint64_t seed, std::FILE* trace) {
  running = seed;
  return simulation::Simulation(seed, trace).run();
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
