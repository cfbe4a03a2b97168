#include <doctest/doctest.h>

#include "later_hooks.hpp"

namespace chatcore::faulttest {

namespace {

constexpr auto kDeadline = 2'100ms;  // and a tick
const ConversationId kDirect = direct_conversation_id("alice", "bob");

std::vector<std::string> contents_of(TestServer& server, const ConversationId& id) {
  std::vector<std::string> all;
  for (const Event& event : server.log_of(id))
    if (event.kind == EventKind::message) all.push_back(event.content);
  return all;
}

}  // namespace

TEST_CASE("what a session sends behind a message that the host decides later waits for it") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    LaterServer server(shards);
    server.start();
    TestClient alice = server.connect("alice");
    alice.send_all({message_to("bob", "m1", 1), message_to("bob", "now-2", 2)});
    REQUIRE(server.hooks.was_asked(1));
    alice.settle();
    CHECK(server.log_of(kDirect).empty());
    server.hooks.answer(accepted());
    CHECK_EQ(alice.expect_answer(1)["seq"], 1);
    CHECK_EQ(alice.expect_answer(2)["seq"], 2);
    CHECK_EQ(contents_of(server, kDirect), std::vector<std::string>{"\"m1\"", "\"now-2\""});
  }
}

TEST_CASE("other conversations go on while a message waits for the host") {
  LaterServer server(1);
  server.start();
  TestClient alice = server.connect("alice");
  alice.send(message_to("bob", "m1", 1));
  REQUIRE(server.hooks.was_asked(1));
  CHECK_EQ(alice.ask(message_to("carol", "now"))["seq"], 1);
}

TEST_CASE("the host rejects or rewrites a message later") {
  LaterServer server(1);
  server.start();
  TestClient alice = server.connect("alice");
  TestClient bob = server.connect("bob");
  alice.send_all({message_to("bob", "m1", 1), message_to("bob", "m2", 2)});
  REQUIRE(server.hooks.was_asked(1));
  server.hooks.answer(rejected());
  const Json refusal = alice.expect_answer(1);
  CHECK_EQ(refusal["code"], "forbidden");
  CHECK_EQ(refusal["message"], "not here");
  REQUIRE(server.hooks.was_asked(2));
  server.hooks.answer(rewritten("[\"m2\"]"));
  CHECK_EQ(alice.expect_answer(2)["seq"], 1);
  CHECK_EQ(bob.expect_type("message.new")["data"]["content"], Json({"m2"}));
}

TEST_CASE("the host is shown the new content of a message that is edited, and the message's id") {
  LaterServer server(1);
  server.start();
  TestClient alice = server.connect("alice");
  const Json sent = alice.ask(message_to("bob", "now"));
  alice.send({{"type", "message.edit"},
              {"id", 2},
              {"conversationId", kDirect},
              {"messageId", sent["messageId"]},
              {"clientMsgId", "e1"},
              {"content", "better"}});
  REQUIRE(server.hooks.was_asked(1));
  const Hooks::PendingDraft draft = server.hooks.drafts().at(0);
  CHECK_EQ(draft.content, "\"better\"");
  CHECK_EQ(std::to_string(draft.edited), sent["messageId"].get<std::string>());
  server.hooks.answer(rewritten("\"best\""));
  CHECK_EQ(alice.expect_answer(2)["seq"], 2);
  CHECK_EQ(server.log_of(kDirect).at(1).content, "\"best\"");
}

TEST_CASE("a turn's questions are asked in one call") {
  LaterServer server(1);
  server.start();
  TestClient alice = server.connect("alice");
  alice.send_all({message_to("bob", "m1"), message_to("carol", "m2"), message_to("dave", "m3")});
  REQUIRE(server.hooks.was_asked(3));
  CHECK_LT(server.hooks.rounds(), 3);
}

TEST_CASE("a host that keeps to its executor is heard as well") {
  LaterServer server(1);
  server.start();
  TestClient alice = server.connect("alice");
  alice.send(message_to("bob", "m1", 1));
  REQUIRE(server.hooks.was_asked(1));
  server.hooks.complete_on_executor(accepted(), 0);
  CHECK_EQ(alice.expect_answer(1)["seq"], 1);
}

TEST_CASE("a message whose answer does not come in time is refused for now, and the host asked again") {
  LaterServer server(1);
  server.start();
  TestClient alice = server.connect("alice");
  alice.send_all({message_to("bob", "m1", 1), message_to("bob", "now-2", 2)});
  REQUIRE(server.hooks.was_asked(1));
  server.clock.advance(kDeadline);
  const Json refusal = alice.expect_answer(1);
  CHECK_EQ(refusal["code"], "unavailable");
  CHECK_EQ(refusal["temporary"], true);
  CHECK_EQ(alice.expect_answer(2)["code"], "retry_in_order");
  alice.send(message_to("bob", "m1", 3));
  REQUIRE(server.hooks.was_asked(2));
  server.hooks.answer(accepted());
  CHECK_EQ(alice.expect_answer(3)["duplicate"], false);
  CHECK_EQ(alice.ask(message_to("bob", "now-2"))["seq"], 2);
}

