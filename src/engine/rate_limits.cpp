#include "engine/rate_limits.hpp"

#include <absl/hash/hash.h>
#include <absl/strings/string_view.h>

#include <algorithm>

#include "core/remote_network.hpp"

namespace chatcore::engine {

namespace {

constexpr std::int64_t kMicros = 1'000'000;
constexpr std::int64_t kSweepAgainMillis = 100;  // a table that stays full is not searched for every newcomer

enum class Scope : std::uint8_t { device, user, address };

absl::string_view view(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

std::int64_t RateTable::take(std::uint64_t key, const Rate& rate, std::uint32_t cost,
                             std::int64_t nowMillis) {
  const std::int64_t now = nowMillis * 1000;
  const std::int64_t interval = std::max<std::int64_t>(kMicros / rate.perSecond, 1);
  const std::int64_t burst = rate.burst != 0 ? rate.burst : 2 * std::int64_t{rate.perSecond};
  auto found = fullAt_.find(key);
  if (found == fullAt_.end()) {
    if (!has_room(nowMillis)) return 0;
    found = fullAt_.emplace(key, now).first;
  }
  const std::int64_t fullAt = std::max(found->second, now);
  const std::int64_t wait = fullAt + interval - burst * interval - now;
  if (wait > 0) return (wait + 999) / 1000;
  found->second = fullAt + std::int64_t{cost} * interval;
  return 0;
}

bool RateTable::has_room(std::int64_t nowMillis) {
  if (fullAt_.size() < maxKeys_) return true;
  if (sweptAt_ > nowMillis - kSweepAgainMillis) return false;
  sweep(nowMillis);
  return fullAt_.size() < maxKeys_;
}

void RateTable::sweep(std::int64_t nowMillis) {
  sweptAt_ = nowMillis;
  absl::erase_if(fullAt_, [now = nowMillis * 1000](const auto& entry) { return entry.second <= now; });
  if (fullAt_.empty()) fullAt_ = {};
}

bool Patience::refused(std::int64_t nowMillis, std::int64_t retryAfterMillis,
                       std::uint32_t maxIgnored) noexcept {
  if (nowMillis < retryAt_) ++ignored_;
  retryAt_ = std::max(retryAt_, nowMillis + retryAfterMillis);
  return ignored_ > maxIgnored;
}

std::unique_ptr<RateLimits> RateLimits::create(const RateLimitOptions& options) {
  const auto limits = [](const CommandRates& rates) {
    return rates.device.perSecond != 0 || rates.user.perSecond != 0 || rates.address.perSecond != 0;
  };
  if (!limits(options.events) && !limits(options.receipts) && !limits(options.typing) &&
      !limits(options.queries) && !limits(options.presence) && !limits(options.malformed))
    return nullptr;
  return std::make_unique<RateLimits>(options);
}

RateLimits::RateLimits(const RateLimitOptions& options) : options_(options) {
  for (Stripe& stripe : stripes_) stripe.table = RateTable(options.maxTracked / kStripes + 1);
}

const CommandRates& RateLimits::rates(CommandKind kind) const noexcept {
  switch (kind) {
    case CommandKind::events:
      return options_.events;
    case CommandKind::receipts:
      return options_.receipts;
    case CommandKind::typing:
      return options_.typing;
    case CommandKind::presence:
      return options_.presence;
    case CommandKind::malformed:
      return options_.malformed;
    case CommandKind::queries:
      break;
  }
  return options_.queries;
}

std::int64_t RateLimits::take(const Sender& sender, CommandKind kind, std::uint32_t cost,
                              std::int64_t nowMillis) {
  const CommandRates& rate = rates(kind);
  const auto take_from = [&](Scope scope, const Rate& limit, auto&&... names) -> std::int64_t {
    if (limit.perSecond == 0) return 0;
    return take_one(absl::HashOf(scope, kind, names...), limit, cost, nowMillis);
  };
  if (const auto wait = take_from(Scope::device, rate.device, view(sender.user), view(sender.device)))
    return wait;
  if (const auto wait = take_from(Scope::user, rate.user, view(sender.user))) return wait;
  return take_from(Scope::address, rate.address, sender.address);
}

std::int64_t RateLimits::take_one(std::uint64_t key, const Rate& rate, std::uint32_t cost,
                                  std::int64_t nowMillis) {
  Stripe& stripe = stripes_[key % kStripes];
  std::lock_guard lock(stripe.mutex);
  return stripe.table.take(key, rate, cost, nowMillis);
}

std::uint64_t RateLimits::address_key(std::string_view remoteAddress) {
  return absl::HashOf(view(remote_network(remoteAddress)));
}

void RateLimits::sweep(std::size_t stripe, std::int64_t nowMillis) {
  std::lock_guard lock(stripes_[stripe].mutex);
  stripes_[stripe].table.sweep(nowMillis);
}

std::size_t RateLimits::tracked() const {
  std::size_t sum = 0;
  for (const Stripe& stripe : stripes_) {
    std::lock_guard lock(stripe.mutex);
    sum += stripe.table.size();
  }
  return sum;
}

}  // namespace chatcore::engine
