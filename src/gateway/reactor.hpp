#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "chatcore/result.hpp"

namespace chatcore::gateway {

/// A level-triggered epoll set: thousands of sockets behind the one descriptor that an io_context watches.
/// (A registration per socket in Asio costs an epoll_ctl per read and 300 bytes a connection.)
class Reactor {
 public:
  static constexpr std::uint32_t kReadable = 1;
  static constexpr std::uint32_t kWritable = 2;
  static constexpr std::uint32_t kHangUp = 4;

  struct Event {
    std::uint32_t tag;
    std::uint32_t flags;
  };

  Reactor();
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  /// Whether the kernel gave a descriptor; nothing else may be called if not.
  [[nodiscard]] bool ok() const noexcept { return epoll_ >= 0; }
  [[nodiscard]] int descriptor() const noexcept { return epoll_; }

  [[nodiscard]] bool add(int fd, std::uint32_t tag, std::uint32_t interest);
  void change(int fd, std::uint32_t tag, std::uint32_t interest);
  void remove(int fd);
  /// What is ready now, without waiting; at most 256 events. The view is valid until the next call.
  [[nodiscard]] std::span<const Event> poll();

 private:
  int epoll_;
  Event events_[256];
};

}  // namespace chatcore::gateway
