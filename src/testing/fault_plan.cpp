#include "chatcore/testing/fault_plan.hpp"

#include <utility>

namespace chatcore::testing {

void FaultPlan::fail(std::uint64_t call, Fault fault) {
  std::lock_guard lock(mutex_);
  faults_[call] = fault;
}

void FaultPlan::fail_from(std::uint64_t call, Fault fault) {
  std::lock_guard lock(mutex_);
  fromCall_ = call;
  fromFault_ = fault;
}

void FaultPlan::heal() {
  std::lock_guard lock(mutex_);
  faults_.clear();
  fromFault_ = Fault::none;
}

std::uint64_t FaultPlan::calls() const {
  std::lock_guard lock(mutex_);
  return calls_;
}

std::uint64_t FaultPlan::failed() const {
  std::lock_guard lock(mutex_);
  return failed_;
}

Fault FaultPlan::next() {
  std::lock_guard lock(mutex_);
  ++calls_;
  const auto planned = faults_.find(calls_);
  const Fault fault = planned != faults_.end() ? planned->second
                      : calls_ >= fromCall_    ? fromFault_
                                               : Fault::none;
  if (fault != Fault::none) ++failed_;
  return fault;
}

void FaultPlan::hold(Task answer) {
  std::lock_guard lock(mutex_);
  held_.push_back(std::move(answer));
}

void FaultPlan::release() {
  std::vector<Task> held;
  {
    std::lock_guard lock(mutex_);
    held.swap(held_);
  }
  for (Task& answer : held) answer();
}

}  // namespace chatcore::testing
