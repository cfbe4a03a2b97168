#include <algorithm>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "fleet.hpp"
#include "modes.hpp"
#include "report.hpp"
#include "server_process.hpp"
#include "setup.hpp"

namespace chatcore::bench {
namespace {

/// Every user in `groups` groups; members of one are together in all of them, which the server cannot know.
void create_groups(Fleet& fleet, LinkIndex creator, std::span<const std::string> users,
                   const Options& options) {
  for (std::size_t start = 0; start < users.size(); start += options.groupSize) {
    const auto members = users.subspan(start, std::min<std::size_t>(options.groupSize, users.size() - start));
    for (std::uint32_t i = 0; i < options.groups; ++i) (void)create_group(fleet, creator, members);
  }
}

std::vector<std::string> users_of(const Options& options) {
  if (options.users.empty()) return fresh_users("idle", options.connections);
  std::vector<std::string> users;
  for (std::uint32_t i = 0; i < options.connections; ++i) users.push_back(options.users + std::to_string(i));
  return users;
}

/// Holds the connections for the asked time, each pinging once a heartbeat, spread evenly.
void hold(Fleet& fleet, LinkIndex first, const Options& options) {
  const auto start = now_nanoseconds();
  const auto end = start + static_cast<std::int64_t>(options.seconds * 1e9);
  const double pingsPerNanosecond = options.connections / (options.heartbeatSeconds * 1e9);
  std::uint64_t pings = 0;
  for (auto now = start; now < end; now = now_nanoseconds()) {
    for (const auto due = static_cast<std::uint64_t>(static_cast<double>(now - start) * pingsPerNanosecond);
         pings < due; ++pings) {
      fleet.send_ping(first + static_cast<LinkIndex>(pings % options.connections));
    }
    fleet.turn(1'000'000, [](LinkIndex, std::string_view) {});
  }
}

}  // namespace

int run_idle(const Options& options) {
  if (options.serverPid == 0) throw std::runtime_error("idle needs --server-pid");
  Fleet fleet(options);
  const auto creator = fleet.open(fresh_users("creator", 1));
  const auto users = users_of(options);
  const auto memoryAtFirst = resident_bytes(options.serverPid);
  if (options.groups > 0) create_groups(fleet, creator, users, options);

  // What a server needs once, and no connection of its own, is not part of the growth.
  const std::size_t warm = users.size() / 10;
  (void)fleet.open(std::vector(users.begin(), users.begin() + static_cast<std::ptrdiff_t>(warm)));

  const auto memoryWithGroups = resident_bytes(options.serverPid);
  const auto cpuBefore = cpu_nanoseconds(options.serverPid);
  const auto first = fleet.open(std::vector(users.begin() + static_cast<std::ptrdiff_t>(warm), users.end()));
  const auto cpuConnected = cpu_nanoseconds(options.serverPid);
  const auto memoryConnected = resident_bytes(options.serverPid);

  hold(fleet, first - static_cast<LinkIndex>(warm), options);
  const auto cpuHeld = cpu_nanoseconds(options.serverPid);
  const auto count = static_cast<double>(options.connections);
  const auto measured = static_cast<double>(users.size() - warm);
  const auto difference = [](std::uint64_t to, std::uint64_t from) {
    return static_cast<double>(to) - static_cast<double>(from);
  };
  print_figures(options,
                {
                    {"connections", count},
                    {"groupsEach", options.groups},
                    {"residentBytes", static_cast<double>(memoryConnected)},
                    {"bytesPerConnection", difference(memoryConnected, memoryWithGroups) / measured},
                    {"bytesPerConnectionAndGroups", difference(memoryConnected, memoryAtFirst) / count},
                    {"connectCpuNs", difference(cpuConnected, cpuBefore) / measured},
                    {"idleSeconds", options.seconds},
                    {"idleCpuShare", difference(cpuHeld, cpuConnected) / (options.seconds * 1e9)},
                });
  return 0;
}

}  // namespace chatcore::bench
