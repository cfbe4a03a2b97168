#include "protocol/decode.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "fuzz.hpp"
#include "protocol/encode.hpp"
#include "protocol/event_content.hpp"
#include "protocol/json_object.hpp"
#include "protocol/payload_hash.hpp"

/// The input is a client's frame. An independent parser must agree on whether it is I-JSON; a command must
/// keep its bounds; whatever of it is sent on must come out as valid JSON and mean what came in.
namespace chatcore::fuzz {

namespace {

using namespace chatcore::protocol;
using nlohmann::json;

constexpr Limits kLimits{256, 4096};  // small, so that inputs get beyond them

/// What an independent parser thinks of a text.
struct Opinion {
  json parsed;
  bool object = false;
  bool duplicateKey = false;
  int depth = 0;
};

Opinion opinion_of(std::string_view text) {
  Opinion opinion;
  // That parser skips a byte order mark and ends at a NUL; JSON knows neither.
  if (text.starts_with("\xEF\xBB\xBF") || text.find('\0') != std::string_view::npos) return opinion;
  std::vector<std::set<std::string>> keys;
  const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
    const bool opens =
        event == json::parse_event_t::object_start || event == json::parse_event_t::array_start;
    opinion.depth = std::max(opinion.depth, depth + (opens ? 1 : 0));
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second)
      opinion.duplicateKey = true;
    return true;
  };
  opinion.parsed = json::parse(text, watch, false);
  opinion.object = opinion.parsed.is_object();
  return opinion;
}

json valid(std::string_view text, const char* promise) {
  json parsed = json::parse(text, nullptr, false);
  require(!parsed.is_discarded(), promise);
  return parsed;
}

void check_ids(const std::vector<UserId>& users, std::size_t most) {
  require(users.size() <= most, "a list of users has its bound");
  require(std::all_of(users.begin(), users.end(), [](const UserId& id) { return valid_id(id); }),
          "a list of users holds ids");
  require(std::is_sorted(users.begin(), users.end()) &&
              std::adjacent_find(users.begin(), users.end()) == users.end(),
          "a list of users is sorted, each once");
}

void check_positions(const std::vector<Position>& positions) {
  require(positions.size() <= kMaxWatermarks, "positions have their bound");
  std::set<ConversationId> seen;
  for (const Position& position : positions) {
    require(valid_id(position.conversationId) && seen.insert(position.conversationId).second,
            "positions are keyed by ids, each once");
    require(position.seq <= kMaxWireInteger && position.epoch >= 1, "positions keep their bounds");
  }
}

template <class Change>
void check_change(const Change& change) {
  require(valid_id(change.conversationId) && valid_id(change.clientMsgId), "a change names what it changes");
}

