#include <algorithm>
#include <chrono>

#include "engine/conversation_home.hpp"

namespace chatcore::engine {

void ConversationHome::publish(Conversation& conversation, const Event& event, const AppendEffects& effects,
                               SessionId except) {
  remember(conversation, event);
  const FrameRef frame = outlet_.frame(
      [&](std::string& out) { protocol::append_live_frame_payload(out, conversation.id, event); },
      {DeliveryClass::live, conversation.id, event.seq});
  if (conversation.direct()) {
    publish_direct(conversation, event, frame, except);
  } else {
    publish_group(conversation, event, effects, frame, except);
  }
  conversation.lastEventMillis = steady();
  if (!conversation.headTimer) arm_head_timer(conversation);
  if (event.kind == EventKind::message && !event.hiddenFromOthers) enqueue_push(conversation, event.seq);
}

void ConversationHome::publish_direct(Conversation& conversation, const Event& event, const FrameRef& frame,
                                      SessionId except) {
  if (conversation.inboxes.empty()) {
    for (const auto& member : conversation.members)
      conversation.inboxes.emplace_back(member.first, context_.inbox(member.first));
  }
  for (const auto& [user, inbox] : conversation.inboxes) {
    if (!event.hiddenFromOthers || user == event.senderId) {
      context_.router->publish(context_.link->self(), inbox, {frame, 0, except, nullptr});
      continue;
    }
    const FrameRef nothing = outlet_.frame(
        [&](std::string& out) { protocol::append_event_void(out, conversation.id, event.seq, event.epoch); },
        {DeliveryClass::live, conversation.id, event.seq});
    context_.router->publish(context_.link->self(), inbox, {nothing, 0, 0, nullptr});
  }
}

void ConversationHome::publish_group(Conversation& conversation, const Event& event,
                                     const AppendEffects& effects, const FrameRef& frame, SessionId except) {
  if (!effects.members.empty()) {
    conversation.noTokensUntil = 0;  // somebody new may have a device to notify
    MembershipDelta delta;
    delta.memberSeq = event.seq;
    delta.previous = conversation.publishedMemberSeq;
    for (const MembershipChange& change : effects.members) {
      if (change.joins) delta.added.push_back(context_.inbox(change.member.userId));
      if (change.removed) delta.removed.push_back(context_.inbox(change.member.userId));
    }
    context_.router->change_members(context_.link->self(), conversation.topic, delta);
    // Who was removed is told so, and nothing after it.
    for (const Topic& inbox : delta.removed)
      context_.router->publish(context_.link->self(), inbox, {frame, 0, except, nullptr});
  }
  if (conversation.committedMemberSeq <= event.seq)
    conversation.publishedMemberSeq = conversation.committedMemberSeq;
  context_.router->publish(context_.link->self(), conversation.topic,
                           {frame, conversation.publishedMemberSeq, except, nullptr});
}

void ConversationHome::remember(Conversation& conversation, const Event& event) {
  const std::uint32_t pause = conversation.info.settings.slowModeSeconds;
  if (pause == 0) {
    conversation.slowMode.clear();
  } else if (event.kind == EventKind::message) {
    const MemberRecord* sender = conversation.member(event.senderId);
    if (sender != nullptr && sender->role == Role::member)
      conversation.slowMode.sent(event.senderId, event.timestamp, pause);
  }
  if (conversation.recent.size() == Conversation::kRecentEvents) conversation.recent.pop_front();
  conversation.recent.push_back(
      {event.seq, event.messageId, event.ordinal, event.senderId, event.hiddenFromOthers});
}

void ConversationHome::arm_head_timer(Conversation& conversation) {
  conversation.headTimer = true;
  const std::chrono::milliseconds at(conversation.lastEventMillis + context_.options.headAfterQuiet.count());
  timers_.add(at, [this, id = conversation.id] { head_timer(id); });
}

void ConversationHome::head_timer(const ConversationId& id) {
  Conversation* conversation = find(id);
  if (conversation == nullptr) return;
  const std::int64_t quiet = steady() - conversation->lastEventMillis;
  if (quiet < context_.options.headAfterQuiet.count()) return arm_head_timer(*conversation);
  conversation->headTimer = false;
  Envelope envelope;
  envelope.head = std::make_shared<const HeadMark>(
      HeadMark{id, conversation->committedHead, std::chrono::milliseconds(quiet)});
  if (conversation->committedHead == 0) {
    // All that was written here has failed.
  } else if (conversation->direct()) {
    for (const auto& inbox : conversation->inboxes)
      context_.router->publish(context_.link->self(), inbox.second, envelope);
  } else if (conversation->topic) {
    envelope.memberSeq = conversation->publishedMemberSeq;
    context_.router->publish(context_.link->self(), conversation->topic, envelope);
  }
  // With an append on its way the mark is still needed; the next quiet clears it.
  if (conversation->marked && conversation->inFlight.empty() &&
      conversation->state == Conversation::State::ready) {
    conversation->marked = false;
    settled_.push_back(id);
  }
}

void ConversationHome::enqueue_push(Conversation& conversation, Seq seq) {
  if (context_.workQueue == nullptr || context_.push == nullptr) return;
  if (conversation.noTokensUntil > steady()) return;
  if (!conversation.checkingTokens) check_tokens(conversation);
  Job job;
  job.id = conversation.id + "#" + std::to_string(seq);
  job.queue = "push";
  job.payload = job.id;
  job.notBefore = context_.now() + context_.options.pushGrace.count();
  jobs_.add(std::move(job));
}

}  // namespace chatcore::engine
