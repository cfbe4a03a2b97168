#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "protocol/decode.hpp"

using namespace chatcore;
using namespace chatcore::protocol;

namespace {

template <class T>
T read(const std::string& frame) {
  static Decoder decoder;
  CAPTURE(frame);
  const DecodeResult result = decoder.decode(frame);
  if (!result.command.has_value()) FAIL(result.command.error().message);
  REQUIRE(std::holds_alternative<T>(*result.command));
  return std::get<T>(*result.command);
}

struct Refusal {
  std::string frame;
  ErrorCode code;
  std::string message;
};

void check_refused(const std::vector<Refusal>& refusals) {
  Decoder decoder;
  for (const Refusal& refusal : refusals) {
    CAPTURE(refusal.frame);
    const DecodeResult result = decoder.decode(refusal.frame);
    REQUIRE_FALSE(result.command.has_value());
    CHECK(result.command.error().code == refusal.code);
    CHECK(result.command.error().message.find(refusal.message) != std::string::npos);
  }
}

constexpr ErrorCode kBad = ErrorCode::bad_request;

std::string users(std::size_t count) {
  std::string list = "[";
  for (std::size_t i = 0; i < count; ++i) list += (i ? ",\"u" : "\"u") + std::to_string(i) + "\"";
  return list + "]";
}

std::string conversations(std::size_t count) {
  std::string map = "{";
  for (std::size_t i = 0; i < count; ++i)
    map += (i ? ",\"c" : "\"c") + std::to_string(i) + "\":" + std::to_string(i);
  return map + "}";
}

}  // namespace

TEST_CASE("message.send to a conversation") {
  Decoder decoder;
  const DecodeResult result = decoder.decode(
      R"({"type":"message.send","id":7,"conversationId":"c1","clientMsgId":"u-1","content":"hi","messageType":"image","replyTo":"18446744073709551615","color":"red","traceId":"t"})");
  REQUIRE(result.command.has_value());
  CHECK(result.id == RequestId::number(7));
  CHECK(result.clientMsgId == "u-1");
  const auto& send = std::get<MessageSend>(*result.command);
  CHECK(send.conversationId == "c1");
  CHECK(send.to.empty());
  CHECK(send.clientMsgId == "u-1");
  CHECK(send.messageType == MessageType::image);
  CHECK(send.replyTo == 18446744073709551615ULL);
  CHECK(send.content == R"("hi")");
  CHECK(type_name(*result.command) == "message.send");
}

TEST_CASE("message.send to a user, with defaults") {
  Decoder decoder;
  const DecodeResult result =
      decoder.decode(R"({"type":"message.send","to":"bob","clientMsgId":"u-1","content":null})");
  REQUIRE(result.command.has_value());
  CHECK_FALSE(result.id.present());
  const auto& send = std::get<MessageSend>(*result.command);
  CHECK(send.to == "bob");
  CHECK(send.conversationId.empty());
  CHECK(send.messageType == MessageType::text);
  CHECK(send.replyTo == 0);
  CHECK(send.content == "null");
}

TEST_CASE("every message type has its name") {
  Decoder decoder;
  for (int i = 0; i <= static_cast<int>(MessageType::custom); ++i) {
    const auto type = static_cast<MessageType>(i);
    const std::string frame =
        R"({"type":"message.send","to":"bob","clientMsgId":"u","content":1,"messageType":")" +
        std::string(to_string(type)) + "\"}";
    const DecodeResult result = decoder.decode(frame);
    REQUIRE(result.command.has_value());
    CHECK(std::get<MessageSend>(*result.command).messageType == type);
  }
}

TEST_CASE("message.send is refused by the field that is wrong") {
  const std::string head = R"({"type":"message.send",)";
  const std::string rest = R"("clientMsgId":"u-1","content":"hi"})";
  check_refused({
      {head + rest, kBad, "message.send: `conversationId` is missing"},
      {head + R"("conversationId":"c1","content":"hi"})", kBad, "message.send: `clientMsgId` is missing"},
      {head + R"("conversationId":"c1","clientMsgId":"u"})", kBad, "message.send: `content` is missing"},
      {head + R"("conversationId":"c1","to":"bob",)" + rest, kBad, "`to` cannot stand beside"},
      {head + R"("conversationId":"c 1",)" + rest, kBad, "`conversationId` must be 1 to 64 bytes"},
      {head + R"("conversationId":"",)" + rest, kBad, "`conversationId`"},
      {head + R"("conversationId":7,)" + rest, kBad, "`conversationId`"},
      {head + R"("conversationId":null,)" + rest, kBad, "`conversationId`"},
      {head + R"("conversationId":")" + std::string(65, 'a') + "\"," + rest, kBad, "`conversationId`"},
      {head + R"("to":"b\u0000b",)" + rest, kBad, "`to`"},
      {head + R"("to":"bob","content":1,"clientMsgId":"\u00e9"})", kBad, "`clientMsgId`"},
      {head + R"("to":"bob","messageType":"poem",)" + rest, kBad, "`messageType` must be one of text image"},
      {head + R"("to":"bob","messageType":3,)" + rest, kBad, "`messageType`"},
      {head + R"("to":"bob","replyTo":12,)" + rest, kBad, "`replyTo` must be a message id"},
      {head + R"("to":"bob","replyTo":"0",)" + rest, kBad, "`replyTo`"},
      {head + R"("to":"bob","replyTo":"",)" + rest, kBad, "`replyTo`"},
      {head + R"("to":"bob","replyTo":"+1",)" + rest, kBad, "`replyTo`"},
      {head + R"("to":"bob","replyTo":"12x",)" + rest, kBad, "`replyTo`"},
      {head + R"("to":"bob","replyTo":"18446744073709551616",)" + rest, kBad, "`replyTo`"},
  });
}