struct CheckBounds {
  void operator()(const MessageSend& send) const {
    require(send.conversationId.empty() != send.to.empty(), "a message goes to one place");
    require(valid_id(send.to.empty() ? send.conversationId : send.to), "a message goes to an id");
    require(valid_id(send.clientMsgId), "a clientMsgId is an id");
    require(send.content.size() <= kLimits.contentBytes, "content has its bound");
  }
  void operator()(const MessageReceived& seen) const { check_positions(seen.positions); }
  void operator()(const MessageRead& seen) const { check_positions(seen.positions); }
  void operator()(const Typing& typing) const { require(valid_id(typing.conversationId), "typing in an id"); }
  void operator()(const PresencePing&) const {}
  void operator()(const PresenceSubscribe& watch) const { check_ids(watch.users, kMaxUsersPerPresence); }
  void operator()(const PresenceUnsubscribe& watch) const { check_ids(watch.users, kMaxUsersPerPresence); }
  void operator()(const PresenceGet& get) const { check_ids(get.users, kMaxUsersPerPresence); }
  void operator()(const ClientState&) const {}
  void operator()(const Sync& sync) const {
    check_positions(sync.watermarks);
    require(sync.limit >= 1 && sync.limit <= 1000, "a sync's limit has bounds");
    require(!sync.since || is_utf8(*sync.since), "a token is text");
  }
  void operator()(const History& history) const {
    require(valid_id(history.conversationId), "history of an id");
    require(!history.before || !history.after, "history goes one way");
    require(history.limit >= 1 && history.limit <= 500, "a page has bounds");
  }
  void operator()(const ConversationCreate& create) const {
    require(valid_id(create.clientMsgId), "a create has a clientMsgId");
    require(create.conversationId.empty() || valid_id(create.conversationId), "a group's id is an id");
    require(!reserved_conversation_id(create.conversationId), "nobody takes the server's ids");
    require(create.name.size() <= kMaxNameBytes && is_utf8(create.name), "a name is short text");
    check_ids(create.members, kMaxMembersPerCommand);
    check_settings(create.settings);
  }
  void operator()(const ConversationUpdate& update) const {
    check_change(update);
    check_settings(update.settings);
    require(update.name || update.expiresInSeconds || !update.settings.empty(),
            "an update updates something");
    const std::string name = update.name.value_or("");
    require(name.size() <= kMaxNameBytes && is_utf8(name), "a name is short text");
    require(update.expiresInSeconds.value_or(0) <= kMaxExpirySeconds, "nothing lasts for ever");
  }
  void operator()(const ConversationAddMembers& add) const {
    check_change(add);
    check_ids(add.members, kMaxMembersPerCommand);
    require(!add.members.empty(), "somebody is added");
  }
  void operator()(const ConversationRemoveMembers& remove) const {
    check_change(remove);
    check_ids(remove.members, kMaxMembersPerCommand);
    require(!remove.members.empty(), "somebody is removed");
  }
  void operator()(const ConversationSetRole& set) const {
    check_change(set);
    require(valid_id(set.userId), "a role is somebody's");
  }
  static void check_settings(const SettingsChange& settings) {
    require(settings.slowModeSeconds.value_or(0) <= kMaxSlowModeSeconds, "nobody waits longer than a day");
    require(settings.send.value_or(Permission::everyone) <= Permission::admins &&
                settings.history.value_or(HistoryVisibility::joined) <= HistoryVisibility::all,
            "a setting is one of those there are");
  }
  void operator()(const ConversationLeave& leave) const { check_change(leave); }
  void operator()(const ConversationDelete& remove) const { check_change(remove); }
  void operator()(const ConversationArchive& archive) const {
    require(valid_id(archive.conversationId), "what is archived has an id");
  }
  void operator()(const ConversationPin& pin) const {
    require(valid_id(pin.conversationId), "what is pinned has an id");
  }
  void operator()(const MessagePin& pin) const {
    check_change(pin);
    require(pin.messageId != 0, "what is pinned is a message");
  }
  void operator()(const MessageEdit& edit) const {
    check_change(edit);
    require(edit.messageId != 0 && !edit.content.empty(), "an edit puts something in the place of something");
  }
  void operator()(const MessageDelete& remove) const {
    require(valid_id(remove.conversationId) && remove.messageId != 0, "a deletion is of a message");
    require(valid_id(remove.clientMsgId) || (!remove.forEveryone && remove.clientMsgId.empty()),
            "a deletion for everyone has a name");
  }
  void operator()(const MessageReact& react) const {
    check_change(react);
    require(!react.emoji.empty() && react.emoji.size() <= kMaxEmojiBytes, "an emoji is short");
  }
  void operator()(const ConversationClear& clear) const {
    require(valid_id(clear.conversationId) && clear.seq <= kMaxWireInteger && clear.epoch >= 1,
            "a conversation is cleared up to a number");
  }
  void operator()(const ConversationMute& mute) const {
    require(valid_id(mute.conversationId) && mute.until >= 0 && mute.until <= kMutedForever,
            "a mute has an end");
  }
  void operator()(const ConversationMembers& members) const {
    require(valid_id(members.conversationId), "members of an id");
    require(members.cursor.empty() || valid_id(members.cursor), "a cursor of members is an id");
    require(members.limit >= 1 && members.limit <= 500, "a page has bounds");
  }
  void operator()(const ConversationsList& list) const {
    require(list.cursor.size() <= kMaxCursorBytes, "a cursor is short");
    require(list.limit >= 1 && list.limit <= 500, "a page has bounds");
  }
  void operator()(const AuthRefresh& refresh) const {
    require(refresh.token.size() <= 8192, "a token is not endless");
  }
  void operator()(const DevicesList&) const {}
  void operator()(const DevicesRemove& remove) const {
    require(valid_id(remove.deviceId), "a device is an id");
  }
  void operator()(const ReceiptsGet& get) const {
    require(valid_id(get.conversationId), "receipts of an id");
    require(get.cursor.empty() || valid_id(get.cursor), "a cursor of receipts is an id");
    require(get.limit >= 1 && get.limit <= 500, "a page has bounds");
  }
  void operator()(const PresenceSet& set) const {
    require(set.text.size() <= kMaxStatusBytes && set.status <= Availability::dnd, "a status is short");
  }
  void operator()(const SettingsGet&) const {}
  void operator()(const SettingsUpdate& update) const {
    require(update.readReceipts || update.lastSeen || update.online, "an update changes something");
    require(update.lastSeen.value_or(Audience::nobody) <= Audience::nobody, "an audience is known");
  }
  void operator()(const UserListChange& change) const {
    check_ids(change.users, kMaxUsersPerListChange);
    require(!change.users.empty(), "a change of a list names somebody");
  }
  void operator()(const UserListGet& get) const {
    require(get.cursor.empty() || valid_id(get.cursor), "a cursor of a list is an id");
    require(get.limit >= 1 && get.limit <= 500, "a page has bounds");
  }
  void operator()(const ProfileGet& get) const {
    require(get.userId.empty() || valid_id(get.userId), "a profile is an id's");
  }
  void operator()(const ProfileUpdate& update) const {
    require(update.displayName.size() <= kMaxNameBytes && is_utf8(update.displayName),
            "a name is short text");
  }
  void operator()(const Hello& hello) const {
    require(hello.deviceId.empty() || valid_id(hello.deviceId), "a device is an id");
    require(hello.platform.size() <= 64, "a platform is a word");
  }
};

