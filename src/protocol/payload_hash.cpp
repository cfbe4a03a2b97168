#include "protocol/payload_hash.hpp"

#include <sodium.h>

#include <array>
#include <string>
#include <string_view>

namespace chatcore::protocol {

namespace {

/// Part of what is stored: never change it.
constexpr std::array<unsigned char, crypto_shorthash_KEYBYTES> kKey = {
    'c', 'h', 'a', 't', 'c', 'o', 'r', 'e', ' ', 'p', 'a', 'y', 'l', 'o', 'a', 'd'};

void put_integer(unsigned char* to, std::uint64_t value) {
  for (int i = 0; i < 8; ++i) to[i] = static_cast<unsigned char>(value >> (8 * i));
}

std::uint64_t sip_hash(std::string_view bytes) {
  std::array<unsigned char, crypto_shorthash_BYTES> digest;
  crypto_shorthash(digest.data(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                   kKey.data());
  std::uint64_t hash = 0;
  for (int i = 7; i >= 0; --i) hash = hash << 8 | digest[static_cast<std::size_t>(i)];
  return hash;
}

/// Fields in order, each text with its length before it: no two different commands run together alike.
class Hasher {
 public:
  explicit Hasher(std::string_view type) { text(type); }
  Hasher& integer(std::uint64_t value) {
    std::array<unsigned char, 8> bytes;
    put_integer(bytes.data(), value);
    input_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return *this;
  }
  Hasher& text(std::string_view value) {
    integer(value.size());
    input_.append(value);
    return *this;
  }
  Hasher& texts(const std::vector<std::string>& values) {
    integer(values.size());
    for (const std::string& value : values) text(value);
    return *this;
  }
  [[nodiscard]] std::uint64_t finish() const { return sip_hash(input_); }

 private:
  std::string input_;
};

/// Nothing where nothing is set: then it is the hash that was stored before there were settings.
void add_settings(Hasher& hasher, const SettingsChange& settings) {
  const auto choice = [&](std::string_view name, const auto& value) {
    if (value) hasher.text(name).integer(static_cast<std::uint64_t>(*value));
  };
  choice("send", settings.send);
  choice("add", settings.add);
  choice("edit", settings.edit);
  choice("pin", settings.pin);
  choice("history", settings.history);
  choice("slowModeSeconds", settings.slowModeSeconds);
}

template <class MembersChange>
std::uint64_t members_hash(std::string_view type, const MembersChange& change) {
  return Hasher(type).text(change.conversationId).texts(change.members).finish();
}

}  // namespace

std::uint64_t payload_hash(const MessageSend& command) {
  // The content is hashed where it lies. The conversation need not go in: a clientMsgId is remembered with
  // it.
  std::array<unsigned char, 4 * 8> input;
  put_integer(input.data(), static_cast<std::uint64_t>(command.messageType));
  put_integer(input.data() + 8, command.replyTo);
  put_integer(input.data() + 16, sip_hash(command.content));
  // Without an expiry it is the hash that was stored before there was one.
  std::size_t size = 3 * 8;
  if (command.expiresInSeconds != 0) {
    put_integer(input.data() + size, command.expiresInSeconds);
    size += 8;
  }
  return sip_hash({reinterpret_cast<const char*>(input.data()), size});
}

std::uint64_t payload_hash(const MessageEdit& command) {
  return Hasher("message.edit").integer(command.messageId).text(command.content).finish();
}

std::uint64_t payload_hash(const MessageDelete& command) {
  return Hasher("message.delete").integer(command.messageId).finish();
}

std::uint64_t payload_hash(const MessageReact& command) {
  return Hasher("message.react")
      .integer(command.messageId)
      .text(command.emoji)
      .integer(command.add ? 1 : 0)
      .finish();
}

std::uint64_t payload_hash(const MessagePin& command) {
  return Hasher("message.pin").integer(command.messageId).integer(command.add ? 1 : 0).finish();
}

std::uint64_t payload_hash(const ConversationCreate& command) {
  Hasher hasher("conversation.create");
  hasher.text(command.conversationId).text(command.name).texts(command.members);
  if (command.expiresInSeconds != 0) hasher.integer(command.expiresInSeconds);
  add_settings(hasher, command.settings);
  return hasher.finish();
}

std::uint64_t payload_hash(const ConversationUpdate& command) {
  Hasher hasher("conversation.update");
  hasher.text(command.conversationId).text(command.name.value_or(std::string()));
  if (command.expiresInSeconds) hasher.integer(*command.expiresInSeconds).integer(command.name ? 1 : 0);
  add_settings(hasher, command.settings);
  return hasher.finish();
}

std::uint64_t payload_hash(const ConversationAddMembers& command) {
  return members_hash("conversation.addMembers", command);
}

std::uint64_t payload_hash(const ConversationRemoveMembers& command) {
  return members_hash("conversation.removeMembers", command);
}

std::uint64_t payload_hash(const ConversationSetRole& command) {
  return Hasher("conversation.setRole")
      .text(command.conversationId)
      .text(command.userId)
      .integer(static_cast<std::uint64_t>(command.role))
      .finish();
}

std::uint64_t payload_hash(const ConversationDelete& command) {
  return Hasher("conversation.delete").text(command.conversationId).finish();
}

std::uint64_t payload_hash(const ConversationLeave& command) {
  return Hasher("conversation.leave").text(command.conversationId).finish();
}

}  // namespace chatcore::protocol
