#include "mini_server.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace chatcore::bench {
namespace {

constexpr std::string_view kUpgraded =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

}  // namespace

MiniServer::MiniServer()
    : listener_(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)), epoll_(epoll_create1(0)), buffer_(1 << 18) {
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof any;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&any), size) != 0) die("bind");
  if (listen(listener_, 4096) != 0) die("listen");
  getsockname(listener_, reinterpret_cast<sockaddr*>(&any), &size);
  std::printf("listening on ws://127.0.0.1:%d/v1/ws\n", ntohs(any.sin_port));
  std::fflush(stdout);
  epoll_event interest{.events = EPOLLIN, .data = {.fd = listener_}};
  epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &interest);
}

void MiniServer::run() {
  std::array<epoll_event, 512> ready;
  for (;;) {
    const int count = epoll_wait(epoll_, ready.data(), static_cast<int>(ready.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = ready[static_cast<std::size_t>(i)].data.fd;
      fd == listener_ ? accept_all() : read(fd);
    }
    on_turn_end();
  }
}

void MiniServer::accept_all() {
  for (int fd = 0; (fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const auto slot = static_cast<std::size_t>(fd);
    if (clients_.size() <= slot) clients_.resize(slot + 1);
    clients_[slot] = {};
    clients_[slot].place = open_.size();
    open_.push_back(fd);
    epoll_event interest{.events = EPOLLIN, .data = {.fd = fd}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &interest);
  }
}

void MiniServer::drop(int fd) {
  on_close(fd);
  auto& client = clients_[static_cast<std::size_t>(fd)];
  users_.erase(client.user);
  open_[client.place] = open_.back();
  clients_[static_cast<std::size_t>(open_.back())].place = client.place;
  open_.pop_back();
  close(fd);
}

void MiniServer::read(int fd) {
  auto& client = clients_[static_cast<std::size_t>(fd)];
  const auto kept = client.unread.size();
  if (kept + 4096 > buffer_.size()) buffer_.resize(buffer_.size() * 2);
  std::memcpy(buffer_.data(), client.unread.data(), kept);
  const auto got = recv(fd, buffer_.data() + kept, buffer_.size() - kept, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) return drop(fd);
  const auto size = kept + static_cast<std::size_t>(got);
  auto used = client.upgraded ? 0 : upgrade(fd, {buffer_.data(), size});
  if (client.upgraded) used += take_frames(fd, buffer_.data() + used, size - used);
  if (kept != 0 || used != size) client.unread.assign(buffer_.data() + used, size - used);
  on_read_end(fd);
}

std::size_t MiniServer::upgrade(int fd, std::string_view bytes) {
  const auto end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  auto& client = clients_[static_cast<std::size_t>(fd)];
  client.upgraded = true;
  const auto user = bytes.find("user=") + 5;
  client.user = bytes.substr(user, bytes.find_first_of("& ", user) - user);
  users_[client.user] = fd;
  std::string answer(kUpgraded);
  append_server_frame(answer, R"({"type":"welcome","userId":")" + client.user + "\"}");
  send_all(fd, answer);
  return end + 4;
}

std::size_t MiniServer::take_frames(int fd, char* bytes, std::size_t size) {
  std::size_t used = 0;
  while (size - used >= 6) {
    const auto* head = reinterpret_cast<const unsigned char*>(bytes + used);
    std::size_t header = 6;
    std::size_t length = head[1] & 0x7fU;
    if (length == 127) die("a frame above 64 KiB");
    if (length == 126) {
      header = 8;
      if (size - used < header) break;
      length = std::size_t{head[2]} << 8 | head[3];
    }
    if (size - used < header + length) break;
    char* payload = bytes + used + header;
    const char* mask = payload - 4;
    for (std::size_t i = 0; i < length; ++i) payload[i] = static_cast<char>(payload[i] ^ mask[i & 3]);
    if ((head[0] & 0x0fU) == 1) on_text(fd, {payload, length});
    used += header + length;
  }
  return used;
}

void MiniServer::send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      pollfd writable{.fd = fd, .events = POLLOUT, .revents = 0};
      poll(&writable, 1, -1);
    } else {
      return;  // gone; its EPOLLHUP comes
    }
  }
}

int MiniServer::socket_of(std::string_view user) const {
  const auto found = users_.find(std::string(user));
  return found == users_.end() ? -1 : found->second;
}

void append_server_frame(std::string& out, std::string_view payload) {
  out.push_back('\x81');
  if (payload.size() < 126) {
    out.push_back(static_cast<char>(payload.size()));
  } else {
    if (payload.size() > 65535) die("a frame above 64 KiB");
    out.push_back(126);
    out.push_back(static_cast<char>(payload.size() >> 8));
    out.push_back(static_cast<char>(payload.size()));
  }
  out.append(payload);
}

std::string_view text_of(std::string_view json, std::string_view quotedKey) {
  const void* found = memmem(json.data(), json.size(), quotedKey.data(), quotedKey.size());
  if (found == nullptr) return {};
  const auto start =
      static_cast<std::size_t>(static_cast<const char*>(found) - json.data()) + quotedKey.size() + 2;
  return json.substr(start, json.find('"', start) - start);
}

void append_message_new(std::string& out, std::string_view conversation, std::uint64_t seq,
                        std::string_view json) {
  char number[20];
  const auto digits = static_cast<std::size_t>(std::to_chars(number, number + 20, seq).ptr - number);
  out.append(R"({"type":"message.new","data":{"conversationId":")").append(conversation);
  out.append(R"(","messageId":"7000000000000000000","seq":)").append(number, digits);
  out.append(R"(,"senderId":"sender0.12345678","senderDeviceId":"load","clientMsgId":")");
  out.append(text_of(json, "\"clientMsgId\""));
  out.append(R"(","messageType":"text","content":")").append(text_of(json, "\"content\""));
  out.append(R"(","timestamp":1700000000000}})");
}

void append_message_sent(std::string& out, std::string_view conversation, std::uint64_t seq,
                         std::string_view json) {
  char number[20];
  const auto digits = static_cast<std::size_t>(std::to_chars(number, number + 20, seq).ptr - number);
  out.append(R"({"type":"message.sent","clientMsgId":")").append(text_of(json, "\"clientMsgId\""));
  out.append(R"(","conversationId":")").append(conversation);
  out.append(R"(","messageId":"7000000000000000000","seq":)").append(number, digits);
  out.append(R"(,"timestamp":1700000000000,"duplicate":false})");
}

}  // namespace chatcore::bench
