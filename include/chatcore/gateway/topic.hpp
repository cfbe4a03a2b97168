#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "chatcore/version.hpp"

namespace chatcore {

class TopicNames;

/// At most this many shards in one server: a topic keeps one bit for each.
inline constexpr std::uint32_t kMaxShards = 64;

/// A topic's name, interned once per process, with what each shard knows of it. Shared by reference.
class CHATCORE_API TopicEntry {
 public:
  static constexpr std::uint32_t kNotHere = UINT32_MAX;

  [[nodiscard]] std::string_view name() const noexcept {
    return {reinterpret_cast<const char*>(locals() + shards_), nameSize_};
  }

  /// Which shards have local takers: a publisher sends to these only.
  std::atomic<std::uint64_t> takers{0};
  /// A shard's own index of the topic; touched by that shard alone.
  std::uint32_t& local(std::uint32_t shard) noexcept { return locals()[shard]; }

  TopicEntry(const TopicEntry&) = delete;
  TopicEntry& operator=(const TopicEntry&) = delete;

 private:
  friend class TopicNames;
  friend class Topic;
  TopicEntry(TopicNames& owner, std::string_view name, std::uint32_t shards);
  ~TopicEntry() = default;
  /// One allocation: there is a topic per user. The indices follow the entry, the name follows them.
  static TopicEntry* make(TopicNames& owner, std::string_view name, std::uint32_t shards);
  void destroy() noexcept;
  [[nodiscard]] std::uint32_t* locals() noexcept { return reinterpret_cast<std::uint32_t*>(this + 1); }
  [[nodiscard]] const std::uint32_t* locals() const noexcept {
    return reinterpret_cast<const std::uint32_t*>(this + 1);
  }

  TopicNames& owner_;
  std::atomic<std::uint32_t> references_{0};
  std::uint16_t nameSize_;
  std::uint16_t shards_;
};

/// A counted reference to an interned topic. Copying costs one relaxed atomic increment.
class CHATCORE_API Topic {
 public:
  Topic() = default;
  Topic(const Topic& other) noexcept : entry_(other.entry_) {
    if (entry_ != nullptr) entry_->references_.fetch_add(1, std::memory_order_relaxed);
  }
  Topic(Topic&& other) noexcept : entry_(std::exchange(other.entry_, nullptr)) {}
  Topic& operator=(Topic other) noexcept { return std::swap(entry_, other.entry_), *this; }
  ~Topic();

  [[nodiscard]] TopicEntry* operator->() const noexcept { return entry_; }
  [[nodiscard]] TopicEntry* get() const noexcept { return entry_; }
  explicit operator bool() const noexcept { return entry_ != nullptr; }
  friend bool operator==(const Topic&, const Topic&) = default;

 private:
  friend class TopicNames;
  explicit Topic(TopicEntry* counted) noexcept : entry_(counted) {}
  TopicEntry* entry_ = nullptr;
};

/// The process's table of topic names. Thread-safe: striped locks, taken when a conversation is loaded or a
/// device connects, never when a message is published. Outlives every Topic.
class CHATCORE_API TopicNames {
 public:
  explicit TopicNames(std::uint32_t shards);
  ~TopicNames();
  TopicNames(const TopicNames&) = delete;
  TopicNames& operator=(const TopicNames&) = delete;

  /// The topic of that name (at most 65,535 bytes), made if there is none. O(1).
  [[nodiscard]] Topic intern(std::string_view name);
  [[nodiscard]] std::size_t size() const;

 private:
  friend class Topic;
  void drop(TopicEntry* entry) noexcept;
  struct Stripes;
  std::unique_ptr<Stripes> stripes_;
  std::uint32_t shards_;
};

}  // namespace chatcore
