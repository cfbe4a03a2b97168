// Runs every measured path in turn. By itself it counts nothing: run.py runs it under callgrind, which counts
// inside `chatcore_measured` only and writes down the count each time it returns.
#include <cstdio>

#include "measured.hpp"

extern "C" [[gnu::noinline]] void chatcore_measured(const chatcore::bench::Path& path) {
  path.run();
  asm volatile("");  // not a tail call: the count ends when this returns
}

int main() {
  std::vector<chatcore::bench::Path> paths;
  chatcore::bench::add_protocol_paths(paths);
  chatcore::bench::add_gateway_paths(paths);
  chatcore::bench::add_storage_paths(paths);
#ifdef __clang__
  std::printf("compiler clang %d.%d.%d\n", __clang_major__, __clang_minor__, __clang_patchlevel__);
#else
  std::printf("compiler g++ %d.%d.%d\n", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
  for (const auto& path : paths) {
    path.run();
    chatcore_measured(path);
    std::printf("%llu %s\n", static_cast<unsigned long long>(path.operations), path.name.c_str());
  }
}
