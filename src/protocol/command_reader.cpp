#include "protocol/command_reader.hpp"

#include <array>
#include <span>
#include <string>
#include <utility>

#include "protocol/field_reader.hpp"

namespace chatcore::protocol {

namespace {

constexpr std::size_t kMaxTokenBytes = 8192;
constexpr std::size_t kMaxPlatformBytes = 64;
constexpr std::uint32_t kMaxPage = 500;
constexpr std::uint32_t kMaxSyncPage = 1000;
constexpr std::uint32_t kMaxNewest = 200;
constexpr std::uint64_t kMaxVersion = 1'000'000;

constexpr std::array kUnsupported = {Field::sendAt, Field::silent, Field::encryption, Field::envelopes};
constexpr std::array kOfMessagesOnly = {Field::expiresInSeconds};

Hello read_hello(FieldReader& in) {
  Hello hello;
  hello.token = in.text_or_empty(Field::token, kMaxTokenBytes);
  hello.deviceId = in.id_or_empty(Field::deviceId);
  hello.platform = in.text_or_empty(Field::platform, kMaxPlatformBytes);
  hello.version = static_cast<std::uint32_t>(in.integer_or(Field::protocol, kMaxVersion, 1));
  return hello;
}

void refuse_unsupported(FieldReader& in, std::span<const Field> fields) {
  if (!in.has_any(fields)) return;
  for (const Field field : fields)
    if (in.has(field)) in.fail(field, "is not supported", ErrorCode::unsupported);
}

std::string_view read_content(FieldReader& in, const Limits& limits, MessageType type) {
  const Value* content = in.required(Field::content);
  if (content == nullptr) return {};
  const std::size_t limit = limits.content_bytes(type);
  if (content->raw.size() > limit)
    in.fail(Field::content, too_much_content(type, limit), ErrorCode::too_large);
  return content->raw;
}

/// Of a message whose type is known to the engine alone: bounded by what any type may have.
std::string_view read_new_content(FieldReader& in, const Limits& limits) {
  const Value* content = in.required(Field::content);
  if (content == nullptr) return {};
  const std::size_t limit = limits.most_content_bytes();
  if (content->raw.size() > limit)
    in.fail(Field::content, "is longer than " + std::to_string(limit) + " bytes", ErrorCode::too_large);
  return content->raw;
}

std::uint32_t read_expiry(FieldReader& in) {
  return static_cast<std::uint32_t>(in.integer(Field::expiresInSeconds, kMaxExpirySeconds));
}

MessageSend read_send(FieldReader& in, const Limits& limits) {
  MessageSend send;
  refuse_unsupported(in, kUnsupported);
  if (in.has(Field::conversationId) && in.has(Field::to)) {
    in.fail(Field::to, "cannot stand beside `conversationId`");
  }
  if (in.has(Field::to)) {
    send.to = in.id(Field::to);
  } else {
    send.conversationId = in.id(Field::conversationId);
  }
  send.clientMsgId = in.client_msg_id();
  if (in.has(Field::messageType)) {
    send.messageType =
        static_cast<MessageType>(in.choice(Field::messageType, {"text", "image", "video", "audio", "document",
                                                                "location", "contact", "custom"}));
  }
  if (in.has(Field::replyTo)) send.replyTo = in.message_id(Field::replyTo);
  if (in.has(Field::expiresInSeconds)) {
    send.expiresInSeconds = read_expiry(in);
    if (send.expiresInSeconds == 0) in.fail(Field::expiresInSeconds, "must be 1 or more");
  }
  send.content = read_content(in, limits, send.messageType);
  return send;
}
static_assert(static_cast<int>(MessageType::text) == 0 && static_cast<int>(MessageType::custom) == 7);

template <class ForConversation>
ForConversation read_change(FieldReader& in) {
  ForConversation change;
  change.conversationId = in.id(Field::conversationId);
  change.clientMsgId = in.client_msg_id();
  return change;
}

MessageEdit read_edit(FieldReader& in, const Limits& limits) {
  refuse_unsupported(in, kUnsupported);
  refuse_unsupported(in, kOfMessagesOnly);
  auto edit = read_change<MessageEdit>(in);
  edit.messageId = in.message_id(Field::messageId);
  edit.content = read_new_content(in, limits);
  return edit;
}

MessageDelete read_delete(FieldReader& in) {
  MessageDelete remove;
  remove.conversationId = in.id(Field::conversationId);
  remove.messageId = in.message_id(Field::messageId);
  remove.forEveryone = in.choice(Field::scope, {"me", "everyone"}) == 1;
  if (remove.forEveryone || in.has(Field::clientMsgId)) remove.clientMsgId = in.client_msg_id();
  return remove;
}

MessageReact read_react(FieldReader& in) {
  auto react = read_change<MessageReact>(in);
  react.messageId = in.message_id(Field::messageId);
  react.emoji = in.text(Field::emoji, kMaxEmojiBytes);
  if (react.emoji.empty()) in.fail(Field::emoji, "must not be empty");
  react.add = in.choice(Field::op, {"add", "remove"}) == 0;
  return react;
}

MessagePin read_message_pin(FieldReader& in) {
  auto pin = read_change<MessagePin>(in);
  pin.messageId = in.message_id(Field::messageId);
  pin.add = in.choice(Field::op, {"add", "remove"}) == 0;
  return pin;
}

/// One conversation with `seq` (or `messageId`, where a message may be named), or many in `cursors`.
std::vector<Position> read_positions(FieldReader& in, bool byMessage) {
  if (in.has(Field::cursors)) {
    for (Field field : {Field::conversationId, Field::seq, Field::messageId}) {
      if (in.has(field)) in.fail(field, "cannot stand beside `cursors`");
    }
    return in.positions(Field::cursors);
  }
  Position position;
  position.conversationId = in.id(Field::conversationId);
  if (byMessage && in.has(Field::messageId)) {
    if (in.has(Field::seq)) in.fail(Field::seq, "cannot stand beside `messageId`");
    position.messageId = in.message_id(Field::messageId);
  } else {
    position.seq = in.integer(Field::seq, kMaxWireInteger);
  }
  position.epoch = in.epoch();
  std::vector<Position> positions;
  positions.push_back(std::move(position));
  return positions;
}

Typing read_typing(FieldReader& in, bool start) {
  return {ConversationId(in.id(Field::conversationId)), start};
}

Sync read_sync(FieldReader& in) {
  Sync sync;
  sync.resume = in.flag(Field::resume);
  if (sync.resume && (in.has(Field::since) || in.has(Field::watermarks)))
    in.fail(Field::resume, "cannot stand beside `since` or `watermarks`");
  if (!sync.resume && !in.has(Field::since) && !in.has(Field::watermarks))
    in.fail("`watermarks` or `since` is missing");
  if (in.has(Field::since)) sync.since.emplace(in.text(Field::since, kMaxTokenBytes));
  if (in.has(Field::watermarks)) sync.watermarks = in.positions(Field::watermarks);
  sync.limit = in.limit(sync.limit, kMaxSyncPage);
  if (in.has(Field::newest)) sync.newest = static_cast<std::uint32_t>(in.integer(Field::newest, kMaxNewest));
  if (sync.newest == 0) in.fail(Field::newest, "must be from 1 to " + std::to_string(kMaxNewest));
  return sync;
}

History read_history(FieldReader& in) {
  History history;
  history.conversationId = in.id(Field::conversationId);
  if (in.has(Field::before) && in.has(Field::after)) in.fail(Field::after, "cannot stand beside `before`");
  if (in.has(Field::before)) history.before = in.integer(Field::before, kMaxWireInteger);
  if (in.has(Field::after)) history.after = in.integer(Field::after, kMaxWireInteger);
  history.limit = in.limit(history.limit, kMaxPage);
  history.raw = in.flag(Field::raw);
  return history;
}

SettingsChange read_settings(FieldReader& in) {
  SettingsChange settings;
  if (in.has(Field::permissions)) in.permissions(Field::permissions, settings);
  if (in.has(Field::history))
    settings.history = static_cast<HistoryVisibility>(in.choice(Field::history, {"joined", "all"}));
  if (in.has(Field::slowModeSeconds))
    settings.slowModeSeconds =
        static_cast<std::uint32_t>(in.integer(Field::slowModeSeconds, kMaxSlowModeSeconds));
  return settings;
}
static_assert(static_cast<int>(HistoryVisibility::joined) == 0 &&
              static_cast<int>(HistoryVisibility::all) == 1);

ConversationCreate read_create(FieldReader& in) {
  ConversationCreate create;
  create.clientMsgId = in.client_msg_id();
  create.conversationId = in.id_or_empty(Field::conversationId);
  if (reserved_conversation_id(create.conversationId)) {
    in.fail(Field::conversationId, "begins with dm. or sys., which are the server's");
  }
  create.name = in.text_or_empty(Field::name, kMaxNameBytes);
  if (in.has(Field::members)) create.members = in.ids(Field::members, kMaxMembersPerCommand);
  if (in.has(Field::expiresInSeconds)) create.expiresInSeconds = read_expiry(in);
  create.settings = read_settings(in);
  return create;
}

ConversationUpdate read_update(FieldReader& in) {
  auto update = read_change<ConversationUpdate>(in);
  if (in.has(Field::name)) update.name.emplace(in.text(Field::name, kMaxNameBytes));
  if (in.has(Field::expiresInSeconds)) update.expiresInSeconds = read_expiry(in);
  update.settings = read_settings(in);
  if (!update.name && !update.expiresInSeconds && update.settings.empty())
    in.fail("`name`, `expiresInSeconds`, `permissions`, `history` or `slowModeSeconds` is missing");
  return update;
}

template <class MembersChange>
MembersChange read_members_change(FieldReader& in) {
  auto change = read_change<MembersChange>(in);
  change.members = in.ids(Field::members, kMaxMembersPerCommand);
  if (change.members.empty()) in.fail(Field::members, "must not be empty");
  return change;
}

ConversationSetRole read_set_role(FieldReader& in) {
  auto change = read_change<ConversationSetRole>(in);
  change.userId = in.id(Field::userId);
  change.role = static_cast<Role>(in.choice(Field::role, {"member", "admin", "owner"}));
  return change;
}

static_assert(static_cast<int>(Role::member) == 0 && static_cast<int>(Role::owner) == 2);

ConversationArchive read_archive(FieldReader& in) {
  ConversationArchive archive;
  archive.conversationId = in.id(Field::conversationId);
  archive.archived = in.required_flag(Field::archived);
  return archive;
}

ConversationPin read_pin(FieldReader& in) {
  ConversationPin pin;
  pin.conversationId = in.id(Field::conversationId);
  pin.pinned = in.required_flag(Field::pinned);
  return pin;
}

ConversationClear read_clear(FieldReader& in) {
  ConversationClear clear;
  clear.conversationId = in.id(Field::conversationId);
  clear.seq = in.integer(Field::seq, kMaxWireInteger);
  clear.epoch = in.epoch();
  return clear;
}

ConversationMute read_mute(FieldReader& in) {
  ConversationMute mute;
  mute.conversationId = in.id(Field::conversationId);
  mute.until = static_cast<Timestamp>(
      in.integer_or(Field::until, kMaxWireInteger, static_cast<std::uint64_t>(kMutedForever)));
  return mute;
}

ConversationMembers read_members(FieldReader& in) {
  ConversationMembers members;
  members.conversationId = in.id(Field::conversationId);
  members.cursor = in.id_or_empty(Field::cursor);
  members.limit = in.limit(members.limit, kMaxPage);
  return members;
}

ReceiptsGet read_receipts_get(FieldReader& in) {
  ReceiptsGet get;
  get.conversationId = in.id(Field::conversationId);
  get.seq = in.integer_or(Field::seq, kMaxWireInteger, 0);
  get.cursor = in.id_or_empty(Field::cursor);
  get.limit = in.limit(get.limit, kMaxPage);
  return get;
}

PresenceSet read_presence_set(FieldReader& in) {
  PresenceSet set;
  set.status = static_cast<Availability>(in.choice(Field::status, {"online", "away", "dnd"}));
  set.text = in.text_or_empty(Field::text, kMaxStatusBytes);
  return set;
}
static_assert(static_cast<int>(Availability::away) == 1 && static_cast<int>(Availability::dnd) == 2);

Audience read_audience(FieldReader& in, Field field) {
  return static_cast<Audience>(in.choice(field, {"everyone", "contacts", "nobody"}));
}
static_assert(static_cast<int>(Audience::contacts) == 1 && static_cast<int>(Audience::nobody) == 2);

SettingsUpdate read_settings_update(FieldReader& in) {
  SettingsUpdate update;
  if (in.has(Field::readReceipts)) update.readReceipts = in.flag(Field::readReceipts);
  if (in.has(Field::lastSeen)) update.lastSeen = read_audience(in, Field::lastSeen);
  if (in.has(Field::online)) update.online = read_audience(in, Field::online);
  if (!update.readReceipts && !update.lastSeen && !update.online)
    in.fail("`readReceipts`, `lastSeen` or `online` is missing");
  return update;
}

UserListChange read_user_list_change(FieldReader& in, UserList list, bool add) {
  UserListChange change{list, add, in.ids(Field::users, kMaxUsersPerListChange, ErrorCode::too_large)};
  if (change.users.empty()) in.fail(Field::users, "must not be empty");
  return change;
}

UserListGet read_user_list(FieldReader& in, UserList list) {
  UserListGet get;
  get.list = list;
  get.cursor = in.id_or_empty(Field::cursor);
  get.limit = in.limit(get.limit, kMaxPage);
  return get;
}

ConversationsList read_list(FieldReader& in) {
  ConversationsList list;
  list.cursor = in.text_or_empty(Field::cursor, kMaxCursorBytes);
  list.limit = in.limit(list.limit, kMaxPage);
  return list;
}

Command read_fields(FieldReader& in, CommandType type, const Limits& limits) {
  const auto users = [&] { return in.ids(Field::users, kMaxUsersPerPresence); };
  switch (type) {
    case CommandType::hello:
      return read_hello(in);
    case CommandType::sync:
      return read_sync(in);
    case CommandType::history:
      return read_history(in);
    case CommandType::presence_ping:
      return PresencePing{};
    case CommandType::presence_get:
      return PresenceGet{users()};
    case CommandType::presence_subscribe:
      return PresenceSubscribe{users()};
    case CommandType::presence_unsubscribe:
      return PresenceUnsubscribe{users()};
    case CommandType::presence_set:
      return read_presence_set(in);
    case CommandType::client_state:
      return ClientState{in.choice(Field::state, {"foreground", "background"}) == 0};
    case CommandType::message_send:
      return read_send(in, limits);
    case CommandType::message_edit:
      return read_edit(in, limits);
    case CommandType::message_delete:
      return read_delete(in);
    case CommandType::message_react:
      return read_react(in);
    case CommandType::message_received:
      return MessageReceived{read_positions(in, false)};
    case CommandType::message_read:
      return MessageRead{read_positions(in, true)};
    case CommandType::typing_start:
      return read_typing(in, true);
    case CommandType::typing_stop:
      return read_typing(in, false);
    case CommandType::conversation_create:
      return read_create(in);
    case CommandType::conversation_update:
      return read_update(in);
    case CommandType::conversation_add_members:
      return read_members_change<ConversationAddMembers>(in);
    case CommandType::conversation_remove_members:
      return read_members_change<ConversationRemoveMembers>(in);
    case CommandType::conversation_set_role:
      return read_set_role(in);
    case CommandType::conversation_leave:
      return read_change<ConversationLeave>(in);
    case CommandType::conversation_mute:
      return read_mute(in);
    case CommandType::conversation_members:
      return read_members(in);
    case CommandType::conversations_list:
      return read_list(in);
    case CommandType::auth_refresh:
      return AuthRefresh{std::string(in.text(Field::token, kMaxTokenBytes))};
    case CommandType::devices_list:
      return DevicesList{};
    case CommandType::devices_remove:
      return DevicesRemove{DeviceId(in.id(Field::deviceId))};
    case CommandType::receipts_get:
      return read_receipts_get(in);
    case CommandType::conversation_delete:
      return read_change<ConversationDelete>(in);
    case CommandType::settings_get:
      return SettingsGet{};
    case CommandType::settings_update:
      return read_settings_update(in);
    case CommandType::conversation_archive:
      return read_archive(in);
    case CommandType::conversation_pin:
      return read_pin(in);
    case CommandType::message_pin:
      return read_message_pin(in);
    case CommandType::contacts_add:
      return read_user_list_change(in, UserList::contacts, true);
    case CommandType::contacts_remove:
      return read_user_list_change(in, UserList::contacts, false);
    case CommandType::contacts_list:
      return read_user_list(in, UserList::contacts);
    case CommandType::blocks_add:
      return read_user_list_change(in, UserList::blocks, true);
    case CommandType::blocks_remove:
      return read_user_list_change(in, UserList::blocks, false);
    case CommandType::blocks_list:
      return read_user_list(in, UserList::blocks);
    case CommandType::profile_get:
      return ProfileGet{UserId(in.id_or_empty(Field::userId))};
    case CommandType::profile_update:
      return ProfileUpdate{std::string(in.text(Field::displayName, kMaxNameBytes))};
    case CommandType::conversation_clear:
      return read_clear(in);
  }
  in.fail(Field::type, "is not supported", ErrorCode::unsupported);
  return PresencePing{};
}

/// One variable, returned: the hot path moves no command.
Result<Command> read_typed(const Envelope& envelope, CommandType type, const Limits& limits,
                           std::string_view clientMsgId) {
  FieldReader in(envelope, type, clientMsgId);
  Result<Command> result(read_fields(in, type, limits));
  if (in.failed()) result = in.take_error();
  return result;
}

}  // namespace

Result<Command> read_command(const Envelope& envelope, const Limits& limits, std::string_view clientMsgId) {
  const Value* value = envelope.find(Field::type);
  if (value == nullptr) return Error{ErrorCode::bad_request, "`type` is missing", {}};
  std::string_view name;
  if (value->parsed.get(name)) return Error{ErrorCode::bad_request, "`type` must be a string", {}};
  const auto type = command_type_of(name);
  if (!type) return Error{ErrorCode::unknown_type, "there is no command of this `type`", {}};
  return read_typed(envelope, *type, limits, clientMsgId);
}

}  // namespace chatcore::protocol
