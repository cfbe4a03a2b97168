#pragma once

#include <chrono>
#include <thread>

#include "chatcore/testing/conformance.hpp"
#include "chatcore/testing/test_executor.hpp"

namespace chatcore::testing {

/// Runs what the adapter posts until `holds()` does, or fails the case. The limit is real time, and only ever
/// reached by adapters that do not keep their promise.
template <class Condition>
void expect_eventually(TestExecutor& executor, Condition holds, const std::string& what,
                       std::source_location at = std::source_location::current()) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!holds()) {
    if (executor.run_one()) continue;
    if (std::chrono::steady_clock::now() > deadline) expect(false, what, at);
    std::this_thread::yield();
  }
}

/// Turns functions on a fixture into cases that each make their own.
template <class Fixture>
class CaseList {
 public:
  using Make = std::function<std::unique_ptr<Fixture>()>;
  explicit CaseList(Make make) : make_(std::move(make)) {}

  CaseList& add(std::string name, void (*run)(Fixture&)) {
    cases_.push_back({std::move(name), [make = make_, run] { run(*make()); }});
    return *this;
  }
  std::vector<ConformanceCase> take() { return std::move(cases_); }

 private:
  Make make_;
  std::vector<ConformanceCase> cases_;
};

}  // namespace chatcore::testing