TEST_CASE("a host that prefers to let messages through has them accepted when no answer comes") {
  LaterServer server(1);
  server.options.engine.hooks.persistFailure = HookFailure::open;
  server.start();
  TestClient alice = server.connect("alice");
  alice.send(message_to("bob", "m1", 1));
  REQUIRE(server.hooks.was_asked(1));
  server.clock.advance(kDeadline);
  CHECK_EQ(alice.expect_answer(1)["seq"], 1);
  CHECK_EQ(contents_of(server, kDirect), std::vector<std::string>{"\"m1\""});
}

TEST_CASE("an answer that is late does not count for the same message when it is sent again") {
  LaterServer server(1);
  server.start();
  TestClient alice = server.connect("alice");
  alice.send(message_to("bob", "m1", 1));
  REQUIRE(server.hooks.was_asked(1));
  server.clock.advance(kDeadline);
  CHECK_EQ(alice.expect_answer(1)["code"], "unavailable");
  Json other = message_to("bob", "m1", 2);
  other["content"] = "something else";
  alice.send(other);
  REQUIRE(server.hooks.was_asked(2));
  server.hooks.answer(accepted(), 0);
  alice.settle();
  CHECK(server.log_of(kDirect).empty());
  server.hooks.answer(rejected(), 1);
  CHECK_EQ(alice.expect_answer(2)["code"], "forbidden");
}

TEST_CASE("a second answer changes nothing") {
  LaterServer server(1);
  server.start();
  TestClient alice = server.connect("alice");
  alice.send_all({message_to("bob", "m1", 1), message_to("bob", "m2", 2)});
  REQUIRE(server.hooks.was_asked(1));
  server.hooks.answer(accepted(), 0);
  server.hooks.answer(rejected(), 0);
  CHECK_EQ(alice.expect_answer(1)["seq"], 1);
  REQUIRE(server.hooks.was_asked(2));
  server.hooks.answer(rejected(), 0);
  server.hooks.answer(accepted(), 1);
  CHECK_EQ(alice.expect_answer(2)["seq"], 2);
}

TEST_CASE("a hook that throws, drops its question, fails, or answers too few refuses for the time being") {
  for (const char* how : {"throws", "drops", "fails", "says nothing", "says later"}) {
    CAPTURE(how);
    LaterServer server(1);
    if (how == std::string("throws")) server.hooks.mode = LaterHooks::Mode::throws;
    if (how == std::string("drops")) server.hooks.mode = LaterHooks::Mode::drops;
    server.start();
    TestClient alice = server.connect("alice");
    alice.send(message_to("bob", "m1", 1));
    REQUIRE(server.hooks.was_asked(1));
    if (how == std::string("fails")) server.hooks.answer(Error{ErrorCode::io_error, "no network", {}});
    if (how == std::string("says nothing")) server.hooks.answer_with({}, 0);
    if (how == std::string("says later")) server.hooks.answer(Hooks::Decision{Hooks::Verdict::later, {}, {}});
    const Json refusal = alice.expect_answer(1);
    CHECK_EQ(refusal["code"], "unavailable");
    CHECK_EQ(refusal["temporary"], true);
    CHECK(server.log_of(kDirect).empty());
  }
}

TEST_CASE("a host that owes too many answers is asked no more") {
  for (const HookFailure failure : {HookFailure::closed, HookFailure::open}) {
    const bool open = failure == HookFailure::open;
    CAPTURE(open);
    LaterServer server(1);
    server.options.engine.hooks.maxQuestions = 1;
    server.options.engine.hooks.persistFailure = failure;
    server.start();
    TestClient alice = server.connect("alice");
    alice.send(message_to("bob", "m1", 1));
    REQUIRE(server.hooks.was_asked(1));
    server.clock.advance(kDeadline);
    alice.expect_answer(1);  // nobody waits for it any more, but the host has it still
    const Json second = alice.ask(message_to("carol", "m2"));
    if (open)
      CHECK_EQ(second["seq"], 1);
    else
      CHECK_EQ(second["code"], "overloaded");
    CHECK_EQ(server.hooks.asked().size(), 1);
    server.hooks.answer(accepted());
    alice.send(message_to("dave", "m3", 3));
    CHECK(server.hooks.was_asked(2));
  }
}

TEST_CASE("a repetition of a message that the host decides on is not asked about") {
  LaterServer server(1);
  server.start();
  TestClient alice = server.connect("alice");
  alice.send_all({message_to("bob", "m1", 1), message_to("bob", "m1", 2)});
  REQUIRE(server.hooks.was_asked(1));
  server.hooks.answer(accepted());
  CHECK_EQ(alice.expect_answer(1)["duplicate"], false);
  CHECK_EQ(alice.expect_answer(2)["duplicate"], true);
  CHECK_EQ(server.hooks.asked().size(), 1);
}

