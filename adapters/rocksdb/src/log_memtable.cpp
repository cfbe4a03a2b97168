#include "log_memtable.hpp"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string_view>
#include <thread>
#include <vector>

namespace chatcore::rocks {

namespace {

constexpr std::size_t kNumberBytes = 8;  // what ascends within an owner
constexpr std::size_t kTagBytes = 8;     // RocksDB's sequence number and type, behind every key

std::string_view user_key(const rocksdb::Slice& key) {
  assert(key.size() >= kTagBytes);
  return {key.data(), key.size() - kTagBytes};
}

/// Rows in order. Filled at its end while it is read; anything else takes a new one.
struct Rows {
  explicit Rows(std::size_t room) : capacity(room), entries(std::make_unique<const char*[]>(room)) {}
  const std::size_t capacity;
  std::atomic<std::size_t> size{0};
  const std::unique_ptr<const char*[]> entries;

  void push_back(const char* entry) {
    const std::size_t at = size.load(std::memory_order_relaxed);
    assert(at < capacity);
    entries[at] = entry;
    size.store(at + 1, std::memory_order_release);
  }
};

/// The rows of one owner; every `Rows` it ever had, since readers may still look at those.
struct Run {
  std::atomic<const Rows*> current{nullptr};
  std::vector<std::unique_ptr<Rows>> all;

  void publish() { current.store(all.back().get(), std::memory_order_release); }
};

class LogMemtable final : public rocksdb::MemTableRep {
 public:
  LogMemtable(const KeyComparator& order, rocksdb::Allocator* allocator)
      : rocksdb::MemTableRep(allocator), order_(order) {}

  void Insert(rocksdb::KeyHandle handle) override;
  bool Contains(const char* key) const override;
  std::size_t ApproximateMemoryUsage() override { return bytes_.load(std::memory_order_relaxed); }
  Iterator* GetIterator(rocksdb::Arena* arena) override;

 private:
  class Walk;
  using Runs = std::map<std::string_view, Run>;
  struct Slot {
    alignas(std::max_align_t) std::byte bytes[128];
  };

  void begin_run(std::string_view owner, const char* entry);
  Rows& make_room(Run& run, std::size_t room);
  void insert_between(Run& run, const char* entry);
  void insert_anew(Run& run, std::size_t at, const char* entry, std::size_t room);
  void* take_slot() const;
  void give_back(void* slot) const;

  const KeyComparator& order_;
  std::atomic<std::size_t> bytes_{0};
  absl::flat_hash_map<std::string_view, Run*> byOwner_;  // the inserting thread's
  mutable std::shared_mutex mutex_;  // over the shape of `runs_`, not over what is in a run
  Runs runs_;
  mutable std::mutex slotMutex_;
  mutable std::vector<std::unique_ptr<Slot>> slots_;
  mutable absl::flat_hash_map<std::thread::id, std::vector<void*>> freeSlots_;
};

void LogMemtable::Insert(rocksdb::KeyHandle handle) {
  const auto* entry = static_cast<const char*>(handle);
  const std::string_view key = user_key(rocksdb::GetLengthPrefixedSlice(entry));
  assert(key.size() > kNumberBytes);
  const std::string_view owner = key.substr(0, key.size() - kNumberBytes);
  const auto known = byOwner_.find(owner);
  if (known == byOwner_.end()) return begin_run(owner, entry);
  Run& run = *known->second;
  Rows* rows = run.all.back().get();
  const std::size_t size = rows->size.load(std::memory_order_relaxed);
  const std::string_view last = user_key(rocksdb::GetLengthPrefixedSlice(rows->entries[size - 1]));
  if (std::memcmp(key.data() + owner.size(), last.data() + owner.size(), kNumberBytes) <= 0)
    return insert_between(run, entry);
  if (size < rows->capacity) return rows->push_back(entry);
  insert_anew(run, size, entry, size * 2);
}

Rows& LogMemtable::make_room(Run& run, std::size_t room) {
  bytes_.fetch_add(sizeof(Rows) + room * sizeof(const char*), std::memory_order_relaxed);
  return *run.all.emplace_back(std::make_unique<Rows>(room));
}

/// The owner's bytes are those of its first entry, which lives as long as the memtable.
void LogMemtable::begin_run(std::string_view owner, const char* entry) {
  constexpr std::size_t kFirstRoom = 2;
  constexpr std::size_t kMapNodes = 160;
  bytes_.fetch_add(sizeof(Run) + kMapNodes, std::memory_order_relaxed);
  const std::unique_lock lock(mutex_);
  Run& run = runs_[owner];
  make_room(run, kFirstRoom).push_back(entry);
  run.publish();
  byOwner_.emplace(owner, &run);
}

void LogMemtable::insert_between(Run& run, const char* entry) {
  const Rows& rows = *run.all.back();
  const std::size_t size = rows.size.load(std::memory_order_relaxed);
  const auto begin = rows.entries.get();
  const auto place = std::lower_bound(
      begin, begin + size, entry, [&](const char* row, const char* added) { return order_(row, added) < 0; });
  insert_anew(run, static_cast<std::size_t>(place - begin), entry, size + 1);
}

/// What stands there and `entry` at its place, in new rows with that much room.
void LogMemtable::insert_anew(Run& run, std::size_t at, const char* entry, std::size_t room) {
  const Rows& rows = *run.all.back();
  const std::size_t size = rows.size.load(std::memory_order_relaxed);
  const auto begin = rows.entries.get();
  Rows& next = make_room(run, room);
  const auto place = std::copy_n(begin, at, next.entries.get());
  *place = entry;
  std::copy(begin + at, begin + size, place + 1);
  next.size.store(size + 1, std::memory_order_relaxed);
  run.publish();
}

/// Stands in the rows of a run as they were when it came there: what was added since is newer than the
/// snapshot of whoever walks.
class LogMemtable::Walk final : public rocksdb::MemTableRep::Iterator {
 public:
  explicit Walk(const LogMemtable& table) : table_(table) {}

