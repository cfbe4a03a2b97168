#include "engine/conversation_home.hpp"

namespace chatcore::engine {

void ConversationHome::typing(TypingCommand command) {
  const ConversationId id = command.conversationId;
  with_loaded(
      id, [this, command = std::make_shared<TypingCommand>(std::move(command))](Conversation* conversation) {
        const Requester& from = command->from;
        if (conversation == nullptr)
          return outlet_.error(from.session, from.id, {},
                               {ErrorCode::unavailable, "the conversation cannot be reached", {}});
        if (conversation->member(from.user()) == nullptr)
          return outlet_.error(from.session, from.id, {},
                               {ErrorCode::not_a_member, "not a member of this conversation", {}});
        outlet_.ok(from.session, from.id);
        const UserId user(from.user());
        if (conversation->large()) return;
        if (!command->start) {
          if (conversation->typing.erase(from.user()) != 0)
            publish_typing(*conversation, user, false, from.session);
          return;
        }
        const std::chrono::milliseconds until = context_.clock->steady() + context_.options.typingTtl;
        const bool already = !conversation->typing.insert_or_assign(from.user(), until.count()).second;
        publish_typing(*conversation, user, true, from.session);
        if (!already) timers_.add(until, [this, id = conversation->id, user] { typing_ends(id, user); });
      });
}

void ConversationHome::typing_ends(const ConversationId& id, const UserId& user) {
  Conversation* conversation = find(id);
  if (conversation == nullptr) return;
  const auto found = conversation->typing.find(user);
  if (found == conversation->typing.end()) return;
  if (found->second > steady()) {
    timers_.add(std::chrono::milliseconds(found->second), [this, id, user] { typing_ends(id, user); });
    return;
  }
  conversation->typing.erase(found);
  publish_typing(*conversation, user, false, 0);
}

void ConversationHome::publish_typing(Conversation& conversation, const UserId& user, bool start,
                                      SessionId except) {
  const FrameRef frame = outlet_.frame(
      [&](std::string& out) { protocol::append_typing_indicator(out, conversation.id, user, start); },
      {DeliveryClass::ephemeral, {}, 0});
  if (!conversation.direct()) {
    context_.router->publish(context_.link->self(), conversation.topic,
                             {frame, conversation.publishedMemberSeq, except, nullptr});
    return;
  }
  if (conversation.firstBlocksSecond || conversation.secondBlocksFirst) return;
  for (const auto& [member, inbox] : conversation.inboxes)
    if (member != user) context_.router->publish(context_.link->self(), inbox, {frame, 0, except, nullptr});
}

}  // namespace chatcore::engine