TEST_CASE("what is known but not offered is unsupported, never ignored") {
  std::vector<Refusal> refusals;
  for (const char* field : {"sendAt", "silent", "encryption", "envelopes"}) {
    for (const char* value : {"1", "null", "false", "{}"}) {
      refusals.push_back({R"({"type":"message.send","to":"bob","clientMsgId":"u","content":1,")" +
                              std::string(field) + "\":" + value + "}",
                          ErrorCode::unsupported, "`" + std::string(field) + "` is not supported"});
    }
  }
  for (const char* type :
       {"", "x", "message", "message.sen", "message.sendx", "Message.send", "message.new", "sync.page",
        "presence.pong", "typing", "conversation.created", "conversations.page"}) {
    refusals.push_back({R"({"type":")" + std::string(type) + "\"}", ErrorCode::unknown_type, "type"});
  }
  refusals.push_back({"{}", kBad, "`type` is missing"});
  refusals.push_back({R"({"type":7})", kBad, "`type` must be a string"});
  refusals.push_back({R"({"type":null})", kBad, "`type` must be a string"});
  check_refused(refusals);
}

TEST_CASE("how long messages last") {
  const std::string send = R"({"type":"message.send","to":"bob","clientMsgId":"u","content":1)";
  CHECK(read<MessageSend>(send + "}").expiresInSeconds == 0);
  CHECK(read<MessageSend>(send + R"(,"expiresInSeconds":60})").expiresInSeconds == 60);
  const std::string change = R"({"type":"conversation.update","conversationId":"c","clientMsgId":"u")";
  CHECK(read<ConversationCreate>(R"({"type":"conversation.create","clientMsgId":"u","expiresInSeconds":60})")
            .expiresInSeconds == 60);
  const auto update = read<ConversationUpdate>(change + R"(,"expiresInSeconds":0})");
  CHECK(update.expiresInSeconds == 0U);
  CHECK_FALSE(update.name);
  CHECK_FALSE(read<ConversationUpdate>(change + R"(,"name":"n"})").expiresInSeconds);
  check_refused({
      {send + R"(,"expiresInSeconds":0})", kBad, "`expiresInSeconds` must be 1 or more"},
      {send + R"(,"expiresInSeconds":-1})", kBad, "`expiresInSeconds`"},
      {send + R"(,"expiresInSeconds":"60"})", kBad, "`expiresInSeconds`"},
      {send + R"(,"expiresInSeconds":31622401})", kBad, "`expiresInSeconds`"},
      {change + "}", kBad,
       "`name`, `expiresInSeconds`, `permissions`, `history` or `slowModeSeconds` is missing"},
  });
}

TEST_CASE("settings and status") {
  static_cast<void>(read<SettingsGet>(R"({"type":"settings.get"})"));
  const auto some =
      read<SettingsUpdate>(R"({"type":"settings.update","readReceipts":false,"online":"nobody"})");
  CHECK(some.readReceipts == false);
  CHECK(some.online == Audience::nobody);
  CHECK_FALSE(some.lastSeen);
  CHECK(read<SettingsUpdate>(R"({"type":"settings.update","lastSeen":"contacts"})").lastSeen ==
        Audience::contacts);
  const auto set = read<PresenceSet>(R"({"type":"presence.set","status":"away","text":"a\"b"})");
  CHECK(set.status == Availability::away);
  CHECK(set.text == "a\"b");
  CHECK(read<PresenceSet>(R"({"type":"presence.set","status":"online"})").text.empty());
  check_refused({
      {R"({"type":"settings.update"})", kBad, "is missing"},
      {R"({"type":"settings.update","readReceipts":0})", kBad, "`readReceipts`"},
      {R"({"type":"settings.update","online":"friends"})", kBad, "`online`"},
      {R"({"type":"presence.set"})", kBad, "`status`"},
      {R"({"type":"presence.set","status":"offline"})", kBad, "`status`"},
      {R"({"type":"presence.set","status":"dnd","text":7})", kBad, "`text`"},
  });
}

TEST_CASE("contacts, blocks and profile") {
  const auto add = read<UserListChange>(R"({"type":"contacts.add","users":["carol","bob","carol"]})");
  CHECK(add.list == UserList::contacts);
  CHECK(add.add);
  CHECK(add.users == std::vector<UserId>{"bob", "carol"});
  CHECK_FALSE(read<UserListChange>(R"({"type":"contacts.remove","users":["bob"]})").add);
  const auto unblock = read<UserListChange>(R"({"type":"blocks.remove","users":["bob"]})");
  CHECK(unblock.list == UserList::blocks);
  CHECK_FALSE(unblock.add);
  CHECK(read<UserListChange>(R"({"type":"blocks.add","users":["bob"]})").add);
  const auto list = read<UserListGet>(R"({"type":"blocks.list","cursor":"bob","limit":3})");
  CHECK(list.list == UserList::blocks);
  CHECK(list.cursor == "bob");
  CHECK(list.limit == 3);
  CHECK(read<UserListGet>(R"({"type":"contacts.list"})").limit == 200);
  CHECK(read<ProfileGet>(R"({"type":"profile.get"})").userId.empty());
  CHECK(read<ProfileGet>(R"({"type":"profile.get","userId":"bob"})").userId == "bob");
  CHECK(read<ProfileUpdate>(R"({"type":"profile.update","displayName":"B\u00f6b"})").displayName == "Böb");
  CHECK(read<ProfileUpdate>(R"({"type":"profile.update","displayName":""})").displayName.empty());
  std::string many = "\"u\"";
  for (std::size_t i = 0; i < kMaxUsersPerListChange; ++i) many += ",\"u\"";
  check_refused({
      {R"({"type":"contacts.add"})", kBad, "`users` is missing"},
      {R"({"type":"contacts.add","users":[]})", kBad, "`users` must not be empty"},
      {R"({"type":"blocks.add","users":["not an id"]})", kBad, "`users`"},
      {R"({"type":"blocks.remove","users":[)" + many + "]}", ErrorCode::too_large, "100"},
      {R"({"type":"contacts.list","limit":501})", kBad, "`limit`"},
      {R"({"type":"contacts.list","cursor":"a b"})", kBad, "`cursor`"},
      {R"({"type":"profile.get","userId":""})", kBad, "`userId`"},
      {R"({"type":"profile.update"})", kBad, "`displayName` is missing"},
      {R"({"type":"profile.update","displayName":")" + std::string(257, 'a') + "\"}", kBad, "256 bytes"},
  });
}

