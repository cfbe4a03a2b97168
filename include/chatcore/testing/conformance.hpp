#pragma once

#include <functional>
#include <source_location>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

/// What every adapter of a port must do, as cases that any test framework can run: call `run`, and a
/// ConformanceFailure is a failed test.
namespace chatcore::testing {

struct ConformanceFailure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct ConformanceCase {
  std::string name;  ///< a sentence
  std::function<void()> run;
};

/// Fails the running case unless `holds`.
inline void expect(bool holds, const std::string& what,
                   std::source_location at = std::source_location::current()) {
  if (holds) return;
  std::ostringstream text;
  text << at.file_name() << ':' << at.line() << ": expected " << what;
  throw ConformanceFailure(text.str());
}

}  // namespace chatcore::testing
