// Out-of-line destructors: each port's type information lives here once, also in shared builds.
#include <sodium.h>

#include <chrono>

#include "chatcore/ports/authenticator.hpp"
#include "chatcore/ports/broker.hpp"
#include "chatcore/ports/clock.hpp"
#include "chatcore/ports/directory.hpp"
#include "chatcore/ports/hooks.hpp"
#include "chatcore/ports/interest_registry.hpp"
#include "chatcore/ports/log.hpp"
#include "chatcore/ports/log_store.hpp"
#include "chatcore/ports/metrics.hpp"
#include "chatcore/ports/placement.hpp"
#include "chatcore/ports/presence.hpp"
#include "chatcore/ports/push.hpp"
#include "chatcore/ports/work_queue.hpp"

namespace chatcore {

Executor::~Executor() = default;
LogStore::~LogStore() = default;
Authenticator::~Authenticator() = default;
Broker::~Broker() = default;
Broker::Subscription::~Subscription() = default;
Clock::~Clock() = default;
Random::~Random() = default;
Directory::~Directory() = default;
Hooks::~Hooks() = default;

namespace {

/// Of a host that says `later` and does not say how.
Hooks::Answers no_answers(std::size_t count) {
  const Error error{ErrorCode::internal, "the hook has no deciding form for later", {}};
  return {count, Result<Hooks::Decision>(error)};
}

}  // namespace

// NOLINTNEXTLINE(performance-unnecessary-value-param): the overrides take the batch
void Hooks::on_connect_later(std::vector<Identity> batch, Executor& executor, Completion<Answers> done) {
  complete(executor, std::move(done), no_answers(batch.size()));
}
// NOLINTNEXTLINE(performance-unnecessary-value-param): the overrides take the batch
void Hooks::before_persist_later(std::vector<PendingDraft> batch, Executor& executor,
                                 Completion<Answers> done) {
  complete(executor, std::move(done), no_answers(batch.size()));
}

InterestRegistry::~InterestRegistry() = default;
Log::~Log() = default;
Metrics::~Metrics() = default;
Placement::~Placement() = default;
Presence::~Presence() = default;
Push::~Push() = default;
WorkQueue::~WorkQueue() = default;

std::uint64_t Random::below(std::uint64_t bound) {
  // Rejection keeps every value equally likely.
  const std::uint64_t limit = bound * (UINT64_MAX / bound);
  std::uint64_t value = 0;
  do {
    fill(std::as_writable_bytes(std::span(&value, 1)));
  } while (value >= limit);
  return value % bound;
}

namespace {

class SystemClock final : public Clock {
 public:
  Timestamp now() const override {
    return std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch()).count();
  }
  Duration steady() const override {
    return std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch());
  }
};

class SystemRandom final : public Random {
 public:
  void fill(std::span<std::byte> bytes) override { randombytes_buf(bytes.data(), bytes.size()); }
};

class NullLog final : public Log {
 public:
  void write(LogLevel, std::string_view, std::string_view) override {}
};

class NullMetrics final : public Metrics {
 public:
  void add(std::string_view, std::uint64_t) override {}
  void set(std::string_view, std::uint32_t, std::int64_t) override {}
};

}  // namespace

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}
Random& system_random() {
  static SystemRandom random;
  return random;
}
Log& null_log() {
  static NullLog log;
  return log;
}
Metrics& null_metrics() {
  static NullMetrics metrics;
  return metrics;
}

}  // namespace chatcore