TEST_CASE("a token, devices, and who has come how far") {
  CHECK(read<AuthRefresh>(R"({"type":"auth.refresh","token":"t"})").token == "t");
  CHECK(read<DevicesRemove>(R"({"type":"devices.remove","deviceId":"phone"})").deviceId == "phone");
  static_cast<void>(read<DevicesList>(R"({"type":"devices.list"})"));
  const auto get =
      read<ReceiptsGet>(R"({"type":"receipts.get","conversationId":"c1","seq":7,"cursor":"bob","limit":3})");
  CHECK(get.conversationId == "c1");
  CHECK(get.seq == 7);
  CHECK(get.cursor == "bob");
  CHECK(get.limit == 3);
  check_refused({
      {R"({"type":"auth.refresh"})", kBad, "`token` is missing"},
      {R"({"type":"auth.refresh","token":7})", kBad, "`token`"},
      {R"({"type":"devices.remove"})", kBad, "`deviceId` is missing"},
      {R"({"type":"devices.remove","deviceId":"a b"})", kBad, "`deviceId`"},
      {R"({"type":"receipts.get"})", kBad, "`conversationId` is missing"},
      {R"({"type":"receipts.get","conversationId":"c","seq":-1})", kBad, "`seq`"},
      {R"({"type":"receipts.get","conversationId":"c","limit":501})", kBad, "`limit`"},
  });
}

TEST_CASE("changes of a message") {
  const auto edit = read<MessageEdit>(
      R"({"type":"message.edit","conversationId":"c1","messageId":"7","clientMsgId":"u","content":{ "a":1}})");
  CHECK(edit.conversationId == "c1");
  CHECK(edit.clientMsgId == "u");
  CHECK(edit.messageId == 7);
  const auto everyone = read<MessageDelete>(
      R"({"type":"message.delete","conversationId":"c1","messageId":"7","scope":"everyone","clientMsgId":"u"})");
  CHECK(everyone.forEveryone);
  CHECK(everyone.messageId == 7);
  CHECK(everyone.clientMsgId == "u");
  const auto mine =
      read<MessageDelete>(R"({"type":"message.delete","conversationId":"c1","messageId":"7","scope":"me"})");
  CHECK_FALSE(mine.forEveryone);
  CHECK(mine.clientMsgId.empty());
  const auto react = read<MessageReact>(
      R"({"type":"message.react","conversationId":"c1","messageId":"7","clientMsgId":"u","emoji":"\u2764","op":"remove"})");
  CHECK(react.emoji == "\u2764");
  CHECK_FALSE(react.add);

  const std::string editing = R"({"type":"message.edit","conversationId":"c1","clientMsgId":"u",)";
  const std::string deleting = R"({"type":"message.delete","conversationId":"c1","messageId":"7",)";
  const std::string reacting =
      R"({"type":"message.react","conversationId":"c1","messageId":"7","clientMsgId":"u",)";
  check_refused({
      {editing + R"("messageId":"7"})", kBad, "`content` is missing"},
      {editing + R"("content":1})", kBad, "`messageId` is missing"},
      {editing + R"("messageId":7,"content":1})", kBad, "`messageId` must be a message id"},
      {editing + R"("messageId":"7","content":")" + std::string(16 * 1024, 'x') + "\"}", ErrorCode::too_large,
       "`content`"},
      {R"({"type":"message.edit","conversationId":"c1","messageId":"7","content":1})", kBad,
       "`clientMsgId` is missing"},
      {editing + R"("messageId":"7","content":1,"expiresInSeconds":60})", ErrorCode::unsupported,
       "`expiresInSeconds` is not supported"},
      {editing + R"("messageId":"7","content":1,"encryption":{}})", ErrorCode::unsupported, "`encryption`"},
      {deleting + R"("scope":"everyone"})", kBad, "`clientMsgId` is missing"},
      {deleting + R"("clientMsgId":"u"})", kBad, "`scope` is missing"},
      {deleting + R"("scope":"all","clientMsgId":"u"})", kBad, "`scope` must be one of me everyone"},
      {deleting + R"("scope":"me","clientMsgId":7})", kBad, "`clientMsgId`"},
      {reacting + R"("op":"add"})", kBad, "`emoji` is missing"},
      {reacting + R"("op":"add","emoji":""})", kBad, "`emoji` must not be empty"},
      {reacting + R"("op":"add","emoji":7})", kBad, "`emoji`"},
      {reacting + R"("op":"add","emoji":")" + std::string(65, 'x') + "\"}", kBad, "`emoji`"},
      {reacting + R"("op":"toggle","emoji":"x"})", kBad, "`op` must be one of add remove"},
  });
}

