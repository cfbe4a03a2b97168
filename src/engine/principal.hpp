#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>
#include <utility>

#include "chatcore/gateway/topic.hpp"
#include "chatcore/model/ids.hpp"

namespace chatcore::engine {

/// Begins the name of the topic that all devices of a user take.
inline constexpr std::string_view kInboxPrefix = "user-inbox-";

/// Who a connection is: made once, shared by all that acts for it. The user's name is that of the inbox.
class Principal {
 public:
  const Topic inbox;
  const DeviceId device;

  Principal(Topic inboxTopic, DeviceId deviceId)
      : inbox(std::move(inboxTopic)), device(std::move(deviceId)) {}
  [[nodiscard]] std::string_view user() const noexcept { return inbox->name().substr(kInboxPrefix.size()); }

 private:
  friend class PrincipalRef;
  mutable std::atomic<std::uint32_t> holders_{1};
};

/// Shares a principal among threads, like `std::shared_ptr` in half the room: each connection holds several.
class PrincipalRef {
 public:
  PrincipalRef() noexcept = default;
  static PrincipalRef make(Topic inbox, DeviceId device) {
    PrincipalRef made;
    made.principal_ = new Principal(std::move(inbox), std::move(device));
    return made;
  }
  PrincipalRef(const PrincipalRef& other) noexcept : principal_(other.principal_) {
    if (principal_ != nullptr) principal_->holders_.fetch_add(1, std::memory_order_relaxed);
  }
  PrincipalRef(PrincipalRef&& other) noexcept : principal_(std::exchange(other.principal_, nullptr)) {}
  PrincipalRef& operator=(PrincipalRef other) noexcept {
    std::swap(principal_, other.principal_);
    return *this;
  }
  ~PrincipalRef() {
    if (principal_ != nullptr && principal_->holders_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      delete principal_;
  }

  const Principal* operator->() const noexcept { return principal_; }
  const Principal& operator*() const noexcept { return *principal_; }
  explicit operator bool() const noexcept { return principal_ != nullptr; }

 private:
  const Principal* principal_ = nullptr;
};

}  // namespace chatcore::engine
