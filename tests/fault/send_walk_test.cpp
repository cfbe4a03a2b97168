#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "test_server.hpp"

namespace chatcore::faulttest {

namespace {

struct Walk {
  std::string name;
  PortCall call;
  Fault fault;
  AppendOutcome refusal = AppendOutcome::refused;
};

const std::vector<std::string> kMessages{"m1", "m2", "m3"};

/// Sends the messages pipelined and, in order, again whatever failed for now. Returns seq by clientMsgId.
std::map<std::string, Seq> send_until_taken(TestClient& alice) {
  std::map<std::string, Seq> taken;
  std::uint64_t id = 0;
  for (int round = 0; round < 10 && taken.size() < kMessages.size(); ++round) {
    std::vector<Json> commands;
    for (const std::string& message : kMessages)
      if (!taken.contains(message)) commands.push_back(message_to("bob", message, ++id));
    alice.send_all(commands);
    bool failed = false;
    for (const Json& command : commands) {
      const Json answer = alice.expect_answer(command["id"]);
      if (answer["type"] == "message.sent") {
        CHECK_MESSAGE(!failed, "nothing of this session may overtake what failed");
        taken[answer["clientMsgId"]] = answer["seq"];
        continue;
      }
      REQUIRE_EQ(answer["type"], "error");
      CHECK_EQ(answer["temporary"], true);
      CHECK_EQ(answer["clientMsgId"], command["clientMsgId"]);
      failed = true;
    }
  }
  return taken;
}

void check_received(TestClient& bob, const std::map<std::string, Seq>& taken) {
  const ConversationId direct = direct_conversation_id("alice", "bob");
  const Json page = bob.ask({{"type", "history"}, {"conversationId", direct}, {"after", 0}, {"limit", 50}});
  REQUIRE_EQ(page["type"], "history.page");
  std::map<std::string, Seq> stored;
  for (const Json& event : page["events"]) stored[event["clientMsgId"]] = event["seq"];
  CHECK_EQ(stored, taken);
  CHECK_EQ(page["events"].size(), taken.size());
  Seq last = 0;
  for (std::size_t i = 0; i < taken.size(); ++i) {
    const Json live = bob.expect_type("message.new");
    CHECK_GT(live["data"]["seq"], last);  // in order, and never twice
    last = live["data"]["seq"];
    CHECK_EQ(taken.at(live["data"]["clientMsgId"]), last);
  }
  CHECK_FALSE(bob.has_seen("message.new"));
}

/// Once through the whole scenario; the count of calls that met a fault.
std::uint64_t run(const Walk& walk, std::uint64_t call, std::uint32_t shards) {
  TestServer server(shards, walk.call);
  server.plan.fail(call, walk.fault);
  server.faultyStore.answer_refused_with(walk.refusal);
  server.start();
  {
    TestClient bob = server.connect("bob");
    TestClient alice = server.connect("alice");
    const std::map<std::string, Seq> taken = send_until_taken(alice);
    REQUIRE_EQ(taken.size(), kMessages.size());
    CHECK_FALSE(alice.has_seen("message.sent"));  // no request is answered twice
    const std::vector<Event> log = server.log_of(direct_conversation_id("alice", "bob"));
    REQUIRE_EQ(log.size(), kMessages.size());
    for (std::size_t i = 0; i < log.size(); ++i) {
      CHECK_EQ(log[i].seq, i + 1);
      CHECK_EQ(log[i].clientMsgId, kMessages[i]);
      CHECK_EQ(taken.at(log[i].clientMsgId), log[i].seq);
    }
    check_received(bob, taken);
  }
  const std::uint64_t failed = server.plan.failed();
  CHECK(server.stop());
  return failed;
}

void walk_through(const Walk& walk, std::uint64_t mustMeet = 1) {
  for (std::uint32_t shards : {1U, 2U}) {
    std::uint64_t call = 1;
    while (call < 40) {
      CAPTURE(walk.name);
      CAPTURE(shards);
      CAPTURE(call);
      if (run(walk, call, shards) == 0) break;
      ++call;
    }
    CHECK_GT(call, mustMeet);  // something did fail on the way
    CHECK_LT(call, 40);
  }
}

}  // namespace

TEST_CASE("every append that fails as a whole call leaves each message in the log once") {
  walk_through({"refused", PortCall::append, Fault::refused});
  walk_through({"fenced", PortCall::append, Fault::fenced});
  walk_through({"unknown but written", PortCall::append, Fault::unknown_but_written});
  walk_through({"unknown, not written", PortCall::append, Fault::unknown_not_written});
}

TEST_CASE("every append that fails among others leaves each message in the log once") {
  walk_through({"refused", PortCall::append_one, Fault::refused}, 3);
  walk_through({"fenced", PortCall::append_one, Fault::fenced}, 3);
  walk_through({"unknown but written", PortCall::append_one, Fault::unknown_but_written}, 3);
  walk_through({"unknown, not written", PortCall::append_one, Fault::unknown_not_written}, 3);
  walk_through({"conflict", PortCall::append_one, Fault::refused, AppendOutcome::conflict}, 3);
}

TEST_CASE("a conversation that cannot be claimed is claimed again by what comes later") {
  walk_through({"refused", PortCall::claim, Fault::refused});
  walk_through({"fenced", PortCall::claim, Fault::fenced});
  walk_through({"unknown", PortCall::claim, Fault::unknown_but_written});
}

TEST_CASE("a directory that fails for a moment delays messages and loses none") {
  walk_through({"users", PortCall::users, Fault::refused});
  walk_through({"blocks", PortCall::blocks, Fault::refused});
}

TEST_CASE("presence that cannot be registered keeps nobody out") {
  walk_through({"acquire", PortCall::acquire, Fault::refused});
}

namespace {

/// Hooks make every message be looked up before it is decided.
class NoHooks final : public Hooks {};

}  // namespace

TEST_CASE("a look-up of repetitions that fails delays messages and repeats none") {
  for (std::uint32_t shards : {1U, 2U})
    for (std::uint64_t call = 1; call <= 4; ++call) {
      CAPTURE(shards);
      CAPTURE(call);
      NoHooks hooks;
      TestServer server(shards, PortCall::find_sends);
      server.ports.hooks = &hooks;
      server.plan.fail(call, Fault::refused);
      server.start();
      TestClient bob = server.connect("bob");
      TestClient alice = server.connect("alice");
      const std::map<std::string, Seq> taken = send_until_taken(alice);
      REQUIRE_EQ(taken.size(), kMessages.size());
      for (const std::string& message : kMessages) {  // once more: the answer is the first one's
        Json again = alice.ask(message_to("bob", message));
        if (again["type"] == "error") again = alice.ask(message_to("bob", message));
        REQUIRE_EQ(again["type"], "message.sent");
        CHECK_EQ(again["seq"], taken.at(message));
        CHECK_EQ(again["duplicate"], true);
      }
      CHECK_EQ(server.log_of(direct_conversation_id("alice", "bob")).size(), kMessages.size());
      check_received(bob, taken);
      CHECK_EQ(server.plan.failed(), 1);
    }
}

}  // namespace chatcore::faulttest
