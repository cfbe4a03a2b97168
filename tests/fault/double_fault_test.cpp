#include <doctest/doctest.h>

#include "test_server.hpp"

/// Two things going wrong at once: a question to one port is out while another port fails.
namespace chatcore::faulttest {

namespace {

const ConversationId kDirect = direct_conversation_id("alice", "bob");

void make_group(TestClient& alice) {
  REQUIRE_EQ(alice.ask({{"type", "conversation.create"},
                        {"clientMsgId", "make"},
                        {"name", "F"},
                        {"conversationId", "fam"},
                        {"members", {"bob"}}})["type"],
             "conversation.created");
}

struct RewritingHooks final : Hooks {
  std::vector<std::string> asked;
  Decision before_persist(const Draft& draft) override {
    asked.emplace_back(draft.content);
    return {Verdict::rewrite, "[" + std::string(draft.content) + "]", {}};
  }
};

/// A server whose appends and whose block checks can both be made to fail.
struct FailingBlocks : TestServer {
  FailingBlocks() : TestServer(1, PortCall::append), failing(directory, blocksPlan, PortCall::blocks) {
    ports.directory = &failing;
  }
  ~FailingBlocks() { stop(); }
  FaultPlan blocksPlan;
  OneFaultDirectory failing;
};

/// A server whose appends and whose claims can both be made to fail.
struct FailingClaims : TestServer {
  FailingClaims() : TestServer(1, PortCall::append), failing(faultyStore, claimPlan, PortCall::claim) {
    ports.store = &failing;
  }
  ~FailingClaims() { stop(); }
  FaultPlan claimPlan;
  OneFaultStore failing;
};

}  // namespace

TEST_CASE("a block check that fails while an append is in flight costs nothing") {
  FailingBlocks server;
  server.start();
  TestClient alice = server.connect("alice");
  REQUIRE_EQ(alice.ask(message_to("bob", "m0"))["seq"], 1);
  server.plan.fail(server.plan.calls() + 1, Fault::delayed);
  server.blocksPlan.fail_from(server.blocksPlan.calls() + 1, Fault::refused);
  alice.send(message_to("bob", "m1", 1));
  alice.settle();
  server.server->blocks_changed("alice", "bob");
  alice.settle();
  alice.settle();
  server.blocksPlan.heal();
  server.plan.release();
  CHECK(alice.expect_answer(1).contains("type"));
}

TEST_CASE("a lease that could not be acquired is tried again") {
  TestServer server(1, PortCall::acquire);
  server.plan.fail(1, Fault::refused);
  server.options.gateway.idleTimeout = 1h;
  server.options.gateway.heartbeat = 1h;
  server.start();
  TestClient alice = server.connect("alice");
  server.clock.advance(25s);
  CHECK(TestServer::eventually([&] { return server.leases_of("alice") == 1; }));
}

TEST_CASE("a block set later ends what the other was watching") {
  TestServer server(1);
  server.options.gateway.idleTimeout = 1h;
  server.options.gateway.heartbeat = 1h;
  server.start();
  TestClient alice = server.connect("alice");
  TestClient bob = server.connect("bob");
  alice.ask(message_to("bob", "m0"));
  alice.ask({{"type", "presence.subscribe"}, {"users", {"bob"}}});
  server.block("bob", "alice");
  server.server->blocks_changed("bob", "alice");
  // As if bob had gone, and had never said when.
  const Json gone = alice.expect_type("presence.update");
  CHECK_EQ(gone["status"], "offline");
  CHECK_FALSE(gone.contains("lastSeen"));
  bob.disconnect();
  REQUIRE(server.leaves("bob"));
  server.clock.advance(31s);
  TestServer::eventually([n = 0]() mutable { return ++n > 100; });
  CHECK_FALSE(alice.has_seen("presence.update"));
}

TEST_CASE("a message that is decided anew after a conflict is not shown to the hooks again") {
  RewritingHooks hooks;
  TestServer server(1, PortCall::append_one);
  server.ports.hooks = &hooks;
  server.faultyStore.answer_refused_with(AppendOutcome::conflict);
  server.plan.fail(2, Fault::refused);
  server.start();
  TestClient alice = server.connect("alice");
  make_group(alice);
  CHECK_EQ(alice.ask(message_in("fam", "m1"))["seq"], 2);
  server.stop();
  CHECK_EQ(hooks.asked.size(), 1);
  CHECK_EQ(server.log_of("fam").at(1).content, "[\"m1\"]");
}

TEST_CASE("what a blocked sender wrote is not pushed after a restart either") {
  TestServer server(1);
  server.with_push();
  server.put_device("bob", "phone", "token-phone");
  server.block("bob", "alice");
  server.start();
  {
    TestClient alice = server.connect("alice");
    alice.ask(message_to("bob", "secret"));
  }
  server.stop();
  MemoryWorkQueue queue2(server.clock);
  server.ports.store = &server.faultyStore;
  server.ports.directory = &server.directory;
  server.ports.presence = &server.presence;
  server.ports.authenticator = &server.authenticator;
  server.ports.clock = &server.clock;
  server.ports.workQueue = &queue2;
  server.ports.push = &server.push;
  server.ports.term = 2;
  server.start();
  TestServer::eventually([&] { return queue2.size() > 0; });
  server.clock.advance(10s);
  TestServer::eventually([&] {
    queue2.run_due();
    return queue2.size() == 0;
  });
  CHECK(server.push.sent().empty());
  server.stop();
}

TEST_CASE("order holds across a conversation that could not be loaded") {
  TestServer server(1, PortCall::claim);
  server.plan.fail(1, Fault::refused);
  server.start();
  TestClient alice = server.connect("alice");
  CHECK_EQ(alice.ask(message_to("bob", "m1"))["code"], "unavailable");
  CHECK_EQ(alice.ask(message_to("bob", "m2"))["code"], "retry_in_order");
}

TEST_CASE("a block that comes during a recovery counts") {
  FailingClaims server;
  server.start();
  TestClient alice = server.connect("alice");
  TestClient bob = server.connect("bob");
  REQUIRE_EQ(alice.ask(message_to("bob", "m0"))["seq"], 1);
  bob.expect_type("message.new");
  server.plan.fail(server.plan.calls() + 1, Fault::refused);
  server.claimPlan.fail(server.claimPlan.calls() + 1, Fault::delayed);
  CHECK_EQ(alice.ask(message_to("bob", "m1"))["code"], "unavailable");
  alice.settle();
  server.block("bob", "alice");
  server.server->blocks_changed("bob", "alice");
  alice.settle();
  alice.settle();
  server.claimPlan.release();
  CHECK_EQ(alice.ask(message_to("bob", "m1"))["seq"], 2);
  CHECK_FALSE(bob.has_seen("message.new"));
}

TEST_CASE("a block check under way keeps no append from its answer") {
  FailingBlocks server;
  server.start();
  TestClient alice = server.connect("alice");
  REQUIRE_EQ(alice.ask(message_to("bob", "m0"))["seq"], 1);
  // blocks answer is held; an append in flight fails unknown meanwhile
  server.plan.fail(server.plan.calls() + 1, Fault::delayed);
  alice.send(message_to("bob", "m1", 1));
  alice.settle();
  server.blocksPlan.fail(server.blocksPlan.calls() + 1, Fault::delayed);
  server.server->blocks_changed("alice", "bob");
  alice.settle();
  alice.settle();
  server.plan.release();
  server.blocksPlan.release();
  CHECK_EQ(alice.expect_answer(1)["seq"], 2);
}

}  // namespace chatcore::faulttest
