#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "chatcore/error.hpp"
#include "chatcore/model/event.hpp"
#include "chatcore/model/ids.hpp"
#include "chatcore/model/timeline.hpp"
#include "chatcore/model/user.hpp"

/// What a chat client tells its application. Plain values.
namespace chatcore::client {

enum class ConnectionState : std::uint8_t {
  offline,     ///< not asked to connect
  connecting,  ///< opening the connection, up to the server's welcome
  syncing,     ///< welcome; catching up. Sends already flow
  online,      ///< caught up; live
  waiting,     ///< lost or refused; the next attempt comes after StateChange::retryIn
  stopped,     ///< the server refused these credentials or this behaviour: nothing happens until connect()
};

struct StateChange {
  ConnectionState state = ConnectionState::offline;
  std::uint16_t closeCode = 0;  ///< why the last connection ended; 0: not the case; 1006: no close frame
  std::string reason;           ///< the close reason's code word, or what the network said
  std::chrono::milliseconds retryIn{0};
};

/// What is already known of a conversation: everything up to seq.
struct Watermark {
  ConversationId conversationId;
  Epoch epoch = 1;
  Seq seq = 0;
};

/// A message, or a change of one, that the server has made durable (✓).
struct Sent {
  ConversationId conversationId;
  ClientMsgId clientMsgId;
  MessageId messageId = 0;
  Epoch epoch = 1;
  Seq seq = 0;
  Timestamp timestamp = 0;
  bool duplicate = false;  ///< an earlier try had already arrived
};

/// One emoji on a message.
struct Reaction {
  std::string emoji;
  std::uint64_t count = 0;  ///< of users
  bool mine = false;        ///< this user is one of them
};

/// A message of a conversation: from somebody else, or from another device of this user.
struct Message {
  ConversationId conversationId;
  MessageId messageId = 0;
  Epoch epoch = 1;
  Seq seq = 0;
  UserId senderId;
  DeviceId senderDeviceId;
  ClientMsgId clientMsgId;
  MessageType messageType = MessageType::text;
  std::string content;              ///< JSON text; same value, not necessarily the same bytes, as was sent
  std::optional<std::string> text;  ///< the content's characters, where it is a JSON string
  MessageId replyTo = 0;
  Timestamp timestamp = 0;
  Timestamp expiresAt = 0;  ///< to be taken off the screen then; 0: never
  bool deleted = false;     ///< for everyone: it keeps its place, and has no content
  // What its changes came to; only in a HistoryPage that is not raw.
  Timestamp editedAt = 0;           ///< 0: never edited
  std::vector<Reaction> reactions;  ///< by emoji
};

/// What became of an earlier message: by somebody else, or from another device of this user.
struct MessageChange {
  enum class Kind : std::uint8_t { edited, deleted, reaction_added, reaction_removed, deleted_for_me };
  Kind kind = Kind::edited;
  ConversationId conversationId;
  MessageId messageId = 0;  ///< the change's own; 0 for `deleted_for_me`
  Epoch epoch = 1;
  Seq seq = 0;             ///< the change's own; 0 for `deleted_for_me`, which has no place in the log
  MessageId targetId = 0;  ///< the message that was changed; 0 where only its number is known
  Seq targetSeq = 0;
  UserId senderId;  ///< who changed it
  DeviceId senderDeviceId;
  ClientMsgId clientMsgId;
  std::string content;                  ///< `edited`: as in Message; empty once the message was deleted
  std::optional<std::string> text;      ///< as in Message
  std::string emoji;                    ///< reactions
  Timestamp timestamp = 0;              ///< 0 for `deleted_for_me`
  std::optional<std::uint64_t> unread;  ///< `deleted_for_me`: what is left unread in the conversation
};

/// Everything up to `seq` was delivered to (✓✓) or read by (✓✓✓) a user. Only ever moves forward.
struct Receipt {
  enum class Kind : std::uint8_t { delivered, read };
  Kind kind = Kind::delivered;
  ConversationId conversationId;
  UserId userId;
  Epoch epoch = 1;
  Seq seq = 0;
};

/// What was kept of a conversation does not count any more.
struct ConversationReset {
  enum class Reason : std::uint8_t {
    removed,     ///< this user is no member any more
    began_anew,  ///< its log was lost: what follows is another one
  };
  Reason reason = Reason::removed;
  ConversationId conversationId;
  Epoch epoch = 1;  ///< `began_anew`: from now on
};

struct Typing {
  ConversationId conversationId;
  UserId userId;
  bool active = false;
};

struct PresenceChange {
  UserId userId;
  bool online = false;
  Timestamp lastSeen = 0;  ///< 0: not known or not shown to this user
  // What the user says, while online.
  Availability availability = Availability::online;
  std::string text = {};
};

}  // namespace chatcore::client
