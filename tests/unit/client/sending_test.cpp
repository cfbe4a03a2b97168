#include "driver.hpp"

using namespace chatcore;
using namespace chatcore::client;
using testing::Driver;
using testing::Texts;

TEST_CASE("a message goes out at once when online and completes when the server has it") {
  Driver driver;
  driver.go_online();
  const Ticket ticket = driver.send("c1", "hi");
  const Json frame = driver.take("message.send");
  CHECK(frame.at("content") == "hi");
  CHECK(driver.sendsDone.empty());
  driver.confirm(frame, 5);
  REQUIRE(driver.sendsDone.size() == 1);
  CHECK(driver.sendsDone[0].ticket == ticket);
  CHECK(driver.sendsDone[0].result->seq == 5);
  CHECK(driver.state.unconfirmed() == 0);
}

TEST_CASE("messages written offline go out in order with the next connection") {
  Driver driver;
  for (const char* text : {"a", "b", "c"}) driver.send("c1", text);
  CHECK(driver.sent.empty());
  driver.go_online();
  CHECK(driver.contents() == Texts{"a", "b", "c"});
}

TEST_CASE("what was not confirmed is sent again under the same clientMsgId after a reconnect") {
  Driver driver;
  driver.go_online();
  for (const char* text : {"a", "b", "c"}) driver.send("c1", text);
  const auto first = driver.take_all("message.send");
  driver.confirm(first[0], 1);
  driver.lose();
  driver.pass(1000);
  driver.come_back();
  const auto second = driver.take_all("message.send");
  REQUIRE(second.size() == 2);
  CHECK(second[0].at("clientMsgId") == first[1].at("clientMsgId"));
  CHECK(second[1].at("clientMsgId") == first[2].at("clientMsgId"));
  driver.confirm(second[0], 2, true);
  driver.confirm(second[1], 3);
  CHECK(driver.sendsDone.size() == 3);
  CHECK(driver.sendsDone[1].result->duplicate);
}

TEST_CASE("an answer that comes twice completes once") {
  Driver driver;
  driver.go_online();
  driver.send("c1", "hi");
  const Json frame = driver.take("message.send");
  driver.confirm(frame, 1);
  driver.confirm(frame, 1, true);
  CHECK(driver.sendsDone.size() == 1);
  CHECK(driver.state.watermarks().front().seq == 1);
}

TEST_CASE("a temporary failure pulls back everything behind it and keeps the order") {
  Driver driver;
  driver.go_online();
  for (const char* text : {"a", "b", "c"}) driver.send("c1", text);
  const auto first = driver.take_all("message.send");
  driver.refuse(first[0], "unavailable", true, 700);
  driver.refuse(first[1], "retry_in_order", true);
  driver.refuse(first[2], "retry_in_order", true);
  driver.send("c1", "d");
  driver.pass(699);
  CHECK(driver.contents().empty());
  driver.pass(1);
  CHECK(driver.contents() == Texts{"a", "b", "c", "d"});
  CHECK(driver.sendsDone.empty());
}

TEST_CASE("late failures of an earlier try do not disturb the present one") {
  Driver driver;
  driver.go_online();
  for (const char* text : {"a", "b"}) driver.send("c1", text);
  const auto first = driver.take_all("message.send");
  driver.refuse(first[0], "unavailable", true);
  driver.pass(1000);
  const auto second = driver.take_all("message.send");
  REQUIRE(second.size() == 2);
  driver.refuse(first[1], "retry_in_order", true);
  driver.pass(1000);
  CHECK(driver.take_all("message.send").empty());
  driver.confirm(second[0], 1);
  driver.confirm(second[1], 2);
  CHECK(driver.sendsDone.size() == 2);
}

TEST_CASE("a failure in one conversation does not hold up another") {
  Driver driver;
  driver.go_online();
  driver.send("c1", "a");
  driver.refuse(driver.take("message.send"), "overloaded", true, 5000);
  driver.send("c1", "b");
  driver.send("c2", "x");
  CHECK(driver.contents() == Texts{"x"});
}

