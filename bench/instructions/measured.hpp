#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace chatcore::bench {

/// One path of the server, as often as `operations` says. `run` is called twice: once to fill caches, once
/// counted.
struct Path {
  std::string name;
  std::uint64_t operations;
  std::function<void()> run;
};

void add_protocol_paths(std::vector<Path>& paths);
void add_gateway_paths(std::vector<Path>& paths);
void add_storage_paths(std::vector<Path>& paths);

/// Keeps a result that nobody reads.
template <class T>
void keep(const T& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

}  // namespace chatcore::bench
