#include "driver.hpp"

using namespace chatcore;
using namespace chatcore::client;
using testing::Driver;
using testing::Seqs;

namespace {

/// Online, with conversation c1 known up to seq 10.
Driver& at_ten(Driver& driver) {
  Json known = Driver::range(10, 10, 10);
  driver.go_online(Json::array({known}));
  CHECK(driver.taken_seqs() == Seqs{10});
  return driver;
}

}  // namespace

TEST_CASE("the next number is applied, an old one ignored") {
  Driver driver;
  at_ten(driver);
  driver.message(11);
  driver.message(11);
  driver.message(4);
  driver.message(12);
  CHECK(driver.taken_seqs() == Seqs{11, 12});
}

TEST_CASE("a greater number waits for what is missing, and both are applied in order") {
  Driver driver;
  at_ten(driver);
  driver.message(13);
  driver.message(12);
  CHECK(driver.messages.empty());
  driver.pass(499);
  driver.message(11);
  CHECK(driver.taken_seqs() == Seqs{11, 12, 13});
  driver.pass(5'000);
  CHECK(driver.take_all("history").empty());
}

TEST_CASE("after 500 ms a gap is fetched") {
  Driver driver;
  at_ten(driver);
  driver.message(13);
  driver.pass(499);
  CHECK(driver.take_all("history").empty());
  driver.pass(1);
  const Json fetch = driver.take("history");
  CHECK(fetch.at("conversationId") == "c1");
  CHECK(fetch.at("after") == 10);
  CHECK(fetch.at("raw") == true);
  driver.answer_history(fetch, Driver::range(11, 13, 13));
  CHECK(driver.taken_seqs() == Seqs{11, 12, 13});
  driver.pass(5'000);
  CHECK(driver.take_all("history").empty());
}

TEST_CASE("numbers missing inside a page are void, and so is event.void live") {
  Driver driver;
  at_ten(driver);
  driver.from_server(R"({"type":"event.void","data":{"conversationId":"c1","seq":11}})");
  driver.message(12);
  CHECK(driver.taken_seqs() == Seqs{12});
  driver.message(16);
  driver.pass(500);
  Json page{{"conversationId", "c1"},
            {"fromSeq", 13},
            {"toSeq", 15},
            {"events", Json::array({Driver::paged(14)})},
            {"more", false}};
  driver.answer_history(driver.take("history"), page);
  CHECK(driver.taken_seqs() == Seqs{14, 16});
}

TEST_CASE("a long gap is fetched page after page") {
  Driver driver;
  at_ten(driver);
  driver.message(600);
  driver.pass(500);
  Seq at = 10;
  for (int pages = 0; pages < 10 && at < 600; ++pages) {
    const Json fetch = driver.take("history");
    CHECK(fetch.at("after") == at);
    const Seq to = std::min<Seq>(at + 200, 600);
    driver.answer_history(fetch, Driver::range(at + 1, to, 600));
    at = to;
  }
  const Seqs seqs = driver.taken_seqs();
  REQUIRE(seqs.size() == 590);
  for (std::size_t i = 0; i < seqs.size(); ++i) CHECK(seqs[i] == 11 + i);
}

TEST_CASE("what does not fit while a gap is open comes again with the fetched range") {
  Driver driver;
  at_ten(driver);
  for (Seq seq = 12; seq <= 400; ++seq) driver.message(seq);
  driver.pass(500);
  driver.answer_history(driver.take("history"), Driver::range(11, 211, 400));
  // 12..267 were held; the rest was not.
  CHECK(driver.state.watermarks().front().seq == 267);
  driver.answer_history(driver.take("history"), Driver::range(268, 400, 400));
  const Seqs seqs = driver.taken_seqs();
  REQUIRE(seqs.size() == 390);
  CHECK(seqs.back() == 400);
}

TEST_CASE("a fetch that brings nothing is repeated with growing pauses, not in a loop") {
  Driver driver;
  at_ten(driver);
  driver.message(13);
  int fetches = 0;
  for (int i = 0; i < 600; ++i) {
    driver.pass(100);
    if (i % 100 == 0) driver.from_server(R"({"type":"presence.pong"})");
    for (const Json& fetch : driver.take_all("history")) {
      ++fetches;
      driver.answer_history(fetch,
                            Json{{"conversationId", "c1"}, {"events", Json::array()}, {"more", false}});
    }
  }
  CHECK(fetches >= 3);
  CHECK(fetches <= 8);
}

TEST_CASE("a conversation first seen in its middle begins with its newest page") {
  Driver driver;
  driver.go_online();
  driver.message(57, "new");
  CHECK(driver.messages.empty());
  const Json fetch = driver.take("history");
  CHECK(!fetch.contains("after"));
  driver.answer_history(fetch, Driver::range(50, 57, 57, "new"));
  CHECK(driver.taken_seqs() == Seqs{50, 51, 52, 53, 54, 55, 56, 57});
}

TEST_CASE("a conversation first seen at its first event needs no fetch") {
  Driver driver;
  driver.go_online();
  driver.message(1, "new");
  driver.message(2, "new");
  CHECK(driver.taken_seqs() == Seqs{1, 2});
  driver.pass(5'000);
  CHECK(driver.take_all("history").empty());
}

TEST_CASE("a confirmation ahead of a lower number waits like any event and is not shown twice") {
  Driver driver;
  at_ten(driver);
  driver.send("c1", "mine");
  driver.confirm(driver.take("message.send"), 12);
  CHECK(driver.sendsDone.size() == 1);
  driver.message(11);
  driver.message(13);
  CHECK(driver.taken_seqs() == Seqs{11, 13});
  CHECK(driver.state.watermarks().front().seq == 13);
}

TEST_CASE("an own message that a fetched range repeats is not shown") {
  Driver driver;
  at_ten(driver);
  driver.send("c1", "mine");
  driver.confirm(driver.take("message.send"), 12);
  driver.pass(500);
  Json page = Driver::range(11, 12, 12);
  page["events"][1]["senderId"] = "alice";
  page["events"][1]["senderDeviceId"] = "phone";
  driver.answer_history(driver.take("history"), page);
  CHECK(driver.taken_seqs() == Seqs{11});
}

TEST_CASE("other events of the log come in order among the messages") {
  Driver driver;
  at_ten(driver);
  Json page = Driver::range(11, 12, 12);
  page["events"][1] = Json{{"event", "member"}, {"conversationId", "c1"}, {"seq", 12}, {"op", "left"}};
  driver.message(13);
  driver.pass(500);
  driver.answer_history(driver.take("history"), page);
  CHECK(driver.taken_seqs() == Seqs{11, 13});
  const Seqs& shown = driver.shown["c1"];
  CHECK(Seqs(shown.end() - 3, shown.end()) == Seqs{11, 12, 13});
  REQUIRE(driver.conversationChanges.size() == 1);
  CHECK(driver.conversationChanges[0].kind == ConversationChange::Kind::left);
}

TEST_CASE("a conversation that may not be fetched any more is given up") {
  Driver driver;
  at_ten(driver);
  driver.message(13);
  driver.pass(500);
  driver.refuse(driver.take("history"), "not_a_member", false);
  CHECK(driver.errors.size() == 1);
  driver.pass(29'000);
  CHECK(driver.take_all("history").empty());
  CHECK(driver.state.watermarks().empty());
}

TEST_CASE("an event of a newer epoch begins the log anew, one of an older epoch is ignored") {
  Driver driver;
  at_ten(driver);
  driver.message(1, "c1", 2);
  driver.message(11, "c1", 1);
  driver.message(2, "c1", 2);
  CHECK(driver.taken_seqs() == Seqs{1, 2});
  CHECK(driver.state.watermarks().front().epoch == 2);
}
