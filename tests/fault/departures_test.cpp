#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "test_server.hpp"

namespace chatcore::faulttest {

namespace {

/// In a group at one event, and out of it at the next.
std::vector<AppendRequest> membership_of(const UserId& user, const std::string& group) {
  std::vector<AppendRequest> steps(2);
  for (Seq seq = 1; seq <= steps.size(); ++seq) {
    AppendRequest& step = steps[seq - 1];
    step.log = group;
    step.term = 1;
    step.expectedHead = seq - 1;
    Event event;
    event.seq = seq;
    event.kind = seq == 1 ? EventKind::conversation : EventKind::member;
    event.messageId = seq;
    event.senderId = user;
    step.events.push_back(event);
    step.effects.members = {{Member{user}, seq == 2, seq == 1}};
  }
  steps[0].effects.info = ConversationInfo{ConversationKind::group, "Passing", user, 1};
  return steps;
}

void depart(TestServer& server, const UserId& user, std::size_t groups) {
  using Answer = std::vector<AppendResult>;
  for (std::size_t i = 0; i < groups; ++i) {
    const auto results = server.executor.wait<Answer>([&](Executor& here, Completion<Answer> done) {
      server.store.append(membership_of(user, "passing-" + std::to_string(i)), here, std::move(done));
    });
    for (const AppendResult& result : results) REQUIRE(result.outcome == AppendOutcome::committed);
  }
}

Json first_page(TestClient& device) {
  return device.ask({{"type", "sync"}, {"watermarks", Json::object()}, {"limit", 1}});
}

Json rest_of(TestServer& server, const Json& token) {
  TestClient other = server.connect("bob", "other");
  return other.ask({{"type", "sync"}, {"since", token}, {"limit", 1}});
}

}  // namespace

TEST_CASE("a first sync that goes on from before conversations were forgotten begins anew") {
  TestServer server(1);
  server.start();
  TestClient bob = server.connect("bob");
  for (const char* sender : {"alice", "carol"})
    REQUIRE_EQ(server.connect(sender).ask(message_to("bob", sender))["type"], "message.sent");
  const Json page = first_page(bob);
  REQUIRE_EQ(page["more"], true);
  CHECK_EQ(rest_of(server, page["token"])["type"], "sync.page");
  depart(server, "bob", 2 * kMaxDepartedKept + 1);
  // Whoever reads the timeline finds that it has grown too long; then the oldest of it goes.
  CHECK(TestServer::eventually([&] { return rest_of(server, page["token"])["type"] == "sync.reset"; }));
  CHECK_EQ(rest_of(server, first_page(bob)["token"])["type"], "sync.page");
}

}  // namespace chatcore::faulttest