Event event_of(const MessageSend& send) {
  Event event;
  event.seq = 7;
  event.messageId = 1;
  event.messageType = send.messageType;
  event.targetId = send.replyTo;
  event.payloadHash = payload_hash(send);
  event.senderId = "alice";
  event.senderDeviceId = "phone";
  event.clientMsgId = send.clientMsgId;
  event.content = send.content;
  return event;
}

/// What others and later readers get of a message.
void check_sent_on(const MessageSend& send, const RequestId& id, const Opinion& opinion) {
  const Event event = event_of(send);
  const std::string conversation(send.conversationId.empty() ? "dm.x" : send.conversationId);
  std::string live;
  append_live_frame_payload(live, conversation, event, id);
  const json frame = valid(live, "a live frame is JSON");
  const json& content = opinion.parsed.at("content");
  require(frame.at("data").at("content") == content, "content arrives as it was sent");
  require(frame.at("data").at("clientMsgId") == send.clientMsgId, "so does its name");

  std::string page;
  begin_history_page(page, id, conversation);
  append_page_event(page, conversation, event);
  append_page_event(page, conversation, event);
  end_history_page(page, 7, 7, 1, false);
  require(valid(page, "a history page is JSON").at("events").at(1).at("content") == content,
          "content is the same in a page");

  std::string sent;
  append_message_sent(sent, id, send.clientMsgId, conversation, {7, 2, 1, 5}, false);
  require(valid(sent, "a confirmation is JSON").at("clientMsgId") == send.clientMsgId,
          "it names its message");
}

void check_texts(const RequestId& id, std::string_view text) {
  std::string out;
  begin_sync_page(out, id);
  begin_sync_conversation(out, "c1");
  end_sync_conversation(out, {});
  append_removed_conversation(out, "c2");
  end_sync_page(out, text, true);
  require(valid(out, "a sync page is JSON").value("token", "") == text, "a token is repeated as it is");

  ConversationEntry entry;
  entry.conversationId = "c1";
  entry.name = text;
  out.clear();
  begin_conversations_page(out, id);
  append_conversation_entry(out, entry);
  end_conversations_page(out, text, {}, false);
  require(valid(out, "a list is JSON").at("conversations").at(0).value("name", "") == text,
          "a name is shown as it is");
}

struct CheckTexts {
  const RequestId& id;
  void operator()(const ConversationCreate& create) const { check_texts(id, create.name); }
  void operator()(const ConversationUpdate& update) const { check_texts(id, update.name.value_or("")); }
  void operator()(const MessageReact& react) const {
    std::string out = "{";
    out += reaction_event_content(react.emoji, react.add) + "}";
    require(valid(out, "a reaction is JSON").at("emoji") == react.emoji, "an emoji is shown as it is");
  }
  void operator()(const Sync& sync) const { check_texts(id, sync.since.value_or("")); }
  template <class Other>
  void operator()(const Other&) const {}
};

void check_id(const DecodeResult& result, const Opinion& opinion) {
  std::string out;
  append_ok(out, result.id);
  const json ok = valid(out, "an ok is JSON");
  require(ok.contains("id") == result.id.present(), "an answer has the request's id");
  if (!result.id.present() || !opinion.object || opinion.duplicateKey) return;
  require(opinion.parsed.contains("id") && ok.at("id") == opinion.parsed.at("id"),
          "an answer repeats the request's id");
}

void check_refusal(const DecodeResult& result) {
  const Error& error = result.command.error();
  std::string out;
  append_error(out, result.id, result.clientMsgId, error);
  const json frame = valid(out, "an error is JSON");
  require(frame.at("type") == "error" && frame.at("code") == to_string(error.code),
          "an error names its code");
}

}  // namespace

}  // namespace chatcore::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace chatcore;
  using namespace chatcore::fuzz;
  static Decoder decoder(kLimits);
  const Exact exact(text_of(data, size));
  const std::string_view frame = exact.view();
  const DecodeResult result = decoder.decode(frame);
  if (size > kLimits.frameBytes) {
    require(!result.command && result.command.error().code == ErrorCode::too_large, "a frame has its bound");
    return 0;
  }
  const Opinion opinion = opinion_of(frame);
  const bool sound =
      opinion.object && !opinion.duplicateKey && opinion.depth <= static_cast<int>(kMaxJsonDepth);
  const bool taken = result.command.has_value() || result.command.error().code != ErrorCode::bad_json;
  require(!taken || sound, "what is no I-JSON object is refused");
  // An escape in an envelope's key is refused although JSON has it.
  require(taken || !sound || frame.find('\\') != std::string_view::npos, "what is an I-JSON object is taken");
  require(!taken || is_json_object(frame), "hosts' objects are judged as frames are");

  check_id(result, opinion);
  if (!result.command) {
    check_refusal(result);
    return 0;
  }
  require(opinion.parsed.at("type") == std::string(type_name(*result.command)),
          "a command is what its type says");
  std::visit(CheckBounds{}, *result.command);
  std::visit(CheckTexts{result.id}, *result.command);
  if (const auto* send = std::get_if<MessageSend>(&*result.command)) check_sent_on(*send, result.id, opinion);
  return 0;
}
