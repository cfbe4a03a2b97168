#include "chatcore/client/client.hpp"

#include <algorithm>

#include "client/client_impl.hpp"

namespace chatcore::client {

namespace {

Error not_an_id() { return {ErrorCode::bad_request, "not a valid id", {}}; }

bool all_valid(const std::vector<UserId>& users) { return std::all_of(users.begin(), users.end(), valid_id); }

}  // namespace

Client::Client(Options options, Listener listener)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(listener))) {}
Client::~Client() = default;

void Client::connect() {
  impl_->call([](State& state, Now now) { state.connect(now); });
}
void Client::disconnect() {
  impl_->call([](State& state, Now now) { state.disconnect(now); });
}
void Client::close() {
  impl_->call([](State& state, Now now) { state.close(now); });
}
void Client::set_token(std::string token) { impl_->set_token(std::move(token)); }

void Client::send(Outgoing message, Completion<Result<Sent>> done) {
  impl_->send(std::move(message), std::move(done));
}

void Client::send_text(ConversationId conversation, std::string_view text, Completion<Result<Sent>> done) {
  auto content = json_string(text);
  if (!content)
    return impl_->fail<Sent>(std::move(done), {ErrorCode::bad_request, "the text is not UTF-8", {}});
  Outgoing message;
  message.conversationId = std::move(conversation);
  message.content = std::move(*content);
  impl_->send(std::move(message), std::move(done));
}

void Client::send_text_to(UserId user, std::string_view text, Completion<Result<Sent>> done) {
  auto content = json_string(text);
  if (!content)
    return impl_->fail<Sent>(std::move(done), {ErrorCode::bad_request, "the text is not UTF-8", {}});
  Outgoing message;
  message.to = std::move(user);
  message.content = std::move(*content);
  impl_->send(std::move(message), std::move(done));
}

void Client::edit(ConversationId conversation, MessageId message, std::string content,
                  Completion<Result<Sent>> done) {
  impl_->change({std::move(conversation), message, OutgoingChange::Edit{std::move(content)}, {}},
                std::move(done));
}
void Client::edit_text(ConversationId conversation, MessageId message, std::string_view text,
                       Completion<Result<Sent>> done) {
  auto content = json_string(text);
  if (!content)
    return impl_->fail<Sent>(std::move(done), {ErrorCode::bad_request, "the text is not UTF-8", {}});
  edit(std::move(conversation), message, std::move(*content), std::move(done));
}
void Client::delete_for_everyone(ConversationId conversation, MessageId message,
                                 Completion<Result<Sent>> done) {
  impl_->change({std::move(conversation), message, OutgoingChange::Deletion{}, {}}, std::move(done));
}
void Client::react(ConversationId conversation, MessageId message, std::string emoji, bool add,
                   Completion<Result<Sent>> done) {
  impl_->change({std::move(conversation), message, OutgoingChange::Reaction{std::move(emoji), add}, {}},
                std::move(done));
}

void Client::delete_for_me(ConversationId conversation, MessageId message, Completion<Status> done) {
  if (!valid_id(conversation)) return impl_->fail<void>(std::move(done), not_an_id());
  impl_->request_status(encode_delete_for_me(conversation, message), std::move(done));
}

void Client::mark_read(ConversationId conversation, Seq seq) {
  impl_->call([=](State& state, Now now) { state.mark_read(now, conversation, seq); });
}
void Client::typing(ConversationId conversation, bool active) {
  impl_->call([=](State& state, Now now) { state.typing(now, conversation, active); });
}
void Client::subscribe_presence(std::vector<UserId> users) {
  impl_->call([=](State& state, Now now) { state.subscribe_presence(now, users); });
}
void Client::unsubscribe_presence(std::vector<UserId> users) {
  impl_->call([=](State& state, Now now) { state.unsubscribe_presence(now, users); });
}

void Client::set_status(Availability availability, std::string text) {
  impl_->call([=](State& state, Now now) { state.set_status(now, availability, text); });
}

void Client::settings(Completion<Result<Settings>> done) {
  impl_->request_value<Settings>(R"({"type":"settings.get"})", std::move(done), &decode_settings);
}

void Client::update_settings(SettingsChange change, Completion<Status> done) {
  impl_->request_status(encode_settings_change(change), std::move(done));
}

