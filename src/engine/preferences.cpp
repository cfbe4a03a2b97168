#include "engine/preferences.hpp"

#include "core/simulation_bug.hpp"
#include "engine/engine_shard.hpp"

namespace chatcore::engine {

namespace {

constexpr std::size_t kMaxWaiting = 64;  // changes of one user
constexpr std::chrono::milliseconds kTryAgain{500};

Error unavailable() { return {ErrorCode::unavailable, "the store did not answer", kTryAgain}; }

}  // namespace

void PreferencesHome::change(Requester from, LogStore::PreferencesRequest wanted) {
  const UserId user(from.user());
  auto& waiting = changes_[user];
  if (waiting.size() >= kMaxWaiting)
    return outlet_.error(from.session, from.id, {},
                         {ErrorCode::overloaded, "too many changes at once", kTryAgain});
  waiting.push_back({std::move(from), std::move(wanted)});
  if (waiting.size() == 1) next(user);
}

void PreferencesHome::next(const UserId& user) {
  UserConversationsRequest request;
  request.userId = user;
  request.only = changes_[user].front().wanted.conversationId;
  request.detail = ConversationDetail::membership;
  context_.store->conversations_of(
      {request}, *context_.executor,
      [busy = context_.busy, this, user](const std::vector<Result<std::vector<UserConversation>>>& answers) {
        if (!answers[0]) return refuse(user, unavailable());
        if (!answers[0]->empty()) return write(user);
        refuse(user, {ErrorCode::not_a_member, "not a member of this conversation", {}});
      });
}

void PreferencesHome::write(const UserId& user) {
  context_.store->set_preferences(
      {changes_[user].front().wanted}, *context_.executor,
      [busy = context_.busy, this, user](const std::vector<Result<Preferences>>& answers) {
        if (!answers[0]) return refuse(user, unavailable());
        stored(user, *answers[0]);
      });
}

void PreferencesHome::stored(const UserId& user, const Preferences& now) {
  const Change& change = changes_[user].front();
  outlet_.ok(change.from.session, change.from.id);
  const FrameRef frame = outlet_.frame(
      [&](std::string& out) { protocol::append_sync_preferences(out, change.wanted.conversationId, now); },
      {DeliveryClass::ephemeral, {}, 0});
  if (!CHATCORE_BUG("preferences are not told"))
    context_.router->publish(context_.link->self(), context_.inbox(user),
                             {frame, 0, change.from.session, nullptr});
  finish(user);
}

void PreferencesHome::refuse(const UserId& user, const Error& error) {
  const Requester& from = changes_[user].front().from;
  outlet_.error(from.session, from.id, {}, error);
  finish(user);
}

void PreferencesHome::finish(const UserId& user) {
  const auto found = changes_.find(user);
  found->second.pop_front();
  if (!found->second.empty()) return next(user);
  changes_.erase(found);
}

}  // namespace chatcore::engine
