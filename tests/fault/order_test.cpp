#include <doctest/doctest.h>

#include "test_server.hpp"

namespace chatcore::faulttest {

namespace {

/// A group of alice and bob, with a seq 1 that no fault met.
void make_group(TestClient& alice) {
  const Json made = alice.ask({{"type", "conversation.create"},
                               {"clientMsgId", "make"},
                               {"name", "Family"},
                               {"conversationId", "fam"},
                               {"members", {"bob"}}});
  REQUIRE_EQ(made["type"], "conversation.created");
}

std::size_t live_copies(TestClient& client, const std::string& clientMsgId) {
  std::size_t copies = 0;
  for (const Json& frame : client.settle())
    if (frame["type"] == "message.new" && frame["data"]["clientMsgId"] == clientMsgId) ++copies;
  return copies;
}

}  // namespace

TEST_CASE("what follows a failed send waits for it to come again, and only in that session") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards, PortCall::append_one);
    server.plan.fail(2, Fault::refused);  // the first is the group's
    server.start();
    TestClient alice = server.connect("alice");
    TestClient bob = server.connect("bob");
    make_group(alice);
    alice.send_all({message_in("fam", "m1", 1), message_in("fam", "m2", 2), message_in("fam", "m3", 3)});
    const Json failed = alice.expect_answer(1);
    CHECK_EQ(failed["code"], "unavailable");
    CHECK_EQ(failed["temporary"], true);
    CHECK_EQ(alice.expect_answer(2)["code"], "retry_in_order");
    CHECK_EQ(alice.expect_answer(3)["code"], "retry_in_order");
    CHECK_EQ(alice.ask(message_in("fam", "m2"))["code"], "retry_in_order");
    CHECK_EQ(bob.ask(message_in("fam", "b1"))["type"], "message.sent");
    for (const char* message : {"m1", "m2", "m3"})
      CHECK_EQ(alice.ask(message_in("fam", message))["type"], "message.sent");
    const std::vector<Event> log = server.log_of("fam");
    REQUIRE_EQ(log.size(), 5);
    const char* order[] = {"make", "b1", "m1", "m2", "m3"};
    for (std::size_t i = 0; i < log.size(); ++i) CHECK_EQ(log[i].clientMsgId, order[i]);
  }
}

TEST_CASE("a new session of the same device owes nothing that the old one failed to send") {
  TestServer server(1, PortCall::append_one);
  server.plan.fail(2, Fault::refused);
  server.start();
  TestClient alice = server.connect("alice");
  make_group(alice);
  CHECK_EQ(alice.ask(message_in("fam", "m1"))["code"], "unavailable");
  CHECK_EQ(alice.ask(message_in("fam", "m2"))["code"], "retry_in_order");
  TestClient again = server.connect("alice");
  CHECK_EQ(again.ask(message_in("fam", "m2"))["type"], "message.sent");
}

TEST_CASE("an append whose answer was lost is acknowledged in its place and published once") {
  for (const PortCall call : {PortCall::append, PortCall::append_one})
    for (std::uint32_t shards : {1U, 2U}) {
      CAPTURE(shards);
      TestServer server(shards, call);
      server.plan.fail(2, Fault::unknown_but_written);
      server.start();
      TestClient alice = server.connect("alice");
      TestClient tablet = server.connect("alice", "tablet");
      TestClient bob = server.connect("bob");
      make_group(alice);
      const Json sent = alice.ask(message_in("fam", "m1"));
      REQUIRE_EQ(sent["type"], "message.sent");
      const std::vector<Event> log = server.log_of("fam");
      REQUIRE_EQ(log.size(), 2);
      CHECK_EQ(sent["seq"], 2);
      CHECK_EQ(sent["messageId"], std::to_string(log[1].messageId));
      CHECK_EQ(live_copies(bob, "m1"), 1);
      CHECK_EQ(live_copies(tablet, "m1"), 1);
      CHECK_EQ(live_copies(alice, "m1"), 0);
      const Json again = alice.ask(message_in("fam", "m1"));
      CHECK_EQ(again["duplicate"], true);
      CHECK_EQ(again["seq"], 2);
      CHECK_EQ(live_copies(bob, "m1"), 0);
    }
}

