#pragma once

#include "options.hpp"

namespace chatcore::bench {

/// Each runs one mode, prints its report and returns the exit code: 1 when anything was lost, doubled or out
/// of order.
int run_group(const Options& options);
int run_pairs(const Options& options);
int run_idle(const Options& options);
int run_peer(const Options& options);
int run_catch_up(const Options& options);
int run_members(const Options& options);
int run_joins(const Options& options);

}  // namespace chatcore::bench
