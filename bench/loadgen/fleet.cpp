#include "fleet.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "frame_scan.hpp"
#include "server_process.hpp"

namespace chatcore::bench {
namespace {

constexpr std::size_t kReadBytes = 256 * 1024;
constexpr std::size_t kHandshakesUnderWay = 100;  // below any listen backlog: a dropped SYN costs a second
constexpr std::int64_t kHandshakePatience = 20'000'000'000;

[[noreturn]] void fail_errno(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

sockaddr_in address(const std::string& host, std::uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(port);
  if (inet_pton(AF_INET, host.c_str(), &result.sin_addr) != 1)
    throw std::runtime_error("not an IPv4 address: " + host);
  return result;
}

int connected_socket(const Options& options, std::size_t number) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail_errno("socket");
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // A reset instead of TIME_WAIT: runs follow each other, and their ports would run out.
  const linger reset{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  if (options.host.starts_with("127.")) {
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    const auto from = address("127.0.0." + std::to_string(2 + number % options.sources), 0);
    if (bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0) fail_errno("bind");
  }
  const auto to = address(options.host, options.port);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) fail_errno("connect");
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  return fd;
}

}  // namespace

Fleet::Fleet(const Options& options)
    : options_(options),
      wire_(make_wire(options.wire, options.host)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      buffer_(kReadBytes) {
  if (epoll_ < 0) fail_errno("epoll_create1");
}

Fleet::~Fleet() {
  for (const auto& link : links_) {
    if (link.fd >= 0) close(link.fd);
  }
  close(epoll_);
}

LinkIndex Fleet::open(const std::vector<std::string>& users) {
  const auto first = links_.size();
  const auto wanted = first + users.size();
  const auto deadline = now_nanoseconds() + kHandshakePatience;
  links_.reserve(wanted);
  while (welcomed_ < wanted) {
    while (links_.size() < wanted && links_.size() - welcomed_ < kHandshakesUnderWay) {
      connect(users[links_.size() - first]);
    }
    turn(100'000'000, [](LinkIndex, std::string_view) {});
    if (now_nanoseconds() > deadline)
      throw std::runtime_error("the server did not welcome everybody in time");
  }
  return static_cast<LinkIndex>(first);
}

void Fleet::connect(const std::string& user) {
  const auto index = static_cast<LinkIndex>(links_.size());
  auto& link = links_.emplace_back();
  link.fd = connected_socket(options_, index);
  wire_->greet(link.unsent, user);
  watch(index, EPOLL_CTL_ADD);
  write(index);
}

void Fleet::watch(LinkIndex index, int operation) {
  const auto& link = links_[index];
  epoll_event interest{.events = EPOLLIN | (link.awaitsWritable ? std::uint32_t{EPOLLOUT} : 0U),
                       .data = {.u32 = index}};
  if (epoll_ctl(epoll_, operation, link.fd, &interest) != 0) fail_errno("epoll_ctl");
}

void Fleet::mark_dirty(LinkIndex index) {
  if (!links_[index].dirty) dirty_.push_back(index);
  links_[index].dirty = true;
}

void Fleet::send_text(LinkIndex link, std::string_view text) {
  wire_->append_message(links_[link].unsent, text);
  mark_dirty(link);
}

void Fleet::send_ping(LinkIndex link) {
  append_client_frame(links_[link].unsent, kPing, {});
  mark_dirty(link);
}

void Fleet::flush() {
  for (const auto index : dirty_) {
    links_[index].dirty = false;
    write(index);
  }
  dirty_.clear();
}

void Fleet::write(LinkIndex index) {
  auto& link = links_[index];
  const auto sent = send(link.fd, link.unsent.data(), link.unsent.size(), MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) fail_errno("send");
  if (sent > 0) link.unsent.erase(0, static_cast<std::size_t>(sent));
  const bool wantsWritable = !link.unsent.empty();
  if (wantsWritable == link.awaitsWritable) return;
  link.awaitsWritable = wantsWritable;
  watch(index, EPOLL_CTL_MOD);
}

void Fleet::turn(std::int64_t timeoutNanoseconds, const TextHandler& onText) {
  flush();
  std::array<epoll_event, 512> ready;
  const timespec timeout{.tv_sec = timeoutNanoseconds / 1'000'000'000,
                         .tv_nsec = timeoutNanoseconds % 1'000'000'000};
  const int count = epoll_pwait2(epoll_, ready.data(), static_cast<int>(ready.size()), &timeout, nullptr);
  for (int i = 0; i < count; ++i) {
    const auto& event = ready[static_cast<std::size_t>(i)];
    if ((event.events & EPOLLOUT) != 0) write(event.data.u32);
    if ((event.events & ~std::uint32_t{EPOLLOUT}) != 0) read(event.data.u32, onText);
  }
}

void Fleet::stall(LinkIndex link) {
  links_[link].mayClose = true;
  epoll_ctl(epoll_, EPOLL_CTL_DEL, links_[link].fd, nullptr);
}

void Fleet::resume(LinkIndex link) { watch(link, EPOLL_CTL_ADD); }

void Fleet::read(LinkIndex index, const TextHandler& onText) {
  auto& link = links_[index];
  const auto kept = link.unread.size();
  if (kept + 4096 > buffer_.size()) buffer_.resize(kept * 2 + kReadBytes);
  std::memcpy(buffer_.data(), link.unread.data(), kept);
  const auto got = recv(link.fd, buffer_.data() + kept, buffer_.size() - kept, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0 && link.mayClose) return take_close(index, {.closeCode = 1006});
  if (got <= 0) throw std::runtime_error("connection " + std::to_string(index) + " was lost");
  readTime_ = now_nanoseconds();
  ++counters_.reads;
  std::string_view bytes(buffer_.data(), kept + static_cast<std::size_t>(got));
  bytes.remove_prefix(take_units(index, bytes, onText));
  if (kept != 0 || !bytes.empty()) link.unread.assign(bytes);
}

std::size_t Fleet::take_units(LinkIndex index, std::string_view bytes, const TextHandler& onText) {
  std::size_t used = 0;
  for (;;) {
    auto& link = links_[index];
    const auto before = link.stage;
    const auto unsent = link.unsent.size();
    const auto unit = wire_->front(bytes.substr(used), link.stage, link.unsent);
    if (unit.size == 0) return used;
    used += unit.size;
    if (link.unsent.size() != unsent) mark_dirty(index);
    if (before != Stage::ready && link.stage == Stage::ready) ++welcomed_;
    if (unit.kind == Unit::Kind::close) take_close(index, unit);
    if (unit.kind != Unit::Kind::text) continue;
    ++counters_.frames;
    onText(index, unit.payload);
  }
}

void Fleet::take_close(LinkIndex index, const Unit& unit) {
  auto& link = links_[index];
  link.closeCode = unit.closeCode;
  if (link.mayClose) {
    epoll_ctl(epoll_, EPOLL_CTL_DEL, link.fd, nullptr);
    return;
  }
  throw std::runtime_error("the server closed connection " + std::to_string(index) + " with " +
                           std::to_string(unit.closeCode) + " " + std::string(unit.payload));
}

}  // namespace chatcore::bench
