#include <algorithm>

#include "chatcore/client/client.hpp"
#include "client/client_impl.hpp"
#include "client/decode_pages.hpp"

// What of the client is a request: one frame, one answer.
namespace chatcore::client {

namespace {

constexpr std::size_t kMaxPage = 500;
constexpr std::size_t kMaxMembers = 500;
constexpr std::size_t kMaxPresence = 1000;
constexpr std::size_t kMaxUsers = 100;  // of contacts or blocks
constexpr std::size_t kMaxCursorBytes = 256;
constexpr const char* kBadUsers = "1 to 100 valid users are needed";

Error bad(const char* why) { return {ErrorCode::bad_request, why, {}}; }
Error not_an_id() { return bad("not a valid id"); }

bool valid_ids(const std::vector<UserId>& ids, std::size_t most) {
  return !ids.empty() && ids.size() <= most &&
         std::all_of(ids.begin(), ids.end(), [](const UserId& id) { return valid_id(id); });
}

bool valid_page(const std::string& cursor, std::size_t limit) {
  return limit >= 1 && limit <= kMaxPage && cursor.size() <= kMaxCursorBytes && json_string(cursor);
}

std::optional<ConversationId> created_id(std::string_view answer) {
  const auto frame = parse_object(answer);
  const Json* data = frame ? object_field(*frame, "data") : nullptr;
  ConversationId id = data != nullptr ? text_field(*data, "conversationId") : ConversationId();
  return id.empty() ? std::nullopt : std::optional(std::move(id));
}

}  // namespace

void Client::request(std::string json, Completion<Result<std::string>> done) {
  impl_->request(std::move(json), std::move(done));
}

void Client::presence(std::vector<UserId> users, Completion<Result<std::vector<PresenceChange>>> done) {
  if (!valid_ids(users, kMaxPresence))
    return impl_->fail<std::vector<PresenceChange>>(std::move(done),
                                                    bad("1 to 1,000 valid users are needed"));
  impl_->request_value(encode_presence("presence.get", users), &decode_presence_state, std::move(done));
}

void Client::settings(Completion<Result<Settings>> done) {
  impl_->request_value(R"({"type":"settings.get"})", &decode_settings_answer, std::move(done));
}

void Client::update_settings(SettingsChange change, Completion<Status> done) {
  impl_->request_status(encode_settings_change(change), std::move(done));
}

void Client::add_contacts(std::vector<UserId> users, Completion<Status> done) {
  if (!valid_ids(users, kMaxUsers)) return impl_->fail<void>(std::move(done), bad(kBadUsers));
  impl_->request_status(encode_users("contacts.add", users), std::move(done));
}

void Client::remove_contacts(std::vector<UserId> users, Completion<Status> done) {
  if (!valid_ids(users, kMaxUsers)) return impl_->fail<void>(std::move(done), bad(kBadUsers));
  impl_->request_status(encode_users("contacts.remove", users), std::move(done));
}

void Client::block(std::vector<UserId> users, Completion<Status> done) {
  if (!valid_ids(users, kMaxUsers)) return impl_->fail<void>(std::move(done), bad(kBadUsers));
  impl_->request_status(encode_users("blocks.add", users), std::move(done));
}

void Client::unblock(std::vector<UserId> users, Completion<Status> done) {
  if (!valid_ids(users, kMaxUsers)) return impl_->fail<void>(std::move(done), bad(kBadUsers));
  impl_->request_status(encode_users("blocks.remove", users), std::move(done));
}

void Client::contacts(UserId after, Completion<Result<UsersPage>> done) {
  if (!after.empty() && !valid_id(after)) return impl_->fail<UsersPage>(std::move(done), not_an_id());
  impl_->request_value(encode_list("contacts.list", after), &decode_users, std::move(done));
}

void Client::blocked(UserId after, Completion<Result<UsersPage>> done) {
  if (!after.empty() && !valid_id(after)) return impl_->fail<UsersPage>(std::move(done), not_an_id());
  impl_->request_value(encode_list("blocks.list", after), &decode_users, std::move(done));
}

void Client::profile(UserId user, Completion<Result<Profile>> done) {
  if (!user.empty() && !valid_id(user)) return impl_->fail<Profile>(std::move(done), not_an_id());
  impl_->request_value(encode_profile_get(user), &decode_profile_answer, std::move(done));
}

void Client::set_display_name(std::string name, Completion<Status> done) {
  if (!json_string(name)) return impl_->fail<void>(std::move(done), bad("the name is not UTF-8"));
  impl_->request_status(encode_profile(name), std::move(done));
}

void Client::devices(Completion<Result<std::vector<DeviceEntry>>> done) {
  impl_->request_value(R"({"type":"devices.list"})", &decode_devices, std::move(done));
}

void Client::remove_device(DeviceId device, Completion<Status> done) {
  if (!valid_id(device)) return impl_->fail<void>(std::move(done), not_an_id());
  impl_->request_status(encode_remove_device(device), std::move(done));
}

void Client::conversations(ConversationsQuery query, Completion<Result<ConversationsPage>> done) {
  if (!valid_page(query.cursor, query.limit))
    return impl_->fail<ConversationsPage>(std::move(done), bad("not a valid cursor or limit"));
  impl_->request_value(encode_conversations(query), &decode_conversations, std::move(done));
}

void Client::receipts(ReceiptsQuery query, Completion<Result<ReceiptsPage>> done) {
  if (!valid_id(query.conversationId) || !valid_page(query.cursor, query.limit))
    return impl_->fail<ReceiptsPage>(std::move(done), bad("not a valid id, cursor or limit"));
  impl_->request_value(encode_receipts(query), &decode_receipts, std::move(done));
}

void Client::members(MembersQuery query, Completion<Result<MembersPage>> done) {
  if (!valid_id(query.conversationId) || !valid_page(query.cursor, query.limit))
    return impl_->fail<MembersPage>(std::move(done), bad("not a valid id, cursor or limit"));
  impl_->request_value(encode_members(query), &decode_members, std::move(done));
}

void Client::history(HistoryQuery query, Completion<Result<HistoryPage>> done) {
  if (!valid_id(query.conversationId) || !valid_page({}, query.limit))
    return impl_->fail<HistoryPage>(std::move(done), bad("not a valid id or limit"));
  impl_->request_value(encode_history(query), &decode_history, std::move(done));
}

void Client::create_group(NewGroup group, Completion<Result<ConversationId>> done) {
  if (!json_string(group.name))
    return impl_->fail<ConversationId>(std::move(done), bad("the name is not UTF-8"));
  const bool named = group.conversationId.empty() || valid_id(group.conversationId);
  if (!named || (!group.members.empty() && !valid_ids(group.members, kMaxMembers)))
    return impl_->fail<ConversationId>(std::move(done), not_an_id());
  impl_->request_value(encode_create(group, impl_->make_client_msg_id()), &created_id, std::move(done));
}

void Client::update_group(ConversationId group, GroupChange change, Completion<Status> done) {
  if (!valid_id(group) || (change.name && !json_string(*change.name)))
    return impl_->fail<void>(std::move(done), bad("not a valid id or name"));
  impl_->request_status(encode_update(group, change, impl_->make_client_msg_id()), std::move(done));
}

void Client::add_members(ConversationId group, std::vector<UserId> users, Completion<Status> done) {
  if (!valid_id(group) || !valid_ids(users, kMaxMembers))
    return impl_->fail<void>(std::move(done), bad("a group and 1 to 500 valid users are needed"));
  impl_->request_status(
      encode_members_change("conversation.addMembers", group, users, impl_->make_client_msg_id()),
      std::move(done));
}

void Client::remove_members(ConversationId group, std::vector<UserId> users, Completion<Status> done) {
  if (!valid_id(group) || !valid_ids(users, kMaxMembers))
    return impl_->fail<void>(std::move(done), bad("a group and 1 to 500 valid users are needed"));
  impl_->request_status(
      encode_members_change("conversation.removeMembers", group, users, impl_->make_client_msg_id()),
      std::move(done));
}

void Client::leave_group(ConversationId group, Completion<Status> done) {
  if (!valid_id(group)) return impl_->fail<void>(std::move(done), not_an_id());
  impl_->request_status(encode_leave(group, impl_->make_client_msg_id()), std::move(done));
}

void Client::set_role(ConversationId group, UserId user, Role role, Completion<Status> done) {
  if (!valid_id(group) || !valid_id(user)) return impl_->fail<void>(std::move(done), not_an_id());
  impl_->request_status(encode_set_role(group, user, role, impl_->make_client_msg_id()), std::move(done));
}

void Client::delete_group(ConversationId group, Completion<Status> done) {
  if (!valid_id(group)) return impl_->fail<void>(std::move(done), not_an_id());
  impl_->request_status(encode_delete_group(group, impl_->make_client_msg_id()), std::move(done));
}

void Client::pin_message(ConversationId conversation, MessageId message, bool pinned,
                         Completion<Status> done) {
  if (!valid_id(conversation)) return impl_->fail<void>(std::move(done), not_an_id());
  impl_->request_status(encode_pin_message(conversation, message, pinned, impl_->make_client_msg_id()),
                        std::move(done));
}

void Client::clear_conversation(Watermark upTo, Completion<Status> done) {
  if (!valid_id(upTo.conversationId)) return impl_->fail<void>(std::move(done), not_an_id());
  impl_->request_status(encode_clear(upTo), std::move(done));
}

void Client::mute_conversation(ConversationId conversation, Timestamp until, Completion<Status> done) {
  if (!valid_id(conversation) || until < 0 || until > kMutedForever)
    return impl_->fail<void>(std::move(done), bad("not a valid id or time"));
  impl_->request_status(encode_mute(conversation, until), std::move(done));
}

void Client::archive_conversation(ConversationId conversation, bool archived, Completion<Status> done) {
  if (!valid_id(conversation)) return impl_->fail<void>(std::move(done), not_an_id());
  impl_->request_status(encode_archive(conversation, archived), std::move(done));
}

void Client::pin_conversation(ConversationId conversation, bool pinned, Completion<Status> done) {
  if (!valid_id(conversation)) return impl_->fail<void>(std::move(done), not_an_id());
  impl_->request_status(encode_pin(conversation, pinned), std::move(done));
}

}  // namespace chatcore::client
