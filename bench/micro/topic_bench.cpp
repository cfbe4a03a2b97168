// What a publish costs in the topic table per recipient, the socket left out.
#include <benchmark/benchmark.h>

#include <vector>

#include "gateway/session_table.hpp"
#include "gateway/topic_table.hpp"

namespace {

using namespace chatcore;

class NoRouter final : public Router {
 public:
  void take(std::uint32_t, const Topic&) override {}
  void leave(std::uint32_t, const Topic&) override {}
  void publish(std::uint32_t, const Topic&, const Envelope&) override {}
  void change_members(std::uint32_t, const Topic&, const MembershipDelta&) override {}
};

void publish(benchmark::State& state) {
  const auto receivers = static_cast<std::uint32_t>(state.range(0));
  TopicNames names(1);
  NoRouter router;
  gateway::SessionTable sessions(0, {});
  {
    gateway::TopicTable table(0, sessions, router, [](const Topic&, std::vector<SessionId>) {});
    const Topic topic = names.intern("group-chat-bench");
    for (std::uint32_t slot = 0; slot < receivers; ++slot) {
      sessions.open(slot, 0);
      sessions.hot(slot).state = gateway::SessionState::admitted;
      (void)table.subscribe(sessions.id(slot), topic, 1);
    }
    const FrameRef frame = FrameRef::text(std::string(200, 'x'), {DeliveryClass::live, "bench", 1});
    for (auto _ : state) {
      table.publish(topic, {frame, 1, 0, nullptr});
      // What a flush does to the sessions, without the socket.
      state.PauseTiming();
      for (ConnectionSlot slot : sessions.dirty()) {
        sessions.hot(slot).dirty = false;
        std::exchange(sessions.hot(slot).first, nullptr)->release_references(1);
      }
      sessions.dirty().clear();
      state.ResumeTiming();
    }
    for (std::uint32_t slot = 0; slot < receivers; ++slot) table.forget(slot);
  }
  state.SetItemsProcessed(state.iterations() * receivers);
}
BENCHMARK(publish)->Arg(2)->Arg(1000)->Arg(10000);

void join_and_leave(benchmark::State& state) {
  const auto receivers = static_cast<std::uint32_t>(state.range(0));
  TopicNames names(1);
  NoRouter router;
  gateway::SessionTable sessions(0, {});
  gateway::TopicTable table(0, sessions, router, [](const Topic&, std::vector<SessionId>) {});
  {
    const Topic topic = names.intern("group-chat-bench");
    for (std::uint32_t slot = 0; slot <= receivers; ++slot) {
      sessions.open(slot, 0);
      if (slot < receivers) (void)table.subscribe(sessions.id(slot), topic, 1);
    }
    for (auto _ : state) {
      (void)table.subscribe(sessions.id(receivers), topic, 1);
      table.unsubscribe(sessions.id(receivers), topic);
    }
    for (std::uint32_t slot = 0; slot <= receivers; ++slot) table.forget(slot);
  }
}
BENCHMARK(join_and_leave)->Arg(100)->Arg(10000);

}  // namespace
