#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "chatcore/version.hpp"

namespace chatcore {

/// What a full outbox may do with a frame.
enum class DeliveryClass : std::uint8_t {
  reply,      ///< an answer: queued always; past the hard bound the session is closed 4001
  live,       ///< an event of a log: withheld from a lagging session, its mark remembered
  ephemeral,  ///< typing, presence: dropped from a lagging session
};

/// What a frame is, besides bytes.
struct FrameInfo {
  DeliveryClass deliveryClass = DeliveryClass::reply;
  /// Opaque to the gateway, for chat a conversation and a seq: of what it withheld from a lagging session it
  /// remembers the highest number per key and reports them once the session has drained.
  std::string_view markKey;
  std::uint64_t markNumber = 0;
};

/// An immutable message, encoded and framed once and shared by every recipient. Thread-safe reference count.
class CHATCORE_API Frame {
 public:
  /// A WebSocket text frame (RFC 6455 section 5: unmasked, so the same bytes for every recipient).
  /// One allocation. The new frame has one reference, which the caller owns.
  [[nodiscard]] static Frame* make_text(std::string_view payload, const FrameInfo& info);

  /// Bytes that are framed already (a close frame).
  [[nodiscard]] static Frame* make_raw(std::string_view wire);

  [[nodiscard]] std::string_view wire() const noexcept { return {bytes(), wireSize_}; }
  [[nodiscard]] std::string_view payload() const noexcept {
    return {bytes() + headerSize_, wireSize_ - headerSize_};
  }
  [[nodiscard]] DeliveryClass delivery_class() const noexcept { return class_; }
  [[nodiscard]] std::string_view mark_key() const noexcept { return {bytes() + wireSize_, markKeySize_}; }
  [[nodiscard]] std::uint64_t mark_number() const noexcept { return markNumber_; }

  /// References are taken and given back in bulk: one atomic per publish and shard, not per recipient.
  void add_references(std::uint32_t count) noexcept {
    references_.fetch_add(count, std::memory_order_relaxed);
  }
  void release_references(std::uint32_t count) noexcept;

  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

 private:
  Frame() = default;
  static Frame* make(std::string_view header, std::string_view payload, const FrameInfo& info);
  ~Frame() = default;
  [[nodiscard]] const char* bytes() const noexcept { return reinterpret_cast<const char*>(this + 1); }

  std::atomic<std::uint32_t> references_{1};
  std::uint32_t wireSize_ = 0;
  std::uint64_t markNumber_ = 0;
  std::uint8_t headerSize_ = 0;
  std::uint8_t markKeySize_ = 0;
  DeliveryClass class_ = DeliveryClass::reply;
};

/// Owns one reference.
class FrameRef {
 public:
  FrameRef() = default;
  /// Takes over the reference of a fresh frame.
  explicit FrameRef(Frame* owned) noexcept : frame_(owned) {}
  [[nodiscard]] static FrameRef text(std::string_view payload, const FrameInfo& info = {}) {
    return FrameRef(Frame::make_text(payload, info));
  }
  FrameRef(const FrameRef& other) noexcept : frame_(other.frame_) {
    if (frame_ != nullptr) frame_->add_references(1);
  }
  FrameRef(FrameRef&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  FrameRef& operator=(FrameRef other) noexcept { return std::swap(frame_, other.frame_), *this; }
  ~FrameRef() {
    if (frame_ != nullptr) frame_->release_references(1);
  }

  [[nodiscard]] Frame* get() const noexcept { return frame_; }
  Frame* operator->() const noexcept { return frame_; }
  Frame& operator*() const noexcept { return *frame_; }
  explicit operator bool() const noexcept { return frame_ != nullptr; }

 private:
  Frame* frame_ = nullptr;
};

}  // namespace chatcore