TEST_CASE("the content of a message is bounded by its type, and an edit's by what any type may have") {
  Limits limits;
  limits.contentBytes = 10;
  limits.contentBytesOf[static_cast<std::size_t>(MessageType::image)] = 4;
  limits.contentBytesOf[static_cast<std::size_t>(MessageType::custom)] = 20;
  Decoder decoder(limits);
  const auto told = [&](const std::string& command, std::size_t bytes) -> std::string {
    const std::string frame = command + R"(,"conversationId":"c1","clientMsgId":"u","content":")" +
                              std::string(bytes - 2, 'x') + "\"}";
    const DecodeResult result = decoder.decode(frame);
    if (result.command) return "ok";
    CHECK(result.command.error().code == ErrorCode::too_large);
    return result.command.error().message;
  };
  const std::string send = R"({"type":"message.send")";
  CHECK(told(send, 10) == "ok");
  CHECK(told(send, 11) == "message.send: `content` of type `text` is longer than 10 bytes");
  CHECK(told(send + R"(,"messageType":"image")", 4) == "ok");
  CHECK(told(send + R"(,"messageType":"image")", 5) ==
        "message.send: `content` of type `image` is longer than 4 bytes");
  CHECK(told(send + R"(,"messageType":"custom")", 20) == "ok");
  CHECK(told(send + R"(,"messageType":"custom")", 21) ==
        "message.send: `content` of type `custom` is longer than 20 bytes");
  const std::string edit = R"({"type":"message.edit","messageId":"7")";
  CHECK(told(edit, 20) == "ok");
  CHECK(told(edit, 21) == "message.edit: `content` is longer than 20 bytes");
}

TEST_CASE("an error repeats the id and the clientMsgId wherever they can be read") {
  Decoder decoder;
  struct Row {
    std::string frame;
    RequestId id;
    std::string clientMsgId;
  };
  const std::vector<Row> rows = {
      {R"({"type":"nonsense","id":7,"clientMsgId":"u-1"})", RequestId::number(7), "u-1"},
      {R"({"id":"a","clientMsgId":"u-1"})", RequestId::text("a"), "u-1"},
      {R"({"type":"message.send","id":18446744073709551615,"clientMsgId":"u-1"})",
       RequestId::number(18446744073709551615ULL), "u-1"},
      {R"({"type":"x","x":1,"x":2,"id":9,"clientMsgId":"u-1"})", RequestId::number(9), "u-1"},
      {R"({"id":9,"id":10,"type":"presence.ping","clientMsgId":"u-1"})", {}, "u-1"},
      {R"({"id":9,"id":9,"id":9,"type":"presence.ping"})", {}, ""},
      {R"({"type":"x","id":{},"clientMsgId":"u-1"})", {}, "u-1"},
      {R"({"type":"x","id":3,"clientMsgId":"u 1"})", RequestId::number(3), ""},
      {R"({"type":"x","id":3,)", {}, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.frame);
    const DecodeResult result = decoder.decode(row.frame);
    CHECK_FALSE(result.command.has_value());
    CHECK(result.id == row.id);
    CHECK(result.clientMsgId == row.clientMsgId);
  }
}

TEST_CASE("an id is a short string or an unsigned integer") {
  Decoder decoder;
  const auto ping = [&](const std::string& id) {
    return decoder.decode(R"({"type":"presence.ping","id":)" + id + "}");
  };
  for (const std::string& id :
       {std::string("0"), std::string("18446744073709551615"), std::string("\"\""),
        std::string(R"("a\u0062\n\"")"), "\"" + std::string(64, 'x') + "\"", std::string(R"("\u00e9")")}) {
    CAPTURE(id);
    const DecodeResult result = ping(id);
    CHECK(result.command.has_value());
    std::string out;
    result.id.append_value(out);
    CHECK(out == id);
  }
  for (const std::string& id : {std::string("-1"), std::string("-0"), std::string("1.0"), std::string("1e2"),
                                std::string("18446744073709551616"), std::string("null"), std::string("true"),
                                std::string("[1]"), "\"" + std::string(65, 'x') + "\""}) {
    CAPTURE(id);
    const DecodeResult result = ping(id);
    REQUIRE_FALSE(result.command.has_value());
    CHECK(result.command.error().code == kBad);
    CHECK(result.command.error().message.find("`id`") != std::string::npos);
    CHECK_FALSE(result.id.present());
  }
}

TEST_CASE("large integers in content leave the envelope's own integers alone") {
  Decoder decoder;
  const DecodeResult result = decoder.decode(
      R"({"type":"message.send","id":9223372036854775807,"to":"bob","clientMsgId":"u","content":[123456789012345678901]})");
  REQUIRE(result.command.has_value());
  CHECK(result.id == RequestId::number(9223372036854775807ULL));
  check_refused(
      {{R"({"type":"message.received","conversationId":"c","seq":123456789012345678901})", kBad, "`seq`"}});
}

