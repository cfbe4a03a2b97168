#include <doctest/doctest.h>

#include "engine/plan.hpp"
#include "plan_fixture.hpp"

using namespace chatcore;
using namespace chatcore::engine;

namespace {

/// The group after the command, or a failed test.
Conversation after(Conversation conversation, const char* user, Action action) {
  auto made = plan(conversation, user, std::move(action));
  REQUIRE(made);
  stamp(conversation, *made, kNow);
  return conversation;
}

}  // namespace

TEST_CASE("a group begins with its maker as owner and every other once") {
  Conversation conversation = nothing_yet();
  auto made = plan(conversation, "ann", CreateGroup{"Family", {"zoe", "bob", "ann"}});
  REQUIRE(made);
  CHECK(changes(*made) == "+ann:owner@1/0 +bob:member@1/0 +zoe:member@1/0");
  CHECK(made->event.kind == EventKind::conversation);
  CHECK(
      made->event.content ==
      R"("conversationType":"group","name":"Family","createdBy":"ann",)"
      R"("permissions":{"send":"everyone","add":"admins","edit":"admins","pin":"admins"},"history":"joined",)"
      R"("memberCount":3,"members":["ann","bob","zoe"])");
  stamp(conversation, *made, kNow);
  CHECK(made->event.seq == 1);
  CHECK(made->event.ordinal == 0);
  CHECK(conversation.info.name == "Family");
  CHECK(conversation.memberSeq == 1);
}

TEST_CASE("who is added sees what comes from then on") {
  Conversation conversation = a_group();
  auto made = plan(conversation, "ann", AddMembers{{"zoe", "bob", "yan"}});
  REQUIRE(made);
  CHECK(changes(*made) == "+zoe:member@10/6 +yan:member@10/6");
  CHECK(made->event.content == R"("op":"added","userIds":["zoe","yan"],"by":"ann")");
  stamp(conversation, *made, kNow);
  CHECK(made->event.seq == 10);
  CHECK(conversation.memberSeq == 10);
  CHECK(conversation.members["zoe"].joinSeq == 10);
  CHECK(verdict(a_group(), "ann", AddMembers{{"bob", "cid"}}) == "bad_request");
}

TEST_CASE("a group holds as many as it may and not one more") {
  EngineOptions options;
  options.maxGroupMembers = 6;
  CHECK(make_plan(a_group(), command("ann", AddMembers{{"zoe", "bob"}}), options, kNow));
  const auto full = make_plan(a_group(), command("ann", AddMembers{{"zoe", "yan"}}), options, kNow);
  REQUIRE_FALSE(full);
  CHECK(full.error().code == ErrorCode::too_large);
}

TEST_CASE("who is removed is gone, with what else was asked or not at all") {
  auto made = plan(a_group(), "ann", RemoveMembers{{"cid", "abe"}});
  REQUIRE(made);
  CHECK(changes(*made) == "-cid -abe");
  CHECK(made->event.content == R"("op":"removed","userIds":["cid","abe"],"by":"ann")");
  CHECK(verdict(a_group(), "ann", RemoveMembers{{"cid", "nobody"}}) == "not_found");
  CHECK(verdict(a_group(), "ann", RemoveMembers{{"cid", "ann"}}) == "bad_request");
  const Conversation left = after(a_group(), "ann", RemoveMembers{{"cid"}});
  CHECK(verdict(left, "cid", text()) == "not_a_member");
  CHECK(left.memberSeq == 10);
}

TEST_CASE("a role changes nothing else of a member") {
  auto made = plan(a_group(), "ann", SetRole{"cid", Role::admin});
  REQUIRE(made);
  CHECK(changes(*made) == "+cid:admin@5/3");
  CHECK(made->event.content == R"("op":"role","userIds":["cid"],"by":"ann","role":"admin")");
  CHECK(verdict(a_group(), "ann", SetRole{"nobody", Role::admin}) == "not_found");
  Conversation conversation = a_group();
  conversation.members["cid"].cursor.readSeq = 8;
  CHECK(after(std::move(conversation), "ann", SetRole{"cid", Role::admin}).members["cid"].cursor.readSeq ==
        8);
}