void Client::add_contacts(std::vector<UserId> users, Completion<Status> done) {
  if (!all_valid(users)) return impl_->fail<void>(std::move(done), not_an_id());
  impl_->request_status(encode_users("contacts.add", users), std::move(done));
}
void Client::remove_contacts(std::vector<UserId> users, Completion<Status> done) {
  if (!all_valid(users)) return impl_->fail<void>(std::move(done), not_an_id());
  impl_->request_status(encode_users("contacts.remove", users), std::move(done));
}
void Client::block(std::vector<UserId> users, Completion<Status> done) {
  if (!all_valid(users)) return impl_->fail<void>(std::move(done), not_an_id());
  impl_->request_status(encode_users("blocks.add", users), std::move(done));
}
void Client::unblock(std::vector<UserId> users, Completion<Status> done) {
  if (!all_valid(users)) return impl_->fail<void>(std::move(done), not_an_id());
  impl_->request_status(encode_users("blocks.remove", users), std::move(done));
}
void Client::contacts(UserId after, Completion<Result<UsersPage>> done) {
  if (!after.empty() && !valid_id(after)) return impl_->fail<UsersPage>(std::move(done), not_an_id());
  impl_->request_value<UsersPage>(encode_list("contacts.list", after), std::move(done), &decode_users);
}
void Client::blocked(UserId after, Completion<Result<UsersPage>> done) {
  if (!after.empty() && !valid_id(after)) return impl_->fail<UsersPage>(std::move(done), not_an_id());
  impl_->request_value<UsersPage>(encode_list("blocks.list", after), std::move(done), &decode_users);
}
void Client::profile(UserId user, Completion<Result<Profile>> done) {
  if (!user.empty() && !valid_id(user)) return impl_->fail<Profile>(std::move(done), not_an_id());
  impl_->request_value<Profile>(encode_profile_get(user), std::move(done), &decode_profile);
}
void Client::set_display_name(std::string name, Completion<Status> done) {
  if (!json_string(name))
    return impl_->fail<void>(std::move(done), {ErrorCode::bad_request, "the name is not UTF-8", {}});
  impl_->request_status(encode_profile(name), std::move(done));
}

void Client::request(std::string json, Completion<Result<std::string>> done) {
  impl_->request(std::move(json), std::move(done));
}

void Client::history(HistoryQuery query, Completion<Result<HistoryPage>> done) {
  if (!valid_id(query.conversationId)) return impl_->fail<HistoryPage>(std::move(done), not_an_id());
  impl_->request_value<HistoryPage>(encode_history(query), std::move(done), &decode_history);
}

void Client::create_group(NewGroup group, Completion<Result<ConversationId>> done) {
  if (!json_string(group.name))
    return impl_->fail<ConversationId>(std::move(done),
                                       {ErrorCode::bad_request, "the name is not UTF-8", {}});
  for (const UserId& member : group.members)
    if (!valid_id(member)) return impl_->fail<ConversationId>(std::move(done), not_an_id());
  std::string json = encode_create(group, impl_->make_client_msg_id());
  impl_->request(std::move(json), [done = std::move(done)](Result<std::string> answer) mutable {
    if (!done) return;
    if (!answer) return done(std::move(answer).error());
    const auto frame = parse_object(*answer);
    const Json* data = frame ? object_field(*frame, "data") : nullptr;
    ConversationId id = data != nullptr ? text_field(*data, "conversationId") : ConversationId();
    if (!id.empty()) return done(std::move(id));
    done(Error{ErrorCode::internal, "the server did not answer with a conversation", {}});
  });
}

void Client::update_group(ConversationId group, GroupChange change, Completion<Status> done) {
  if (!valid_id(group) || (change.name && !json_string(*change.name)))
    return impl_->fail<void>(std::move(done), {ErrorCode::bad_request, "not a valid id or name", {}});
  impl_->request_status(encode_update(group, change, impl_->make_client_msg_id()), std::move(done));
}

void Client::set_role(ConversationId group, UserId user, Role role, Completion<Status> done) {
  if (!valid_id(group) || !valid_id(user)) return impl_->fail<void>(std::move(done), not_an_id());
  impl_->request_status(encode_set_role(group, user, role, impl_->make_client_msg_id()), std::move(done));
}

void Client::delete_group(ConversationId group, Completion<Status> done) {
  if (!valid_id(group)) return impl_->fail<void>(std::move(done), not_an_id());
  impl_->request_status(encode_delete_group(group, impl_->make_client_msg_id()), std::move(done));
}

void Client::archive_conversation(ConversationId conversation, bool archived, Completion<Status> done) {
  if (!valid_id(conversation)) return impl_->fail<void>(std::move(done), not_an_id());
  impl_->request_status(encode_archive(conversation, archived), std::move(done));
}

void Client::pin_conversation(ConversationId conversation, bool pinned, Completion<Status> done) {
  if (!valid_id(conversation)) return impl_->fail<void>(std::move(done), not_an_id());
  impl_->request_status(encode_pin(conversation, pinned), std::move(done));
}

void Client::watermarks(Completion<std::vector<Watermark>> done) { impl_->watermarks(std::move(done)); }

}  // namespace chatcore::client
