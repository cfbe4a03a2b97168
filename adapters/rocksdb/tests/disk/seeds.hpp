#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

namespace chatcore::rocks {

/// Which seeds a test runs: CHATCORE_SEED alone if it is set, otherwise 1 to CHATCORE_SEEDS.
struct Seeds {
  explicit Seeds(std::uint64_t usual) : last(usual) {
    if (const char* one = std::getenv("CHATCORE_SEED")) {
      first = last = std::strtoull(one, nullptr, 10);
    } else if (const char* many = std::getenv("CHATCORE_SEEDS")) {
      last = std::strtoull(many, nullptr, 10);
    }
  }
  std::uint64_t first = 1;
  std::uint64_t last;
};

inline std::string replay(std::uint64_t seed, const std::string& testCase) {
  return "replay: CHATCORE_SEED=" + std::to_string(seed) + " rocksdb_disk_tests --test-case='" + testCase +
         "'";
}

}  // namespace chatcore::rocks
