#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "chatcore/client/account.hpp"
#include "chatcore/client/events.hpp"
#include "chatcore/client/groups.hpp"
#include "chatcore/result.hpp"

/// The language between the state machine and the shell around it.
namespace chatcore::client {

using Millis = std::chrono::milliseconds;

/// One reading of the clock: `steady` for deadlines, `wall` for what ids are made of.
struct Now {
  Millis steady{0};
  Timestamp wall = 0;
};

/// Names one user call whose completion the shell keeps.
using Ticket = std::uint64_t;
/// Numbers connections, so that what an old one still says is known as old.
using ConnectionNumber = std::uint64_t;

/// A change of a message that the application wants.
struct OutgoingChange {
  struct Edit {
    std::string content;
  };
  struct Deletion {};
  struct Reaction {
    std::string emoji;
    bool add = true;
  };
  ConversationId conversationId;
  MessageId messageId = 0;
  std::variant<Edit, Deletion, Reaction> what;
  ClientMsgId clientMsgId;  ///< empty: one is made
};

struct Connect {
  ConnectionNumber connection = 0;
};
struct SendFrame {
  ConnectionNumber connection = 0;
  std::string text;
};
/// The state machine has already forgotten this connection.
struct CloseConnection {
  ConnectionNumber connection = 0;
  std::uint16_t code = 1000;
};
/// What this client does not know, in its live JSON form.
struct RawEvent {
  std::string json;
};
/// `system.alert`: the host's JSON object.
struct Alert {
  std::string json;
};
struct SendDone {
  Ticket ticket = 0;
  Result<Sent> result;
};
struct RequestDone {
  Ticket ticket = 0;
  Result<std::string> result;
};

using Action = std::variant<Connect, SendFrame, CloseConnection, StateChange, Message, MessageChange, Receipt,
                            Typing, PresenceChange, AccountChanges, Profile, UsersChange, ConversationChange,
                            ConversationReset, ReadPosition, HistoryCleared, PreferencesChange, Settings,
                            DeviceChange, Alert, RawEvent, Error, SendDone, RequestDone>;
using Actions = std::vector<Action>;

}  // namespace chatcore::client