TEST_CASE("a message whose sender has gone while the host was asked is sent all the same") {
  LaterServer server(1);
  server.start();
  TestClient bob = server.connect("bob");
  TestClient alice = server.connect("alice");
  alice.send(message_to("bob", "m1", 1));
  REQUIRE(server.hooks.was_asked(1));
  alice.disconnect();
  REQUIRE(TestServer::eventually([&] { return server.server->stats().connections == 1; }));
  server.hooks.answer(accepted());
  CHECK_EQ(bob.expect_type("message.new")["data"]["content"], "m1");
}

TEST_CASE("a conversation that waits for the host stays in memory, though there is no room") {
  LaterServer server(1);
  server.options.engine.maxLoadedConversations = 0;
  server.options.engine.headAfterQuiet = 1ms;
  server.start();
  TestClient alice = server.connect("alice");
  alice.send(message_to("bob", "m1", 1));
  REQUIRE(server.hooks.was_asked(1));
  server.clock.advance(1s);
  CHECK_EQ(alice.ask(message_to("carol", "now"))["seq"], 1);
  server.hooks.answer(accepted());
  CHECK_EQ(alice.expect_answer(1)["seq"], 1);
}

namespace {

/// A first message whose answer from the store is held, and a second one that the host is asked about.
struct AskedBehindAnAppend : LaterServer {
  AskedBehindAnAppend() : LaterServer(1), claims(faultyStore, claimPlan, PortCall::claim) {
    ports.store = &claims;
    start();
    alice.emplace(connect("alice"));
    alice->ask(message_to("bob", "now-0"));
    plan.fail(2, Fault::delayed);
    alice->send_all({message_to("bob", "now-1", 1), message_to("bob", "m2", 2)});
    REQUIRE(hooks.was_asked(1));
  }
  ~AskedBehindAnAppend() { stop(); }
  void lose_the_append() {
    faultyStore.lose_answers(true);
    plan.release();
    TestServer::eventually([&] { return claimPlan.calls() >= 2; });
    faultyStore.lose_answers(false);
  }
  FaultPlan claimPlan;
  OneFaultStore claims;
  std::optional<TestClient> alice;
};

}  // namespace

TEST_CASE("a conversation that recovers while the host is asked goes on with the answer") {
  for (const bool during : {true, false}) {
    CAPTURE(during);
    AskedBehindAnAppend server;
    if (during) server.claimPlan.fail(2, Fault::delayed);
    server.lose_the_append();
    if (!during) CHECK_EQ(server.alice->expect_answer(1)["seq"], 2);
    server.hooks.answer(rewritten("\"checked\""));
    if (during) {
      server.alice->settle();
      server.claimPlan.release();
      CHECK_EQ(server.alice->expect_answer(1)["seq"], 2);
    }
    CHECK_EQ(server.alice->expect_answer(2)["seq"], 3);
    CHECK_EQ(server.hooks.asked().size(), 1);
    CHECK_EQ(contents_of(server, kDirect), std::vector<std::string>{"\"now-0\"", "\"now-1\"", "\"checked\""});
  }
}

TEST_CASE("an answer about a conversation that was lost meanwhile is not taken for another message") {
  AskedBehindAnAppend server;
  server.claimPlan.fail(2, Fault::refused);
  server.lose_the_append();
  CHECK_EQ(server.alice->expect_answer(2)["code"], "unavailable");
  CHECK_EQ(server.alice->ask(message_to("bob", "now-1"))["duplicate"], true);
  Json other = message_to("bob", "m2", 4);
  other["content"] = "something else";
  server.alice->send(other);
  REQUIRE(server.hooks.was_asked(2));
  server.hooks.answer(accepted(), 0);
  server.alice->settle();
  CHECK_EQ(server.log_of(kDirect).size(), 2);
  server.hooks.answer(rejected(), 1);
  CHECK_EQ(server.alice->expect_answer(4)["code"], "forbidden");
}

TEST_CASE("a server without a deadline for its hooks does not start") {
  for (const auto deadline : {&HookOptions::connectDeadline, &HookOptions::persistDeadline}) {
    LaterServer server(1);
    server.options.engine.hooks.*deadline = 0ms;
    CHECK_THROWS_WITH(server.start(), "a deadline of `engine.hooks` is not above 0");
  }
}

TEST_CASE("a stop does not wait for the host, whose answer then does nothing") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    LaterServer server(shards);
    server.hooks.connectsLater = true;
    server.start();
    TestClient stranger = server.open("stranger");
    REQUIRE(server.hooks.was_asked(1));
    server.hooks.connectsLater = false;
    TestClient alice = server.connect("alice");
    alice.send(message_to("bob", "m1", 1));
    REQUIRE(server.hooks.was_asked(2));
    CHECK(server.stop());
    server.hooks.answer(accepted(), 0);
    server.hooks.complete_on_executor(accepted(), 1);
    CHECK(server.log_of(kDirect).empty());
  }
}

}  // namespace chatcore::faulttest
