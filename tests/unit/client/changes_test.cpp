#include "client/decode_pages.hpp"
#include "driver.hpp"

using namespace chatcore;
using namespace chatcore::client;
using testing::Driver;
using testing::Seqs;
using testing::Texts;
using Kind = MessageChange::Kind;
using Edit = OutgoingChange::Edit;
using Deletion = OutgoingChange::Deletion;
using Put = OutgoingChange::Reaction;

namespace {

/// An event of c1 that changes its first message.
Json change_event(Seq seq, const char* event, Json more = Json::object()) {
  Json data{{"conversationId", "c1"},
            {"messageId", std::to_string(1000 + seq)},
            {"seq", seq},
            {"senderId", "bob"},
            {"senderDeviceId", "d"},
            {"clientMsgId", "b-" + std::to_string(seq)},
            {"timestamp", 5},
            {"targetId", "1001"},
            {"targetSeq", 1},
            {"event", event}};
  data.update(more);
  return data;
}

Json page_of(Json events, Seq from, Seq to) {
  return {{"conversationId", "c1"},      {"headSeq", to}, {"fromSeq", from}, {"toSeq", to},
          {"events", std::move(events)}, {"more", false}};
}

void live(Driver& driver, const char* type, Json data) {
  data.erase("event");
  driver.reply(Json{{"type", type}, {"data", std::move(data)}});
}

/// Online, with the first message of c1 known.
Driver& at_one(Driver& driver) {
  driver.go_online(Json::array({Driver::range(1, 1, 1)}));
  driver.messages.clear();
  driver.shown.clear();
  return driver;
}

Texts types(const std::vector<Json>& frames) {
  Texts out;
  for (const Json& frame : frames)
    if (frame.contains("clientMsgId")) out.push_back(frame.at("type"));
  return out;
}

}  // namespace

TEST_CASE("changes go out in one order with the messages of their conversation") {
  Driver driver;
  driver.send("c1", "a");
  driver.change(Edit{R"({"text":"anew"})"});
  driver.change(Put{"👍\"", true});
  driver.change(Put{"x", false});
  driver.change(Deletion{});
  driver.send("c1", "b");
  driver.go_online();
  CHECK(types(driver.sent) == Texts{"message.send", "message.edit", "message.react", "message.react",
                                    "message.delete", "message.send"});
  const Json edit = driver.take("message.edit");
  CHECK(edit.at("conversationId") == "c1");
  CHECK(edit.at("messageId") == "1001");
  CHECK(edit.at("content") == Json{{"text", "anew"}});
  CHECK(edit.at("clientMsgId").get<std::string>().size() == 36);
  const auto reactions = driver.take_all("message.react");
  CHECK(reactions[0].at("emoji") == "👍\"");
  CHECK(reactions[0].at("op") == "add");
  CHECK(reactions[1].at("op") == "remove");
  CHECK(driver.take("message.delete").at("scope") == "everyone");
}

TEST_CASE("a change completes when the server has it, and its number counts as known") {
  Driver driver;
  at_one(driver);
  const Ticket ticket = driver.change(Edit{"1"});
  driver.confirm(driver.take("message.edit"), 2);
  REQUIRE(driver.sendsDone.size() == 1);
  CHECK(driver.sendsDone[0].ticket == ticket);
  CHECK(driver.sendsDone[0].result->seq == 2);
  CHECK(driver.state.watermarks().front().seq == 2);
  CHECK(driver.state.unconfirmed() == 0);
}

TEST_CASE("a change that fails for now pulls back what is behind it and goes again as it was") {
  Driver driver;
  driver.go_online();
  driver.send("c1", "a");
  driver.change(Edit{"1"});
  driver.send("c1", "b");
  driver.change(Deletion{});
  const Json edit = driver.take("message.edit");
  driver.confirm(driver.take("message.send"), 1);
  driver.sent.clear();
  driver.refuse(edit, "unavailable", true, 700);
  driver.pass(699);
  CHECK(types(driver.sent).empty());
  driver.pass(1);
  CHECK(types(driver.sent) == Texts{"message.edit", "message.send", "message.delete"});
  const Json again = driver.take("message.edit");
  CHECK(again.at("clientMsgId") == edit.at("clientMsgId"));
  CHECK(again.at("id") != edit.at("id"));
}

