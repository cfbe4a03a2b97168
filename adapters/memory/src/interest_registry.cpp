#include "chatcore/memory/interest_registry.hpp"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <mutex>
#include <tuple>

#include "deadlines.hpp"

namespace chatcore {

namespace {

struct Entry {
  std::string topic;
  ServerRef server;
  Clock::Duration deadline{};
  Clock::Duration scheduled{};
};
using Takers = std::vector<std::unique_ptr<Entry>>;  // by (serverId, boot); a topic has few

bool before(const ServerRef& a, const ServerRef& b) {
  return std::tie(a.serverId, a.boot) < std::tie(b.serverId, b.boot);
}

}  // namespace

struct MemoryInterestRegistry::State {
  State(Clock& c, std::size_t max) : clock(c), maxEntries(max) {}

  Clock& clock;
  const std::size_t maxEntries;
  mutable std::mutex mutex;
  absl::flat_hash_map<std::string, Takers> topics;
  memory::Deadlines<Entry> deadlines;
  std::size_t entries = 0;

  static Takers::iterator position(Takers& takers, const ServerRef& server) {
    return std::lower_bound(takers.begin(), takers.end(), server,
                            [](const auto& entry, const ServerRef& s) { return before(entry->server, s); });
  }

  Entry* find(const std::string& topic, const ServerRef& server) {
    const auto found = topics.find(topic);
    if (found == topics.end()) return nullptr;
    const auto at = position(found->second, server);
    return at != found->second.end() && (*at)->server == server ? at->get() : nullptr;
  }

  void end(Entry& entry) {
    deadlines.remove(entry);
    --entries;
    const auto found = topics.find(entry.topic);
    found->second.erase(position(found->second, entry.server));
    if (found->second.empty()) topics.erase(found);
  }

  Status add(const ServerRef& server, std::string topic, Clock::Duration deadline) {
    if (topic.empty() || topic.size() > kMaxTopicBytes) {
      return Error{ErrorCode::invalid_argument, "a topic has 1 to 256 bytes"};
    }
    if (Entry* entry = find(topic, server)) {
      deadlines.move(*entry, deadline);
      return {};
    }
    if (entries >= maxEntries) return Error{ErrorCode::overloaded, "too many interests"};
    auto& takers = topics[topic];
    auto entry = std::make_unique<Entry>(Entry{std::move(topic), server, {}, {}});
    deadlines.add(*entry, deadline);
    takers.insert(position(takers, server), std::move(entry));
    ++entries;
    return {};
  }

  InterestOutcome renew(const ServerRef& server, const std::string& topic, Clock::Duration now,
                        Clock::Duration deadline) {
    Entry* entry = find(topic, server);
    if (entry == nullptr) return InterestOutcome::unknown;
    if (entry->deadline <= now) {
      end(*entry);
      return InterestOutcome::unknown;
    }
    deadlines.move(*entry, deadline);
    return InterestOutcome::ok;
  }

  std::vector<ServerRef> takers_of(const std::string& topic, Clock::Duration now) const {
    std::vector<ServerRef> live;
    const auto found = topics.find(topic);
    if (found == topics.end()) return live;
    for (const auto& entry : found->second) {
      if (entry->deadline > now) live.push_back(entry->server);
    }
    return live;
  }
};

MemoryInterestRegistry::MemoryInterestRegistry(Clock& clock, std::size_t maxEntries)
    : state_(std::make_unique<State>(clock, maxEntries)) {}
MemoryInterestRegistry::~MemoryInterestRegistry() = default;

void MemoryInterestRegistry::register_interest(ServerRef server, std::vector<std::string> topics,
                                               std::chrono::milliseconds ttl, Executor& executor,
                                               Completion<std::vector<Status>> done) {
  std::vector<Status> answers;
  answers.reserve(topics.size());
  {
    std::lock_guard lock(state_->mutex);
    const auto deadline = state_->clock.steady() + ttl;
    for (std::string& topic : topics) answers.push_back(state_->add(server, std::move(topic), deadline));
  }
  complete(executor, std::move(done), std::move(answers));
}

void MemoryInterestRegistry::renew(ServerRef server, std::vector<std::string> topics,
                                   std::chrono::milliseconds ttl, Executor& executor,
                                   Completion<std::vector<Result<InterestOutcome>>> done) {
  std::vector<Result<InterestOutcome>> answers;
  answers.reserve(topics.size());
  {
    std::lock_guard lock(state_->mutex);
    const auto now = state_->clock.steady();
    for (const std::string& topic : topics)
      answers.emplace_back(state_->renew(server, topic, now, now + ttl));
  }
  complete(executor, std::move(done), std::move(answers));
}

void MemoryInterestRegistry::withdraw(ServerRef server, std::vector<std::string> topics, Executor& executor,
                                      Completion<Status> done) {
  {
    std::lock_guard lock(state_->mutex);
    for (const std::string& topic : topics) {
      if (Entry* entry = state_->find(topic, server)) state_->end(*entry);
    }
  }
  complete(executor, std::move(done), Status());
}

void MemoryInterestRegistry::find(std::vector<std::string> topics, Executor& executor,
                                  Completion<std::vector<Result<std::vector<ServerRef>>>> done) {
  std::vector<Result<std::vector<ServerRef>>> answers;
  answers.reserve(topics.size());
  {
    std::lock_guard lock(state_->mutex);
    const auto now = state_->clock.steady();
    for (const std::string& topic : topics) answers.emplace_back(state_->takers_of(topic, now));
  }
  complete(executor, std::move(done), std::move(answers));
}

bool MemoryInterestRegistry::expire_due(std::size_t limit) {
  std::lock_guard lock(state_->mutex);
  return state_->deadlines.sweep(state_->clock.steady(), limit, [this](Entry& entry) { state_->end(entry); });
}

std::size_t MemoryInterestRegistry::size() const {
  std::lock_guard lock(state_->mutex);
  return state_->entries;
}

}  // namespace chatcore
