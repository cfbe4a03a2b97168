#include "chatcore/testing/fault_plan.hpp"

#include <algorithm>
#include <iterator>
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

void FaultPlan::on_fault(UniqueFunction<void(std::uint64_t, const std::source_location&)> told) {
  std::lock_guard lock(mutex_);
  told_ = std::move(told);
}

Fault FaultPlan::next(const std::source_location& call) {
  std::lock_guard lock(mutex_);
  ++calls_;
  const auto planned = faults_.find(calls_);
  const Fault fault = planned != faults_.end() ? planned->second
                      : calls_ >= fromCall_    ? fromFault_
                                               : Fault::none;
  if (fault == Fault::none) return fault;
  ++failed_;
  if (told_) told_(calls_, call);
  return fault;
}

void FaultPlan::hold(Task answer) {
  std::lock_guard lock(mutex_);
  held_.push_back(std::move(answer));
}

void FaultPlan::release(std::size_t count) {
  std::vector<Task> held;
  {
    std::lock_guard lock(mutex_);
    const auto end = held_.begin() + static_cast<std::ptrdiff_t>(std::min(count, held_.size()));
    held.assign(std::make_move_iterator(held_.begin()), std::make_move_iterator(end));
    held_.erase(held_.begin(), end);
  }
  for (Task& answer : held) answer();
}

}  // namespace chatcore::testing