TEST_CASE("a change without an answer goes again on the next connection, under its clientMsgId") {
  Driver driver;
  driver.go_online();
  driver.change(Put{"x", true});
  const Json first = driver.take("message.react");
  driver.lose();
  driver.pass(1000);
  driver.come_back();
  const Json second = driver.take("message.react");
  CHECK(second.at("clientMsgId") == first.at("clientMsgId"));
  driver.confirm(second, 5, true);
  REQUIRE(driver.sendsDone.size() == 1);
  CHECK(driver.sendsDone[0].result->duplicate);
}

TEST_CASE("a change that is refused for good is reported, and what is behind it goes on") {
  Driver driver;
  driver.go_online();
  driver.change(Edit{"1"});
  driver.send("c1", "b");
  driver.refuse(driver.take("message.edit"), "forbidden", false);
  REQUIRE(driver.sendsDone.size() == 1);
  CHECK(driver.sendsDone[0].result.error().code == ErrorCode::forbidden);
  driver.confirm(driver.take("message.send"), 1);
  CHECK(driver.sendsDone.size() == 2);
}

TEST_CASE("bad changes are refused before they are queued") {
  struct Row {
    const char* conversation;
    MessageId message;
    std::variant<Edit, Deletion, Put> what;
    ErrorCode code;
  };
  for (const Row& row :
       {Row{"", 1, Deletion{}, ErrorCode::bad_request}, Row{"c 1", 1, Deletion{}, ErrorCode::bad_request},
        Row{"c1", 0, Deletion{}, ErrorCode::bad_request}, Row{"c1", 1, Edit{""}, ErrorCode::bad_request},
        Row{"c1", 1, Edit{"{"}, ErrorCode::bad_request},
        Row{"c1", 1, Edit{'"' + std::string(16'384, 'x') + '"'}, ErrorCode::too_large},
        Row{"c1", 1, Put{"", true}, ErrorCode::bad_request},
        Row{"c1", 1, Put{std::string(65, 'x'), true}, ErrorCode::bad_request},
        Row{"c1", 1, Put{"\xff", true}, ErrorCode::bad_request}}) {
    CAPTURE(row.conversation);
    Driver driver;
    driver.change(row.what, row.conversation, row.message);
    REQUIRE(driver.sendsDone.size() == 1);
    CHECK(driver.sendsDone[0].result.error().code == row.code);
    CHECK(driver.state.unconfirmed() == 0);
  }
}

TEST_CASE("changes share the queue's bound, and end with the client") {
  Options options = Driver::alice();
  options.limits.queuedSends = 2;
  Driver driver(options);
  driver.send("c1", "a");
  driver.change(Deletion{});
  driver.change(Put{"x", true});
  REQUIRE(driver.sendsDone.size() == 1);
  CHECK(driver.sendsDone[0].result.error().code == ErrorCode::overloaded);
  driver.state.close(driver.now());
  driver.collect();
  REQUIRE(driver.sendsDone.size() == 3);
  CHECK(driver.sendsDone[2].result.error().code == ErrorCode::cancelled);
  driver.change(Deletion{});
  CHECK(driver.sendsDone.back().result.error().code == ErrorCode::cancelled);
}

TEST_CASE("every kind of change reads the same live and in a page") {
  struct Row {
    const char* live;
    const char* paged;
    Json more;
    Kind kind;
  };
  for (const Row& row :
       {Row{"message.edited", "edit", {{"content", "anew"}}, Kind::edited},
        Row{"message.deleted", "delete", Json::object(), Kind::deleted},
        Row{"message.reaction", "reaction", {{"emoji", "x"}, {"op", "add"}}, Kind::reaction_added},
        Row{"message.reaction", "reaction", {{"emoji", "x"}, {"op", "remove"}}, Kind::reaction_removed}}) {
    CAPTURE(row.live);
    Driver driver;
    at_one(driver);
    live(driver, row.live, change_event(2, row.paged, row.more));
    driver.message(4);
    driver.pass(500);
    driver.answer_history(driver.take("history"),
                          page_of(Json::array({change_event(3, row.paged, row.more)}), 3, 3));
    CHECK(driver.shown["c1"] == Seqs{2, 3, 4});
    CHECK(driver.events.empty());
    REQUIRE(driver.changes.size() == 2);
    for (const MessageChange& change : driver.changes) {
      CHECK(change.kind == row.kind);
      CHECK(change.conversationId == "c1");
      CHECK(change.messageId == 1000 + change.seq);
      CHECK(change.epoch == 1);
      CHECK(change.targetId == 1001);
      CHECK(change.targetSeq == 1);
      CHECK(change.senderId == "bob");
      CHECK(change.senderDeviceId == "d");
      CHECK(change.clientMsgId == "b-" + std::to_string(change.seq));
      CHECK(change.timestamp == 5);
      CHECK(change.content == (row.kind == Kind::edited ? "\"anew\"" : ""));
      CHECK(change.text == (row.kind == Kind::edited ? std::optional<std::string>("anew") : std::nullopt));
      CHECK(change.emoji == (row.more.contains("emoji") ? "x" : ""));
    }
  }
}

TEST_CASE("changes wait for what is missing before them, as messages do") {
  Driver driver;
  at_one(driver);
  live(driver, "message.deleted", change_event(4, "delete"));
  live(driver, "message.edited", change_event(3, "edit", {{"content", 1}}));
  CHECK(driver.shown.empty());
  driver.message(2);
  live(driver, "message.deleted", change_event(4, "delete"));
  CHECK(driver.shown["c1"] == Seqs{2, 3, 4});
}

TEST_CASE("changes by others are acknowledged like messages") {
  Driver driver;
  at_one(driver);
  driver.pass(100);
  driver.take_all("message.received");
  live(driver, "message.deleted", change_event(2, "delete"));
  driver.pass(100);
  CHECK(driver.take("message.received").at("seq") == 2);
}

TEST_CASE("the log proves a change whose confirmation was lost, and it is not shown") {
  Driver driver;
  at_one(driver);
  const Ticket ticket = driver.change(Edit{"1"});
  const Json frame = driver.take("message.edit");
  driver.lose();
  driver.pass(1000);
  const Json own = change_event(
      2, "edit",
      {{"senderId", "alice"}, {"senderDeviceId", "phone"}, {"clientMsgId", frame.at("clientMsgId")}});
  driver.come_back(Json::array({page_of(Json::array({own}), 2, 2)}));
  REQUIRE(driver.sendsDone.size() == 1);
  CHECK(driver.sendsDone[0].ticket == ticket);
  CHECK(driver.sendsDone[0].result->messageId == 1002);
  CHECK(driver.changes.empty());
}

TEST_CASE("what another device of this user changed is shown") {
  Driver driver;
  at_one(driver);
  live(driver, "message.deleted", change_event(2, "delete", {{"senderId", "alice"}}));
  REQUIRE(driver.changes.size() == 1);
  CHECK(driver.changes[0].senderId == "alice");
}

TEST_CASE("what this user deleted for themselves elsewhere is a change outside the log") {
  Driver driver;
  at_one(driver);
  driver.from_server(
      R"({"type":"sync.deleted","conversationId":"c1","seq":1,"messageId":"1001","unread":3})");
  REQUIRE(driver.changes.size() == 1);
  const MessageChange& change = driver.changes[0];
  CHECK(change.kind == Kind::deleted_for_me);
  CHECK(change.conversationId == "c1");
  CHECK(change.seq == 0);
  CHECK(change.targetId == 1001);
  CHECK(change.targetSeq == 1);
  CHECK(change.senderId == "alice");
  CHECK(change.unread == 3);
  CHECK(driver.events.empty());
  driver.message(2);
  CHECK(driver.taken_seqs() == Seqs{2});
}

TEST_CASE("a reaction of an unknown kind is handed on as it is, and its number counts") {
  Driver driver;
  at_one(driver);
  live(driver, "message.reaction", change_event(2, "reaction", {{"emoji", "x"}, {"op", "juggle"}}));
  CHECK(driver.changes.empty());
  REQUIRE(driver.events.size() == 1);
  CHECK(driver.events[0].at("data").at("op") == "juggle");
  CHECK(driver.state.watermarks().front().seq == 2);
}

TEST_CASE("a message that was deleted is given on without content, wherever it comes from") {
  Json gone = Driver::paged(1);
  gone.erase("content");
  gone["deleted"] = true;
  Driver driver;
  driver.go_online(Json::array({page_of(Json::array({gone}), 1, 1)}));
  gone["seq"] = 2;
  live(driver, "message.new", gone);
  driver.message(4);
  driver.pass(500);
  gone["seq"] = 3;
  driver.answer_history(driver.take("history"), page_of(Json::array({gone}), 3, 3));
  REQUIRE(driver.shown["c1"] == Seqs{1, 2, 3, 4});
  for (const Message& message : driver.messages) {
    CHECK(message.deleted == (message.seq < 4));
    CHECK(message.content == (message.seq < 4 ? "" : "\"m4\""));
    CHECK(!message.text == (message.seq < 4));
  }
  gone["type"] = "history.page";
  const auto page = decode_history(
      Json{{"type", "history.page"}, {"conversationId", "c1"}, {"events", Json::array({gone})}}.dump());
  REQUIRE(page.has_value());
  REQUIRE(page->messages.size() == 1);
  CHECK(page->messages[0].deleted);
}

TEST_CASE("a page of history shows what became of its messages") {
  Json edited = Driver::paged(7);
  edited["editedAt"] = 9;
  edited["reactions"] = Json::array(
      {{{"emoji", "x"}, {"count", 2}, {"mine", true}}, {{"emoji", "y"}, {"count", 1}}, "nonsense"});
  Json frame = page_of(Json::array({edited, Driver::paged(6)}), 6, 7);
  frame["type"] = "history.page";
  const auto page = decode_history(frame.dump());
  REQUIRE(page.has_value());
  REQUIRE(page->messages.size() == 2);
  CHECK(page->messages[0].seq == 6);
  CHECK(page->messages[0].editedAt == 0);
  CHECK(page->messages[0].reactions.empty());
  CHECK(page->messages[1].editedAt == 9);
  REQUIRE(page->messages[1].reactions.size() == 2);
  CHECK(page->messages[1].reactions[0].emoji == "x");
  CHECK(page->messages[1].reactions[0].count == 2);
  CHECK(page->messages[1].reactions[0].mine);
  CHECK(!page->messages[1].reactions[1].mine);
}

TEST_CASE("a raw page of history holds the changes, oldest first") {
  Json frame = page_of(Json::array({change_event(8, "delete"), change_event(7, "edit", {{"content", 1}}),
                                    Driver::paged(6), Json{{"event", "member"}, {"seq", 5}}}),
                       5, 8);
  frame["type"] = "history.page";
  const auto page = decode_history(frame.dump());
  REQUIRE(page.has_value());
  CHECK(page->messages.size() == 1);
  REQUIRE(page->changes.size() == 2);
  CHECK(page->changes[0].kind == Kind::edited);
  CHECK(page->changes[1].kind == Kind::deleted);
  CHECK(page->events.size() == 1);
}

TEST_CASE("history is asked for as it is now unless it is wanted raw") {
  HistoryQuery query;
  query.conversationId = "c1";
  CHECK(!Json::parse(encode_history(query)).contains("raw"));
  query.raw = true;
  CHECK(Json::parse(encode_history(query)).at("raw") == true);
}

TEST_CASE("a deletion for oneself names the message and nobody else") {
  CHECK(Json::parse(encode_delete_for_me("c1", 1001)) ==
        Json{{"type", "message.delete"}, {"conversationId", "c1"}, {"messageId", "1001"}, {"scope", "me"}});
}
