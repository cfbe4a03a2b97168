#include "client/decode_pages.hpp"
#include "client/encode.hpp"
#include "driver.hpp"

using namespace chatcore;
using namespace chatcore::client;
using testing::Driver;

namespace {

using Sections = std::vector<AccountSection>;
using enum AccountSection;

const Sections kAll{settings, contacts, blocks, profile, devices};

Json page_for(const Json& request, Json account, bool more = false) {
  return {{"type", "sync.page"}, {"id", request.at("id")},        {"conversations", Json::array()},
          {"token", "t2"},       {"account", std::move(account)}, {"more", more}};
}

void reconnect(Driver& driver) {
  driver.lose();
  driver.pass(1000);
  driver.open();
  driver.welcome();
}

}  // namespace

TEST_CASE("a client that begins is to fetch its whole account") {
  Driver driver;
  driver.connect();
  driver.open();
  driver.welcome();
  driver.reply(page_for(driver.take("sync"), Json::array(), true));
  CHECK(driver.accounts.empty());
  driver.reply(page_for(driver.take("sync"), Json::array()));
  CHECK(driver.accounts == std::vector<Sections>{kAll});
}

TEST_CASE("a client that comes back is told what has changed of its account, and no more") {
  Driver driver;
  driver.go_online();
  driver.accounts.clear();
  reconnect(driver);
  driver.reply(page_for(driver.take("sync"), {"devices", "contacts", "what is to come", 7}, true));
  CHECK(driver.accounts == std::vector<Sections>{{contacts, devices}});
  driver.reply(page_for(driver.take("sync"), {"profile"}));
  CHECK(driver.accounts.back() == Sections{profile});
  reconnect(driver);
  driver.reply(page_for(driver.take("sync"), Json::array()));
  CHECK(driver.accounts.size() == 2);
}

TEST_CASE("a client whose token is of no use is to fetch its whole account") {
  Driver driver;
  driver.go_online();
  driver.accounts.clear();
  reconnect(driver);
  driver.reply(Json{{"type", "sync.reset"}, {"id", driver.take("sync").at("id")}});
  driver.reply(page_for(driver.take("sync"), Json::array()));
  CHECK(driver.accounts == std::vector<Sections>{kAll});
}

TEST_CASE("what the host has changed comes live, and what other devices change as the server says it") {
  Driver driver;
  driver.go_online();
  driver.accounts.clear();
  driver.reply(Json{{"type", "account.changed"}, {"account", {"blocks"}}});
  CHECK(driver.accounts == std::vector<Sections>{{blocks}});
  driver.reply(Json{{"type", "contacts.changed"}, {"added", {"bob", 7}}});
  driver.reply(Json{{"type", "blocks.changed"}, {"removed", {"carol"}}});
  driver.reply(Json{{"type", "profile"}, {"userId", "alice"}, {"displayName", "Alice"}});
  REQUIRE(driver.usersChanges.size() == 2);
  CHECK(driver.usersChanges[0].section == contacts);
  CHECK(driver.usersChanges[0].added);
  CHECK(driver.usersChanges[0].users == std::vector<UserId>{"bob"});
  CHECK(driver.usersChanges[1].section == blocks);
  CHECK_FALSE(driver.usersChanges[1].added);
  CHECK(driver.usersChanges[1].users == std::vector<UserId>{"carol"});
  REQUIRE(driver.profiles.size() == 1);
  CHECK(driver.profiles[0].displayName == "Alice");
  CHECK(driver.events.empty());
  CHECK(driver.accounts.size() == 1);
}

TEST_CASE("what is asked for of contacts, blocks and profile") {
  const std::vector<UserId> users{"bob", "carol"};
  CHECK(Json::parse(encode_users("blocks.add", users)) == Json{{"type", "blocks.add"}, {"users", users}});
  CHECK(Json::parse(encode_list("contacts.list", "")) == Json{{"type", "contacts.list"}});
  CHECK(Json::parse(encode_list("contacts.list", "bob")) ==
        Json{{"type", "contacts.list"}, {"cursor", "bob"}});
  CHECK(Json::parse(encode_profile_get("")) == Json{{"type", "profile.get"}});
  CHECK(Json::parse(encode_profile_get("bob")) == Json{{"type", "profile.get"}, {"userId", "bob"}});
  CHECK(Json::parse(encode_profile("a \"b\"")) ==
        Json{{"type", "profile.update"}, {"displayName", "a \"b\""}});
}

TEST_CASE("pages of users and profiles are read, and nothing else for them") {
  const auto page =
      decode_users(R"({"type":"blocks.page","users":["bob",7,"carol"],"cursor":"carol","more":true})");
  REQUIRE(page);
  CHECK(page->users == std::vector<UserId>{"bob", "carol"});
  CHECK(page->more);
  CHECK_FALSE(decode_users(R"({"type":"contacts.page"})")->more);
  CHECK_FALSE(decode_users(R"({"type":"ok"})"));
  const auto profile = decode_profile_answer(R"({"type":"profile","userId":"bob","displayName":"Bob"})");
  REQUIRE(profile);
  CHECK(profile->userId == "bob");
  CHECK(profile->displayName == "Bob");
  CHECK_FALSE(decode_profile_answer(R"({"type":"settings"})"));
}
