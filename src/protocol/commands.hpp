#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "chatcore/model/conversation.hpp"
#include "chatcore/model/event.hpp"
#include "chatcore/model/ids.hpp"
#include "chatcore/model/message_state.hpp"
#include "chatcore/model/user.hpp"
#include "protocol/group_settings.hpp"
#include "protocol/request_id.hpp"

/// What a client may ask for, as typed values: fields are present, of the right type and within their bounds.
/// Whether the caller may do it is not decided here. Lists of users are sorted and free of duplicates.
namespace chatcore::protocol {

inline constexpr std::size_t kMaxMembersPerCommand = 500;
inline constexpr std::size_t kMaxUsersPerPresence = 1000;
inline constexpr std::size_t kMaxUsersPerListChange = 100;
inline constexpr std::size_t kMaxWatermarks = 2000;
inline constexpr std::size_t kMaxNameBytes = 256;
inline constexpr std::size_t kMaxCursorBytes = 256;
inline constexpr std::size_t kMaxStatusBytes = 140;
inline constexpr std::uint64_t kMaxWireInteger = std::uint64_t{1} << 53;  ///< exact in every client's double
inline constexpr std::uint32_t kMaxExpirySeconds = 366 * 24 * 3600;
inline constexpr Timestamp kMutedForever = static_cast<Timestamp>(kMaxWireInteger);

struct Hello {
  std::string token;     ///< empty: the handshake carried it
  std::string deviceId;  ///< empty: the token names it
  std::string platform;
  std::uint32_t version = 1;
};

struct PresencePing {};

struct AuthRefresh {
  std::string token;
};

struct DevicesList {};

struct DevicesRemove {
  DeviceId deviceId;
};

struct SettingsGet {};

struct SettingsUpdate {  ///< at least one
  std::optional<bool> readReceipts;
  std::optional<Audience> lastSeen;
  std::optional<Audience> online;
};

/// What a user has of other users.
enum class UserList : std::uint8_t { contacts, blocks };
[[nodiscard]] constexpr std::string_view to_string(UserList list) noexcept {
  return list == UserList::contacts ? "contacts" : "blocks";
}

struct UserListChange {
  UserList list = UserList::contacts;
  bool add = true;
  std::vector<UserId> users;  ///< 1 to kMaxUsersPerListChange
};

struct UserListGet {
  UserList list = UserList::contacts;
  UserId cursor;              ///< exclusive; empty: from the beginning
  std::uint32_t limit = 200;  ///< 1 to 500
};

struct ProfileGet {
  UserId userId;  ///< empty: one's own
};

struct ProfileUpdate {
  std::string displayName;  ///< at most kMaxNameBytes bytes; empty: none
};

struct ClientState {
  bool foreground = true;
};

/// The hot command: every view points into the decoder and dies with its next `decode`.
struct MessageSend {
  std::string_view conversationId;  ///< empty exactly if `to` is set
  std::string_view to;
  std::string_view clientMsgId;
  MessageType messageType = MessageType::text;
  MessageId replyTo = 0;               ///< 0: none
  std::uint32_t expiresInSeconds = 0;  ///< 0: as the conversation has it
  std::string_view content;            ///< the very bytes that came in: one complete, valid JSON value
};

/// Views as in MessageSend.
struct MessageEdit {
  ConversationId conversationId;
  ClientMsgId clientMsgId;
  MessageId messageId = 0;
  std::string_view content;
};

struct MessageDelete {
  ConversationId conversationId;
  ClientMsgId clientMsgId;  ///< empty only if not for everyone
  MessageId messageId = 0;
  bool forEveryone = false;
};

struct MessageReact {
  ConversationId conversationId;
  ClientMsgId clientMsgId;
  MessageId messageId = 0;
  std::string emoji;  ///< 1 to kMaxEmojiBytes bytes
  bool add = true;
};

/// For everybody in the conversation.
struct MessagePin {
  ConversationId conversationId;
  ClientMsgId clientMsgId;
  MessageId messageId = 0;
  bool add = true;
};

/// A place in a conversation that a device has come to. `messageId` is set in place of `seq` where a client
/// named the message (message.read only).
struct Position {
  ConversationId conversationId;
  Seq seq = 0;
  Epoch epoch = 1;
  MessageId messageId = 0;
};

struct MessageReceived {
  std::vector<Position> positions;  ///< by conversation, each once
};
struct MessageRead {
  std::vector<Position> positions;
};

/// Who has come how far in a conversation.
struct ReceiptsGet {
  ConversationId conversationId;
  Seq seq = 0;                ///< set: only those who have had this delivered; 0: everybody
  UserId cursor;              ///< exclusive; empty: from the beginning
  std::uint32_t limit = 200;  ///< 1 to 500
};

struct Typing {
  ConversationId conversationId;
  bool start = true;
};

struct PresenceSubscribe {
  std::vector<UserId> users;
};
struct PresenceUnsubscribe {
  std::vector<UserId> users;
};
struct PresenceGet {
  std::vector<UserId> users;
};

struct PresenceSet {
  Availability status = Availability::online;
  std::string text;  ///< at most kMaxStatusBytes bytes; empty: none
};

struct Sync {
  std::optional<std::string> since;     ///< an opaque token; without it, a watermark sync
  std::vector<Position> watermarks;     ///< beside `since`: what came live after the token was given
  std::uint32_t limit = 200;            ///< 1 to 1000
  std::optional<std::uint32_t> newest;  ///< 1 to 200: events of a conversation that is not named
  bool resume = false;                  ///< from the token kept for this device; then neither of both above
};

struct History {
  ConversationId conversationId;
  std::optional<Seq> before;  ///< exclusive; at most one of both is set; neither: from the head
  std::optional<Seq> after;   ///< exclusive
  std::uint32_t limit = 50;   ///< 1 to 500
  bool raw = false;           ///< the events as they came, instead of the messages as they are now
};

struct ConversationCreate {
  ClientMsgId clientMsgId;
  ConversationId conversationId;  ///< empty: the server makes one; never a reserved id
  std::string name;
  std::vector<UserId> members;  ///< the caller may or may not be among them; may be empty
  std::uint32_t expiresInSeconds = 0;
  SettingsChange settings = {};  ///< of what a group has by default
};

struct ConversationUpdate {  ///< at least one of what is optional
  ConversationId conversationId;
  ClientMsgId clientMsgId;
  std::optional<std::string> name;
  std::optional<std::uint32_t> expiresInSeconds;  ///< of later messages; 0: they do not expire
  SettingsChange settings = {};
};

struct ConversationAddMembers {
  ConversationId conversationId;
  ClientMsgId clientMsgId;
  std::vector<UserId> members;  ///< at least one
};

struct ConversationRemoveMembers {
  ConversationId conversationId;
  ClientMsgId clientMsgId;
  std::vector<UserId> members;  ///< at least one
};

struct ConversationSetRole {
  ConversationId conversationId;
  ClientMsgId clientMsgId;
  UserId userId;
  Role role = Role::member;
};

struct ConversationLeave {
  ConversationId conversationId;
  ClientMsgId clientMsgId;
};

struct ConversationDelete {
  ConversationId conversationId;
  ClientMsgId clientMsgId;
};

struct ConversationArchive {
  ConversationId conversationId;
  bool archived = true;
};

struct ConversationPin {
  ConversationId conversationId;
  bool pinned = true;
};

/// Everything up to `seq` goes out of this user's sight.
struct ConversationClear {
  ConversationId conversationId;
  Seq seq = 0;
  Epoch epoch = 1;
};

struct ConversationMute {
  ConversationId conversationId;
  Timestamp until = kMutedForever;  ///< 0: unmute
};

struct ConversationMembers {
  ConversationId conversationId;
  UserId cursor;              ///< exclusive; empty: from the beginning
  std::uint32_t limit = 200;  ///< 1 to 500
};

struct ConversationsList {
  std::string cursor;        ///< opaque; empty: from the beginning
  std::uint32_t limit = 50;  ///< 1 to 500
};

using Command =
    std::variant<MessageSend, MessageEdit, MessageDelete, MessageReact, MessageReceived, MessageRead, Typing,
                 PresencePing, PresenceSubscribe, PresenceUnsubscribe, PresenceGet, ClientState, Sync,
                 History, ConversationCreate, ConversationUpdate, ConversationAddMembers,
                 ConversationRemoveMembers, ConversationSetRole, ConversationLeave, ConversationMute,
                 ConversationMembers, ConversationsList, Hello, AuthRefresh, DevicesList, DevicesRemove,
                 ReceiptsGet, ConversationDelete, ConversationArchive, ConversationPin, SettingsGet,
                 SettingsUpdate, PresenceSet, MessagePin, UserListChange, UserListGet, ProfileGet,
                 ProfileUpdate, ConversationClear>;

}  // namespace chatcore::protocol
