#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "chatcore/error.hpp"
#include "chatcore/model/event.hpp"
#include "chatcore/model/ids.hpp"

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

/// A message that the server has made durable (✓).
struct Sent {
  ConversationId conversationId;
  ClientMsgId clientMsgId;
  MessageId messageId = 0;
  Epoch epoch = 1;
  Seq seq = 0;
  Timestamp timestamp = 0;
  bool duplicate = false;  ///< an earlier try had already arrived
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

struct Typing {
  ConversationId conversationId;
  UserId userId;
  bool active = false;
};

struct PresenceChange {
  UserId userId;
  bool online = false;
  Timestamp lastSeen = 0;  ///< 0: not known or not shown to this user
};

struct HistoryPage {
  ConversationId conversationId;
  Seq fromSeq = 0;
  Seq toSeq = 0;
  std::vector<Message> messages;    ///< oldest first
  std::vector<std::string> events;  ///< edits, deletions, reactions, … in their live JSON form, oldest first
  bool more = false;
};

}  // namespace chatcore::client
