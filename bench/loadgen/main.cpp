#include <cstdio>
#include <exception>

#include "modes.hpp"

int main(int argc, char** argv) {
  using namespace chatcore::bench;
  const auto options = parse_options(argc, argv);
  try {
    if (options.mode == "group") return run_group(options);
    if (options.mode == "pairs") return run_pairs(options);
    if (options.mode == "idle") return run_idle(options);
    if (options.mode == "peer") return run_peer(options);
    if (options.mode == "catchup") return run_catch_up(options);
    if (options.mode == "members") return run_members(options);
    if (options.mode == "joins") return run_joins(options);
    std::fprintf(stderr, "loadgen: no mode '%s'\n", options.mode.c_str());
    return 2;
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "loadgen: %s\n", failure.what());
    return 1;
  }
}
