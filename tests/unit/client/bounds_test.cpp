#include <doctest/doctest.h>

#include <future>

#include "chatcore/client/client.hpp"

using namespace chatcore;
using namespace chatcore::client;

namespace {

/// What a client that never connects says at once.
template <class Value, class Ask>
ErrorCode asked(Ask ask) {
  std::promise<Result<Value>> said;
  Options options;
  options.user = "alice";
  Client client(std::move(options), {});
  ask(client, [&](Result<Value> result) { said.set_value(std::move(result)); });
  client.close();
  const Result<Value> result = said.get_future().get();
  return result ? ErrorCode::internal : result.error().code;
}

const std::vector<UserId> kNobody;
const std::vector<UserId> kTooMany(501, "bob");
const std::vector<UserId> kBadIds{"bob", "no spaces"};

}  // namespace

TEST_CASE("what is out of its bounds is refused before anything is sent") {
  const auto bad = ErrorCode::bad_request;
  for (const auto& users : {kNobody, kTooMany, kBadIds}) {
    CHECK(asked<void>([&](Client& c, auto done) { c.add_members("g", users, done); }) == bad);
    CHECK(asked<void>([&](Client& c, auto done) { c.remove_members("g", users, done); }) == bad);
  }
  for (const auto& users : {kNobody, std::vector<UserId>(1001, "bob"), kBadIds})
    CHECK(asked<std::vector<PresenceChange>>([&](Client& c, auto done) { c.presence(users, done); }) == bad);
  for (const std::size_t limit : {std::size_t{0}, std::size_t{501}}) {
    CHECK(asked<MembersPage>([&](Client& c, auto done) { c.members({"g", {}, limit}, done); }) == bad);
    CHECK(asked<ReceiptsPage>([&](Client& c, auto done) { c.receipts({"g", 0, {}, limit}, done); }) == bad);
    CHECK(asked<ConversationsPage>([&](Client& c, auto done) { c.conversations({{}, limit}, done); }) == bad);
  }
  CHECK(asked<ConversationsPage>([&](Client& c, auto done) { c.conversations({"\xff", 1}, done); }) == bad);
  CHECK(asked<void>([](Client& c, auto done) { c.remove_device("no spaces", done); }) == bad);
  CHECK(asked<void>([](Client& c, auto done) { c.leave_group("", done); }) == bad);
  CHECK(asked<void>([](Client& c, auto done) { c.clear_conversation({"", 1, 7}, done); }) == bad);
  CHECK(asked<void>([](Client& c, auto done) { c.mute_conversation("g", -1, done); }) == bad);
  CHECK(asked<void>([](Client& c, auto done) { c.mute_conversation("g", kMutedForever + 1, done); }) == bad);
  NewGroup group;
  group.conversationId = "\xff";
  CHECK(asked<ConversationId>([&](Client& c, auto done) { c.create_group(group, done); }) == bad);
}

TEST_CASE("what is within its bounds waits for a connection") {
  const auto waits = ErrorCode::cancelled;  // by the end of the client, not before
  CHECK(asked<void>([](Client& c, auto done) { c.add_members("g", {"bob"}, done); }) == waits);
  CHECK(asked<MembersPage>([](Client& c, auto done) { c.members({"g", "bob", 500}, done); }) == waits);
  CHECK(asked<void>([](Client& c, auto done) { c.mute_conversation("g", kMutedForever, done); }) == waits);
}