TEST_CASE("an append that was lost is told as unavailable and works when it comes again") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards);
    server.plan.fail(2, Fault::unknown_not_written);
    server.start();
    TestClient alice = server.connect("alice");
    TestClient bob = server.connect("bob");
    make_group(alice);
    const Json failed = alice.ask(message_in("fam", "m1"));
    CHECK_EQ(failed["code"], "unavailable");
    CHECK_EQ(failed["temporary"], true);
    const Json sent = alice.ask(message_in("fam", "m1"));
    CHECK_EQ(sent["type"], "message.sent");
    CHECK_EQ(sent["duplicate"], false);
    CHECK_EQ(sent["seq"], 2);
    CHECK_EQ(live_copies(bob, "m1"), 1);
  }
}

TEST_CASE("a repetition that comes while its original is under way is answered with it") {
  TestServer server(1);
  server.plan.fail(2, Fault::delayed);
  server.start();
  TestClient alice = server.connect("alice");
  TestClient tablet = server.connect("alice", "tablet");
  make_group(alice);
  alice.send(message_in("fam", "m1", 1));
  tablet.send(message_in("fam", "m1", 2));
  tablet.settle();
  server.plan.release();
  CHECK_EQ(alice.expect_answer(1)["duplicate"], false);
  const Json repeated = tablet.expect_answer(2);
  CHECK_EQ(repeated["duplicate"], true);
  CHECK_EQ(repeated["seq"], 2);
  CHECK_EQ(server.log_of("fam").size(), 2);
}

TEST_CASE("what is decided anew behind a repetition is not overtaken by what came meanwhile") {
  TestServer server(1);
  server.plan.fail(3, Fault::delayed);
  server.plan.fail(4, Fault::delayed);
  server.start();
  TestClient alice = server.connect("alice");
  make_group(alice);
  REQUIRE_EQ(alice.ask(message_in("fam", "m1"))["type"], "message.sent");
  // As a client does that comes back and does not know what was taken. Two appends are under way.
  alice.send(message_in("fam", "m1", 1));
  REQUIRE(TestServer::eventually([&] { return server.plan.calls() == 3; }));
  alice.send(message_in("fam", "m2", 2));
  REQUIRE(TestServer::eventually([&] { return server.plan.calls() == 4; }));
  server.plan.release(1);
  CHECK_EQ(alice.expect_answer(1)["duplicate"], true);
  alice.send(message_in("fam", "m3", 3));
  alice.settle();
  server.plan.release();
  CHECK_EQ(alice.expect_answer(2)["type"], "message.sent");
  CHECK_EQ(alice.expect_answer(3)["type"], "message.sent");
  const std::vector<Event> log = server.log_of("fam");
  REQUIRE_EQ(log.size(), 4);
  const char* order[] = {"make", "m1", "m2", "m3"};
  for (std::size_t i = 0; i < log.size(); ++i) CHECK_EQ(log[i].clientMsgId, order[i]);
}

TEST_CASE("when a log cannot be claimed again, what was under way is the first that must be sent again") {
  TestServer server(1, PortCall::append_one);
  server.plan.fail(2, Fault::unknown_not_written);
  FaultPlan claims(2, Fault::refused);  // the first loads the group
  OneFaultStore store(server.faultyStore, claims, PortCall::claim);
  server.ports.store = &store;
  server.start();
  TestClient alice = server.connect("alice");
  make_group(alice);
  alice.send_all({message_in("fam", "m1", 1), message_in("fam", "m2", 2)});
  CHECK_EQ(alice.expect_answer(1)["temporary"], true);
  CHECK_EQ(alice.expect_answer(2)["temporary"], true);
  CHECK_EQ(alice.ask(message_in("fam", "m2"))["code"], "retry_in_order");
  CHECK_EQ(alice.ask(message_in("fam", "m1"))["type"], "message.sent");
  CHECK_EQ(alice.ask(message_in("fam", "m2"))["type"], "message.sent");
  server.stop();
}

