#pragma once

#include <memory>
#include <utility>

#include "chatcore/unique_function.hpp"
#include "chatcore/version.hpp"

namespace chatcore {

/// Where completions run. A shard is one; a host or a test may bring its own.
class CHATCORE_API Executor {
 public:
  virtual ~Executor();
  /// Queues `task` to run once, later, on this executor's thread; never runs it inside the call.
  /// Tasks posted by one thread run in the order they were posted. May be called from any thread.
  virtual void post(Task task) = 0;
};

/// The handler a port completes its batch with: called exactly once, on the Executor given beside it,
/// never from inside the call that took it.
template <class... Values>
using Completion = UniqueFunction<void(Values...)>;

/// Posts `done(value)` to `executor`: how an adapter keeps the promise above.
template <class Value>
void complete(Executor& executor, Completion<Value> done, Value value) {
  // The pair lives on the heap once so that the task fits UniqueFunction's in-place storage.
  struct Call {
    Completion<Value> done;
    Value value;
  };
  auto call = std::make_unique<Call>(Call{std::move(done), std::move(value)});
  executor.post([call = std::move(call)]() mutable { call->done(std::move(call->value)); });
}

}  // namespace chatcore
