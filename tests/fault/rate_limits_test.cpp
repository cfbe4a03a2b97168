#include <doctest/doctest.h>

#include <utility>

#include "test_server.hpp"

namespace chatcore::faulttest {

namespace {

using Kind = CommandRates RateLimitOptions::*;

struct Counted {
  const char* command;
  Kind kind;
};

constexpr Kind kEvents = &RateLimitOptions::events;
constexpr Kind kReceipts = &RateLimitOptions::receipts;
constexpr Kind kTyping = &RateLimitOptions::typing;
constexpr Kind kQueries = &RateLimitOptions::queries;
constexpr Kind kPresence = &RateLimitOptions::presence;
constexpr Kind kMalformed = &RateLimitOptions::malformed;

// What becomes of them does not matter: they are counted before anything is done for them.
constexpr Counted kCommands[] = {
    {R"({"type":"message.send","to":"nobody","clientMsgId":"1","content":1})", kEvents},
    {R"({"type":"message.edit","conversationId":"c","messageId":"1","clientMsgId":"1","content":1})",
     kEvents},
    {R"({"type":"message.react","conversationId":"c","messageId":"1","clientMsgId":"1","emoji":"+","op":"add"})",
     kEvents},
    {R"({"type":"message.pin","conversationId":"c","messageId":"1","clientMsgId":"1","op":"add"})", kEvents},
    {R"({"type":"message.delete","conversationId":"c","messageId":"1","clientMsgId":"1","scope":"everyone"})",
     kEvents},
    {R"({"type":"message.delete","conversationId":"c","messageId":"1","clientMsgId":"1","scope":"me"})",
     kQueries},
    {R"({"type":"conversation.create","clientMsgId":"1","members":["nobody"]})", kEvents},
    {R"({"type":"conversation.update","conversationId":"c","clientMsgId":"1","name":"n"})", kEvents},
    {R"({"type":"conversation.addMembers","conversationId":"c","clientMsgId":"1","members":["nobody"]})",
     kEvents},
    {R"({"type":"conversation.removeMembers","conversationId":"c","clientMsgId":"1","members":["nobody"]})",
     kEvents},
    {R"({"type":"conversation.setRole","conversationId":"c","clientMsgId":"1","userId":"u","role":"admin"})",
     kEvents},
    {R"({"type":"conversation.leave","conversationId":"c","clientMsgId":"1"})", kEvents},
    {R"({"type":"conversation.delete","conversationId":"c","clientMsgId":"1"})", kEvents},
    {R"({"type":"message.received","conversationId":"c","seq":1})", kReceipts},
    {R"({"type":"message.read","conversationId":"c","seq":1})", kReceipts},
    {R"({"type":"typing.start","conversationId":"c"})", kTyping},
    {R"({"type":"typing.stop","conversationId":"c"})", kTyping},
    {R"({"type":"presence.ping"})", kPresence},
    {R"({"type":"presence.set","status":"away"})", kPresence},
    {R"({"type":"presence.get","users":["nobody"]})", kPresence},
    {R"({"type":"presence.subscribe","users":["nobody"]})", kPresence},
    {R"({"type":"presence.unsubscribe","users":["nobody"]})", kPresence},
    {R"({"type":"sync","watermarks":{}})", kQueries},
    {R"({"type":"history","conversationId":"c"})", kQueries},
    {R"({"type":"receipts.get","conversationId":"c","seq":1})", kQueries},
    {R"({"type":"conversations.list"})", kQueries},
    {R"({"type":"conversation.members","conversationId":"c"})", kQueries},
    {R"({"type":"conversation.mute","conversationId":"c","until":1})", kQueries},
    {R"({"type":"conversation.clear","conversationId":"c","seq":1})", kQueries},
    {R"({"type":"contacts.add","users":["nobody"]})", kQueries},
    {R"({"type":"devices.list"})", kQueries},
    {R"({"type":"settings.get"})", kQueries},
    {R"({"type":"client.state","state":"background"})", kQueries},
    {R"({"type":"message.sned"})", kMalformed},
};

/// A server that limits one kind of command, to as many as that before its clock goes on.
struct LimitedServer : TestServer {
  LimitedServer(Kind kind, std::uint32_t burst) : TestServer(1) {
    options.engine.rateLimits = RateLimitOptions::off();
    (options.engine.rateLimits.*kind).device = {1, burst};
    options.gateway.idleTimeout = 1h;
    start();
  }
};

bool told_to_wait(TestClient& device, const Json& command) {
  return device.ask(command).value("code", "") == "rate_limited";
}

std::vector<std::string> users(int count) {
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back("u" + std::to_string(i));
  return names;
}

}  // namespace

TEST_CASE("each command counts as one of its own kind and of no other") {
  for (const Kind kind : {kEvents, kReceipts, kTyping, kQueries, kPresence, kMalformed}) {
    LimitedServer server(kind, 1);
    int device = 0;
    for (const Counted& counted : kCommands) {
      CAPTURE(counted.command);
      TestClient fresh = server.connect("alice" + std::to_string(device++));
      Json command = Json::parse(counted.command);
      CHECK_FALSE(told_to_wait(fresh, command));
      if (command.contains("clientMsgId")) command["clientMsgId"] = "2";
      CHECK_EQ(told_to_wait(fresh, command), counted.kind == kind);
    }
  }
}

TEST_CASE("sixteen users or conversations in one command cost a token more") {
  const auto cursors = [](int count) {
    Json positions = Json::object();
    for (const std::string& name : users(count)) positions[name] = 1;
    return positions;
  };
  const std::pair<Kind, std::function<Json(int)>> cases[] = {
      {kPresence, [](int count) { return Json{{"type", "presence.get"}, {"users", users(count)}}; }},
      {kQueries, [](int count) { return Json{{"type", "contacts.remove"}, {"users", users(count)}}; }},
      {kReceipts, [&](int count) { return Json{{"type", "message.received"}, {"cursors", cursors(count)}}; }},
      {kReceipts, [&](int count) { return Json{{"type", "message.read"}, {"cursors", cursors(count)}}; }},
  };
  for (const auto& [kind, command_of] : cases) {
    CAPTURE(command_of(1).dump());
    LimitedServer server(kind, 2);
    TestClient alice = server.connect("alice");
    CHECK_FALSE(told_to_wait(alice, command_of(15)));
    CHECK_FALSE(told_to_wait(alice, command_of(1)));
    TestClient bob = server.connect("bob");
    CHECK_FALSE(told_to_wait(bob, command_of(16)));
    CHECK(told_to_wait(bob, command_of(1)));
  }
}

TEST_CASE("who goes on after being told to wait is closed, and who comes back is told to wait again") {
  LimitedServer server(kTyping, 1);
  TestClient alice = server.connect("alice");
  const Json command{{"type", "typing.start"}, {"conversationId", "c"}};
  CHECK_FALSE(told_to_wait(alice, command));
  alice.send_all(std::vector<Json>(server.options.engine.rateLimits.maxIgnored + 2, command));
  CHECK_EQ(alice.expect_close(), 4504);
  TestClient back = server.connect("alice");
  CHECK(told_to_wait(back, command));
}

}  // namespace chatcore::faulttest
