#include "driver.hpp"

using namespace chatcore;
using namespace chatcore::client;
using testing::Driver;

TEST_CASE("a client goes from connecting over syncing to online") {
  Driver driver;
  driver.go_online();
  std::vector<ConnectionState> seen;
  for (const StateChange& change : driver.states) seen.push_back(change.state);
  CHECK(seen == std::vector{ConnectionState::connecting, ConnectionState::syncing, ConnectionState::online});
}

TEST_CASE("close codes decide whether a client comes back") {
  struct Row {
    std::uint16_t code;
    ConnectionState after;
  };
  for (const Row& row : {Row{1000, ConnectionState::waiting}, Row{1006, ConnectionState::waiting},
                         Row{4000, ConnectionState::waiting}, Row{4001, ConnectionState::waiting},
                         Row{4499, ConnectionState::waiting}, Row{4500, ConnectionState::stopped},
                         Row{4502, ConnectionState::stopped}, Row{4999, ConnectionState::stopped}}) {
    CAPTURE(row.code);
    Driver driver;
    driver.go_online();
    driver.lose(row.code, "word");
    CHECK(driver.state.state() == row.after);
    CHECK(driver.states.back().closeCode == row.code);
    CHECK(driver.states.back().reason == "word");
    CHECK(driver.errors.size() == (row.after == ConnectionState::stopped ? 1 : 0));
  }
}

TEST_CASE("a stopped client stays stopped until it is told to connect") {
  Driver driver;
  driver.go_online();
  driver.lose(4501, "token_expired");
  driver.pass(600'000);
  CHECK(driver.state.state() == ConnectionState::stopped);
  driver.connect();
  CHECK(driver.state.state() == ConnectionState::connecting);
}

TEST_CASE("the server's retryAfterMs is waited for, with jitter on top") {
  Driver driver;
  driver.go_online();
  driver.lose(4000, "draining;retryAfterMs=5000");
  CHECK(driver.states.back().reason == "draining");
  driver.pass(4999);
  CHECK(driver.state.state() == ConnectionState::waiting);
  driver.pass(252);
  CHECK(driver.state.state() == ConnectionState::connecting);
}

TEST_CASE("absurd advice is cut down") {
  for (const char* reason :
       {"x;retryAfterMs=99999999999999", "x;retryAfterMs=-5", "x;retryAfterMs=abc", ";"}) {
    CAPTURE(reason);
    Driver driver;
    driver.go_online();
    driver.lose(4000, reason);
    CHECK(driver.states.back().retryIn <= Millis(300'250));
    CHECK(driver.states.back().retryIn >= Millis(0));
  }
}

TEST_CASE("pauses grow while connecting fails and start over after ten seconds online") {
  Driver driver;
  driver.connect();
  std::vector<std::int64_t> pauses;
  for (int i = 0; i < 12; ++i) {
    driver.lose();
    pauses.push_back(driver.states.back().retryIn.count());
    driver.pass(pauses.back());
    REQUIRE(driver.state.state() == ConnectionState::connecting);
  }
  CHECK(pauses.front() <= 250);
  CHECK(pauses[3] > pauses[1]);
  CHECK(pauses.back() > 10'000);
  CHECK(*std::max_element(pauses.begin(), pauses.end()) <= 30'000);

  driver.come_back();
  driver.pass(9'000);
  driver.lose();
  CHECK(driver.states.back().retryIn > Millis(10'000));
  driver.pass(30'000);
  driver.come_back();
  driver.pass(10'000);
  driver.lose();
  CHECK(driver.states.back().retryIn <= Millis(250));
}

TEST_CASE("a connection attempt that leads to no welcome is given up") {
  Driver driver;
  driver.connect();
  driver.open();
  driver.pass(9'999);
  CHECK(driver.state.state() == ConnectionState::connecting);
  driver.pass(1);
  CHECK(driver.state.state() == ConnectionState::waiting);
  CHECK(driver.closes.size() == 1);
}

TEST_CASE("heartbeats go out and a server that answers them is alive") {
  Driver driver;
  driver.go_online();
  for (int i = 0; i < 5; ++i) {
    driver.pass(30'000);
    driver.take("presence.ping");
    driver.from_server(R"({"type":"presence.pong"})");
  }
  CHECK(driver.state.state() == ConnectionState::online);
}

TEST_CASE("two heartbeats of silence mean a dead connection") {
  Driver driver;
  driver.go_online();
  driver.pass(59'999);
  CHECK(driver.state.state() == ConnectionState::online);
  driver.pass(1);
  CHECK(driver.closes == std::vector<std::uint16_t>{4002});
  CHECK(driver.state.state() != ConnectionState::online);
}

TEST_CASE("pings of the transport count as signs of life") {
  Driver driver;
  driver.go_online();
  for (int i = 0; i < 10; ++i) {
    driver.pass(20'000);
    driver.state.heard(driver.now(), driver.connection);
  }
  CHECK(driver.closes.empty());
}

TEST_CASE("what an old connection still says is ignored") {
  Driver driver;
  driver.go_online();
  const ConnectionNumber old = driver.connection;
  driver.lose();
  driver.pass(1000);
  driver.come_back();
  driver.state.received(driver.now(), old, Json{{"type", "message.new"}, {"data", Driver::event(1)}}.dump());
  driver.state.disconnected(driver.now(), old, 4500, "unauthorized");
  driver.collect();
  CHECK(driver.messages.empty());
  CHECK(driver.state.state() == ConnectionState::online);
}

TEST_CASE("disconnect drops the connection and keeps what waits") {
  Driver driver;
  driver.go_online();
  driver.send("c1", "hi");
  driver.take("message.send");
  driver.state.disconnect(driver.now());
  driver.collect();
  CHECK(driver.closes == std::vector<std::uint16_t>{1000});
  driver.pass(60'000);
  CHECK(driver.state.state() == ConnectionState::offline);
  driver.go_online();
  CHECK(driver.contents() == testing::Texts{"hi"});
}

TEST_CASE("an idle client that is offline needs no timer") {
  Driver driver;
  CHECK(!driver.state.deadline());
  driver.send("c1", "hi");
  CHECK(!driver.state.deadline());
}

TEST_CASE("frames that are nonsense are reported and do no harm") {
  Driver driver;
  driver.go_online();
  const std::string deep(1000, '[');
  for (const std::string& text :
       {std::string("nonsense"), std::string("[]"), std::string("{\"type\":"), deep,
        std::string(R"({"type":7})"), std::string(R"({"type":"message.new"})"),
        std::string(R"({"type":"message.new","data":{"conversationId":5,"seq":-1}})"),
        std::string(R"({"type":"sync.page","conversations":[1,{"conversationId":"c1","events":[null,7]}]})"),
        std::string(R"({"type":"error"})"),
        std::string(R"({"type":"sync.required","conversations":{"c1":"x"}})"),
        std::string(R"({"type":"presence.state","users":[1]})")}) {
    CAPTURE(text);
    driver.from_server(text);
  }
  CHECK(driver.errors.size() >= 4);
  CHECK(driver.state.state() == ConnectionState::online);
  CHECK(driver.messages.empty());
}
