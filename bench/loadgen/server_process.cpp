#include "server_process.hpp"

#include <time.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace chatcore::bench {

std::uint64_t cpu_nanoseconds(int pid) {
  if (pid == 0) return 0;
  std::uint64_t sum = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    std::ifstream file(task.path() / "schedstat");
    std::uint64_t onCpu = 0;
    if (file >> onCpu) sum += onCpu;  // a thread may end between the listing and the read
  }
  return sum;
}

std::uint64_t resident_bytes(int pid) {
  if (pid == 0) return 0;
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("VmRSS:")) return std::stoull(line.substr(6)) * 1024;
  }
  throw std::runtime_error("no VmRSS of the server: is it still running?");
}

std::int64_t now_nanoseconds() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace chatcore::bench
