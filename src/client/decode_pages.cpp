#include "client/decode_pages.hpp"

#include <algorithm>
#include <utility>

#include "client/decode.hpp"
#include "client/decode_account.hpp"
#include "client/decode_groups.hpp"

namespace chatcore::client {

namespace {

std::optional<Json> answer_of(std::string_view text, std::string_view type) {
  auto frame = parse_object(text);
  if (!frame || text_field(*frame, "type") != type) return std::nullopt;
  return frame;
}

template <class Each>
void for_each_entry(const Json& frame, const char* name, Each each) {
  const auto entries = frame.find(name);
  if (entries == frame.end() || !entries->is_array()) return;
  for (const Json& entry : *entries)
    if (entry.is_object()) each(entry);
}

/// What pages of a conversation's members have in common.
template <class Page, class Each>
std::optional<Page> decode_member_page(std::string_view text, std::string_view type, Each each) {
  const auto frame = answer_of(text, type);
  if (!frame) return std::nullopt;
  Page page;
  page.conversationId = text_field(*frame, "conversationId");
  for_each_entry(*frame, "members", [&](const Json& entry) { page.members.push_back(each(entry)); });
  page.cursor = text_field(*frame, "cursor");
  page.more = flag_field(*frame, "more");
  return page;
}

std::optional<Message> decode_last_message(const ConversationId& conversation, Epoch epoch,
                                           const Json& entry) {
  const Json* data = object_field(entry, "lastMessage");
  auto event = data == nullptr ? std::nullopt : decode_paged(conversation, epoch, *data);
  auto* message = event ? std::get_if<Message>(&event->body) : nullptr;
  return message == nullptr ? std::nullopt : std::optional(std::move(*message));
}

ConversationEntry decode_conversation_entry(const Json& entry) {
  ConversationEntry out;
  out.conversationId = text_field(entry, "conversationId");
  if (text_field(entry, "conversationType") == to_string(ConversationKind::group))
    out.kind = ConversationKind::group;
  out.name = text_field(entry, "name");
  out.peer = text_field(entry, "peer");
  out.role = decode_role(entry);
  out.epoch = epoch_field(entry);
  out.headSeq = number_field(entry, "headSeq");
  out.readSeq = number_field(entry, "readSeq");
  out.unread = number_field(entry, "unread");
  out.lastMessage = decode_last_message(out.conversationId, out.epoch, entry);
  out.preferences = decode_preferences(entry);
  out.expiresInSeconds = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(number_field(entry, "expiresInSeconds"), UINT32_MAX));
  out.settings = decode_group_settings(entry);
  for_each_entry(entry, "pinnedMessages",
                 [&](const Json& pinned) { out.pinned.push_back(decode_pinned(pinned)); });
  return out;
}

}  // namespace

std::optional<HistoryPage> decode_history(std::string_view text) {
  const auto frame = answer_of(text, "history.page");
  if (!frame) return std::nullopt;
  LogRange range = decode_range(*frame);
  std::sort(range.events.begin(), range.events.end(),
            [](const LogEvent& a, const LogEvent& b) { return a.seq < b.seq; });
  HistoryPage page;
  page.conversationId = range.conversationId;
  page.fromSeq = range.fromSeq;
  page.toSeq = range.toSeq;
  page.more = flag_field(*frame, "more");
  for (LogEvent& event : range.events) {
    if (auto* message = std::get_if<Message>(&event.body)) page.messages.push_back(std::move(*message));
    if (auto* change = std::get_if<MessageChange>(&event.body)) page.changes.push_back(std::move(*change));
    if (auto* change = std::get_if<ConversationChange>(&event.body))
      page.conversationChanges.push_back(std::move(*change));
    if (auto* other = std::get_if<RawEvent>(&event.body)) page.events.push_back(std::move(other->json));
  }
  return page;
}

std::optional<ConversationsPage> decode_conversations(std::string_view text) {
  const auto frame = answer_of(text, "conversations.page");
  if (!frame) return std::nullopt;
  ConversationsPage page;
  for_each_entry(*frame, "conversations",
                 [&](const Json& entry) { page.conversations.push_back(decode_conversation_entry(entry)); });
  page.cursor = text_field(*frame, "cursor");
  page.more = flag_field(*frame, "more");
  return page;
}

std::optional<ReceiptsPage> decode_receipts(std::string_view text) {
  return decode_member_page<ReceiptsPage>(text, "receipts.page", [](const Json& entry) {
    MemberReceipt receipt{text_field(entry, "userId"), number_field(entry, "deliveredSeq"), std::nullopt};
    if (entry.contains("readSeq")) receipt.readSeq = number_field(entry, "readSeq");
    return receipt;
  });
}

std::optional<MembersPage> decode_members(std::string_view text) {
  return decode_member_page<MembersPage>(text, "members.page", [](const Json& entry) {
    return GroupMember{text_field(entry, "userId"), decode_role(entry), number_field(entry, "joinSeq", 1)};
  });
}

std::optional<std::vector<DeviceEntry>> decode_devices(std::string_view text) {
  const auto frame = answer_of(text, "devices.page");
  if (!frame) return std::nullopt;
  std::vector<DeviceEntry> devices;
  for_each_entry(*frame, "devices", [&](const Json& entry) { devices.push_back(decode_device(entry)); });
  return devices;
}

std::optional<Settings> decode_settings_answer(std::string_view text) {
  const auto frame = answer_of(text, "settings");
  return frame ? std::optional(decode_settings(*frame)) : std::nullopt;
}

std::optional<std::vector<PresenceChange>> decode_presence_state(std::string_view text) {
  const auto frame = answer_of(text, "presence.state");
  if (!frame) return std::nullopt;
  std::vector<PresenceChange> users;
  for_each_entry(*frame, "users", [&](const Json& entry) { users.push_back(decode_presence(entry)); });
  return users;
}

std::optional<Profile> decode_profile_answer(std::string_view text) {
  const auto frame = parse_object(text);
  if (!frame || text_field(*frame, "type") != "profile") return std::nullopt;
  return decode_profile(*frame);
}

std::optional<UsersPage> decode_users(std::string_view text) {
  const auto frame = parse_object(text);
  if (!frame) return std::nullopt;
  const std::string type = text_field(*frame, "type");
  if (type != "contacts.page" && type != "blocks.page") return std::nullopt;
  return UsersPage{users_field(*frame, "users"), flag_field(*frame, "more")};
}

}  // namespace chatcore::client
