#include "driver.hpp"

using namespace chatcore;
using namespace chatcore::client;
using testing::Driver;

namespace {

Json entry(const std::string& more) {
  Json out = Driver::range(1, 1, 1);
  out.update(Json::parse(more));
  return out;
}

}  // namespace

TEST_CASE("a device says what it is on every connection") {
  Options options = Driver::alice();
  options.platform = "ios";
  Driver driver(options);
  driver.go_online();
  CHECK(driver.take("hello").at("platform") == "ios");
  driver.lose();
  driver.pass(1000);
  driver.come_back();
  CHECK(driver.take("hello").at("platform") == "ios");
}

TEST_CASE("a platform that no server takes is reported and not said") {
  for (const std::string& platform : {std::string(65, 'x'), std::string("\xff")}) {
    Options options = Driver::alice();
    options.platform = platform;
    Driver driver(options);
    driver.go_online();
    CHECK(driver.take_all("hello").empty());
    CHECK(driver.errors.size() == 1);
  }
}

TEST_CASE("a device in the background says so at once and again on every connection") {
  Driver driver;
  driver.go_online();
  CHECK(driver.take_all("client.state").empty());
  driver.state.set_foreground(driver.now(), false);
  driver.collect();
  CHECK(driver.take("client.state").at("state") == "background");
  driver.lose();
  driver.pass(1000);
  driver.come_back();
  CHECK(driver.take("client.state").at("state") == "background");
  driver.state.set_foreground(driver.now(), true);
  driver.collect();
  CHECK(driver.take("client.state").at("state") == "foreground");
}

TEST_CASE("who shows a new token is told whether the connection goes on with it") {
  Driver driver;
  driver.state.refresh_token(driver.now(), "early", 1);
  driver.go_online();
  driver.state.refresh_token(driver.now(), "good", 2);
  driver.state.refresh_token(driver.now(), "bad", 3);
  driver.collect();
  const auto frames = driver.take_all("auth.refresh");
  REQUIRE(frames.size() == 2);
  driver.reply(Json{{"type", "ok"}, {"id", frames[0].at("id")}});
  driver.refuse(frames[1], "unauthorized", false);
  REQUIRE(driver.requestsDone.size() == 3);
  CHECK(driver.requestsDone[0].result);
  CHECK(driver.requestsDone[1].result);
  CHECK(driver.requestsDone[2].result.error().code == ErrorCode::unauthorized);
  CHECK(driver.errors.empty());
  CHECK(driver.state.state() == ConnectionState::online);
}

TEST_CASE("a token that is refused and that nobody waits for is reported") {
  Driver driver;
  driver.go_online();
  driver.state.refresh_token(driver.now(), "bad");
  driver.collect();
  driver.refuse(driver.take("auth.refresh"), "unauthorized", false);
  CHECK(driver.errors.size() == 1);
}

