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
#include "chatcore/ports/log_store.hpp"
#include "chatcore/result.hpp"
#include "engine/principal.hpp"
#include "protocol/group_settings.hpp"
#include "protocol/request_id.hpp"

namespace chatcore::engine {

/// Who asks, and where the answer goes.
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
  std::uint32_t expiresInSeconds = 0;  ///< 0: as the conversation has it
};
struct EditMessage {
  MessageId messageId = 0;
  std::string content;
};
struct DeleteMessage {  ///< for everyone
  MessageId messageId = 0;
};
struct React {
  MessageId messageId = 0;
  std::string emoji;
  bool add = true;
};
struct PinMessage {
  MessageId messageId = 0;
  bool add = true;
};
struct CreateGroup {
  std::string name;
  std::vector<UserId> members;
  std::uint32_t expiresInSeconds = 0;
  protocol::SettingsChange settings = {};
};
struct UpdateConversation {
  std::optional<std::string> name;
  std::optional<std::uint32_t> expiresInSeconds;
  protocol::SettingsChange settings = {};
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
struct DeleteGroup {};

using Action = std::variant<NewMessage, EditMessage, DeleteMessage, React, CreateGroup, UpdateConversation,
                            AddMembers, RemoveMembers, SetRole, LeaveGroup, DeleteGroup, PinMessage>;

/// The message that an action changes; 0: it changes none.
[[nodiscard]] inline MessageId changed_message(const Action& action) {
  if (const auto* edit = std::get_if<EditMessage>(&action)) return edit->messageId;
  if (const auto* remove = std::get_if<DeleteMessage>(&action)) return remove->messageId;
  if (const auto* react = std::get_if<React>(&action)) return react->messageId;
  return 0;
}

/// The message that has to be known before an action is decided; 0: none.
[[nodiscard]] inline MessageId message_asked_for(const Action& action) {
  const auto* pin = std::get_if<PinMessage>(&action);
  if (pin == nullptr) return changed_message(action);
  return pin->add ? pin->messageId : 0;
}

/// What the sender wrote, on its way into the event.
[[nodiscard]] inline std::string* content_of(Action& action) {
  if (auto* message = std::get_if<NewMessage>(&action)) return &message->content;
  if (auto* edit = std::get_if<EditMessage>(&action)) return &edit->content;
  return nullptr;
}

/// Answered by `message.sent`; other actions by their event.
[[nodiscard]] inline bool answered_by_sent(const Action& action) {
  return std::holds_alternative<NewMessage>(action) || changed_message(action) != 0;
}

/// A command that makes an event, on its way to the conversation's owner.
struct EventCommand {
  Requester from;
  ConversationId conversationId;
  ClientMsgId clientMsgId;
  std::uint64_t payloadHash = 0;
  Action action;
  /// A limit refused it where it came in. Told only after the owner has seen that it is no repetition.
  std::optional<Error> refusal;
  bool hooksAsked = false;   ///< and they have answered: `refusal` is theirs from then on
  bool lookedUp = false;     ///< known not to be a repetition
  bool targetAsked = false;  ///< the message to be changed was looked for
  /// That message, as it is when the command's turn comes; null: there is none.
  std::unique_ptr<FoundMessage> target;
  std::uint64_t arrival = 0;  ///< counts what came to this home
  std::uint8_t attempts = 0;  ///< how often it was appended in vain through no fault of its own
};

/// Commands travel as one pointer from the decoder to the answer.
using CommandPtr = std::unique_ptr<EventCommand>;

}  // namespace chatcore::engine
