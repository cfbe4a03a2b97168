#pragma once

#include <cstdint>

namespace chatcore::bench {

/// Nanoseconds that the threads alive now of a process have been on a processor, from schedstat. Exact for a
/// thread that sleeps; one that runs is up to a scheduler tick behind. 0 when pid is 0.
[[nodiscard]] std::uint64_t cpu_nanoseconds(int pid);

/// VmRSS. 0 when pid is 0.
[[nodiscard]] std::uint64_t resident_bytes(int pid);

/// CLOCK_MONOTONIC.
[[nodiscard]] std::int64_t now_nanoseconds() noexcept;

}  // namespace chatcore::bench
