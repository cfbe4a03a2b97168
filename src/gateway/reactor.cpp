#include "gateway/reactor.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <cassert>
#include <iterator>

namespace chatcore::gateway {

namespace {

std::uint32_t to_epoll(std::uint32_t interest) {
  return ((interest & Reactor::kReadable) != 0 ? EPOLLIN | EPOLLRDHUP : 0U) |
         ((interest & Reactor::kWritable) != 0 ? static_cast<std::uint32_t>(EPOLLOUT) : 0U);
}

}  // namespace

Reactor::Reactor() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {}
Reactor::~Reactor() {
  if (epoll_ >= 0) ::close(epoll_);
}

bool Reactor::add(int fd, std::uint32_t tag, std::uint32_t interest) {
  epoll_event event{};
  event.events = to_epoll(interest);
  event.data.u32 = tag;
  return epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0;
}

void Reactor::change(int fd, std::uint32_t tag, std::uint32_t interest) {
  epoll_event event{};
  event.events = to_epoll(interest);
  event.data.u32 = tag;
  [[maybe_unused]] const int failed = epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
  assert(failed == 0);
}

void Reactor::remove(int fd) { epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr); }

std::span<const Reactor::Event> Reactor::poll() {
  epoll_event ready[std::size(decltype(events_){})];
  const int count = epoll_wait(epoll_, ready, std::size(ready), 0);
  if (count <= 0) return {};
  for (int i = 0; i < count; ++i) {
    const std::uint32_t bits = ready[i].events;
    events_[i] = {ready[i].data.u32, ((bits & (EPOLLIN | EPOLLRDHUP)) != 0 ? kReadable : 0U) |
                                         ((bits & EPOLLOUT) != 0 ? kWritable : 0U) |
                                         ((bits & (EPOLLHUP | EPOLLERR)) != 0 ? kHangUp : 0U)};
  }
  return {events_, static_cast<std::size_t>(count)};
}

}  // namespace chatcore::gateway
