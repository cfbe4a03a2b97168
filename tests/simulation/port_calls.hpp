#pragma once

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "chatcore/completion.hpp"
#include "world.hpp"

namespace chatcore::simulation {

/// Takes one answer from an adapter that posts it before its call returns.
class Collector final : public Executor {
 public:
  void post(Task task) override { tasks_.push_back(std::move(task)); }
  /// `start(executor, completion)`; the answer.
  template <class Answer, class Start>
  static Answer ask(Start start) {
    Collector collector;
    std::optional<Answer> answer;
    start(collector, Completion<Answer>([&](Answer value) { answer.emplace(std::move(value)); }));
    for (Task& task : collector.tasks_) task();
    return std::move(*answer);
  }

 private:
  std::vector<Task> tasks_;
};

/// Calls to a port under way: each takes effect some time after it was made, and its answer comes some time
/// after that. Calls of one kind from one executor keep their order, others overtake one another.
class PortCalls {
 public:
  using Kind = std::uint32_t;
  /// `questions`: to what may be slower than the store.
  explicit PortCalls(World& world, bool questions = false) : world_(world), questions_(questions) {}

  /// `carryOut(bool told)` makes the answer; `told` is false if nobody is left to hear it.
  template <class Answer>
  void call(Executor& executor, Kind kind, Completion<Answer> done, UniqueFunction<Answer(bool)> carryOut) {
    struct Pending final : Call {
      Completion<Answer> done;
      UniqueFunction<Answer(bool)> carryOut;
      void forget() override { done = {}; }
    };
    auto pending = std::make_shared<Pending>();
    pending->executor = &executor;
    pending->done = std::move(done);
    pending->carryOut = std::move(carryOut);
    calls_.push_back(pending);
    const Lanes lanes = lanes_of(executor, kind);
    world_.scheduler.post(lanes.requests, call_delay(), [this, pending, lanes] {
      if (pending->executor == nullptr) {
        // The caller has died meanwhile; what it asked for may have got here or not.
        if (pending->arrives) static_cast<void>(pending->carryOut(false));
        return;
      }
      auto answer = std::make_shared<Answer>(pending->carryOut(true));
      world_.scheduler.post(lanes.answers, call_delay(), [pending, answer] {
        if (pending->executor == nullptr) return;
        complete(*std::exchange(pending->executor, nullptr), std::move(pending->done), std::move(*answer));
      });
    });
    if (calls_.size() > 64) std::erase_if(calls_, [](const auto& known) { return known.expired(); });
  }

  /// These executors are gone: nothing is told to them any more.
  void forget(const std::vector<Executor*>& executors) {
    for (const auto& known : calls_) {
      const std::shared_ptr<Call> call = known.lock();
      if (call == nullptr || std::find(executors.begin(), executors.end(), call->executor) == executors.end())
        continue;
      call->executor = nullptr;
      call->arrives = world_.faults.percent(50);
      call->forget();
    }
    for (Executor* executor : executors)
      lanes_.erase(lanes_.lower_bound({executor, 0}), lanes_.upper_bound({executor, UINT32_MAX}));
  }

 private:
  struct Call {
    virtual ~Call() = default;
    virtual void forget() = 0;
    Executor* executor = nullptr;
    bool arrives = true;
  };
  struct Lanes {
    Scheduler::Lane requests;
    Scheduler::Lane answers;
  };

  Lanes lanes_of(Executor& executor, Kind kind) {
    const auto [found, fresh] = lanes_.try_emplace({&executor, kind});
    if (fresh) found->second = {world_.scheduler.open(), world_.scheduler.open()};
    return found->second;
  }
  Millis call_delay() {
    return world_.delay(world_.scenario.slowestPort + world_.trouble.slowestCall +
                        (questions_ ? world_.trouble.slowestQuestion : 0));
  }

  World& world_;
  bool questions_;
  std::vector<std::weak_ptr<Call>> calls_;
  std::map<std::pair<Executor*, Kind>, Lanes> lanes_;
};

}  // namespace chatcore::simulation
