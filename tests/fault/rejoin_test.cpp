#include <doctest/doctest.h>

#include "test_server.hpp"

namespace chatcore::faulttest {

TEST_CASE("who is taken back into a group closes the gap that the time outside has left") {
  TestServer server(1);
  server.start();
  TestClient alice = server.connect("alice");
  TestClient bob = server.connect("bob");
  const auto change = [&](const char* type, const char* id) {
    return alice.ask({{"type", type}, {"clientMsgId", id}, {"conversationId", "fam"}, {"members", {"bob"}}});
  };
  REQUIRE_EQ(alice.ask({{"type", "conversation.create"},
                        {"clientMsgId", "make"},
                        {"name", "Family"},
                        {"conversationId", "fam"},
                        {"members", {"bob"}}})["type"],
             "conversation.created");
  REQUIRE_EQ(change("conversation.removeMembers", "out")["type"], "conversation.member");
  for (const char* message : {"m1", "m2"})
    REQUIRE_EQ(alice.ask(message_in("fam", message))["type"], "message.sent");
  REQUIRE_EQ(change("conversation.addMembers", "in")["data"]["seq"], 5);

  // Bob has seen up to 2, his removal: 3 and 4 are void for him, and the page says so by covering them.
  const Json page = bob.ask({{"type", "history"}, {"conversationId", "fam"}, {"after", 2}, {"limit", 50}});
  CHECK_EQ(page["fromSeq"], 3);
  CHECK_EQ(page["toSeq"], 5);
  REQUIRE_EQ(page["events"].size(), 1);
  CHECK_EQ(page["events"][0]["seq"], 5);
  const Json synced = bob.ask({{"type", "sync"}, {"watermarks", {{"fam", 2}}}, {"limit", 50}});
  REQUIRE_EQ(synced["conversations"].size(), 1);
  CHECK_EQ(synced["conversations"][0]["fromSeq"], 3);
  CHECK_EQ(synced["conversations"][0]["toSeq"], 5);
  CHECK_EQ(synced["conversations"][0]["events"].size(), 1);
  const Json fresh = bob.ask({{"type", "sync"}, {"watermarks", Json::object()}, {"limit", 50}});
  CHECK_EQ(fresh["conversations"][0]["fromSeq"], 5);
}

TEST_CASE("who is taken back into a group goes on from what they had read and cleared") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    TestServer server(shards);
    server.start();
    TestClient alice = server.connect("alice");
    TestClient bob = server.connect("bob");
    const auto in_family = [](const char* type, Json fields) {
      fields["type"] = type;
      fields["conversationId"] = "fam";
      return fields;
    };
    alice.ask(
        in_family("conversation.create",
                  {{"clientMsgId", "make"}, {"name", "Family"}, {"history", "all"}, {"members", {"bob"}}}));
    const Json first = alice.ask(message_in("fam", "m1"));
    alice.ask(message_in("fam", "m2"));
    REQUIRE_EQ(bob.ask(in_family("message.read", {{"seq", 3}}))["type"], "ok");
    REQUIRE_EQ(bob.ask(in_family("conversation.clear", {{"seq", 2}}))["type"], "ok");
    for (const char* type : {"conversation.removeMembers", "conversation.addMembers"})
      REQUIRE_EQ(alice.ask(in_family(type, {{"clientMsgId", type}, {"members", {"bob"}}}))["type"],
                 "conversation.member");
    CHECK(TestServer::eventually([&] {
      const Json page = alice.ask(in_family("receipts.get", Json::object()));
      return page["members"][0]["readSeq"] == 3;
    }));
    CHECK_EQ(bob.ask(in_family("message.react", {{"messageId", first["messageId"]},
                                                 {"clientMsgId", "r1"},
                                                 {"emoji", "+"},
                                                 {"op", "add"}}))["code"],
             "not_found");
  }
}

}  // namespace chatcore::faulttest
