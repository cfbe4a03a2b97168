#include "chatcore/client/client.hpp"

#include <algorithm>

#include "client/client_impl.hpp"

namespace chatcore::client {

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
void Client::set_token(std::string token, Completion<Status> done) {
  impl_->set_token(std::move(token), std::move(done));
}
void Client::set_foreground(bool foreground) {
  impl_->call([foreground](State& state, Now now) { state.set_foreground(now, foreground); });
}

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
  if (!valid_id(conversation))
    return impl_->fail<void>(std::move(done), {ErrorCode::bad_request, "not a valid id", {}});
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

void Client::watermarks(Completion<std::vector<Watermark>> done) { impl_->watermarks(std::move(done)); }

void Client::sync_token(Completion<std::string> done) { impl_->sync_token(std::move(done)); }

}  // namespace chatcore::client
