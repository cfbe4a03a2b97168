#include "chatcore/memory/broker.hpp"

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>

namespace chatcore {

namespace {

constexpr std::size_t kMaxLostChannels = 64;  // more than these are told as "all"

struct Mailbox;

/// One subscription as the broker sees it. Everything but `listener` is guarded by the broker's mutex; the
/// listener is used on its executor only.
struct Subscriber {
  explicit Subscriber(BrokerListener l) : listener(std::move(l)) {}

  BrokerListener listener;
  std::shared_ptr<Mailbox> mailbox;
  absl::flat_hash_set<std::string> channels;
  std::vector<BrokerMessage> pending;
  std::vector<std::string> lost;
  bool lostAll = false;
  bool dirty = false;
  std::atomic<bool> alive = true;
};

/// The subscribers of one executor that have something to hear: one posted task serves them all.
struct Mailbox {
  Executor* executor = nullptr;
  std::size_t subscribers = 0;
  std::vector<std::shared_ptr<Subscriber>> dirty;
  bool posted = false;
};

void note_loss(Subscriber& subscriber, const std::string& channel) {
  if (subscriber.lostAll) return;
  if (channel.empty() || subscriber.lost.size() >= kMaxLostChannels) {
    subscriber.lostAll = true;
    subscriber.lost.clear();
  } else if (std::find(subscriber.lost.begin(), subscriber.lost.end(), channel) == subscriber.lost.end()) {
    subscriber.lost.push_back(channel);
  }
}

bool take_one(std::size_t& count) { return count > 0 && count-- > 0; }

}  // namespace

struct MemoryBroker::State : std::enable_shared_from_this<MemoryBroker::State> {
  explicit State(MemoryBrokerOptions o) : options(o) {}

  const MemoryBrokerOptions options;
  std::mutex mutex;
  absl::flat_hash_map<std::string, std::vector<std::shared_ptr<Subscriber>>> channels;
  absl::flat_hash_map<Executor*, std::shared_ptr<Mailbox>> mailboxes;
  std::size_t channelCount = 0;
  std::size_t toDrop = 0;
  std::size_t toDuplicate = 0;
  std::size_t toFail = 0;

  void wake(const std::shared_ptr<Subscriber>& subscriber) {
    if (subscriber->dirty) return;
    subscriber->dirty = true;
    Mailbox& mailbox = *subscriber->mailbox;
    mailbox.dirty.push_back(subscriber);
    if (std::exchange(mailbox.posted, true)) return;
    mailbox.executor->post([self = shared_from_this(), box = subscriber->mailbox] { self->deliver(*box); });
  }

  void queue(const std::shared_ptr<Subscriber>& subscriber, const BrokerMessage& message) {
    wake(subscriber);
    if (take_one(toDrop)) return note_loss(*subscriber, message.channel);
    const std::size_t copies = take_one(toDuplicate) ? 2 : 1;
    for (std::size_t i = 0; i < copies; ++i) {
      if (subscriber->pending.size() >= options.maxPending) return note_loss(*subscriber, message.channel);
      subscriber->pending.push_back(message);
    }
  }

