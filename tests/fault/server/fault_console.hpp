#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include "chatcore/testing/fault_plan.hpp"

namespace chatcore::faulttest {

/// Takes orders from stdin, a line each, and answers each with a line on stdout:
///
///     fail 12 refused    the 12th call from now on fails; `written`: is made, and said to have failed. ->
///     armed heal               none does -> healed
///
/// What a call that meets the fault was is said on stderr, at once: "fault: call 12 of ...".
class FaultConsole {
 public:
  /// `ready`: waits until the server is, as an order may come before that.
  FaultConsole(testing::FaultPlan& plan, std::function<void()> ready);
  ~FaultConsole();

 private:
  void serve();
  void obey(const std::string& line);

  testing::FaultPlan& plan_;
  std::function<void()> ready_;
  std::atomic<bool> over_{false};
  std::thread thread_;
};

}  // namespace chatcore::faulttest
