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
  for (const auto& [user, member] : conversation.members)
    if (member.cursor.readSeq < seq && member.joinSeq <= seq) round->users.push_back(user);
  push_event(std::move(round));
}

void ConversationHome::push_event(std::shared_ptr<PushRound> round) {
  ReadRequest request;
  request.log = round->id;
  request.from = request.to = round->seq;
  context_.store->read({request}, *context_.executor,
                       [busy = context_.busy, this, round](std::vector<Result<EventRange>> ranges) {
                         if (!ranges[0] || ranges[0]->events.empty()) {
                           round->retry = !ranges[0];
                           return round->finish();
                         }
                         round->event = std::move(ranges[0]->events[0]);
                         std::erase(round->users, round->event.senderId);
                         push_devices(round);
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
            const Event& event = round->event;
            round->notifications.push_back({std::move(device), round->id, round->seq, event.messageId,
                                            event.senderId, event.messageType, event.content});
            any = true;
          }
          if (any) muted.push_back({round->batch[i], round->id, {}, 1, false, false});
        }
        if (round->notifications.empty()) return push_devices(round);
        context_.store->conversations_of(
            std::move(muted), *context_.executor,
            [busy = context_.busy, this,
             round](std::vector<Result<std::vector<UserConversation>>> conversations) {
              StringSet silent;
              for (const auto& found : conversations) {
                if (!found || found->empty()) continue;
                const UserConversation& conversation = found->front();
                if (conversation.mutedUntil > context_.now()) silent.insert(conversation.member.userId);
              }
              std::erase_if(round->notifications,
                            [&](const Notification& item) { return silent.contains(item.device.userId); });
              push_send(round);
            });
      });
}

void ConversationHome::push_send(std::shared_ptr<PushRound> round) {
  if (round->notifications.empty()) return push_devices(round);
  std::vector<std::string> tokens;
  for (const Notification& item : round->notifications) tokens.push_back(item.device.pushToken);
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
                                               [busy = context_.busy](Status) {});
        push_devices(round);
      });
}

}  // namespace chatcore::engine
