#include "protocol/decode.hpp"

#include <algorithm>
#include <utility>

#include "protocol/command_reader.hpp"
#include "protocol/envelope.hpp"

namespace chatcore::protocol {

namespace {

/// False if there is an `id` that is none.
bool read_id(const Envelope& envelope, RequestId& id) {
  const Value* value = envelope.find(Field::id);
  if (value == nullptr) return true;
  std::string_view text;
  if (!value->parsed.get(text)) {
    if (text.size() > kMaxRequestIdBytes) return false;
    id = RequestId::raw_text(value->raw.substr(1, value->raw.size() - 2));
    return true;
  }
  std::uint64_t number = 0;
  if (value->raw.front() == '-' || value->parsed.get(number)) return false;
  id = RequestId::number(number);
  return true;
}

std::string_view read_client_msg_id(const Envelope& envelope) {
  const Value* value = envelope.find(Field::clientMsgId);
  std::string_view text;
  if (value == nullptr || value->parsed.get(text) || !valid_id(text)) return {};
  return text;
}

}  // namespace

std::size_t Limits::most_content_bytes() const noexcept {
  std::size_t most = 0;
  for (std::size_t type = 0; type < kMessageTypes; ++type)
    most = std::max(most, content_bytes(static_cast<MessageType>(type)));
  return most;
}

std::string too_much_content(MessageType type, std::size_t limit) {
  return "of type `" + std::string(to_string(type)) + "` is longer than " + std::to_string(limit) + " bytes";
}

class Decoder::Impl {
 public:
  explicit Impl(Limits given) : limits(given), envelope_(given.frameBytes) {}

  DecodeResult decode(std::string_view frame) {
    auto malformed = envelope_.read(frame);
    RequestId id;
    const bool idUsable = read_id(envelope_, id);
    const std::string_view clientMsgId = read_client_msg_id(envelope_);
    if (malformed) return {std::move(id), clientMsgId, std::move(*malformed)};
    if (!idUsable) {
      return {{},
              clientMsgId,
              Error{ErrorCode::bad_request,
                    "`id` must be a string of at most 64 bytes or an unsigned integer",
                    {}}};
    }
    return {std::move(id), clientMsgId, read_command(envelope_, limits, clientMsgId)};
  }

  Limits limits;

 private:
  Envelope envelope_;
};

Decoder::Decoder(Limits limits) : impl_(std::make_unique<Impl>(limits)) {}
Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;

DecodeResult Decoder::decode(std::string_view frame) { return impl_->decode(frame); }
const Limits& Decoder::limits() const noexcept { return impl_->limits; }

std::string_view type_name(const Command& command) noexcept {
  struct Namer {
    std::string_view operator()(const MessageSend&) const { return "message.send"; }
    std::string_view operator()(const MessageEdit&) const { return "message.edit"; }
    std::string_view operator()(const MessageDelete&) const { return "message.delete"; }
    std::string_view operator()(const MessageReact&) const { return "message.react"; }
    std::string_view operator()(const MessagePin&) const { return "message.pin"; }
    std::string_view operator()(const MessageReceived&) const { return "message.received"; }
    std::string_view operator()(const MessageRead&) const { return "message.read"; }
    std::string_view operator()(const Typing& typing) const {
      return typing.start ? "typing.start" : "typing.stop";
    }
    std::string_view operator()(const PresencePing&) const { return "presence.ping"; }
    std::string_view operator()(const PresenceSubscribe&) const { return "presence.subscribe"; }
    std::string_view operator()(const PresenceUnsubscribe&) const { return "presence.unsubscribe"; }
    std::string_view operator()(const PresenceGet&) const { return "presence.get"; }
    std::string_view operator()(const ClientState&) const { return "client.state"; }
    std::string_view operator()(const Sync&) const { return "sync"; }
    std::string_view operator()(const History&) const { return "history"; }
    std::string_view operator()(const ConversationCreate&) const { return "conversation.create"; }
    std::string_view operator()(const ConversationUpdate&) const { return "conversation.update"; }
    std::string_view operator()(const ConversationAddMembers&) const { return "conversation.addMembers"; }
    std::string_view operator()(const ConversationRemoveMembers&) const {
      return "conversation.removeMembers";
    }
    std::string_view operator()(const ConversationSetRole&) const { return "conversation.setRole"; }
    std::string_view operator()(const ConversationLeave&) const { return "conversation.leave"; }
    std::string_view operator()(const ConversationDelete&) const { return "conversation.delete"; }
    std::string_view operator()(const ConversationArchive&) const { return "conversation.archive"; }
    std::string_view operator()(const ConversationPin&) const { return "conversation.pin"; }
    std::string_view operator()(const ConversationClear&) const { return "conversation.clear"; }
    std::string_view operator()(const ConversationMute&) const { return "conversation.mute"; }
    std::string_view operator()(const ConversationMembers&) const { return "conversation.members"; }
    std::string_view operator()(const ConversationsList&) const { return "conversations.list"; }
    std::string_view operator()(const Hello&) const { return "hello"; }
    std::string_view operator()(const AuthRefresh&) const { return "auth.refresh"; }
    std::string_view operator()(const DevicesList&) const { return "devices.list"; }
    std::string_view operator()(const DevicesRemove&) const { return "devices.remove"; }
    std::string_view operator()(const ReceiptsGet&) const { return "receipts.get"; }
    std::string_view operator()(const PresenceSet&) const { return "presence.set"; }
    std::string_view operator()(const SettingsGet&) const { return "settings.get"; }
    std::string_view operator()(const SettingsUpdate&) const { return "settings.update"; }
    std::string_view operator()(const UserListChange& change) const {
      if (change.list == UserList::contacts) return change.add ? "contacts.add" : "contacts.remove";
      return change.add ? "blocks.add" : "blocks.remove";
    }
    std::string_view operator()(const UserListGet& get) const {
      return get.list == UserList::contacts ? "contacts.list" : "blocks.list";
    }
    std::string_view operator()(const ProfileGet&) const { return "profile.get"; }
    std::string_view operator()(const ProfileUpdate&) const { return "profile.update"; }
  };
  return std::visit(Namer{}, command);
}

}  // namespace chatcore::protocol
