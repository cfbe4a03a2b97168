#pragma once

#include <string>
#include <utility>
#include <vector>

#include "driver.hpp"
#include "options.hpp"

namespace chatcore::bench {

/// Names and values in the order they are shown.
using Figures = std::vector<std::pair<std::string, double>>;

/// One `name value` a line, or one JSON object.
void print_figures(const Options& options, const Figures& figures);

/// Prints what a window came to. Returns the exit code.
int report(const Options& options, const Measurement& measured, const Figures& more = {});

}  // namespace chatcore::bench
