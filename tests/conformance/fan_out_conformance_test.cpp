#include "chatcore/testing/fan_out_conformance.hpp"

#include <doctest/doctest.h>

#include "gateway/topic_table.hpp"

using namespace chatcore;

namespace {

struct IdleRouter final : Router {
  void take(std::uint32_t, const Topic&) override {}
  void leave(std::uint32_t, const Topic&) override {}
  void publish(std::uint32_t, const Topic&, const Envelope&) override {}
  void change_members(std::uint32_t, const Topic&, const MembershipDelta&) override {}
};

class Fixture final : public testing::FanOutFixture {
 public:
  ~Fixture() override {
    for (ConnectionSlot slot = 0; slot < sessions_.slots(); ++slot) table_.forget(slot);
  }
  FanOut& fan_out() override { return table_; }
  TopicNames& topics() override { return names_; }
  SessionId open() override {
    ConnectionSlot slot = 0;  // the lowest free one, so that slots are used again
    while (slot < sessions_.slots() && sessions_.hot(slot).state != gateway::SessionState::closed) ++slot;
    sessions_.open(slot, 0);
    sessions_.hot(slot).state = gateway::SessionState::admitted;
    return sessions_.id(slot);
  }
  void close(SessionId session) override {
    table_.forget(slot_of(session));
    sessions_.close(slot_of(session));
  }
  std::vector<std::string> delivered(SessionId session) override {
    std::vector<std::string> payloads;
    auto& hot = sessions_.hot(slot_of(session));
    auto& outbox = sessions_.outbox_of(hot);
    for (Frame* frame : outbox.frames) {
      payloads.emplace_back(frame->payload());
      frame->release_references(1);
    }
    sessions_.free_outbox(hot);
    return payloads;
  }

 private:
  TopicNames names_{1};
  IdleRouter router_;
  gateway::SessionTable sessions_{0, GatewayOptions{}};
  gateway::TopicTable table_{0, sessions_, router_, [](const Topic&, const std::vector<SessionId>&) {}};
};

}  // namespace

TEST_CASE("the topic table keeps the promises of a fan-out") {
  for (const auto& each : testing::fan_out_conformance([] { return std::make_unique<Fixture>(); })) {
    CAPTURE(each.name);
    CHECK_NOTHROW(each.run());
  }
}