TEST_CASE("the owner stays one, whoever asks, and admins come and go") {
  for (const char* user : {"ann", "abe"}) {
    CHECK(verdict(a_group(), user, SetRole{"ann", Role::member}) == "forbidden");
    CHECK(verdict(a_group(), user, SetRole{"ann", Role::admin}) == "forbidden");
    CHECK(verdict(a_group(), user, SetRole{"abe", Role::member}) == "ok");
  }
  CHECK(verdict(a_group(), "ann", SetRole{"ann", Role::owner}) == "forbidden");
  CHECK(verdict(a_group(), "abe", RemoveMembers{{"cid", "ann"}}) == "forbidden");
}

TEST_CASE("the owner hands over and is an admin from then on") {
  auto made = plan(a_group(), "ann", SetRole{"cid", Role::owner});
  REQUIRE(made);
  CHECK(changes(*made) == "+cid:owner@5/3 +ann:admin@1/0");
  CHECK(made->event.content == R"("op":"role","userIds":["cid"],"by":"ann","role":"owner")");
  const Conversation later = after(a_group(), "ann", SetRole{"cid", Role::owner});
  CHECK(verdict(later, "ann", SetRole{"ann", Role::owner}) == "forbidden");
  CHECK(verdict(later, "ann", DeleteGroup{}) == "forbidden");
  CHECK(verdict(later, "cid", RemoveMembers{{"ann"}}) == "ok");
}

TEST_CASE("when the owner leaves, the longest admin inherits, or else the longest member") {
  struct Row {
    std::vector<std::string> gone;
    const char* changes;
    const char* more;
  };
  const Row rows[]{{{}, "-ann +abe:owner@1/0", R"(,"newOwner":"abe")"},
                   {{"abe"}, "-ann +eve:owner@7/4", R"(,"newOwner":"eve")"},
                   {{"abe", "eve"}, "-ann +bob:owner@1/0", R"(,"newOwner":"bob")"},
                   {{"abe", "eve", "bob"}, "-ann +cid:owner@5/3", R"(,"newOwner":"cid")"},
                   {{"abe", "bob", "cid", "eve"}, "-ann", ""}};
  for (const Row& row : rows) {
    Conversation conversation = after(a_group(), "ann", SetRole{"eve", Role::admin});
    for (const auto& user : row.gone)
      conversation = after(std::move(conversation), user.c_str(), LeaveGroup{});
    auto made = plan(conversation, "ann", LeaveGroup{});
    REQUIRE(made);
    CHECK(changes(*made) == row.changes);
    CHECK(made->event.content == std::string(R"("op":"left","userIds":["ann"],"by":"ann")") + row.more);
    stamp(conversation, *made, kNow);
    CHECK_FALSE(conversation.members.contains("ann"));
  }
}

TEST_CASE("the longest is who came to the fewest messages, then to the lowest number, then by name") {
  const auto before = [](MemberRecord a, MemberRecord b) { return inherits_before("x", a, "y", b); };
  const MemberRecord member{Role::member, 5, 3, {}};
  CHECK(before({Role::admin, 9, 9, {}}, member));
  CHECK_FALSE(before(member, {Role::admin, 9, 9, {}}));
  // Who sees the whole history has joinSeq 1, whenever that was.
  CHECK_FALSE(before({Role::member, 1, 4, {}}, member));
  CHECK_FALSE(before({Role::member, 6, 3, {}}, member));
  CHECK(before(member, member));
  CHECK_FALSE(inherits_before("y", member, "x", member));
}

TEST_CASE("nobody inherits when somebody else than the owner goes") {
  for (const char* user : {"abe", "bob"}) {
    const auto made = plan(a_group(), user, LeaveGroup{});
    REQUIRE(made);
    CHECK(changes(*made) == std::string("-") + user);
    CHECK(made->event.content ==
          std::string(R"("op":"left","userIds":[")") + user + R"("],"by":")" + user + '"');
  }
}

TEST_CASE("a deleted group has no members, and is nobody's to read or to make again") {
  auto made = plan(a_group(), "ann", DeleteGroup{});
  REQUIRE(made);
  CHECK(changes(*made) == "-abe -ann -bob -cid -eve");
  CHECK(made->event.content == R"("op":"deleted","by":"ann")");
  const Conversation gone = after(a_group(), "ann", DeleteGroup{});
  CHECK(gone.members.empty());
  for (const Action& action : {Action(text()), Action(LeaveGroup{}), Action(DeleteGroup{})})
    CHECK(verdict(gone, "ann", action) == "not_a_member");
  CHECK(verdict(gone, "ann", CreateGroup{"g", {}}) == "forbidden");
}

TEST_CASE("a group is deleted whole or not at all") {
  EngineOptions options;
  options.maxMembersOfDeleted = 5;
  CHECK(make_plan(a_group(), command("ann", DeleteGroup{}), options, kNow));
  options.maxMembersOfDeleted = 4;
  const auto refused = make_plan(a_group(), command("ann", DeleteGroup{}), options, kNow);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::too_large);
}

