#include <algorithm>

#include "engine/conversation_home.hpp"

namespace chatcore::engine {

namespace {
constexpr std::size_t kBatch = 64;  // users looked at, or notifications sent, per call
}

/// One event's notifications, user by user and device by device.
struct ConversationHome::PushRound {
  ConversationId id;
  Seq seq = 0;
  Event event;
  std::vector<UserId> users;  ///< still to be looked at
  std::vector<UserId> batch;
  std::vector<Notification> notifications;
  StringMap<Seq> deviceAcks;
  bool retry = false;
  UniqueFunction<void(JobResult)> done;

  void finish() { done({retry ? JobOutcome::retry : JobOutcome::done, std::chrono::milliseconds(0)}); }
};

void ConversationHome::push_due(const ConversationId& id, Seq seq, UniqueFunction<void(JobResult)> done) {
  auto held = std::make_shared<UniqueFunction<void(JobResult)>>(std::move(done));
  with_loaded(id, [this, seq, held](Conversation* conversation) {
    if (conversation == nullptr) return (*held)({JobOutcome::retry, std::chrono::milliseconds(0)});
    if (seq > conversation->committedHead) return (*held)({JobOutcome::drop, {}});
    push_loaded(*conversation, seq, std::move(*held));
  });
}

void ConversationHome::push_loaded(Conversation& conversation, Seq seq,
                                   UniqueFunction<void(JobResult)> done) {
  auto round = std::make_shared<PushRound>();
  round->id = conversation.id;
  round->seq = seq;
  round->done = std::move(done);
  round->deviceAcks = conversation.deviceAcks;
  // Who came since may see the message, and is not told of it.
  const RecentEvent* event = recent(conversation, seq);
  const std::uint64_t ordinal = event != nullptr ? event->ordinal : UINT64_MAX;
  for (const auto& [user, member] : conversation.members)
    if (member.cursor.readSeq < seq && first_visible(member.joinSeq, member.cursor) <= seq &&
        member.joinOrdinal < ordinal)
      round->users.push_back(user);
  push_devices(std::move(round));
}

/// Read once, when somebody is left to be told.
void ConversationHome::push_event(std::shared_ptr<PushRound> round) {
  if (round->event.seq != 0) return push_send(std::move(round));
  ReadRequest request;
  request.log = round->id;
  request.from = request.to = round->seq;
  context_.store->read({request}, *context_.executor,
                       [busy = context_.busy, this, round](std::vector<Result<EventRange>> ranges) {
                         if (!ranges[0] || ranges[0]->events.empty()) {
                           round->retry = !ranges[0];
                           return round->finish();
                         }
                         round->event = Event(ranges[0]->events[0]);
                         const bool forOthers = !round->event.hiddenFromOthers;
                         const bool stands = round->event.kind == EventKind::message &&
                                             !round->event.content.empty() &&
                                             !expired(round->event, context_.now());
                         if (!stands || !forOthers) return round->finish();
                         push_send(round);
                       });
}

/// The next few users: who has muted the conversation is passed over, of the others every device that has a
/// token and did not acknowledge the event is notified.
void ConversationHome::push_devices(std::shared_ptr<PushRound> round) {
  if (round->users.empty()) return round->finish();
  const std::size_t count = std::min(kBatch, round->users.size());
  round->batch.assign(round->users.end() - static_cast<std::ptrdiff_t>(count), round->users.end());
  round->users.resize(round->users.size() - count);
  context_.directory->devices(
      round->batch, *context_.executor,
      [busy = context_.busy, this, round](std::vector<Result<std::vector<Device>>> devices) {
        std::vector<UserConversationsRequest> muted;
        for (std::size_t i = 0; i < devices.size(); ++i) {
          if (!devices[i]) round->retry = true;
          if (!devices[i]) continue;
          bool any = false;
          for (Device& device : *devices[i]) {
            const auto acked = round->deviceAcks.find(device.userId + "/" + device.deviceId);
            if (device.pushToken.empty() || (acked != round->deviceAcks.end() && acked->second >= round->seq))
              continue;
            round->notifications.push_back({std::move(device), round->id, round->seq, 0, {}, {}, {}});
            any = true;
          }
          if (any) muted.push_back({round->batch[i], round->id, {}, 1, false, false});
        }
        if (round->notifications.empty()) return push_devices(round);
        std::vector<UserId> asked;
        for (const UserConversationsRequest& request : muted) asked.push_back(request.userId);
        context_.store->conversations_of(
            std::move(muted), *context_.executor,
            [busy = context_.busy, this, round,
             asked = std::move(asked)](std::vector<Result<std::vector<UserConversation>>> conversations) {
              StringSet silent;
              for (std::size_t i = 0; i < conversations.size(); ++i) {
                // Not known to be unmuted is not enough to make a noise: the retry finds out.
                if (!conversations[i]) round->retry = true;
                const bool member = conversations[i] && !conversations[i]->empty();
                if (!member || conversations[i]->front().preferences.mutedUntil > context_.now())
                  silent.insert(asked[i]);
              }
              std::erase_if(round->notifications,
                            [&](const Notification& item) { return silent.contains(item.device.userId); });
              if (round->notifications.empty()) return push_devices(round);
              push_event(round);
            });
      });
}

void ConversationHome::push_send(std::shared_ptr<PushRound> round) {
  const Event& event = round->event;
  std::erase_if(round->notifications,
                [&](const Notification& item) { return item.device.userId == event.senderId; });
  if (round->notifications.empty()) return push_devices(round);
  std::vector<std::string> tokens;
  for (Notification& item : round->notifications) {
    item.messageId = event.messageId;
    item.senderId = event.senderId;
    item.messageType = event.messageType;
    item.content = event.content;
    tokens.push_back(item.device.pushToken);
  }
  context_.push->send(
      std::exchange(round->notifications, {}), *context_.executor,
      [busy = context_.busy, this, round, tokens = std::move(tokens)](std::vector<PushOutcome> outcomes) {
        std::vector<std::string> dead;
        for (std::size_t i = 0; i < outcomes.size(); ++i) {
          if (outcomes[i] == PushOutcome::dead_token) dead.push_back(tokens[i]);
          if (outcomes[i] == PushOutcome::retry) round->retry = true;
        }
        if (!dead.empty())
          context_.directory->drop_push_tokens(std::move(dead), *context_.executor,
                                               [busy = context_.busy](const Status&) {});
        push_devices(round);
      });
}

void ConversationHome::check_tokens(Conversation& conversation) {
  conversation.checkingTokens = true;
  std::vector<UserId> users;
  for (const auto& member : conversation.members) users.push_back(member.first);
  check_tokens_of(conversation.id, std::move(users));
}

/// Most conversations have nobody to notify at all: found out once in a while, jobs are not made for nothing.
void ConversationHome::check_tokens_of(const ConversationId& id, std::vector<UserId> users) {
  const std::size_t count = std::min(kBatch, users.size());
  std::vector<UserId> batch(users.end() - static_cast<std::ptrdiff_t>(count), users.end());
  users.resize(users.size() - count);
  context_.directory->devices(
      std::move(batch), *context_.executor,
      [busy = context_.busy, this, id,
       rest = std::move(users)](std::vector<Result<std::vector<Device>>> devices) mutable {
        Conversation* conversation = find(id);
        if (conversation == nullptr) return;
        for (const auto& found : devices) {
          if (found && std::none_of(found->begin(), found->end(),
                                    [](const Device& device) { return !device.pushToken.empty(); }))
            continue;
          conversation->checkingTokens = false;
          return;
        }
        if (!rest.empty()) return check_tokens_of(id, std::move(rest));
        conversation->checkingTokens = false;
        conversation->noTokensUntil = steady() + context_.options.pushTokenCache.count();
      });
}

}  // namespace chatcore::engine
