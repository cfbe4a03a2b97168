#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "chatcore/gateway/seam.hpp"
#include "chatcore/gateway/topic.hpp"
#include "chatcore/model/conversation.hpp"
#include "chatcore/model/event.hpp"
#include "chatcore/result.hpp"
#include "protocol/request_id.hpp"

namespace chatcore::engine {

/// Who asks, and where the answer goes.
/// Begins the name of the topic that all devices of a user take.
inline constexpr std::string_view kInboxPrefix = "user-inbox-";

/// Who a connection is: made once, shared by all that acts for it. The user's name is that of the inbox.
struct Principal {
  Topic inbox;
  DeviceId device;

  [[nodiscard]] std::string_view user() const noexcept { return inbox->name().substr(kInboxPrefix.size()); }
};
using PrincipalRef = std::shared_ptr<const Principal>;

/// Whom an answer goes to.
struct Requester {
  SessionId session = 0;
  PrincipalRef who;
  protocol::RequestId id;

  [[nodiscard]] std::string_view user() const { return who->user(); }
  [[nodiscard]] const DeviceId& device() const { return who->device; }
};

struct NewMessage {
  MessageType type = MessageType::text;
  std::string content;
  MessageId replyTo = 0;
  UserId to;  ///< the other side of a direct conversation; empty: named by conversationId
};
struct CreateGroup {
  std::string name;
  std::vector<UserId> members;
};
struct RenameGroup {
  std::string name;
};
struct AddMembers {
  std::vector<UserId> members;
};
struct RemoveMembers {
  std::vector<UserId> members;
};
struct SetRole {
  UserId userId;
  Role role = Role::member;
};
struct LeaveGroup {};

using Action =
    std::variant<NewMessage, CreateGroup, RenameGroup, AddMembers, RemoveMembers, SetRole, LeaveGroup>;

/// A command that makes an event, on its way to the conversation's owner.
struct EventCommand {
  Requester from;
  ConversationId conversationId;
  ClientMsgId clientMsgId;
  std::uint64_t payloadHash = 0;
  Action action;
  /// A limit refused it where it came in. Told only after the owner has seen that it is no repetition.
  std::optional<Error> refusal;
  bool hooksAsked = false;
  bool lookedUp = false;      ///< known not to be a repetition
  std::uint64_t arrival = 0;  ///< counts what came to this home
  std::uint8_t attempts = 0;  ///< how often it was appended in vain through no fault of its own
};

/// Commands travel as one pointer from the decoder to the answer.
using CommandPtr = std::unique_ptr<EventCommand>;

}  // namespace chatcore::engine
