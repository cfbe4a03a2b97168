#include <doctest/doctest.h>

#include "test_server.hpp"

namespace chatcore::faulttest {

namespace {

Json pin(const std::string& chat, bool pinned, std::uint64_t id) {
  return {{"type", "conversation.pin"}, {"id", id}, {"conversationId", chat}, {"pinned", pinned}};
}

std::string chat_of(TestClient& alice) { return alice.ask(message_to("bob", "m1"))["conversationId"]; }

}  // namespace

TEST_CASE("what a user wants last of a conversation holds, however slowly the store answers") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards, PortCall::conversations_of);
    server.start();
    TestClient phone = server.connect("alice");
    TestClient laptop = server.connect("alice", "laptop");
    const std::string chat = chat_of(phone);
    const auto asked = server.plan.calls();
    server.plan.fail(asked + 1, Fault::delayed);
    phone.send_all({pin(chat, true, 101), pin(chat, false, 102)});
    REQUIRE(TestServer::eventually([&] { return server.plan.calls() > asked; }));
    phone.settle();
    server.plan.release();
    CHECK_EQ(phone.expect_answer(101)["type"], "ok");
    CHECK_EQ(phone.expect_answer(102)["type"], "ok");
    CHECK_EQ(laptop.expect_type("sync.preferences")["pinned"], true);
    CHECK_EQ(laptop.expect_type("sync.preferences")["pinned"], false);
    CHECK_EQ(phone.ask({{"type", "conversations.list"}})["conversations"][0]["pinned"], false);
  }
}

TEST_CASE("a change that cannot be stored is answered, and the next one goes on") {
  TestServer server(1, PortCall::conversations_of);
  server.start();
  TestClient alice = server.connect("alice");
  const std::string chat = chat_of(alice);
  server.plan.fail(server.plan.calls() + 1, Fault::refused);
  alice.send_all({pin(chat, true, 101), pin("elsewhere", true, 102), pin(chat, true, 103)});
  CHECK_EQ(alice.expect_answer(101)["code"], "unavailable");
  CHECK_EQ(alice.expect_answer(102)["code"], "not_a_member");
  CHECK_EQ(alice.expect_answer(103)["type"], "ok");
}

TEST_CASE("more changes of one user than may wait are overloaded") {
  TestServer server(1, PortCall::conversations_of);
  server.start();
  TestClient alice = server.connect("alice");
  const std::string chat = chat_of(alice);
  server.plan.fail(server.plan.calls() + 1, Fault::delayed);
  std::vector<Json> changes;
  for (std::uint64_t id = 1; id <= 65; ++id) changes.push_back(pin(chat, id % 2 == 0, 100 + id));
  alice.send_all(changes);
  CHECK_EQ(alice.expect_answer(165)["code"], "overloaded");
  server.plan.release();
  CHECK_EQ(alice.expect_answer(164)["type"], "ok");
  CHECK_EQ(alice.ask(pin(chat, false, 0))["type"], "ok");
}

}  // namespace chatcore::faulttest