TEST_CASE("a final refusal is reported, the message dropped, and the next ones go on") {
  Driver driver;
  driver.go_online();
  for (const char* text : {"a", "b"}) driver.send("c1", text);
  const auto frames = driver.take_all("message.send");
  driver.refuse(frames[0], "not_a_member", false);
  REQUIRE(driver.sendsDone.size() == 1);
  CHECK(driver.sendsDone[0].result.error().code == ErrorCode::not_a_member);
  driver.confirm(frames[1], 1);
  CHECK(driver.sendsDone.size() == 2);
  CHECK(driver.state.unconfirmed() == 0);
}

TEST_CASE("pauses between tries grow up to the cap") {
  Driver driver;
  driver.go_online();
  driver.send("c1", "a");
  std::vector<std::int64_t> pauses;
  for (int i = 0; i < 10; ++i) {
    driver.refuse(driver.take("message.send"), "unavailable", true);
    const std::int64_t failedAt = driver.steady;
    while (driver.sent.empty() || driver.sent.back().at("type") != "message.send") {
      driver.pass(10);
      if ((driver.steady / 10) % 1000 == 0) driver.from_server(R"({"type":"presence.pong"})");
      REQUIRE(driver.steady - failedAt <= 31'000);
    }
    pauses.push_back(driver.steady - failedAt);
  }
  CHECK(pauses.front() <= 260);
  CHECK(pauses.back() >= 10'000);
}

TEST_CASE("an answer that never comes is asked for again") {
  Driver driver;
  driver.go_online();
  driver.send("c1", "a");
  const Json first = driver.take("message.send");
  driver.pass(15'500);
  const Json second = driver.take("message.send");
  CHECK(second.at("clientMsgId") == first.at("clientMsgId"));
  CHECK(second.at("id") != first.at("id"));
}

TEST_CASE("when the server keeps waiting for something else a new session clears its mind") {
  Driver driver;
  driver.go_online();
  driver.send("c1", "a");
  for (int i = 0; i < 3; ++i) {
    driver.refuse(driver.take("message.send"), "retry_in_order", true);
    driver.pass(2000);
  }
  CHECK(driver.closes.size() == 1);
  driver.come_back();
  CHECK(driver.contents() == Texts{"a"});
}

TEST_CASE("a message says how long it lasts, and is told when it ends") {
  Driver driver;
  driver.go_online();
  driver.state.send(driver.now(), 1, {"c1", "", "1", MessageType::text, 0, "brief", 60});
  driver.state.send(driver.now(), 2, {"c1", "", "1", MessageType::text, 0, "lasting"});
  driver.collect();
  const auto frames = driver.take_all("message.send");
  REQUIRE(frames.size() == 2);
  CHECK(frames[0].at("expiresInSeconds") == 60);
  CHECK_FALSE(frames[1].contains("expiresInSeconds"));
  Json brief = Driver::event(1);
  brief["expiresAt"] = 99;
  driver.reply(Json{{"type", "message.new"}, {"data", brief}});
  driver.message(2);
  REQUIRE(driver.messages.size() == 2);
  CHECK(driver.messages[0].expiresAt == 99);
  CHECK(driver.messages[1].expiresAt == 0);
}

TEST_CASE("that the server waits for something else is noticed whatever becomes of what lies behind") {
  Driver driver;
  driver.go_online();
  driver.send("c1", "a");
  driver.send("c1", "b");
  for (int i = 0; i < 3; ++i) {
    const auto frames = driver.take_all("message.send");
    REQUIRE(frames.size() == 2);
    driver.refuse(frames[1], "overloaded", true);
    driver.refuse(frames[0], "retry_in_order", true);
    driver.pass(2000);
  }
  CHECK(driver.closes.size() == 1);
}

TEST_CASE("the queue is bounded") {
  Options options = Driver::alice();
  options.limits.queuedSends = 3;
  Driver driver(options);
  for (int i = 0; i < 3; ++i) driver.send("c1", "x");
  CHECK(driver.sendsDone.empty());
  driver.send("c1", "y");
  REQUIRE(driver.sendsDone.size() == 1);
  CHECK(driver.sendsDone[0].result.error().code == ErrorCode::overloaded);
}

TEST_CASE("a message that is queued already is not queued again") {
  Driver driver;
  for (int i = 0; i < 2; ++i) {
    driver.state.send(driver.now(), driver.nextTicket++, {"c1", "", "1", MessageType::text, 0, "same"});
    driver.collect();
  }
  REQUIRE(driver.sendsDone.size() == 1);
  CHECK(driver.sendsDone[0].ticket == 2);
  CHECK(driver.sendsDone[0].result.error().code == ErrorCode::overloaded);
  CHECK(driver.state.unconfirmed() == 1);
}

TEST_CASE("only so many messages are in flight at a time, and the rest follow in order") {
  Options options = Driver::alice();
  options.limits.sendsInFlight = 4;
  Driver driver(options);
  driver.go_online();
  for (int i = 0; i < 10; ++i) driver.send(i % 2 == 0 ? "c1" : "c2", std::to_string(i));
  Texts order;
  Seq seq = 0;
  for (int rounds = 0; rounds < 20; ++rounds)
    for (const Json& frame : driver.take_all("message.send")) {
      order.push_back(frame.at("content"));
      driver.confirm(frame, ++seq);
    }
  CHECK(order == Texts{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"});
  CHECK(driver.sendsDone.size() == 10);
}

TEST_CASE("bad messages are refused before they are queued") {
  struct Row {
    const char* conversation;
    const char* to;
    std::string content;
    ErrorCode code;
  };
  for (const Row& row :
       {Row{"", "", "1", ErrorCode::bad_request}, Row{"c1", "bob", "1", ErrorCode::bad_request},
        Row{"c 1", "", "1", ErrorCode::bad_request}, Row{"c1", "", "{", ErrorCode::bad_request},
        Row{"c1", "", "\"\xff\"", ErrorCode::bad_request},
        Row{"c1", "", std::string("1\0", 2), ErrorCode::bad_request},
        Row{"c1", "",
            "\xEF\xBB\xBF"
            "1",
            ErrorCode::bad_request},
        Row{"c1", "", '"' + std::string(16'384, 'x') + '"', ErrorCode::too_large}}) {
    CAPTURE(row.conversation);
    Driver driver;
    driver.state.send(driver.now(), 1, {row.conversation, row.to, row.content, MessageType::text, 0, ""});
    driver.collect();
    REQUIRE(driver.sendsDone.size() == 1);
    CHECK(driver.sendsDone[0].result.error().code == row.code);
  }
}

TEST_CASE("a message is held to what the server takes of its type, an edit to what it takes of any") {
  Driver driver;
  driver.state.connect(driver.now());
  driver.collect();
  driver.open();
  driver.reply(Json{{"type", "welcome"},
                    {"userId", "alice"},
                    {"deviceId", "phone"},
                    {"heartbeatSeconds", 30},
                    {"limits",
                     {{"contentBytes", 10},
                      {"frameBytes", 65'536},
                      {"contentBytesByType", {{"image", 4}, {"custom", 20}}}}}});
  client::Ticket ticket = 0;
  const auto refused = [&](MessageType type, std::size_t bytes) {
    const std::size_t before = driver.sendsDone.size();
    driver.state.send(driver.now(), ++ticket,
                      {"c1", "", '"' + std::string(bytes - 2, 'x') + '"', type, 0, ""});
    driver.collect();
    return driver.sendsDone.size() > before;
  };
  for (const auto& [type, most] : {std::pair(MessageType::text, 10U), std::pair(MessageType::image, 4U),
                                   std::pair(MessageType::custom, 20U)}) {
    CAPTURE(most);
    CHECK_FALSE(refused(type, most));
    CHECK(refused(type, most + 1));
  }
  const auto edit = [&](std::size_t bytes) {
    const std::size_t before = driver.sendsDone.size();
    OutgoingChange change{"c1", 7, OutgoingChange::Edit{'"' + std::string(bytes - 2, 'x') + '"'}, {}};
    driver.state.change(driver.now(), ++ticket, std::move(change));
    driver.collect();
    return driver.sendsDone.size() > before;
  };
  CHECK_FALSE(edit(20));
  CHECK(edit(21));
}

TEST_CASE("a message to a user shares its order with the direct conversation") {
  Driver driver;
  driver.go_online();
  driver.state.send(driver.now(), 1, {"", "bob", "\"a\"", MessageType::text, 0, ""});
  driver.collect();
  const Json frame = driver.take("message.send");
  CHECK(frame.at("to") == "bob");
  CHECK(!frame.contains("conversationId"));
  driver.refuse(frame, "unavailable", true, 100);
  driver.send(direct_conversation_id("alice", "bob"), "b");
  CHECK(driver.contents().empty());
  driver.pass(300);
  CHECK(driver.contents() == Texts{"a", "b"});
}

TEST_CASE("the log proves a message whose confirmation was lost") {
  Driver driver;
  driver.go_online(Json::array({Driver::range(1, 1, 1)}));
  driver.taken_seqs();
  driver.send("c1", "mine");
  const Json frame = driver.take("message.send");
  driver.lose();
  driver.pass(1000);
  Json page = Driver::range(2, 2, 2);
  page["events"][0]["senderId"] = "alice";
  page["events"][0]["senderDeviceId"] = "phone";
  page["events"][0]["clientMsgId"] = frame.at("clientMsgId");
  driver.come_back(Json::array({page}));
  REQUIRE(driver.sendsDone.size() == 1);
  CHECK(driver.sendsDone[0].result->seq == 2);
  CHECK(driver.messages.empty());
  // The second try was already under way; its answer changes nothing.
  driver.confirm(driver.take("message.send"), 2, true);
  CHECK(driver.sendsDone.size() == 1);
}

TEST_CASE("close cancels what waits, once, in order") {
  Driver driver;
  driver.go_online();
  for (const char* conversation : {"c2", "c1", "c2"}) driver.send(conversation, "x");
  driver.state.close(driver.now());
  driver.collect();
  REQUIRE(driver.sendsDone.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(driver.sendsDone[i].ticket == i + 1);
    CHECK(driver.sendsDone[i].result.error().code == ErrorCode::cancelled);
  }
  driver.send("c1", "late");
  CHECK(driver.sendsDone.back().result.error().code == ErrorCode::cancelled);
  driver.connect();
  CHECK(driver.state.state() == ConnectionState::offline);
}

TEST_CASE("an own message is not shown even where its place in the log is learnt anew") {
  Driver driver;
  driver.go_online(Json::array({Driver::range(1, 1, 1)}));
  driver.messages.clear();
  driver.send("c1", "mine");
  const Json frame = driver.take("message.send");
  driver.confirm(frame, 2);
  driver.from_server(R"({"type":"sync.reset","conversationId":"c1","epoch":2,"headSeq":2})");
  Json page = Driver::range(1, 2, 2);
  page["epoch"] = 2;
  page["events"][1]["senderId"] = "alice";
  page["events"][1]["senderDeviceId"] = "phone";
  page["events"][1]["clientMsgId"] = frame.at("clientMsgId");
  driver.answer_history(driver.take("history"), page);
  REQUIRE(driver.messages.size() == 1);
  CHECK(driver.messages[0].seq == 1);
}