TEST_CASE("receipts: one conversation or many") {
  auto received = read<MessageReceived>(R"({"type":"message.received","conversationId":"c1","seq":42})");
  REQUIRE(received.positions.size() == 1);
  CHECK(received.positions[0].conversationId == "c1");
  CHECK(received.positions[0].seq == 42);
  CHECK(received.positions[0].epoch == 1);
  received = read<MessageReceived>(
      R"({"type":"message.received","conversationId":"c1","seq":9007199254740992,"epoch":3})");
  CHECK(received.positions[0].seq == kMaxWireInteger);
  CHECK(received.positions[0].epoch == 3);
  received = read<MessageReceived>(
      R"({"type":"message.received","cursors":{"c1":42,"c2":{"seq":7,"epoch":2,"x":0}}})");
  REQUIRE(received.positions.size() == 2);
  CHECK(received.positions[1].conversationId == "c2");
  CHECK(received.positions[1].seq == 7);
  CHECK(received.positions[1].epoch == 2);
  CHECK(read<MessageReceived>(R"({"type":"message.received","cursors":{}})").positions.empty());

  auto seen = read<MessageRead>(R"({"type":"message.read","conversationId":"c1","messageId":"99"})");
  CHECK(seen.positions.at(0).messageId == 99);
  CHECK(seen.positions.at(0).seq == 0);
  seen = read<MessageRead>(R"({"type":"message.read","conversationId":"c1","seq":5})");
  CHECK(seen.positions.at(0).seq == 5);
  CHECK(seen.positions.at(0).messageId == 0);
  CHECK(read<MessageRead>(R"({"type":"message.read","cursors":{"c1":1}})").positions.size() == 1);

  const std::string head = R"({"type":"message.received",)";
  check_refused({
      {head + R"("seq":1})", kBad, "`conversationId` is missing"},
      {head + R"("conversationId":"c1"})", kBad, "`seq` is missing"},
      {head + R"("conversationId":"c1","messageId":"7"})", kBad, "`seq` is missing"},
      {head + R"("conversationId":"c1","seq":-1})", kBad, "`seq`"},
      {head + R"("conversationId":"c1","seq":1.5})", kBad, "`seq`"},
      {head + R"("conversationId":"c1","seq":1.0})", kBad, "`seq`"},
      {head + R"("conversationId":"c1","seq":"1"})", kBad, "`seq`"},
      {head + R"("conversationId":"c1","seq":9007199254740993})", kBad, "`seq`"},
      {head + R"("conversationId":"c1","seq":1,"epoch":0})", kBad, "`epoch`"},
      {head + R"("conversationId":"c1","seq":1,"epoch":4294967296})", kBad, "`epoch`"},
      {head + R"("conversationId":"c1","cursors":{}})", kBad, "cannot stand beside `cursors`"},
      {head + R"("seq":1,"cursors":{}})", kBad, "`seq` cannot stand beside `cursors`"},
      {head + R"("cursors":[]})", kBad, "`cursors`"},
      {head + R"("cursors":{"c 1":1}})", kBad, "`cursors` must be keyed by conversation ids"},
      {head + R"("cursors":{"c1":-1}})", kBad, "`cursors`"},
      {head + R"("cursors":{"c1":null}})", kBad, "`cursors`"},
      {head + R"("cursors":{"c1":{}}})", kBad, "`cursors`"},
      {head + R"("cursors":{"c1":{"seq":1,"epoch":0}}})", kBad, "`cursors`"},
      {head + R"("cursors":)" + conversations(kMaxWatermarks + 1) + "}", kBad,
       "`cursors` must be at most 2000"},
      {R"({"type":"message.read","conversationId":"c1","seq":1,"messageId":"7"})", kBad,
       "`seq` cannot stand beside"},
      {R"({"type":"message.read","conversationId":"c1","messageId":7})", kBad, "`messageId`"},
  });
}

TEST_CASE("typing, pings and states") {
  CHECK(read<Typing>(R"({"type":"typing.start","conversationId":"c1"})").start);
  const auto stop = read<Typing>(R"({"type":"typing.stop","conversationId":"c1"})");
  CHECK_FALSE(stop.start);
  CHECK(stop.conversationId == "c1");
  read<PresencePing>(R"({"type":"presence.ping"})");
  CHECK(read<ClientState>(R"({"type":"client.state","state":"foreground"})").foreground);
  CHECK_FALSE(read<ClientState>(R"({"type":"client.state","state":"background"})").foreground);
  check_refused({
      {R"({"type":"typing.start"})", kBad, "typing.start: `conversationId` is missing"},
      {R"({"type":"typing.stop","conversationId":"/"})", kBad, "typing.stop: `conversationId`"},
      {R"({"type":"client.state"})", kBad, "`state` is missing"},
      {R"({"type":"client.state","state":"asleep"})", kBad, "`state` must be one of foreground background"},
  });
}

TEST_CASE("presence commands take sorted users, each once, up to a bound") {
  const auto users3 = R"("users":["carol","bob","carol"]})";
  const std::vector<UserId> sorted = {"bob", "carol"};
  CHECK(read<PresenceSubscribe>(std::string(R"({"type":"presence.subscribe",)") + users3).users == sorted);
  CHECK(read<PresenceUnsubscribe>(std::string(R"({"type":"presence.unsubscribe",)") + users3).users ==
        sorted);
  CHECK(read<PresenceGet>(std::string(R"({"type":"presence.get",)") + users3).users == sorted);
  CHECK(read<PresenceGet>(R"({"type":"presence.get","users":[]})").users.empty());
  CHECK(
      read<PresenceSubscribe>(R"({"type":"presence.subscribe","users":)" + users(1000) + "}").users.size() ==
      1000);
  check_refused({
      {R"({"type":"presence.subscribe"})", kBad, "`users` is missing"},
      {R"({"type":"presence.subscribe","users":"bob"})", kBad, "`users` must be an array"},
      {R"({"type":"presence.subscribe","users":["b b"]})", kBad, "`users` must hold ids"},
      {R"({"type":"presence.subscribe","users":[7]})", kBad, "`users` must hold ids"},
      {R"({"type":"presence.subscribe","users":)" + users(1001) + "}", kBad, "`users` must be at most 1000"},
  });
}