TEST_CASE("what everybody may do is what the group's permissions say") {
  struct Row {
    const char* what;
    protocol::SettingsChange settings;
    const char *send, *add, *rename, *expire, *permit;
  };
  const Row rows[]{
      {"by default", {}, "ok", "forbidden", "forbidden", "forbidden", "forbidden"},
      {"send", {.send = Permission::admins}, "forbidden", "forbidden", "forbidden", "forbidden", "forbidden"},
      {"add", {.add = Permission::everyone}, "ok", "ok", "forbidden", "forbidden", "forbidden"},
      {"edit", {.edit = Permission::everyone}, "ok", "forbidden", "ok", "ok", "forbidden"},
      {"pin", {.pin = Permission::everyone}, "ok", "forbidden", "forbidden", "forbidden", "forbidden"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Conversation conversation = a_group();
    row.settings.apply(conversation.info.settings);
    CHECK(verdict(conversation, "bob", text()) == row.send);
    CHECK(verdict(conversation, "bob", AddMembers{{"zoe"}}) == row.add);
    CHECK(verdict(conversation, "bob", UpdateConversation{"g", {}}) == row.rename);
    CHECK(verdict(conversation, "bob", UpdateConversation{{}, 60}) == row.expire);
    CHECK(verdict(conversation, "bob", UpdateConversation{"g", {}, {.edit = Permission::everyone}}) ==
          row.permit);
    CHECK(verdict(conversation, "bob", RemoveMembers{{"cid"}}) == "forbidden");
    CHECK(verdict(conversation, "bob", SetRole{"cid", Role::admin}) == "forbidden");
    for (const char* user : {"ann", "abe"}) {
      CHECK(verdict(conversation, user, text()) == "ok");
      CHECK(verdict(conversation, user, AddMembers{{"zoe"}}) == "ok");
      CHECK(verdict(conversation, user, UpdateConversation{"g", {}}) == "ok");
    }
    CHECK(verdict(conversation, "mallory", text()) == "not_a_member");
    CHECK(verdict(conversation, "mallory", AddMembers{{"zoe"}}) == "not_a_member");
    CHECK(verdict(conversation, "mallory", UpdateConversation{"g", {}}) == "not_a_member");
  }
}

TEST_CASE("settings change as far as they are named, and the event says what became of them") {
  Conversation conversation = nothing_yet();
  auto made = plan(conversation, "ann",
                   CreateGroup{"News", {"bob"}, 0, {.send = Permission::admins, .slowModeSeconds = 9}});
  REQUIRE(made);
  CHECK(made->event.content ==
        R"("conversationType":"group","name":"News","createdBy":"ann",)"
        R"("permissions":{"send":"admins","add":"admins","edit":"admins","pin":"admins"},"history":"joined",)"
        R"("slowModeSeconds":9,"memberCount":2,"members":["ann","bob"])");
  stamp(conversation, *made, kNow);
  CHECK(verdict(conversation, "bob", text()) == "forbidden");
  made = plan(conversation, "ann", UpdateConversation{{}, {}, {.add = Permission::everyone}});
  REQUIRE(made);
  CHECK(made->event.content ==
        R"("by":"ann","permissions":{"send":"admins","add":"everyone","edit":"admins","pin":"admins"})");
  stamp(conversation, *made, kNow);
  made = plan(conversation, "ann",
              UpdateConversation{{}, {}, {.history = HistoryVisibility::all, .slowModeSeconds = 0}});
  REQUIRE(made);
  CHECK(made->event.content == R"("by":"ann","history":"all","slowModeSeconds":0)");
  stamp(conversation, *made, kNow);
  const GroupSettings expected{{Permission::admins, Permission::everyone}, HistoryVisibility::all, 0};
  CHECK(conversation.info.settings == expected);
  CHECK(conversation.info.name == "News");
}

TEST_CASE("who is added to a group that shows its whole history sees all, and has nothing unread") {
  Conversation conversation = a_group();
  conversation.info.settings.history = HistoryVisibility::all;
  const auto made = plan(conversation, "ann", AddMembers{{"zoe"}});
  REQUIRE(made);
  CHECK(changes(*made) == "+zoe:member@1/6");
  CHECK(made->effects.members[0].joins);
  const Conversation later = after(std::move(conversation), "ann", AddMembers{{"zoe"}});
  CHECK(unread_of(later.ordinal, later.members.at("zoe").cursor, later.members.at("zoe").joinOrdinal) == 0);
}

TEST_CASE("slow mode makes members wait, and admins not") {
  Conversation conversation = a_group();
  const auto at = [&](Timestamp now, const char* user) {
    return make_plan(conversation, command(user, text()), EngineOptions{}, now);
  };
  conversation.slowMode.sent("bob", kNow, 30);
  CHECK(at(kNow, "bob"));  // there is none
  conversation.info.settings.slowModeSeconds = 30;
  const auto soon = at(kNow + 10'000, "bob");
  REQUIRE_FALSE(soon);
  CHECK(soon.error().code == ErrorCode::rate_limited);
  CHECK(soon.error().retryAfter == std::chrono::milliseconds(20'000));
  CHECK(at(kNow + 30'000, "bob"));
  CHECK(at(kNow, "cid"));
  conversation.slowMode.sent("abe", kNow, 30);
  CHECK(at(kNow, "abe"));
  CHECK(verdict(conversation, "bob", LeaveGroup{}) == "ok");
}

TEST_CASE("slow mode counts a message that is under way") {
  Conversation conversation = a_group();
  conversation.info.settings.slowModeSeconds = 30;
  conversation.inFlight.push_back({std::make_unique<EventCommand>(command("bob", text())), false, false});
  CHECK(verdict(conversation, "bob", text()) == "rate_limited");
  CHECK(verdict(conversation, "cid", text()) == "ok");
  conversation.inFlight.clear();
  conversation.inFlight.push_back({std::make_unique<EventCommand>(command("bob", React{})), false, false});
  CHECK(verdict(conversation, "bob", text()) == "ok");
}

TEST_CASE("slow mode makes nobody wait for a clock that was set back") {
  SlowMode mode;
  mode.sent("bob", kNow, 30);
  CHECK(mode.wait("bob", kNow, 30) == 30'000);
  CHECK(mode.wait("bob", kNow - 1, 30) == 0);
  mode.sent("bob", kNow - 60'000, 30);
  CHECK(mode.wait("bob", kNow - 50'000, 30) == 20'000);
  CHECK(mode.size() == 1);
}

TEST_CASE("slow mode remembers nobody for longer than it makes wait") {
  SlowMode mode;
  for (int i = 0; i < 1'000; ++i) mode.sent("user" + std::to_string(i), kNow + i * 100, 10);
  CHECK(mode.size() == 100);
  CHECK(mode.wait("user998", kNow + 99'900, 10) == 9'900);
  CHECK(mode.wait("user1", kNow + 99'900, 10) == 0);
  mode.sent("user999", kNow + 99'950, 10);
  CHECK(mode.wait("user999", kNow + 99'950, 10) == 10'000);
  // What a shorter pause forgets, a longer one must not bring back.
  mode.sent("zoe", kNow + 200'000, 1);
  CHECK(mode.size() == 1);
  mode.clear();
  CHECK(mode.wait("zoe", kNow + 200'000, 10) == 0);
}

TEST_CASE("a new name keeps the rest of the description") {
  const Conversation renamed = after(a_group(), "ann", UpdateConversation{"Clan \"x\"", {}});
  CHECK(renamed.info.name == "Clan \"x\"");
  CHECK(renamed.info.createdBy == "ann");
  CHECK(renamed.info.kind == ConversationKind::group);
  CHECK(renamed.memberSeq == 7);
}