  [[nodiscard]] bool Valid() const override { return rows_ != nullptr; }
  [[nodiscard]] const char* key() const override { return rows_->entries[index_]; }

  void Next() override {
    if (++index_ < size_) return;
    const std::shared_lock lock(table_.mutex_);
    enter(std::next(run_), false);
  }
  void Prev() override {
    if (index_-- > 0) return;
    const std::shared_lock lock(table_.mutex_);
    enter_before(run_);
  }

  void Seek(const rocksdb::Slice& internalKey, const char* memtableKey) override {
    const rocksdb::Slice target = target_of(internalKey, memtableKey);
    const std::shared_lock lock(table_.mutex_);
    const auto next = table_.runs_.upper_bound(user_key(target));
    if (enter_owner_of(target, next)) {
      index_ = first_not_below(target);
      if (index_ < size_) return;
    }
    enter(next, false);
  }
  void SeekForPrev(const rocksdb::Slice& internalKey, const char* memtableKey) override {
    const rocksdb::Slice target = target_of(internalKey, memtableKey);
    const std::shared_lock lock(table_.mutex_);
    const auto next = table_.runs_.upper_bound(user_key(target));
    if (!enter_owner_of(target, next)) return enter_before(next);
    index_ = first_not_below(target);
    if (index_ < size_ && table_.order_(key(), target) == 0) return;
    if (index_-- == 0) enter_before(run_);
  }
  void SeekToFirst() override {
    const std::shared_lock lock(table_.mutex_);
    enter(table_.runs_.begin(), false);
  }
  void SeekToLast() override {
    const std::shared_lock lock(table_.mutex_);
    enter_before(table_.runs_.end());
  }

  // RocksDB destroys an iterator in place or deletes it, as it asked for it: either way the slot comes back.
  ~Walk() override { table_.give_back(this); }
  static void operator delete(void*) {}
  static void* operator new(std::size_t, void* slot) { return slot; }

 private:
  static rocksdb::Slice target_of(const rocksdb::Slice& internalKey, const char* memtableKey) {
    return memtableKey != nullptr ? rocksdb::GetLengthPrefixedSlice(memtableKey) : internalKey;
  }

  void enter(Runs::const_iterator run, bool atItsEnd) {
    run_ = run;
    rows_ = nullptr;
    if (run == table_.runs_.end()) return;
    rows_ = run->second.current.load(std::memory_order_acquire);
    size_ = rows_->size.load(std::memory_order_acquire);
    index_ = atItsEnd ? size_ - 1 : 0;
  }
  void enter_before(Runs::const_iterator run) {
    if (run == table_.runs_.begin()) return enter(table_.runs_.end(), false);
    enter(std::prev(run), true);
  }
  /// Enters the run whose owner the target begins with, if there is one: it stands right before `next`.
  bool enter_owner_of(const rocksdb::Slice& target, Runs::const_iterator next) {
    if (next == table_.runs_.begin()) return false;
    const auto run = std::prev(next);
    if (!user_key(target).starts_with(run->first)) return false;
    enter(run, false);
    return true;
  }
  [[nodiscard]] std::size_t first_not_below(const rocksdb::Slice& target) const {
    const auto begin = rows_->entries.get();
    const auto found = std::lower_bound(
        begin, begin + size_, target,
        [&](const char* row, const rocksdb::Slice& sought) { return table_.order_(row, sought) < 0; });
    return static_cast<std::size_t>(found - begin);
  }

  const LogMemtable& table_;
  Runs::const_iterator run_;
  const Rows* rows_ = nullptr;
  std::size_t size_ = 0;
  std::size_t index_ = 0;
};

bool LogMemtable::Contains(const char* key) const {
  Walk* const walk = new (take_slot()) Walk(*this);
  walk->Seek({}, key);
  const bool found = walk->Valid() && order_(walk->key(), key) == 0;
  walk->~Walk();
  return found;
}

rocksdb::MemTableRep::Iterator* LogMemtable::GetIterator(rocksdb::Arena*) {
  return new (take_slot()) Walk(*this);
}

// RocksDB's arena is not part of its public interface, so iterators live in slots of the memtable's own. One
// is given back by the destructor of what stands in it, and is for the same thread only: that has left the
// destructor when it takes the slot again.
void* LogMemtable::take_slot() const {
  static_assert(sizeof(Walk) <= sizeof(Slot));
  const std::lock_guard lock(slotMutex_);
  std::vector<void*>& free = freeSlots_[std::this_thread::get_id()];
  if (free.empty()) {
    slots_.push_back(std::make_unique<Slot>());
    return slots_.back().get();
  }
  void* const slot = free.back();
  free.pop_back();
  return slot;
}

void LogMemtable::give_back(void* slot) const {
  const std::lock_guard lock(slotMutex_);
  freeSlots_[std::this_thread::get_id()].push_back(slot);
}

}  // namespace

rocksdb::MemTableRep* LogMemtableFactory::CreateMemTableRep(const rocksdb::MemTableRep::KeyComparator& order,
                                                            rocksdb::Allocator* allocator,
                                                            const rocksdb::SliceTransform*,
                                                            rocksdb::Logger*) {
  return new LogMemtable(order, allocator);
}

}  // namespace chatcore::rocks