TEST_CASE("sync from watermarks or from a token") {
  auto sync = read<Sync>(R"({"type":"sync","watermarks":{"c1":41,"c2":{"seq":7,"epoch":2}},"limit":1000})");
  CHECK_FALSE(sync.since.has_value());
  REQUIRE(sync.watermarks.size() == 2);
  CHECK(sync.watermarks[0].seq == 41);
  CHECK(sync.watermarks[1].epoch == 2);
  CHECK(sync.limit == 1000);
  sync = read<Sync>(R"({"type":"sync","since":"t\u0031"})");
  CHECK(sync.since == "t1");
  sync = read<Sync>(R"({"type":"sync","since":"t","watermarks":{"c1":41}})");
  CHECK(sync.since == "t");
  CHECK(sync.watermarks.size() == 1);
  CHECK(sync.limit == 200);
  CHECK(read<Sync>(R"({"type":"sync","watermarks":{}})").watermarks.empty());
  CHECK_FALSE(read<Sync>(R"({"type":"sync","watermarks":{}})").newest);
  CHECK(read<Sync>(R"({"type":"sync","watermarks":{},"newest":200})").newest == 200);
  CHECK(read<Sync>(R"({"type":"sync","resume":true})").resume);
  CHECK_FALSE(read<Sync>(R"({"type":"sync","since":"t","resume":false})").resume);
  CHECK(read<Sync>(R"({"type":"sync","watermarks":)" + conversations(2000) + "}").watermarks.size() == 2000);
  check_refused({
      {R"({"type":"sync"})", kBad, "sync: `watermarks` or `since` is missing"},
      {R"({"type":"sync","since":7})", kBad, "`since`"},
      {R"({"type":"sync","resume":false})", kBad, "sync: `watermarks` or `since` is missing"},
      {R"({"type":"sync","resume":true,"since":"t"})", kBad, "`resume` cannot stand beside"},
      {R"({"type":"sync","resume":true,"watermarks":{}})", kBad, "`resume` cannot stand beside"},
      {R"({"type":"sync","watermarks":{},"newest":0})", kBad, "`newest` must be from 1 to 200"},
      {R"({"type":"sync","watermarks":{},"newest":201})", kBad, "`newest`"},
      {R"({"type":"sync","since":"t","limit":0})", kBad, "`limit` must be from 1 to 1000"},
      {R"({"type":"sync","since":"t","limit":1001})", kBad, "`limit`"},
      {R"({"type":"sync","since":"t","limit":"9"})", kBad, "`limit`"},
      {R"({"type":"sync","watermarks":)" + conversations(2001) + "}", kBad,
       "`watermarks` must be at most 2000"},
      {R"({"type":"sync","watermarks":{"c1":9007199254740993}})", kBad, "`watermarks`"},
  });
}

TEST_CASE("history from the head, before or after") {
  auto history = read<History>(R"({"type":"history","conversationId":"c1","before":43,"limit":500})");
  CHECK(history.before == 43);
  CHECK_FALSE(history.after.has_value());
  CHECK(history.limit == 500);
  history = read<History>(R"({"type":"history","conversationId":"c1","after":0})");
  CHECK(history.after == 0);
  CHECK(history.limit == 50);
  history = read<History>(R"({"type":"history","conversationId":"c1"})");
  CHECK_FALSE(history.before.has_value());
  check_refused({
      {R"({"type":"history"})", kBad, "`conversationId` is missing"},
      {R"({"type":"history","conversationId":"c","before":2,"after":1})", kBad,
       "`after` cannot stand beside"},
      {R"({"type":"history","conversationId":"c","before":-2})", kBad, "`before`"},
      {R"({"type":"history","conversationId":"c","limit":501})", kBad, "`limit` must be from 1 to 500"},
  });
}

TEST_CASE("conversations are made, changed, left") {
  const auto create = read<ConversationCreate>(
      R"({"type":"conversation.create","clientMsgId":"u","name":"Fam\u00e9","members":["carol","bob"],"conversationId":"fam"})");
  CHECK(create.clientMsgId == "u");
  CHECK(create.name == "Fam\xC3\xA9");
  CHECK(create.members == std::vector<UserId>{"bob", "carol"});
  CHECK(create.conversationId == "fam");
  const auto bare = read<ConversationCreate>(R"({"type":"conversation.create","clientMsgId":"u"})");
  CHECK(bare.members.empty());
  CHECK(bare.conversationId.empty());
  const auto update = read<ConversationUpdate>(
      R"({"type":"conversation.update","conversationId":"c","name":"","clientMsgId":"u"})");
  CHECK(update.conversationId == "c");
  CHECK(update.clientMsgId == "u");
  const auto added =
      read<ConversationAddMembers>(R"({"type":"conversation.addMembers","conversationId":"c","members":)" +
                                   users(500) + R"(,"clientMsgId":"u"})");
  CHECK(added.members.size() == 500);
  const auto removed = read<ConversationRemoveMembers>(
      R"({"type":"conversation.removeMembers","conversationId":"c","members":["bob"],"clientMsgId":"u"})");
  CHECK(removed.members == std::vector<UserId>{"bob"});
  const auto role = read<ConversationSetRole>(
      R"({"type":"conversation.setRole","conversationId":"c","userId":"bob","role":"admin","clientMsgId":"u"})");
  CHECK(role.userId == "bob");
  CHECK(role.role == Role::admin);
  CHECK(
      read<ConversationSetRole>(
          R"({"type":"conversation.setRole","conversationId":"c","userId":"b","role":"member","clientMsgId":"u"})")
          .role == Role::member);
  const auto leave =
      read<ConversationLeave>(R"({"type":"conversation.leave","conversationId":"c","clientMsgId":"u"})");
  CHECK(leave.conversationId == "c");
  CHECK(leave.clientMsgId == "u");
}

