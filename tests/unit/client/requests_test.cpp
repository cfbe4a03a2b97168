#include "driver.hpp"

using namespace chatcore;
using namespace chatcore::client;
using testing::Driver;

namespace {

void ask(Driver& driver, const std::string& json) {
  driver.state.request(driver.now(), driver.nextTicket++, json);
  driver.collect();
}

}  // namespace

TEST_CASE("a request gets its answer, or its error") {
  Driver driver;
  driver.go_online();
  ask(driver, R"({"type":"conversations.list","id":"mine"})");
  ask(driver, R"({"type":"conversation.mute"})");
  driver.reply(Json{{"type", "conversations.page"}, {"id", driver.take("conversations.list").at("id")}});
  driver.refuse(driver.take("conversation.mute"), "forbidden", false);
  REQUIRE(driver.requestsDone.size() == 2);
  CHECK(Json::parse(*driver.requestsDone[0].result).at("type") == "conversations.page");
  CHECK(driver.requestsDone[1].result.error().code == ErrorCode::forbidden);
}

TEST_CASE("a request made offline waits for a connection, but not longer than its timeout") {
  Driver driver;
  ask(driver, R"({"type":"conversations.list"})");
  driver.go_online();
  driver.take("conversations.list");
  driver.state.disconnect(driver.now());
  driver.collect();
  REQUIRE(driver.requestsDone.size() == 1);
  CHECK(driver.requestsDone[0].result.error().code == ErrorCode::unavailable);
  ask(driver, R"({"type":"conversations.list"})");
  driver.pass(15'000);
  REQUIRE(driver.requestsDone.size() == 2);
  CHECK(driver.requestsDone[1].result.error().code == ErrorCode::unavailable);
}

TEST_CASE("a request without an answer times out, and a late answer is ignored") {
  Driver driver;
  driver.go_online();
  ask(driver, R"({"type":"conversations.list"})");
  const Json frame = driver.take("conversations.list");
  driver.pass(15'000);
  REQUIRE(driver.requestsDone.size() == 1);
  driver.reply(Json{{"type", "conversations.page"}, {"id", frame.at("id")}});
  driver.reply(Json{{"type", "settings"}, {"id", frame.at("id")}, {"readReceipts", false}});
  CHECK(driver.requestsDone.size() == 1);
  CHECK(driver.events.empty());
  CHECK(driver.settings.empty());
}

TEST_CASE("what a request that was given up became is shown as anybody's event is") {
  Driver driver;
  driver.go_online(Json::array({Driver::range(1, 3, 3)}));
  ask(driver, R"({"type":"message.react","conversationId":"c1","clientMsgId":"x"})");
  const Json frame = driver.take("message.react");
  driver.pass(15'000);
  REQUIRE(driver.requestsDone.size() == 1);
  driver.confirm(frame, 4);
  const Json fetch = driver.take("history");
  CHECK(fetch.at("after") == 3);
  driver.answer_history(fetch, Driver::range(4, 4, 4));
  CHECK(driver.shown["c1"].back() == 4);
}

TEST_CASE("requests are bounded, and free their place when answered") {
  Options options = Driver::alice();
  options.limits.pendingRequests = 2;
  Driver driver(options);
  driver.go_online();
  for (int i = 0; i < 3; ++i) ask(driver, R"({"type":"conversations.list"})");
  REQUIRE(driver.requestsDone.size() == 1);
  CHECK(driver.requestsDone[0].result.error().code == ErrorCode::overloaded);
  for (const Json& frame : driver.take_all("conversations.list"))
    driver.reply(Json{{"type", "conversations.page"}, {"id", frame.at("id")}});
  ask(driver, R"({"type":"conversations.list"})");
  CHECK(driver.requestsDone.size() == 3);
  CHECK(driver.take_all("conversations.list").size() == 1);
}

TEST_CASE("an answer that is an event of the log advances the log too") {
  Driver driver;
  driver.go_online();
  ask(driver, R"({"type":"conversation.create","clientMsgId":"x","name":"F","members":["bob"]})");
  driver.reply(Json{{"type", "conversation.created"},
                    {"id", driver.take("conversation.create").at("id")},
                    {"data", {{"conversationId", "g1"}, {"seq", 1}, {"name", "F"}}}});
  CHECK(driver.requestsDone.size() == 1);
  REQUIRE(driver.conversationChanges.size() == 1);
  CHECK(driver.state.watermarks().front().conversationId == "g1");
  ask(driver,
      R"({"type":"message.edit","conversationId":"g1","messageId":"1","content":1,"clientMsgId":"y"})");
  driver.reply(Json{{"type", "message.sent"},
                    {"id", driver.take("message.edit").at("id")},
                    {"clientMsgId", "y"},
                    {"conversationId", "g1"},
                    {"seq", 2}});
  CHECK(driver.requestsDone.size() == 2);
  CHECK(driver.state.watermarks().front().seq == 2);
}

TEST_CASE("presence subscriptions are renewed on every connection") {
  Driver driver;
  driver.state.subscribe_presence(driver.now(), {"bob", "carol"});
  driver.go_online();
  CHECK(driver.take("presence.subscribe").at("users") == Json{"bob", "carol"});
  driver.state.unsubscribe_presence(driver.now(), {"carol"});
  driver.collect();
  CHECK(driver.take("presence.unsubscribe").at("users") == Json{"carol"});
  driver.lose();
  driver.pass(1000);
  driver.come_back();
  CHECK(driver.take("presence.subscribe").at("users") == Json{"bob"});
}

TEST_CASE("presence and typing reach the application") {
  Driver driver;
  driver.go_online();
  driver.from_server(R"({"type":"presence.state","users":[{"userId":"bob","status":"online"}]})");
  driver.from_server(R"({"type":"presence.update","userId":"bob","status":"offline","lastSeen":9})");
  driver.from_server(R"({"type":"typing.indicator","conversationId":"c1","userId":"bob","state":"start"})");
  REQUIRE(driver.presences.size() == 2);
  CHECK(driver.presences[0].online);
  CHECK(driver.presences[1].lastSeen == 9);
  REQUIRE(driver.typings.size() == 1);
  CHECK(driver.typings[0].active);
  driver.state.typing(driver.now(), "c1", true);
  driver.collect();
  CHECK(driver.take("typing.start").at("conversationId") == "c1");
}

TEST_CASE("a new token is given to the present connection") {
  Driver driver;
  driver.state.refresh_token(driver.now(), "early");
  driver.go_online();
  CHECK(driver.take_all("auth.refresh").empty());
  driver.state.refresh_token(driver.now(), "fresh");
  driver.collect();
  CHECK(driver.take("auth.refresh").at("token") == "fresh");
}

TEST_CASE("unknown types are handed to the application as they are") {
  Driver driver;
  driver.go_online();
  driver.from_server(R"({"type":"weather","data":{"text":"rain"}})");
  REQUIRE(driver.events.size() == 1);
  CHECK(driver.events[0].at("data").at("text") == "rain");
}

TEST_CASE("a status is said at once and again on every connection") {
  Driver driver;
  driver.go_online();
  driver.state.set_status(driver.now(), Availability::dnd, "in a \"meeting\"");
  driver.collect();
  const Json said = driver.take("presence.set");
  CHECK(said == Json{{"type", "presence.set"}, {"status", "dnd"}, {"text", "in a \"meeting\""}});
  driver.lose();
  driver.pass(1000);
  driver.come_back();
  CHECK(driver.take("presence.set") == said);
  driver.state.set_status(driver.now(), Availability::away, std::string(141, 'x'));
  driver.state.set_status(driver.now(), Availability::away, "\xff");
  driver.collect();
  CHECK(driver.errors.size() == 2);
  CHECK(driver.take_all("presence.set").empty());
}

TEST_CASE("what others say of being online is handed on") {
  Driver driver;
  driver.go_online();
  driver.from_server(R"({"type":"presence.update","userId":"bob","status":"away","text":"lunch"})");
  driver.from_server(R"({"type":"presence.update","userId":"bob","status":"offline","lastSeen":9})");
  REQUIRE(driver.presences.size() == 2);
  CHECK(driver.presences[0].online);
  CHECK(driver.presences[0].availability == Availability::away);
  CHECK(driver.presences[0].text == "lunch");
  CHECK_FALSE(driver.presences[1].online);
  CHECK(driver.presences[1].lastSeen == 9);
}
