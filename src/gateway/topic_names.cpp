#include <absl/container/flat_hash_set.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <mutex>
#include <new>

#include "chatcore/gateway/topic.hpp"
#include "core/string_map.hpp"

namespace chatcore {

namespace {
constexpr std::size_t kStripes = 64;

std::string_view name_of(std::string_view name) { return name; }
std::string_view name_of(const TopicEntry* entry) { return entry->name(); }

struct NameHash {
  using is_transparent = void;
  std::size_t operator()(const auto& named) const noexcept { return StringHash{}(name_of(named)); }
};
struct NameEqual {
  using is_transparent = void;
  bool operator()(const auto& a, const auto& b) const noexcept { return name_of(a) == name_of(b); }
};

}  // namespace

struct TopicNames::Stripes {
  struct Stripe {
    std::mutex mutex;
    absl::flat_hash_set<TopicEntry*, NameHash, NameEqual> entries;
  };
  std::array<Stripe, kStripes> stripes;
  Stripe& of(std::string_view name) { return stripes[StringHash{}(name) % kStripes]; }
};

TopicEntry::TopicEntry(TopicNames& owner, std::string_view name, std::uint32_t shards)
    : owner_(owner),
      nameSize_(static_cast<std::uint16_t>(name.size())),
      shards_(static_cast<std::uint16_t>(shards)) {
  std::uninitialized_fill_n(locals(), shards, kNotHere);
  std::uninitialized_copy(name.begin(), name.end(), reinterpret_cast<char*>(locals() + shards));
}

TopicEntry* TopicEntry::make(TopicNames& owner, std::string_view name, std::uint32_t shards) {
  assert(name.size() <= UINT16_MAX);
  void* memory = ::operator new(sizeof(TopicEntry) + shards * sizeof(std::uint32_t) + name.size());
  return ::new (memory) TopicEntry(owner, name, shards);
}

void TopicEntry::destroy() noexcept {
  this->~TopicEntry();
  ::operator delete(this);
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
  auto found = stripe.entries.find(name);
  if (found == stripe.entries.end())
    found = stripe.entries.insert(TopicEntry::make(*this, name, shards_)).first;
  (*found)->references_.fetch_add(1, std::memory_order_relaxed);
  return Topic(*found);
}

void TopicNames::drop(TopicEntry* entry) noexcept {
  auto& stripe = stripes_->of(entry->name());
  std::unique_lock lock(stripe.mutex);
  if (entry->references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  stripe.entries.erase(entry);
  lock.unlock();
  entry->destroy();
}

std::size_t TopicNames::size() const {
  std::size_t total = 0;
  for (auto& stripe : stripes_->stripes) {
    std::lock_guard lock(stripe.mutex);
    total += stripe.entries.size();
  }
  return total;
}

}  // namespace chatcore