TEST_CASE("commands about conversations are refused by the field that is wrong") {
  std::vector<Refusal> refusals = {
      {R"({"type":"conversation.create","clientMsgId":"u","conversationId":"dm.x"})", kBad, "dm. or sys."},
      {R"({"type":"conversation.create","clientMsgId":"u","conversationId":"sys.x"})", kBad, "dm. or sys."},
      {R"({"type":"conversation.create","clientMsgId":"u","name":7})", kBad, "`name` must be a string"},
      {R"({"type":"conversation.create","clientMsgId":"u","name":")" + std::string(257, 'x') + "\"}", kBad,
       "`name` must be at most 256 bytes"},
      {R"({"type":"conversation.create","clientMsgId":"u","members":)" + users(501) + "}", kBad,
       "`members` must be at most 500"},
      {R"({"type":"conversation.addMembers","conversationId":"c","clientMsgId":"u","members":[]})", kBad,
       "`members` must not be empty"},
      {R"({"type":"conversation.addMembers","conversationId":"c","clientMsgId":"u","members":)" + users(501) +
           "}",
       kBad, "`members`"},
      {R"({"type":"conversation.removeMembers","conversationId":"c","clientMsgId":"u"})", kBad,
       "`members` is missing"},
      {R"({"type":"conversation.update","conversationId":"c","clientMsgId":"u"})", kBad,
       "`name`, `expiresInSeconds`, `permissions`, `history` or `slowModeSeconds` is missing"},
      {R"({"type":"conversation.setRole","conversationId":"c","clientMsgId":"u","userId":"b","role":"king"})",
       kBad, "`role` must be one of member admin owner"},
      {R"({"type":"conversation.setRole","conversationId":"c","clientMsgId":"u","role":"admin"})", kBad,
       "`userId` is missing"},
  };
  for (const char* type : {"update", "addMembers", "removeMembers", "setRole", "leave", "delete"}) {
    const std::string head = R"({"type":"conversation.)" + std::string(type) + "\"";
    refusals.push_back({head + R"(,"clientMsgId":"u"})", kBad, "`conversationId` is missing"});
    refusals.push_back({head + R"(,"conversationId":"c"})", kBad, "`clientMsgId` is missing"});
  }
  refusals.push_back({R"({"type":"conversation.create"})", kBad, "`clientMsgId` is missing"});
  check_refused(refusals);
}

TEST_CASE("a group's settings are read as far as they are named") {
  const auto create = read<ConversationCreate>(
      R"({"type":"conversation.create","clientMsgId":"u","permissions":{"send":"admins","add":"everyone"}})");
  CHECK(create.settings == SettingsChange{.send = Permission::admins, .add = Permission::everyone});
  const auto update = read<ConversationUpdate>(
      R"({"type":"conversation.update","conversationId":"c","clientMsgId":"u",)"
      R"("permissions":{"edit":"everyone","pin":"admins"},"history":"all","slowModeSeconds":86400})");
  CHECK(update.settings == SettingsChange{.edit = Permission::everyone,
                                          .pin = Permission::admins,
                                          .history = HistoryVisibility::all,
                                          .slowModeSeconds = 86'400});
  CHECK(!update.name);
  const auto off = read<ConversationUpdate>(
      R"({"type":"conversation.update","conversationId":"c","clientMsgId":"u","history":"joined","slowModeSeconds":0})");
  CHECK(off.settings == SettingsChange{.history = HistoryVisibility::joined, .slowModeSeconds = 0});
  const std::string head = R"({"type":"conversation.update","conversationId":"c","clientMsgId":"u",)";
  std::vector<Refusal> refusals;
  for (const char* bad : {"7", "null", "[]", "\"everyone\""})
    refusals.push_back(
        {head + R"("permissions":)" + bad + "}", kBad, "`permissions` must be an object of permissions"});
  refusals.push_back({head + R"("permissions":{}})", kBad, "`permissions` must not be empty"});
  refusals.push_back({head + R"("permissions":{"send":"admins","shout":"admins"}})", kBad,
                      "`permissions` may name send, add, edit and pin only"});
  for (const char* name : {"send", "add", "edit", "pin"}) {
    for (const char* bad : {"\"owner\"", "true", "null", "\"\""})
      refusals.push_back({head + R"("permissions":{")" + name + "\":" + bad + "}}", kBad,
                          "`permissions." + std::string(name) + "` must be one of everyone admins"});
  }
  for (const char* bad : {"\"some\"", "true", "null"})
    refusals.push_back({head + R"("history":)" + bad + "}", kBad, "`history` must be one of joined all"});
  for (const char* bad : {"86401", "-1", "1.5", "\"9\"", "null"})
    refusals.push_back({head + R"("slowModeSeconds":)" + bad + "}", kBad,
                        "`slowModeSeconds` must be an integer from 0 to 86400"});
  check_refused(refusals);
}

TEST_CASE("archive and pin") {
  const auto archive =
      read<ConversationArchive>(R"({"type":"conversation.archive","conversationId":"c","archived":true})");
  CHECK(archive.conversationId == "c");
  CHECK(archive.archived);
  CHECK_FALSE(
      read<ConversationArchive>(R"({"type":"conversation.archive","conversationId":"c","archived":false})")
          .archived);
  CHECK(read<ConversationPin>(R"({"type":"conversation.pin","conversationId":"c","pinned":true})").pinned);
  CHECK_FALSE(
      read<ConversationPin>(R"({"type":"conversation.pin","conversationId":"c","pinned":false})").pinned);
  check_refused({
      {R"({"type":"conversation.archive","conversationId":"c"})", kBad, "`archived` is missing"},
      {R"({"type":"conversation.archive","conversationId":"c","archived":1})", kBad,
       "`archived` must be true or false"},
      {R"({"type":"conversation.archive","archived":true})", kBad, "`conversationId` is missing"},
      {R"({"type":"conversation.pin","conversationId":"c"})", kBad, "`pinned` is missing"},
      {R"({"type":"conversation.pin","conversationId":"c","pinned":null})", kBad,
       "`pinned` must be true or false"},
  });
}

TEST_CASE("a message is pinned and removed") {
  const std::string pinning = R"({"type":"message.pin","conversationId":"c","clientMsgId":"u",)";
  const auto pin = read<MessagePin>(pinning + R"("messageId":"7","op":"add"})");
  CHECK(pin.conversationId == "c");
  CHECK(pin.clientMsgId == "u");
  CHECK(pin.messageId == 7);
  CHECK(pin.add);
  CHECK_FALSE(read<MessagePin>(pinning + R"("messageId":"7","op":"remove"})").add);
  check_refused({
      {pinning + R"("op":"add"})", kBad, "`messageId` is missing"},
      {pinning + R"("messageId":"7"})", kBad, "`op` is missing"},
      {pinning + R"("messageId":"7","op":"toggle"})", kBad, "`op` must be one of add remove"},
      {R"({"type":"message.pin","conversationId":"c","messageId":"7","op":"add"})", kBad,
       "`clientMsgId` is missing"},
      {R"({"type":"message.pin","clientMsgId":"u","messageId":"7","op":"add"})", kBad,
       "`conversationId` is missing"},
  });
}

TEST_CASE("a conversation is cleared up to a number") {
  const auto clear =
      read<ConversationClear>(R"({"type":"conversation.clear","conversationId":"c","seq":7,"epoch":2})");
  CHECK(clear.conversationId == "c");
  CHECK(clear.seq == 7);
  CHECK(clear.epoch == 2);
  check_refused({
      {R"({"type":"conversation.clear","seq":7})", kBad, "`conversationId` is missing"},
      {R"({"type":"conversation.clear","conversationId":"c"})", kBad, "`seq` is missing"},
      {R"({"type":"conversation.clear","conversationId":"c","seq":-1})", kBad, "`seq`"},
      {R"({"type":"conversation.clear","conversationId":"c","seq":1,"epoch":0})", kBad, "`epoch`"},
  });
}

TEST_CASE("mute, members and lists") {
  CHECK(read<ConversationMute>(R"({"type":"conversation.mute","conversationId":"c"})").until ==
        kMutedForever);
  CHECK(read<ConversationMute>(R"({"type":"conversation.mute","conversationId":"c","until":0})").until == 0);
  CHECK(read<ConversationMute>(R"({"type":"conversation.mute","conversationId":"c","until":1700000000000})")
            .until == 1700000000000);
  const auto members = read<ConversationMembers>(
      R"({"type":"conversation.members","conversationId":"c","cursor":"bob","limit":9})");
  CHECK(members.cursor == "bob");
  CHECK(members.limit == 9);
  CHECK(read<ConversationMembers>(R"({"type":"conversation.members","conversationId":"c"})").limit == 200);
  const auto list = read<ConversationsList>(R"({"type":"conversations.list","cursor":"a b","limit":1})");
  CHECK(list.cursor == "a b");
  CHECK(list.limit == 1);
  CHECK(read<ConversationsList>(R"({"type":"conversations.list"})").limit == 50);
  check_refused({
      {R"({"type":"conversation.mute"})", kBad, "`conversationId` is missing"},
      {R"({"type":"conversation.mute","conversationId":"c","until":-1})", kBad, "`until`"},
      {R"({"type":"conversation.mute","conversationId":"c","until":null})", kBad, "`until`"},
      {R"({"type":"conversation.members","conversationId":"c","cursor":"b b"})", kBad, "`cursor`"},
      {R"({"type":"conversations.list","limit":501})", kBad, "`limit`"},
      {R"({"type":"conversations.list","cursor":")" + std::string(257, 'x') + "\"}", kBad, "`cursor`"},
  });
}

