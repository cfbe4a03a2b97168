#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "protocol/event_content.hpp"

using namespace chatcore;
using namespace chatcore::protocol;
using nlohmann::json;

namespace {

json object(const std::string& members) { return json::parse("{" + members + "}"); }

std::vector<UserId> users(std::size_t count) {
  std::vector<UserId> ids;
  for (std::size_t i = 0; i < count; ++i) ids.push_back("u" + std::to_string(i));
  return ids;
}

}  // namespace

TEST_CASE("a member event names what happened, to whom, by whom") {
  const std::vector<UserId> bob = {"bob"};
  CHECK(object(member_event_content(MemberOp::added, users(2), "alice")) ==
        json{{"op", "added"}, {"userIds", {"u0", "u1"}}, {"by", "alice"}});
  CHECK(object(member_event_content(MemberOp::removed, bob, "alice"))["op"] == "removed");
  CHECK(object(member_event_content(MemberOp::left, bob, "bob"))["op"] == "left");
  CHECK(object(member_event_content(MemberOp::role, bob, "alice", Role::admin)) ==
        json{{"op", "role"}, {"userIds", {"bob"}}, {"by", "alice"}, {"role", "admin"}});
  CHECK(object(member_event_content(MemberOp::left, bob, "bob", {}, "carol")) ==
        json{{"op", "left"}, {"userIds", {"bob"}}, {"by", "bob"}, {"newOwner", "carol"}});
  CHECK(object(member_event_content(MemberOp::deleted, {}, "alice")) ==
        json{{"op", "deleted"}, {"by", "alice"}});
}

TEST_CASE("a conversation event lists members up to a large group's size and counts them always") {
  const json small =
      object(conversation_event_content(ConversationKind::group, "a \"b\"\n", users(256), "alice"));
  CHECK(small["conversationType"] == "group");
  CHECK(small["name"] == "a \"b\"\n");
  CHECK(small["createdBy"] == "alice");
  CHECK(small["members"].size() == 256);
  CHECK(small["memberCount"] == 256);
  const json large = object(conversation_event_content(ConversationKind::group, "x", users(257), "alice"));
  CHECK_FALSE(large.contains("members"));
  CHECK(large["memberCount"] == 257);
}

TEST_CASE("an update says what is new and who made it so") {
  CHECK(object(conversation_update_content("\xC3\xA9\\", {}, "bob")) ==
        json{{"name", "\xC3\xA9\\"}, {"by", "bob"}});
  CHECK(object(conversation_update_content({}, 60, "bob")) == json{{"expiresInSeconds", 60}, {"by", "bob"}});
}

TEST_CASE("a pin names its message, and where it stands if that is known") {
  CHECK(object(pin_event_content(true, 77, 6, "bob")) ==
        json{{"by", "bob"}, {"pinnedMessage", {{"op", "add"}, {"messageId", "77"}, {"seq", 6}}}});
  CHECK(object(pin_event_content(false, UINT64_MAX, 0, "bob")) ==
        json{{"by", "bob"}, {"pinnedMessage", {{"op", "remove"}, {"messageId", "18446744073709551615"}}}});
}
