#include "driver.hpp"

using namespace chatcore;
using namespace chatcore::client;
using testing::Driver;
using testing::Seqs;

namespace {

Json sync_page(const Json& request, Json conversations, bool more) {
  return {{"type", "sync.page"},
          {"id", request.at("id")},
          {"conversations", std::move(conversations)},
          {"token", more ? "next" : "end"},
          {"more", more}};
}

}  // namespace

TEST_CASE("a reconnect asks for what is newer than the watermarks while no sync has come to its end") {
  Driver driver;
  driver.connect();
  driver.open();
  driver.welcome();
  driver.reply(sync_page(driver.take("sync"),
                         Json::array({Driver::range(1, 7, 7), Driver::range(3, 3, 3, "c2")}), true));
  driver.lose();
  driver.pass(1000);
  driver.open();
  driver.welcome();
  driver.take("sync");
  const Json sync = driver.take("sync");
  CHECK(sync.at("watermarks") == Json{{"c1", 7}, {"c2", 3}});
  CHECK(!sync.contains("since"));
}

TEST_CASE("a reconnect continues from the token of the last sync, and says what came live since") {
  Driver driver;
  driver.connect();
  driver.open();
  driver.welcome();
  driver.reply(sync_page(driver.take("sync"),
                         Json::array({Driver::range(1, 7, 7), Driver::range(3, 3, 3, "c2")}), false));
  driver.message(8);
  driver.lose();
  driver.pass(1000);
  driver.open();
  driver.welcome();
  Json sync = driver.take("sync");
  CHECK(sync.at("since") == "end");
  CHECK(sync.at("watermarks") == Json{{"c1", 8}});
  driver.reply(sync_page(sync, Json::array({Driver::range(9, 9, 9)}), false));
  driver.lose();
  driver.pass(10'000);
  driver.open();
  driver.welcome();
  sync = driver.take("sync");
  CHECK(sync.at("since") == "end");
  CHECK(!sync.contains("watermarks"));
}

TEST_CASE("a token that the server does not know is dropped at once for the watermarks") {
  Driver driver;
  driver.connect();
  driver.open();
  driver.welcome();
  driver.reply(sync_page(driver.take("sync"), Json::array({Driver::range(1, 7, 7)}), false));
  driver.lose();
  driver.pass(1000);
  driver.open();
  driver.welcome();
  const Json since = driver.take("sync");
  driver.reply(Json{{"type", "sync.reset"}, {"id", since.at("id")}});
  const Json sync = driver.take("sync");
  CHECK(!sync.contains("since"));
  CHECK(sync.at("watermarks") == Json{{"c1", 7}});
}

TEST_CASE("a sync tells which messages were deleted for oneself") {
  Driver driver;
  driver.connect();
  driver.open();
  driver.welcome();
  Json entry = Driver::range(8, 9, 9);
  entry["deletedForMe"] = {2, 5};
  driver.reply(sync_page(driver.take("sync"), Json::array({entry}), false));
  REQUIRE(driver.changes.size() == 2);
  CHECK(driver.changes[1].kind == MessageChange::Kind::deleted_for_me);
  CHECK(driver.changes[1].conversationId == "c1");
  CHECK(driver.changes[1].targetSeq == 5);
}

TEST_CASE("watermarks kept from an earlier run are where a client begins") {
  Options options = Driver::alice();
  options.watermarks = {{"c1", 1, 41}, {"c2", 2, 7}};
  Driver driver(options);
  driver.connect();
  driver.open();
  driver.welcome();
  const Json sync = driver.take("sync");
  CHECK(sync.at("watermarks") == Json{{"c1", 41}, {"c2", {{"seq", 7}, {"epoch", 2}}}});
  driver.reply(sync_page(sync, Json::array({Driver::range(42, 43, 43)}), false));
  CHECK(driver.taken_seqs() == Seqs{42, 43});
}

TEST_CASE("pages are followed by token while there is more") {
  Driver driver;
  driver.connect();
  driver.open();
  driver.welcome();
  driver.reply(sync_page(driver.take("sync"), Json::array({Driver::range(1, 200, 450)}), true));
  CHECK(driver.state.state() == ConnectionState::syncing);
  Json next = driver.take("sync");
  CHECK(next.at("since") == "next");
  CHECK(!next.contains("watermarks"));
  driver.reply(sync_page(next, Json::array({Driver::range(201, 400, 450)}), true));
  driver.reply(sync_page(driver.take("sync"), Json::array({Driver::range(401, 450, 450)}), false));
  CHECK(driver.state.state() == ConnectionState::online);
  CHECK(driver.taken_seqs().size() == 450);
  driver.pass(5'000);
  CHECK(driver.take_all("history").empty());
}

TEST_CASE("live events during a sync are joined with its pages") {
  Driver driver;
  driver.connect();
  driver.open();
  driver.welcome();
  driver.message(6);
  driver.message(5);
  CHECK(driver.messages.empty());
  driver.reply(sync_page(driver.take("sync"), Json::array({Driver::range(1, 4, 4)}), false));
  CHECK(driver.taken_seqs() == Seqs{1, 2, 3, 4, 5, 6});
  CHECK(driver.take_all("history").empty());
}

TEST_CASE("who is called removed by a page that is older than a live event asks again") {
  Driver driver;
  driver.connect();
  driver.open();
  driver.welcome();
  const Json first = driver.take("sync");
  driver.message(1);
  driver.reply(sync_page(first, Json::array({{{"conversationId", "c1"}, {"removed", true}}}), false));
  CHECK(driver.state.state() == ConnectionState::syncing);
  driver.reply(sync_page(driver.take("sync"), Json::array({Driver::range(2, 2, 2)}), false));
  CHECK(driver.taken_seqs() == Seqs{1, 2});
}

TEST_CASE("live events from before a newest page are left to the history, with what lies between") {
  Driver driver;
  driver.connect();
  driver.open();
  driver.welcome();
  driver.message(2);
  driver.reply(sync_page(driver.take("sync"), Json::array({Driver::range(5, 6, 6)}), false));
  CHECK(driver.taken_seqs() == Seqs{5, 6});
}

TEST_CASE("a sync that leaves something open is completed by fetches") {
  Driver driver;
  driver.connect();
  driver.open();
  driver.welcome();
  driver.reply(sync_page(driver.take("sync"), Json::array({Driver::range(1, 5, 8)}), false));
  driver.pass(500);
  const Json fetch = driver.take("history");
  CHECK(fetch.at("after") == 5);
  driver.answer_history(fetch, Driver::range(6, 8, 8));
  CHECK(driver.taken_seqs() == Seqs{1, 2, 3, 4, 5, 6, 7, 8});
}

TEST_CASE("a page that jumps over known ground leaves no hole") {
  Options options = Driver::alice();
  options.watermarks = {{"c1", 1, 10}};
  Driver driver(options);
  driver.connect();
  driver.open();
  driver.welcome();
  driver.reply(sync_page(driver.take("sync"), Json::array({Driver::range(50, 52, 52)}), false));
  CHECK(driver.messages.empty());
  driver.pass(500);
  driver.answer_history(driver.take("history"), Driver::range(11, 49, 52));
  const Seqs seqs = driver.taken_seqs();
  REQUIRE(seqs.size() == 42);
  CHECK(seqs.front() == 11);
  CHECK(seqs.back() == 52);
}

TEST_CASE("a sync that fails for now is tried again, one that failed for good is not") {
  Driver driver;
  driver.connect();
  driver.open();
  driver.welcome();
  driver.refuse(driver.take("sync"), "unavailable", true, 400);
  driver.pass(399);
  CHECK(driver.take_all("sync").empty());
  driver.pass(1);
  driver.refuse(driver.take("sync"), "unsupported", false);
  CHECK(driver.state.state() == ConnectionState::online);
  CHECK(driver.errors.size() == 1);
}

TEST_CASE("sync.required fetches the conversations named, at once") {
  Driver driver;
  driver.go_online(Json::array({Driver::range(1, 3, 3), Driver::range(1, 2, 2, "c2")}));
  driver.taken_seqs();
  driver.from_server(R"({"type":"sync.required","conversations":{"c1":5,"c2":2}})");
  const auto fetches = driver.take_all("history");
  REQUIRE(fetches.size() == 1);
  CHECK(fetches[0].at("after") == 3);
  driver.answer_history(fetches[0], Driver::range(4, 5, 5));
  CHECK(driver.taken_seqs() == Seqs{4, 5});
}

TEST_CASE("sync.required with many conversations, or none named, becomes one sync") {
  Json many = Json::object();
  for (int i = 0; i < 20; ++i) many["c" + std::to_string(i)] = 5;
  for (const Json& frame :
       {Json{{"type", "sync.required"}, {"conversations", many}}, Json{{"type", "sync.required"}},
        Json{{"type", "sync.required"}, {"conversations", Json::object()}}}) {
    Driver driver;
    driver.go_online();
    driver.reply(frame);
    driver.reply(frame);
    const Json sync = driver.take("sync");
    CHECK(driver.take_all("sync").empty());
    driver.reply(sync_page(sync, Json::array(), false));
    // What was said while the first was under way may not be in it.
    driver.reply(sync_page(driver.take("sync"), Json::array(), false));
    CHECK(driver.take_all("sync").empty());
  }
}

TEST_CASE("sync.reset of a conversation forgets it and refetches its newest page") {
  Driver driver;
  driver.go_online(Json::array({Driver::range(1, 30, 30)}));
  driver.taken_seqs();
  driver.from_server(R"({"type":"sync.reset","conversationId":"c1","epoch":2,"headSeq":4})");
  REQUIRE(driver.resets.size() == 1);
  CHECK(driver.resets[0].reason == ConversationReset::Reason::began_anew);
  CHECK(driver.resets[0].epoch == 2);
  const Json fetch = driver.take("history");
  CHECK(!fetch.contains("after"));
  Json page = Driver::range(1, 4, 4);
  page["epoch"] = 2;
  driver.answer_history(fetch, page);
  CHECK(driver.taken_seqs() == Seqs{1, 2, 3, 4});
  CHECK(driver.state.watermarks().front().epoch == 2);
  CHECK(driver.state.watermarks().front().seq == 4);
}

TEST_CASE("sync.reset without a conversation starts the sync over by watermarks") {
  Driver driver;
  driver.connect();
  driver.open();
  driver.welcome();
  driver.reply(sync_page(driver.take("sync"), Json::array({Driver::range(1, 5, 9)}), true));
  const Json since = driver.take("sync");
  driver.reply(Json{{"type", "sync.reset"}, {"id", since.at("id")}});
  driver.pass(1000);
  const Json again = driver.take("sync");
  CHECK(again.at("watermarks") == Json{{"c1", 5}});
  driver.reply(sync_page(again, Json::array({Driver::range(6, 9, 9)}), false));
  CHECK(driver.state.state() == ConnectionState::online);
  CHECK(driver.taken_seqs().size() == 9);
}

TEST_CASE("a conversation that is gone is forgotten and the application told") {
  Driver driver;
  driver.go_online(Json::array({Driver::range(1, 3, 3)}));
  driver.lose();
  driver.pass(1000);
  driver.come_back(Json::array({Json{{"conversationId", "c1"}, {"removed", true}}}));
  CHECK(driver.state.watermarks().empty());
  REQUIRE(driver.resets.size() == 1);
  CHECK(driver.resets[0].reason == ConversationReset::Reason::removed);
  CHECK(driver.resets[0].conversationId == "c1");
}

TEST_CASE("more watermarks than fit a frame are named as far as they fit") {
  Options options = Driver::alice();
  for (int i = 0; i < 3000; ++i)
    options.watermarks.push_back({"conversation-with-a-long-name-" + std::to_string(i), 1, 5});
  Driver driver(options);
  driver.connect();
  driver.open();
  driver.welcome();
  const Json sync = driver.take("sync");
  CHECK(sync.dump().size() <= 65'536);
  CHECK(sync.at("watermarks").size() > 500);
}

TEST_CASE("any order of live events and pages ends in the same log") {
  // Every way to split 2..5 into what comes live before, live after, and only by the page.
  for (int split = 0; split < 81; ++split) {
    CAPTURE(split);
    Driver driver;
    driver.go_online(Json::array({Driver::range(1, 1, 1)}));
    driver.lose();
    driver.pass(1000);
    driver.open();
    driver.welcome();
    const Json sync = driver.take("sync");
    int rest = split;
    Seqs after;
    for (Seq seq = 5; seq >= 2; --seq, rest /= 3) {
      if (rest % 3 == 0) driver.message(seq);
      if (rest % 3 == 1) after.push_back(seq);
    }
    driver.reply(sync_page(sync, Json::array({Driver::range(2, 5, 5)}), false));
    for (Seq seq : after) driver.message(seq);
    CHECK(driver.taken_seqs() == Seqs{1, 2, 3, 4, 5});
  }
}

TEST_CASE("a client continues from the token and the watermarks of an earlier run") {
  Options options = Driver::alice();
  options.watermarks = {{"c1", 1, 5}};
  options.syncToken = "kept";
  Driver driver(options);
  driver.connect();
  driver.open();
  driver.welcome();
  const Json sync = driver.take("sync");
  CHECK(sync.at("since") == "kept");
  CHECK(sync.at("watermarks") == Json{{"c1", 5}});
  CHECK(driver.state.sync_token() == "kept");
  // What is older than the watermark is told again, since the token is older.
  driver.reply(sync_page(sync, Json::array({Driver::range(4, 6, 6)}), false));
  CHECK(driver.taken_seqs() == Seqs{6});
  CHECK(driver.state.sync_token() != "kept");
}

TEST_CASE(
    "a client that lost its token asks for the one the server kept, and begins without where there is none") {
  Options options = Driver::alice();
  options.watermarks = {{"c1", 1, 5}};
  options.resume = true;
  const auto begin = [](Driver& driver) {
    driver.connect();
    driver.open();
    driver.welcome();
    return driver.take("sync");
  };
  Driver driver(options);
  const Json sync = begin(driver);
  CHECK(sync.at("resume") == true);
  CHECK(!sync.contains("watermarks"));
  driver.reply(sync_page(sync, Json::array({Driver::range(6, 6, 6)}), false));
  CHECK(driver.taken_seqs() == Seqs{6});
  driver.lose();
  driver.pass(1000);
  driver.open();
  driver.welcome();
  CHECK(driver.take("sync").contains("since"));

  Driver unknown(options);
  unknown.reply(Json{{"type", "sync.reset"}, {"id", begin(unknown).at("id")}});
  CHECK(unknown.take("sync").at("watermarks") == Json{{"c1", 5}});
}

TEST_CASE("a client says how many of the newest it wants of what is new to it") {
  Options options = Driver::alice();
  options.limits.newestEvents = 20;
  Driver driver(options);
  driver.connect();
  driver.open();
  driver.welcome();
  CHECK(driver.take("sync").at("newest") == 20);
}

TEST_CASE("a token of an earlier run that is of no use gives way to the watermarks") {
  Options options = Driver::alice();
  options.watermarks = {{"c1", 1, 5}};
  options.syncToken = "worthless\xff";
  Driver driver(options);
  driver.connect();
  driver.open();
  driver.welcome();
  CHECK(driver.take("sync").at("watermarks") == Json{{"c1", 5}});
  options.syncToken = "worthless";
  Driver other(options);
  other.connect();
  other.open();
  other.welcome();
  other.reply(Json{{"type", "sync.reset"}, {"id", other.take("sync").at("id")}});
  const Json again = other.take("sync");
  CHECK(!again.contains("since"));
  CHECK(again.at("watermarks") == Json{{"c1", 5}});
}
