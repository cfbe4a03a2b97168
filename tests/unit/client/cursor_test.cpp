#include "driver.hpp"

using namespace chatcore;
using namespace chatcore::client;
using testing::Driver;

TEST_CASE("received messages are acknowledged once per conversation and flush") {
  Driver driver;
  driver.go_online();
  for (Seq seq = 1; seq <= 5; ++seq) driver.message(seq);
  CHECK(driver.take_all("message.received").empty());
  driver.pass(20);
  const auto acks = driver.take_all("message.received");
  REQUIRE(acks.size() == 1);
  CHECK(acks[0].at("conversationId") == "c1");
  CHECK(acks[0].at("seq") == 5);
}

TEST_CASE("several conversations share one frame") {
  Driver driver;
  driver.go_online();
  driver.message(1, "c1");
  driver.message(1, "c2");
  driver.pass(20);
  CHECK(driver.take("message.received").at("cursors") == Json{{"c1", 1}, {"c2", 1}});
}

TEST_CASE("a receipt that the server did not confirm goes out again on the next connection") {
  Driver driver;
  driver.go_online();
  driver.message(1);
  driver.pass(20);
  const Json first = driver.take("message.received");
  driver.lose();
  driver.pass(1000);
  driver.come_back();
  driver.pass(20);
  const Json second = driver.take("message.received");
  CHECK(second.at("seq") == 1);
  driver.reply(Json{{"type", "ok"}, {"id", second.at("id")}});
  driver.lose();
  driver.pass(1000);
  driver.come_back();
  driver.pass(20);
  CHECK(driver.take_all("message.received").empty());
}

TEST_CASE("a temporary refusal of a receipt is retried, a final one reported") {
  Driver driver;
  driver.go_online();
  driver.message(1);
  driver.pass(20);
  driver.refuse(driver.take("message.received"), "unavailable", true, 100);
  driver.pass(400);
  driver.refuse(driver.take("message.received"), "not_a_member", false);
  CHECK(driver.errors.size() == 1);
  driver.pass(10'000);
  CHECK(driver.take_all("message.received").empty());
}

TEST_CASE("automatic acknowledgements can be switched off") {
  Options options = Driver::alice();
  options.acknowledgeReceived = false;
  Driver driver(options);
  driver.go_online();
  driver.message(1);
  driver.pass(1000);
  CHECK(driver.take_all("message.received").empty());
}

TEST_CASE("mark_read only moves forward and waits for a connection") {
  Driver driver;
  driver.state.mark_read(driver.now(), "c1", 5);
  driver.state.mark_read(driver.now(), "c1", 3);
  driver.collect();
  driver.go_online();
  driver.pass(20);
  const auto reads = driver.take_all("message.read");
  REQUIRE(reads.size() == 1);
  CHECK(reads[0].at("seq") == 5);
}

TEST_CASE("what another device has read need not be said again") {
  Driver driver;
  driver.go_online();
  driver.from_server(R"({"type":"sync.read","conversationId":"c1","lastReadSeq":7,"unread":0})");
  REQUIRE(driver.readPositions.size() == 1);
  CHECK(driver.readPositions[0].seq == 7);
  driver.state.mark_read(driver.now(), "c1", 6);
  driver.pass(1000);
  CHECK(driver.take_all("message.read").empty());
}

TEST_CASE("receipts of others are told once and never backwards") {
  Driver driver;
  Json page = Driver::range(1, 3, 3);
  page["cursors"] = Json{{"bob", {{"deliveredSeq", 2}, {"readSeq", 1}}}, {"alice", {{"readSeq", 3}}}};
  driver.go_online(Json::array({page}));
  REQUIRE(driver.receipts.size() == 2);
  CHECK(driver.receipts[0].kind == Receipt::Kind::delivered);
  CHECK(driver.receipts[0].userId == "bob");
  driver.from_server(R"({"type":"message.delivered","conversationId":"c1","seq":2,"userId":"bob"})");
  driver.from_server(R"({"type":"message.delivered","conversationId":"c1","seq":3,"userId":"bob"})");
  driver.from_server(R"({"type":"message.read","conversationId":"c1","seq":3,"readBy":"bob"})");
  REQUIRE(driver.receipts.size() == 4);
  CHECK(driver.receipts[3].kind == Receipt::Kind::read);
  CHECK(driver.receipts[3].seq == 3);
}