TEST_CASE("what is sent again before it is known to have failed comes in its order") {
  TestServer server(1, PortCall::append);
  server.plan.fail(2, Fault::unknown_not_written);  // the first makes the group
  FaultPlan claims(2, Fault::delayed);              // the first loads it
  OneFaultStore store(server.faultyStore, claims, PortCall::claim);
  server.ports.store = &store;
  server.start();
  TestClient alice = server.connect("alice");
  make_group(alice);
  alice.send_all({message_in("fam", "m1", 1), message_in("fam", "m2", 2)});
  REQUIRE(TestServer::eventually([&] { return claims.calls() == 2; }));
  alice.send_all({message_in("fam", "m3", 3), message_in("fam", "m1", 4), message_in("fam", "m2", 5),
                  message_in("fam", "m3", 6)});
  alice.settle();
  claims.release();
  CHECK_EQ(alice.expect_answer(1)["code"], "unavailable");
  CHECK_EQ(alice.expect_answer(2)["code"], "unavailable");
  CHECK_EQ(alice.expect_answer(3)["code"], "retry_in_order");
  const Json first = alice.expect_answer(4);
  const Json second = alice.expect_answer(5);
  const Json third = alice.expect_answer(6);
  REQUIRE_EQ(first["type"], "message.sent");
  REQUIRE_EQ(second["type"], "message.sent");
  REQUIRE_EQ(third["type"], "message.sent");
  CHECK_LT(first["seq"], second["seq"]);
  CHECK_LT(second["seq"], third["seq"]);
  server.stop();
}

TEST_CASE("a command that found no room does not stop those that came before it") {
  TestServer server(1, PortCall::claim);
  server.options.engine.maxWaitingPerConversation = 1;
  server.start();
  TestClient alice = server.connect("alice");
  make_group(alice);
  const auto claims = server.plan.calls();
  server.plan.fail(claims + 1, Fault::delayed);
  alice.send_all({message_to("bob", "m1", 1), message_to("bob", "m2", 2)});
  CHECK_EQ(alice.expect_answer(2)["code"], "overloaded");
  // Turned down before the claim has gone out at the end of the turn.
  REQUIRE(TestServer::eventually([&] { return server.plan.calls() > claims; }));
  alice.settle();
  server.plan.release();
  CHECK_EQ(alice.expect_answer(1)["type"], "message.sent");
  CHECK_EQ(alice.ask(message_to("bob", "m3"))["code"], "retry_in_order");
  CHECK_EQ(alice.ask(message_to("bob", "m2"))["type"], "message.sent");
}

TEST_CASE("a conversation that leaves memory keeps what has to be sent first, and a failed one leaves it") {
  TestServer server(1, PortCall::append_one);
  server.options.engine.maxLoadedConversations = 0;
  server.options.gateway.idleTimeout = 1h;
  server.options.gateway.heartbeat = 1h;
  server.plan.fail(1, Fault::refused);
  server.start();
  TestClient alice = server.connect("alice");
  CHECK_EQ(alice.ask(message_to("bob", "m1"))["code"], "unavailable");
  server.clock.advance(server.options.engine.headAfterQuiet + 1s);
  REQUIRE(TestServer::eventually([&] { return server.server->stats().conversations == 0; }));
  CHECK_EQ(alice.ask(message_to("bob", "m2"))["code"], "retry_in_order");
  CHECK_EQ(alice.ask(message_to("bob", "m1"))["type"], "message.sent");
  CHECK_EQ(alice.ask(message_to("bob", "m2"))["type"], "message.sent");
}

}  // namespace chatcore::faulttest
