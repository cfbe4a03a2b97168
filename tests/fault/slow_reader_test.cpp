#include <doctest/doctest.h>

#include "test_server.hpp"

namespace chatcore::faulttest {

namespace {

constexpr int kMessages = 600;
constexpr std::size_t kContent = 15 * 1024;  // all of them: far more than sockets and outbox hold
constexpr int kSmallBuffer = 8 * 1024;

void slow_reader_options(TestServer& server) {
  server.options.gateway.outboxHighWater = 128 * 1024;
  server.options.engine.rateLimits = RateLimitOptions::off();
}

Seq make_group(TestClient& alice) {
  const Json made = alice.ask({{"type", "conversation.create"},
                               {"clientMsgId", "make"},
                               {"name", "Loud"},
                               {"conversationId", "loud"},
                               {"members", {"bob", "slow"}}});
  REQUIRE_EQ(made["type"], "conversation.created");
  return made["data"]["seq"];
}

/// Alice sends, bob reads along; the seq of the last.
Seq flood(TestClient& alice, TestClient& bob) {
  Seq last = 0;
  for (int i = 0; i < kMessages; ++i) {
    Json message = message_in("loud", "m" + std::to_string(i));
    message["content"] = std::string(kContent, 'x');
    last = alice.ask(std::move(message))["seq"];
    CHECK_EQ(bob.expect_type("message.new")["data"]["seq"], last);
  }
  return last;
}

}  // namespace

TEST_CASE("who does not read misses messages, is told the head once drained, and holds up nobody") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards);
    slow_reader_options(server);
    server.start();
    TestClient alice = server.connect("alice");
    TestClient bob = server.connect("bob");
    TestClient slow = server.connect("slow", "phone", kSmallBuffer);
    make_group(alice);
    bob.expect_type("conversation.created");
    const Seq head = flood(alice, bob);

    const Json required = slow.expect_type("sync.required", 20s);
    CHECK_EQ(required["conversations"]["loud"], head);
    Seq last = 1;
    slow.expect_type("conversation.created");
    for (const Json& frame : slow.settle()) {
      if (frame["type"] != "message.new") continue;
      CHECK_EQ(frame["data"]["seq"], last + 1);  // what did come, came without a gap
      last = frame["data"]["seq"];
    }
    CHECK_LT(last, head);
    const Json page =
        slow.ask({{"type", "history"}, {"conversationId", "loud"}, {"after", last}, {"limit", 10}});
    CHECK_EQ(page["fromSeq"], last + 1);
    // In step again: the next one comes live.
    const Json next = alice.ask(message_in("loud", "next"));
    CHECK_EQ(slow.expect_type("message.new")["data"]["seq"], next["seq"]);
  }
}

TEST_CASE("who has not read for too long is closed and comes back") {
  TestServer server(1);
  slow_reader_options(server);
  server.options.gateway.idleTimeout = 1h;
  server.start();
  TestClient alice = server.connect("alice");
  TestClient bob = server.connect("bob");
  TestClient slow = server.connect("slow", "phone", kSmallBuffer);
  make_group(alice);
  bob.expect_type("conversation.created");
  const Seq head = flood(alice, bob);
  server.clock.advance(server.options.gateway.maxLag * 2);
  // The server takes in that it is time before the reader makes room.
  REQUIRE(TestServer::eventually([&] {
    server.clock.advance(1s);
    return server.server->stats().connections == 2;
  }));
  const std::uint16_t code = slow.expect_close();
  CHECK((code == 4001 || code == 1006));  // the word itself may not have fitted the socket any more
  CHECK_EQ(alice.ask(message_in("loud", "next"))["seq"], head + 1);
  TestClient back = server.connect("slow");
  const Json page = back.ask({{"type", "history"}, {"conversationId", "loud"}, {"limit", 1}});
  CHECK_EQ(page["toSeq"], head + 1);
}

}  // namespace chatcore::faulttest
