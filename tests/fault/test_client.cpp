#include "test_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace chatcore::faulttest {

namespace {

constexpr std::uint16_t kAbnormal = 1006;
constexpr std::uint32_t kMask = 0x12345678;

gateway::WebSocketOptions reading() {
  return {.role = gateway::WebSocketRole::client, .maxMessageBytes = 16U << 20};
}

using Steady = std::chrono::steady_clock;

std::chrono::milliseconds left_until(Steady::time_point end) {
  return std::max(0ms, std::chrono::duration_cast<std::chrono::milliseconds>(end - Steady::now()));
}

}  // namespace

TestClient::TestClient(std::uint16_t port, const std::string& target, int receiveBuffer)
    : parser_(reading()) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (receiveBuffer != 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, sizeof receiveBuffer);
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("the server does not listen");
  write("GET " + target +
        " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
  const auto end_of_wait = Steady::now() + kLimit;
  char bytes[4096];
  for (;;) {
    pollfd readable{fd_, POLLIN, 0};
    const int ready = ::poll(&readable, 1, static_cast<int>(left_until(end_of_wait).count()));
    const ssize_t got = ready <= 0 ? 0 : ::recv(fd_, bytes, sizeof bytes, 0);
    if (got <= 0) throw std::runtime_error("the upgrade was not answered");
    unread_.append(bytes, static_cast<std::size_t>(got));
    const std::size_t head = unread_.find("\r\n\r\n");
    if (head == std::string::npos) continue;
    if (!unread_.starts_with("HTTP/1.1 101")) throw std::runtime_error("refused: " + unread_);
    unread_.erase(0, head + 4);
    parse();
    return;
  }
}

TestClient::~TestClient() { disconnect(); }

TestClient::TestClient(TestClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      unread_(std::move(other.unread_)),
      parser_(std::move(other.parser_)),
      kept_(std::move(other.kept_)),
      closeCode_(other.closeCode_),
      closeReason_(std::move(other.closeReason_)),
      lastId_(other.lastId_) {}

void TestClient::disconnect() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void TestClient::write(const std::string& bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t sent = ::send(fd_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (sent <= 0) throw std::runtime_error("the connection broke while sending");
    done += static_cast<std::size_t>(sent);
  }
}

void TestClient::send_all(const std::vector<Json>& commands) {
  std::string bytes;
  for (const Json& command : commands)
    gateway::append_masked_frame(bytes, gateway::Opcode::text, command.dump(), kMask);
  write(bytes);
}

void TestClient::end(std::uint16_t code, std::string reason) {
  if (closed()) return;
  closeCode_ = code;
  closeReason_ = std::move(reason);
}

void TestClient::parse() {
  using Kind = gateway::ParseStep::Kind;
  for (;;) {
    const gateway::ParseStep step = parser_.next(unread_);
    if (step.kind == Kind::text) kept_.push_back(Json::parse(step.payload));
    if (step.kind == Kind::close) end(step.closeCode, std::string(step.payload));
    if (step.kind == Kind::failure) throw std::runtime_error("the server sent what is no WebSocket frame");
    unread_.erase(0, step.consumed);
    if (step.kind == Kind::need_more || step.kind == Kind::close) return;
  }
}

bool TestClient::receive(std::chrono::milliseconds limit) {
  if (closed() || fd_ < 0) return false;
  pollfd readable{fd_, POLLIN, 0};
  if (::poll(&readable, 1, static_cast<int>(limit.count())) <= 0) return false;
  char bytes[65536];
  const ssize_t got = ::recv(fd_, bytes, sizeof bytes, 0);
  if (got <= 0) {
    end(kAbnormal, {});
    return true;
  }
  unread_.append(bytes, static_cast<std::size_t>(got));
  parse();
  return true;
}

Json TestClient::expect(const std::string& what, const Matches& matches, std::chrono::milliseconds limit) {
  const auto until = Steady::now() + limit;
  for (std::size_t looked = 0;;) {
    for (; looked < kept_.size(); ++looked) {
      if (!matches(kept_[looked])) continue;
      Json found = std::move(kept_[looked]);
      kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(looked));
      return found;
    }
    if (receive(left_until(until))) continue;
    std::string seen;
    for (const Json& frame : kept_) seen += "\n  " + frame.dump().substr(0, 200);
    throw std::runtime_error("expected " + what + (closed() ? ", closed " + std::to_string(closeCode_) : "") +
                             "; there was:" + seen);
  }
}

Json TestClient::expect_type(const std::string& type, std::chrono::milliseconds limit) {
  return expect(type, [&](const Json& frame) { return frame.value("type", "") == type; }, limit);
}

Json TestClient::expect_answer(std::uint64_t id, std::chrono::milliseconds limit) {
  return expect(
      "the answer to " + std::to_string(id),
      [&](const Json& frame) { return frame.contains("id") && frame["id"] == id; }, limit);
}

Json TestClient::ask(Json command) {
  const std::uint64_t id = ++lastId_;
  command["id"] = id;
  send(command);
  return expect_answer(id);
}

std::vector<Json> TestClient::settle() {
  ask({{"type", "presence.ping"}});
  ask({{"type", "presence.ping"}});
  std::vector<Json> frames(kept_.begin(), kept_.end());
  kept_.clear();
  return frames;
}

bool TestClient::has_seen(const std::string& type) {
  bool seen = false;
  for (const Json& frame : settle()) seen |= frame.value("type", "") == type;
  return seen;
}

std::uint16_t TestClient::expect_close(std::chrono::milliseconds limit) {
  const auto until = Steady::now() + limit;
  while (!closed())
    if (!receive(left_until(until))) throw std::runtime_error("expected a close");
  return closeCode_;
}

}  // namespace chatcore::faulttest