TEST_CASE("hello, with everything or nothing") {
  const auto hello = read<Hello>(
      R"({"type":"hello","token":"a.b.c","deviceId":"phone","platform":"ios","protocol":1,"caps":["x"]})");
  CHECK(hello.token == "a.b.c");
  CHECK(hello.deviceId == "phone");
  CHECK(hello.platform == "ios");
  CHECK(hello.version == 1);
  CHECK(read<Hello>(R"({"type":"hello"})").token.empty());
  check_refused({
      {R"({"type":"hello","token":7})", kBad, "hello: `token` must be a string"},
      {R"({"type":"hello","deviceId":"a b"})", kBad, "`deviceId`"},
      {R"({"type":"hello","platform":")" + std::string(65, 'x') + "\"}", kBad, "`platform`"},
      {R"({"type":"hello","protocol":"1"})", kBad, "`protocol`"},
  });
}

TEST_CASE("every command knows its type's name") {
  Decoder decoder;
  const std::vector<std::string> frames = {
      R"({"type":"hello"})",
      R"({"type":"presence.ping"})",
      R"({"type":"client.state","state":"foreground"})",
      R"({"type":"message.send","to":"b","clientMsgId":"u","content":1})",
      R"({"type":"message.received","conversationId":"c","seq":1})",
      R"({"type":"message.read","conversationId":"c","seq":1})",
      R"({"type":"typing.start","conversationId":"c"})",
      R"({"type":"typing.stop","conversationId":"c"})",
      R"({"type":"presence.subscribe","users":[]})",
      R"({"type":"presence.unsubscribe","users":[]})",
      R"({"type":"presence.get","users":[]})",
      R"({"type":"sync","since":""})",
      R"({"type":"history","conversationId":"c"})",
      R"({"type":"conversation.create","clientMsgId":"u"})",
      R"({"type":"conversation.update","conversationId":"c","name":"","clientMsgId":"u"})",
      R"({"type":"conversation.addMembers","conversationId":"c","members":["b"],"clientMsgId":"u"})",
      R"({"type":"conversation.removeMembers","conversationId":"c","members":["b"],"clientMsgId":"u"})",
      R"({"type":"conversation.setRole","conversationId":"c","userId":"b","role":"admin","clientMsgId":"u"})",
      R"({"type":"conversation.leave","conversationId":"c","clientMsgId":"u"})",
      R"({"type":"conversation.mute","conversationId":"c"})",
      R"({"type":"conversation.clear","conversationId":"c","seq":1})",
      R"({"type":"conversation.members","conversationId":"c"})",
      R"({"type":"conversations.list"})",
  };
  for (const std::string& frame : frames) {
    CAPTURE(frame);
    const DecodeResult result = decoder.decode(frame);
    REQUIRE(result.command.has_value());
    CHECK(frame.starts_with(R"({"type":")" + std::string(type_name(*result.command)) + "\""));
  }
}
