#include <doctest/doctest.h>

#include <set>

#include "protocol/payload_hash.hpp"

using namespace chatcore;
using namespace chatcore::protocol;

namespace {

MessageSend hello() {
  MessageSend send;
  send.conversationId = "c1";
  send.clientMsgId = "u-1";
  send.content = "\"hi\"";
  return send;
}

}  // namespace

TEST_CASE("the hash of a message is the same in every process and version") {
  // Stored beside messages for weeks: if this number changes, retries across an upgrade turn into conflicts.
  CHECK(payload_hash(hello()) == 12440271383453900015ULL);
  CHECK(payload_hash(ConversationLeave{"c1", "u-1"}) == 16473390834531227444ULL);
}

TEST_CASE("a retry hashes alike, whatever its clientMsgId") {
  MessageSend again = hello();
  again.clientMsgId = "u-2";
  CHECK(payload_hash(again) == payload_hash(hello()));
}

TEST_CASE("whatever a message means changes its hash") {
  std::set<std::uint64_t> hashes{payload_hash(hello())};
  const auto add = [&](auto&& change) {
    MessageSend send = hello();
    change(send);
    CHECK(hashes.insert(payload_hash(send)).second);
  };
  add([](MessageSend& send) { send.content = "\"ho\""; });
  add([](MessageSend& send) { send.content = ""; });
  add([](MessageSend& send) { send.messageType = MessageType::image; });
  add([](MessageSend& send) { send.replyTo = 1; });
  add([](MessageSend& send) { send.expiresInSeconds = 1; });
  add([](MessageSend& send) { send.replyTo = std::uint64_t{1} << 63; });
}

TEST_CASE("either way of naming the conversation means the same message") {
  MessageSend send = hello();
  send.to = "bob", send.conversationId = {};
  CHECK(payload_hash(send) == payload_hash(hello()));
}

TEST_CASE("commands with the same fields hash apart by type and by where one field ends") {
  std::set<std::uint64_t> hashes;
  const auto add = [&](const auto& command) { CHECK(hashes.insert(payload_hash(command)).second); };
  add(ConversationCreate{"u", "c", "n", {"a", "b"}});
  add(ConversationCreate{"u", "c", "n", {"ab"}});
  add(ConversationCreate{"u", "c", "n", {"ab"}, 60});
  add(ConversationCreate{"u", "cn", "", {"a", "b"}});
  add(ConversationCreate{"u", "", "cn", {"a", "b"}});
  add(ConversationUpdate{"c", "u", "n", {}});
  add(ConversationUpdate{"c", "u", "m", {}});
  add(ConversationUpdate{"c", "u", "m", 60});
  add(ConversationUpdate{"c", "u", {}, 60});
  add(ConversationUpdate{"c", "u", {}, {}, {.send = Permission::everyone}});
  add(ConversationUpdate{"c", "u", {}, {}, {.send = Permission::admins}});
  add(ConversationUpdate{"c", "u", {}, {}, {.pin = Permission::admins}});
  add(ConversationUpdate{"c", "u", {}, {}, {.history = HistoryVisibility::all}});
  add(ConversationUpdate{"c", "u", {}, {}, {.slowModeSeconds = 0}});
  add(ConversationUpdate{"c", "u", {}, 60, {.slowModeSeconds = 60}});
  add(ConversationCreate{"u", "c", "n", {"ab"}, 0, {.slowModeSeconds = 60}});
  add(ConversationDelete{"c", "u"});
  add(ConversationAddMembers{"c", "u", {"a"}});
  add(ConversationRemoveMembers{"c", "u", {"a"}});
  add(ConversationRemoveMembers{"c", "u", {"a", "b"}});
  add(ConversationSetRole{"c", "u", "a", Role::admin});
  add(ConversationSetRole{"c", "u", "a", Role::member});
  add(ConversationLeave{"c", "u"});
  add(MessageEdit{"c", "u", 7, "1"});
  add(MessageEdit{"c", "u", 8, "1"});
  add(MessageEdit{"c", "u", 7, "2"});
  add(MessageDelete{"c", "u", 7, true});
  add(MessageDelete{"c", "u", 8, true});
  add(MessageReact{"c", "u", 7, "+", true});
  add(MessageReact{"c", "u", 7, "+", false});
  add(MessageReact{"c", "u", 7, "-", true});
  add(MessagePin{"c", "u", 7, true});
  add(MessagePin{"c", "u", 7, false});
  add(MessagePin{"c", "u", 8, true});
  CHECK(payload_hash(ConversationLeave{"c", "u"}) == payload_hash(ConversationLeave{"c", "v"}));
}