  void deliver(Mailbox& mailbox);
  void hear(Subscriber& subscriber);
  Status subscribe(const std::shared_ptr<Subscriber>& subscriber, std::vector<std::string> names);
  void leave(const std::shared_ptr<Subscriber>& subscriber, const std::string& channel);
  void disconnect(const std::shared_ptr<Subscriber>& subscriber);
};

void MemoryBroker::State::deliver(Mailbox& mailbox) {
  std::vector<std::shared_ptr<Subscriber>> dirty;
  {
    std::lock_guard lock(mutex);
    dirty.swap(mailbox.dirty);
    mailbox.posted = false;
  }
  for (const auto& subscriber : dirty) hear(*subscriber);
}

void MemoryBroker::State::hear(Subscriber& subscriber) {
  std::vector<BrokerMessage> messages;
  std::vector<std::string> lost;
  {
    std::lock_guard lock(mutex);
    subscriber.dirty = false;
    if (!subscriber.alive) return;
    messages.swap(subscriber.pending);
    lost.swap(subscriber.lost);
    if (std::exchange(subscriber.lostAll, false)) lost.assign(1, std::string());
  }
  // A listener may end its own subscription.
  if (!messages.empty()) subscriber.listener.messages(std::move(messages));
  for (const std::string& channel : lost) {
    if (!subscriber.alive) return;
    subscriber.listener.discontinuity(channel);
  }
}

Status MemoryBroker::State::subscribe(const std::shared_ptr<Subscriber>& subscriber,
                                      std::vector<std::string> names) {
  for (const std::string& name : names) {
    if (name.empty() || name.size() > kMaxChannelBytes) {
      return Error{ErrorCode::invalid_argument, "a channel's name has 1 to 256 bytes"};
    }
  }
  std::lock_guard lock(mutex);
  if (channelCount + names.size() > options.maxChannels) {
    return Error{ErrorCode::overloaded, "too many channels"};
  }
  for (std::string& name : names) {
    if (!subscriber->channels.insert(name).second) continue;
    channels[std::move(name)].push_back(subscriber);
    ++channelCount;
  }
  return {};
}

void MemoryBroker::State::leave(const std::shared_ptr<Subscriber>& subscriber, const std::string& channel) {
  const auto found = channels.find(channel);
  auto& takers = found->second;
  takers.erase(std::find(takers.begin(), takers.end(), subscriber));
  if (takers.empty()) channels.erase(found);
  --channelCount;
}

void MemoryBroker::State::disconnect(const std::shared_ptr<Subscriber>& subscriber) {
  std::vector<BrokerMessage> undelivered;  // payloads go after the lock
  std::lock_guard lock(mutex);
  subscriber->alive = false;
  for (const std::string& channel : subscriber->channels) leave(subscriber, channel);
  subscriber->channels.clear();
  undelivered.swap(subscriber->pending);
  std::erase(subscriber->mailbox->dirty, subscriber);  // else the two would keep each other
  if (--subscriber->mailbox->subscribers == 0) mailboxes.erase(subscriber->mailbox->executor);
}

namespace {

class MemorySubscription final : public Broker::Subscription {
 public:
  MemorySubscription(std::shared_ptr<MemoryBroker::State> state, std::shared_ptr<Subscriber> subscriber,
                     Executor& executor)
      : state_(std::move(state)), subscriber_(std::move(subscriber)), executor_(executor) {}
  ~MemorySubscription() override { state_->disconnect(subscriber_); }

  void subscribe(std::vector<std::string> channels, Completion<Status> done) override {
    complete(executor_, std::move(done), state_->subscribe(subscriber_, std::move(channels)));
  }

  void unsubscribe(std::vector<std::string> channels, Completion<Status> done) override {
    {
      std::lock_guard lock(state_->mutex);
      for (const std::string& channel : channels) {
        if (subscriber_->channels.erase(channel) > 0) state_->leave(subscriber_, channel);
      }
    }
    complete(executor_, std::move(done), Status());
  }

 private:
  std::shared_ptr<MemoryBroker::State> state_;
  std::shared_ptr<Subscriber> subscriber_;
  Executor& executor_;
};

}  // namespace

MemoryBroker::MemoryBroker(MemoryBrokerOptions options) : state_(std::make_shared<State>(options)) {}
MemoryBroker::~MemoryBroker() = default;

std::unique_ptr<Broker::Subscription> MemoryBroker::connect(Executor& executor, BrokerListener listener) {
  auto subscriber = std::make_shared<Subscriber>(std::move(listener));
  {
    std::lock_guard lock(state_->mutex);
    auto& mailbox = state_->mailboxes[&executor];
    if (!mailbox) mailbox = std::make_shared<Mailbox>();
    mailbox->executor = &executor;
    ++mailbox->subscribers;
    subscriber->mailbox = mailbox;
  }
  return std::make_unique<MemorySubscription>(state_, std::move(subscriber), executor);
}

void MemoryBroker::publish(std::vector<BrokerMessage> batch, Executor& executor, Completion<Status> done) {
  Status answer;
  {
    std::lock_guard lock(state_->mutex);
    if (take_one(state_->toFail)) {
      answer = Error{ErrorCode::unavailable, "the broker cannot be reached"};
      batch.clear();
    }
    for (const BrokerMessage& message : batch) {
      const auto found = state_->channels.find(message.channel);
      if (found == state_->channels.end()) continue;
      for (const auto& subscriber : found->second) state_->queue(subscriber, message);
    }
  }
  complete(executor, std::move(done), std::move(answer));
}

void MemoryBroker::drop_next(std::size_t count) {
  std::lock_guard lock(state_->mutex);
  state_->toDrop = count;
}
void MemoryBroker::duplicate_next(std::size_t count) {
  std::lock_guard lock(state_->mutex);
  state_->toDuplicate = count;
}
void MemoryBroker::fail_next_publishes(std::size_t count) {
  std::lock_guard lock(state_->mutex);
  state_->toFail = count;
}

void MemoryBroker::break_channel(const std::string& channel) {
  std::lock_guard lock(state_->mutex);
  for (const auto& [name, takers] : state_->channels) {
    if (!channel.empty() && name != channel) continue;
    for (const auto& subscriber : takers) {
      note_loss(*subscriber, channel);
      state_->wake(subscriber);
    }
  }
}

}  // namespace chatcore
