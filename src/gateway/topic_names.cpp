#include <absl/container/flat_hash_map.h>

#include <array>
#include <cassert>
#include <mutex>

#include "chatcore/gateway/topic.hpp"
#include "core/string_map.hpp"

namespace chatcore {

namespace {
constexpr std::size_t kStripes = 64;
}

struct TopicNames::Stripes {
  struct Stripe {
    std::mutex mutex;
    absl::flat_hash_map<std::string_view, TopicEntry*, StringHash, std::equal_to<>>
        byName;  // keys live in the entries
  };
  std::array<Stripe, kStripes> stripes;
  Stripe& of(std::string_view name) { return stripes[StringHash{}(name) % kStripes]; }
};

TopicEntry::TopicEntry(TopicNames& owner, std::string name, std::uint32_t shards)
    : owner_(owner), name_(std::move(name)), local_(new std::uint32_t[shards]) {
  std::fill_n(local_.get(), shards, kNotHere);
}

Topic::~Topic() {
  if (entry_ == nullptr) return;
  // The last reference is given back under the stripe's lock, where `intern` might be taking a new one.
  std::uint32_t seen = entry_->references_.load(std::memory_order_relaxed);
  while (seen > 1) {
    if (entry_->references_.compare_exchange_weak(seen, seen - 1, std::memory_order_acq_rel)) return;
  }
  entry_->owner_.drop(entry_);
}

TopicNames::TopicNames(std::uint32_t shards) : stripes_(std::make_unique<Stripes>()), shards_(shards) {
  assert(shards >= 1 && shards <= kMaxShards);
}
TopicNames::~TopicNames() { assert(size() == 0); }

Topic TopicNames::intern(std::string_view name) {
  auto& stripe = stripes_->of(name);
  std::lock_guard lock(stripe.mutex);
  auto found = stripe.byName.find(name);
  if (found == stripe.byName.end()) {
    auto* entry = new TopicEntry(*this, std::string(name), shards_);
    found = stripe.byName.emplace(entry->name(), entry).first;
  }
  found->second->references_.fetch_add(1, std::memory_order_relaxed);
  return Topic(found->second);
}

void TopicNames::drop(TopicEntry* entry) noexcept {
  auto& stripe = stripes_->of(entry->name());
  std::unique_lock lock(stripe.mutex);
  if (entry->references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  stripe.byName.erase(entry->name());
  lock.unlock();
  delete entry;
}

std::size_t TopicNames::size() const {
  std::size_t total = 0;
  for (auto& stripe : stripes_->stripes) {
    std::lock_guard lock(stripe.mutex);
    total += stripe.byName.size();
  }
  return total;
}

}  // namespace chatcore