TEST_CASE("a token that cannot be sent is not") {
  Driver driver;
  driver.go_online();
  driver.state.refresh_token(driver.now(), "\xff", 1);
  driver.state.refresh_token(driver.now(), std::string(70'000, 'x'), 2);
  driver.collect();
  CHECK(driver.take_all("auth.refresh").empty());
  REQUIRE(driver.requestsDone.size() == 2);
  CHECK(driver.requestsDone[0].result.error().code == ErrorCode::bad_request);
  CHECK(driver.requestsDone[1].result.error().code == ErrorCode::too_large);
}

TEST_CASE("tokens that wait for an answer count as requests") {
  Options options = Driver::alice();
  options.limits.pendingRequests = 1;
  Driver driver(options);
  driver.go_online();
  driver.state.refresh_token(driver.now(), "a", 1);
  driver.state.refresh_token(driver.now(), "b", 2);
  driver.collect();
  REQUIRE(driver.requestsDone.size() == 1);
  CHECK(driver.requestsDone[0].result.error().code == ErrorCode::overloaded);
  driver.reply(Json{{"type", "ok"}, {"id", driver.take("auth.refresh").at("id")}});
  driver.state.refresh_token(driver.now(), "c", 3);
  driver.collect();
  CHECK(driver.take("auth.refresh").at("token") == "c");
}

TEST_CASE("what another device does to the account is told as values") {
  Driver driver;
  driver.go_online();
  driver.from_server(R"({"type":"settings","readReceipts":false,"lastSeen":"nobody","online":"contacts"})");
  driver.from_server(R"({"type":"device.added","deviceId":"watch","platform":"ios","timestamp":7})");
  driver.from_server(R"({"type":"device.removed","deviceId":"watch","timestamp":8})");
  driver.from_server(R"({"type":"system.alert","data":{"text":"soon"}})");
  REQUIRE(driver.settings.size() == 1);
  CHECK_FALSE(driver.settings[0].readReceipts);
  CHECK(driver.settings[0].lastSeen == Audience::nobody);
  CHECK(driver.settings[0].online == Audience::contacts);
  REQUIRE(driver.devices.size() == 2);
  CHECK(driver.devices[0].added);
  CHECK(driver.devices[0].platform == "ios");
  CHECK_FALSE(driver.devices[1].added);
  CHECK(driver.devices[1].deviceId == "watch");
  CHECK(driver.devices[1].timestamp == 8);
  REQUIRE(driver.alerts.size() == 1);
  CHECK(driver.alerts[0].at("text") == "soon");
  CHECK(driver.events.empty());
}

TEST_CASE("what another device wants of a conversation is told live, and by the next sync") {
  Driver driver;
  driver.go_online();
  driver.from_server(
      R"({"type":"sync.preferences","conversationId":"c1","mutedUntil":9,"archived":true,"pinned":false})");
  driver.lose();
  driver.pass(1000);
  driver.come_back(Json::array({entry(R"({"pinned":true})")}));
  REQUIRE(driver.preferences.size() == 2);
  CHECK(driver.preferences[0].conversationId == "c1");
  CHECK(driver.preferences[0].now == Preferences{9, true, false});
  CHECK(driver.preferences[1].now == Preferences{0, false, true});
}

TEST_CASE("what another device clears is told live, and by every later sync") {
  Driver driver;
  driver.go_online();
  driver.from_server(R"({"type":"sync.cleared","conversationId":"c1","seq":7,"unread":2})");
  driver.lose();
  driver.pass(1000);
  driver.come_back(Json::array({entry(R"({"floorSeq":9})")}));
  REQUIRE(driver.cleared.size() == 2);
  CHECK(driver.cleared[0].conversationId == "c1");
  CHECK(driver.cleared[0].seq == 7);
  CHECK(driver.cleared[0].unread == 2);
  CHECK(driver.cleared[1].seq == 8);
  CHECK_FALSE(driver.cleared[1].unread);
}

TEST_CASE("a page of a sync does not take back what was said since the sync began") {
  const auto finish = [](Driver& driver) {
    driver.reply(Json{{"type", "sync.page"},
                      {"id", driver.take("sync").at("id")},
                      {"conversations", Json::array({entry("{}")})},
                      {"token", "t"},
                      {"more", false}});
  };
  SUBCASE("by another device") {
    Driver driver;
    driver.connect();
    driver.open();
    driver.welcome();
    driver.from_server(
        R"({"type":"sync.preferences","conversationId":"c1","mutedUntil":0,"archived":false,"pinned":true})");
    finish(driver);
    REQUIRE(driver.preferences.size() == 1);
    CHECK(driver.preferences[0].now.pinned);
  }
  SUBCASE("by this one") {
    Driver driver;
    driver.connect();
    driver.open();
    driver.welcome();
    driver.state.request(driver.now(), 1, R"({"type":"conversation.pin","conversationId":"c1"})");
    driver.collect();
    driver.reply(Json{{"type", "ok"}, {"id", driver.take("conversation.pin").at("id")}});
    finish(driver);
    CHECK(driver.preferences.empty());
    // What another device did before is told by a sync that begins after the change.
    const Json again = driver.take("sync");
    driver.reply(Json{{"type", "sync.page"},
                      {"id", again.at("id")},
                      {"conversations", Json::array({entry(R"({"pinned":true,"archived":true})")})},
                      {"token", "t"},
                      {"more", false}});
    REQUIRE(driver.preferences.size() == 1);
    CHECK(driver.preferences[0].now == Preferences{0, true, true});
    CHECK(driver.take_all("sync").empty());
  }
}
