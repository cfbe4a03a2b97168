#include "gateway/websocket_transport.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <optional>

namespace chatcore::gateway {

namespace {

/// send(2) without being a point of cancellation, which costs the C library two atomic operations each time.
ssize_t send_now(int fd, std::string_view bytes) {
  return ::syscall(SYS_sendto, fd, bytes.data(), bytes.size(), MSG_NOSIGNAL, nullptr, 0);
}

constexpr std::size_t kReadBytes = 128 * 1024;
constexpr int kAcceptBudget = 64;       // per readiness event: sessions are not starved by a storm
constexpr std::size_t kMaxPieces = 64;  // well below IOV_MAX, and a send's worth
constexpr std::uint32_t kMaxTurnedAway = 256;
constexpr std::int64_t kTickMillis = 100;
constexpr std::uint16_t kPolicyViolation = 1008;
constexpr std::uint16_t kAbnormal = 1006;

std::string address_text(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET)
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text, sizeof text);
  else if (address.ss_family == AF_INET6)
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, text, sizeof text);
  return text;
}

}  // namespace

WebSocketTransport::WebSocketTransport(GatewayOptions options, Reactor& reactor, const Clock& clock,
                                       ConnectionCaps& caps)
    : options_(std::move(options)),
      reactor_(reactor),
      clock_(clock),
      caps_(caps),
      deadlines_(clock.steady()) {
  input_ = std::make_unique_for_overwrite<char[]>(kReadBytes);
}

WebSocketTransport::~WebSocketTransport() {
  stop_listening();
  for (Connection& connection : connections_)
    if (connection.fd >= 0) ::close(connection.fd);
}

bool WebSocketTransport::listen(int listener) {
  listener_ = listener;
  spare_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  return reactor_.add(listener, kListenerTag, Reactor::kReadable);
}

void WebSocketTransport::stop_listening() {
  if (listener_ < 0) return;
  reactor_.remove(listener_);
  ::close(std::exchange(listener_, -1));
  ::close(std::exchange(spare_, -1));
}

void WebSocketTransport::handle(const Reactor::Event& event) {
  if (event.tag == kListenerTag) return accept_ready();
  const ConnectionSlot slot = event.tag;
  if (slot >= connections_.size()) return;
  switch (connections_[slot].state) {
    case State::free:
    case State::aborted:
      return;
    case State::handshaking:
      return read_handshake(slot);
    case State::finishing:
      return discard_input(slot);
    case State::failing:
    case State::open:
      break;
  }
  if ((event.flags & Reactor::kHangUp) != 0 && (event.flags & Reactor::kReadable) == 0) return end(slot);
  if ((event.flags & Reactor::kWritable) != 0) {
    connections_[slot].wantsRoom = false;
    set_interest(connections_[slot], slot);
    events_->on_writable(slot);
  }
  if ((event.flags & Reactor::kReadable) == 0) return;
  if (connections_[slot].state == State::open)
    read_frames(slot);
  else if (connections_[slot].state == State::failing)
    discard_input(slot);
}

void WebSocketTransport::accept_ready() {
  for (int i = 0; i < kAcceptBudget; ++i) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    const int fd =
        accept4(listener_, reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EMFILE || errno == ENFILE) shed_one();
      return;  // EAGAIN: done; ECONNABORTED: the next readiness tries again
    }
    adopt(fd, address_text(address));
  }
}

/// Out of descriptors: without this the listener would stay ready for ever and the shard spin on it.
void WebSocketTransport::shed_one() {
  ::close(spare_);
  const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd >= 0) ::close(fd);
  spare_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/// Dropped when a frame is half out or there is no room: the peer asks again. Cut short, it would leave the
/// stream inside a frame for good.
void WebSocketTransport::send_control(ConnectionSlot slot, std::string_view frame) {
  const Connection& connection = connections_[slot];
  if (connection.midFrame || connection.wantsRoom) return;
  const ssize_t sent = ::send(connection.fd, frame.data(), frame.size(), MSG_NOSIGNAL);
  if (sent > 0 && static_cast<std::size_t>(sent) < frame.size()) abort(slot);
}

/// Of several pings that came together the last (RFC 6455, 5.5.3): a write for each would let one who sends
/// nothing else keep the shard busy.
void WebSocketTransport::answer_ping(ConnectionSlot slot, std::string_view payload) {
  std::string pong;
  append_frame(pong, Opcode::pong, payload);
  send_control(slot, pong);
}

int WebSocketTransport::admit_connect(ConnectionCaps::Address address) {
  if (options_.maxConnectsPerSecond != 0) {
    const std::int64_t window = clock_.steady().count() / 1000;
    if (window != connectWindow_) {
      connectWindow_ = window;
      connectsInWindow_ = 0;
    }
    if (++connectsInWindow_ > options_.maxConnectsPerSecond) return 503;
  }
  switch (caps_.admit(address)) {
    case ConnectionCaps::Verdict::process_full:
      return 503;
    case ConnectionCaps::Verdict::address_full:
      return 429;
    case ConnectionCaps::Verdict::admitted:
      break;
  }
  return 0;
}

ConnectionSlot WebSocketTransport::take_slot(int fd) {
  ConnectionSlot slot = 0;
  const WebSocketOptions frames{WebSocketRole::server, options_.maxFrameBytes, true, false};
  if (free_.empty()) {
    slot = static_cast<ConnectionSlot>(connections_.size());
    connections_.emplace_back(frames);
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  Connection& connection = connections_[slot];
  const std::uint32_t generation = connection.generation + 1;
  connection = Connection(frames);
  connection.generation = generation;
  connection.fd = fd;
  connection.state = State::handshaking;
  return slot;
}

/// Its answer is lost if the socket is closed on a request that has not been read, so for a while some of
/// those that are refused may linger.
void WebSocketTransport::turn_away(int fd, int status) {
  std::string response;
  append_error_response(response, status, status == 429 ? "too many connections" : "overloaded", 1);
  [[maybe_unused]] auto sent = ::send(fd, response.data(), response.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (turnedAway_ >= kMaxTurnedAway) {
    ::close(fd);
    return;
  }
  const ConnectionSlot slot = take_slot(fd);
  connections_[slot].refused = true;
  ++turnedAway_;
  if (!reactor_.add(fd, slot, Reactor::kReadable)) return end(slot);
  finish(slot);
}

void WebSocketTransport::adopt(int fd, std::string_view remoteAddress) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const ConnectionCaps::Address address = caps_.name(remoteAddress);
  if (const int refused = admit_connect(address); refused != 0) return turn_away(fd, refused);
  const ConnectionSlot slot = take_slot(fd);
  Connection& connection = connections_[slot];
  connection.address = address;
  connection.handshaking = std::make_unique<Handshaking>();
  connection.handshaking->remoteAddress = remoteAddress;
  connection.handshaking->acceptedAt = clock_.steady();
  if (!reactor_.add(fd, slot, Reactor::kReadable)) return end(slot);
  // Somewhat early: however the ticks fall, it is over in time.
  watch(slot, options_.handshakeTimeout - options_.handshakeTimeout / 20);
}

void WebSocketTransport::read_handshake(ConnectionSlot slot) {
  Connection& connection = connections_[slot];
  std::string& bytes = connection.handshaking->bytes;
  const ssize_t count = ::recv(connection.fd, input_.get(), kReadBytes, 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return end(slot);
  bytes.append(input_.get(), static_cast<std::size_t>(count));
  // The parser refuses a head over its limit, so `bytes` is at most that and one read.
  const HeadResult result = connection.handshaking->parser.parse(bytes);
  if (std::holds_alternative<HeadIncomplete>(result)) return;
  if (const auto* rejected = std::get_if<HeadRejected>(&result))
    return refuse(slot, rejected->status, rejected->reason);
  const auto& complete = std::get<HeadComplete>(result);
  const HttpRequest& request = complete.request;
  if (request.path == "/healthz") return answer_health(slot);
  if (request.path != "/v1/ws") return refuse(slot, 404, "not found; the chat is at /v1/ws");
  upgrade(slot, request, std::string_view(bytes).substr(complete.consumed));
}

void WebSocketTransport::upgrade(ConnectionSlot slot, const HttpRequest& request, std::string_view rest) {
  const UpgradeDecision decision = decide_upgrade(request);
  if (const auto* refused = std::get_if<UpgradeRefused>(&decision))
    return refuse(slot, refused->status, refused->reason);
  const std::string_view origin = request.header("Origin").value_or("");
  const auto& allowed = options_.allowedOrigins;
  if (!origin.empty() && !allowed.empty() &&
      std::find(allowed.begin(), allowed.end(), origin) == allowed.end())
    return refuse(slot, 403, "origin not allowed");
  std::string response;
  append_upgrade_response(response, std::get<UpgradeAccepted>(decision));
  Connection& connection = connections_[slot];
  const std::string_view authorization = request.header("Authorization").value_or("");
  // Who shows credentials hears from the engine right away: one segment carries both. The kernel holds the
  // first part back for 200 ms at most (tcp(7), TCP_CORK).
  const int more = request.query.empty() && authorization.empty() ? 0 : MSG_MORE;
  const ssize_t sent = ::send(connection.fd, response.data(), response.size(), MSG_NOSIGNAL | more);
  // A fresh socket always has room for a hundred bytes.
  if (sent != static_cast<ssize_t>(response.size())) return end(slot);
  connection.state = State::open;
  connection.announced = true;
  // The head lives until the gateway has read it.
  const std::unique_ptr<Handshaking> handshaking = std::move(connection.handshaking);
  const HandshakeView view{request.query, authorization, origin, handshaking->remoteAddress,
                           handshaking->acceptedAt};
  events_->on_open(slot, view);
  if (rest.empty() || connections_[slot].state != State::open) return;
  std::string early(rest);
  parse(slot, early);
}

void WebSocketTransport::refuse(ConnectionSlot slot, int status, std::string_view text,
                                std::uint32_t retryAfterSeconds) {
  std::string response;
  append_error_response(response, status, text, retryAfterSeconds);
  send_and_close(slot, response);
}

void WebSocketTransport::answer_health(ConnectionSlot slot) {
  send_and_close(
      slot,
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n");
}

void WebSocketTransport::send_and_close(ConnectionSlot slot, const std::string& response) {
  Connection& connection = connections_[slot];
  [[maybe_unused]] auto sent = ::send(connection.fd, response.data(), response.size(), MSG_NOSIGNAL);
  connection.handshaking.reset();
  finish(slot);
}

void WebSocketTransport::read_frames(ConnectionSlot slot) {
  Connection& connection = connections_[slot];
  const ssize_t count = ::recv(connection.fd, input_.get(), kReadBytes, 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return end(slot);
  if (connection.partial == nullptr) return parse(slot, {input_.get(), static_cast<std::size_t>(count)});
  if (!gather(connection, static_cast<std::size_t>(count))) return events_->on_heard(slot);
  const std::unique_ptr<Partial> whole = std::move(connection.partial);
  parse(slot, whole->bytes);
}

/// True when enough is there for the parser to go on.
bool WebSocketTransport::gather(Connection& connection, std::size_t count) {
  connection.partial->bytes.append(input_.get(), count);
  return connection.partial->bytes.size() >= connection.partial->needed;
}

void WebSocketTransport::parse(ConnectionSlot slot, std::span<char> bytes) {
  events_->on_heard(slot);
  const std::uint32_t generation = connections_[slot].generation;
  const auto same = [&] {
    return connections_[slot].generation == generation && connections_[slot].state == State::open;
  };
  std::size_t at = 0;
  std::size_t needed = 0;
  bool completed = false;
  std::optional<std::string_view> ping;
  while (same()) {
    const ParseStep step = connections_[slot].parser.next(bytes.subspan(at));
    at += step.consumed;
    switch (step.kind) {
      case ParseStep::Kind::text:
        completed = true;
        batch_.push_back(step.payload);
        // A message put together from fragments lives in the parser only until its next step.
        if (step.payload.data() < bytes.data() || step.payload.data() >= bytes.data() + bytes.size())
          deliver_batch(slot);
        continue;
      case ParseStep::Kind::ping:
        ping = step.payload;
        continue;
      case ParseStep::Kind::pong:
      case ParseStep::Kind::binary:  // refused by the parser with 1003
        continue;
      case ParseStep::Kind::close:
      case ParseStep::Kind::failure: {
        deliver_batch(slot);
        if (same()) fail(slot, step.closeCode);
        return;
      }
      case ParseStep::Kind::need_more:
        needed = step.needed;
        break;
    }
    break;
  }
  deliver_batch(slot);
  if (ping && same()) answer_ping(slot, *ping);
  if (!same()) return;
  Connection& connection = connections_[slot];
  if (at < bytes.size())
    connection.partial =
        std::make_unique<Partial>(Partial{std::string(bytes.data() + at, bytes.size() - at), needed});
  if (connection.partial != nullptr || connection.parser.mid_message())
    note_unfinished(slot, completed);
  else
    connection.unfinished = false;
}

std::uint32_t WebSocketTransport::now_ticks() const {
  return static_cast<std::uint32_t>(clock_.steady().count() / kTickMillis);
}

/// One who drips a message is heard all the time, so no silence ends it.
void WebSocketTransport::note_unfinished(ConnectionSlot slot, bool another) {
  Connection& connection = connections_[slot];
  if (connection.unfinished && !another) return;
  connection.unfinished = true;
  connection.unfinishedSince = now_ticks();
  if (std::exchange(connection.messageDeadline, true)) return;
  watch(slot, options_.messageTimeout);
}

void WebSocketTransport::check_unfinished(ConnectionSlot slot) {
  Connection& connection = connections_[slot];
  connection.messageDeadline = false;
  if (!connection.unfinished) return;
  const std::int64_t age = std::int64_t{now_ticks() - connection.unfinishedSince} * kTickMillis;
  if (age >= options_.messageTimeout.count()) return fail(slot, kPolicyViolation);
  connection.messageDeadline = true;
  watch(slot, options_.messageTimeout - std::chrono::milliseconds(age));
}

void WebSocketTransport::fail(ConnectionSlot slot, std::uint16_t code) {
  connections_[slot].state = State::failing;
  connections_[slot].closeCode = code;
  events_->on_peer_close(slot, code);
}

void WebSocketTransport::deliver_batch(ConnectionSlot slot) {
  if (batch_.empty()) return;
  events_->on_messages(slot, batch_);
  batch_.clear();
}

void WebSocketTransport::discard_input(ConnectionSlot slot) {
  const ssize_t count = ::recv(connections_[slot].fd, input_.get(), kReadBytes, 0);
  if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) end(slot);
}

void WebSocketTransport::expect_write(ConnectionSlot slot) noexcept {
  __builtin_prefetch(&connections_[slot], 1);
}

std::size_t WebSocketTransport::write(ConnectionSlot slot, std::span<const std::string_view> pieces) {
  Connection& connection = connections_[slot];
  ssize_t sent = 0;
  std::size_t offered = 0;
  if (pieces.size() == 1) {
    offered = pieces[0].size();
    sent = send_now(connection.fd, pieces[0]);
  } else {
    iovec parts[kMaxPieces];
    const std::size_t count = std::min(pieces.size(), kMaxPieces);
    for (std::size_t i = 0; i < count; ++i) {
      parts[i] = {const_cast<char*>(pieces[i].data()), pieces[i].size()};
      offered += pieces[i].size();
    }
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = count;
    sent = ::sendmsg(connection.fd, &message, MSG_NOSIGNAL);
  }
  if (sent < 0) {
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
      abort(slot);
      return 0;
    }
    sent = 0;
  }
  connection.midFrame = static_cast<std::size_t>(sent) < offered;
  if (connection.midFrame && !connection.wantsRoom) {
    connection.wantsRoom = true;
    set_interest(connection, slot);
  }
  return static_cast<std::size_t>(sent);
}

void WebSocketTransport::ping(ConnectionSlot slot) {
  static constexpr char kEmptyPing[] = {static_cast<char>(0x89), 0};
  if (connections_[slot].state == State::open) send_control(slot, {kEmptyPing, sizeof kEmptyPing});
}

void WebSocketTransport::finish(ConnectionSlot slot) {
  Connection& connection = connections_[slot];
  if (connection.state == State::aborted || connection.state == State::free) return;
  connection.state = State::finishing;
  ::shutdown(connection.fd, SHUT_WR);
  watch(slot, options_.closeLinger);
}

void WebSocketTransport::abort(ConnectionSlot slot) {
  Connection& connection = connections_[slot];
  if (connection.state == State::aborted || connection.state == State::free) return;
  connection.state = State::aborted;
  aborted_.push_back(slot);
}

std::size_t WebSocketTransport::encode_close(std::span<char, 131> out, std::uint16_t code,
                                             std::string_view reason) {
  std::string payload;
  std::string frame;
  append_close_payload(payload, code, reason);
  append_frame(frame, Opcode::close, payload);
  assert(frame.size() <= out.size());
  std::memcpy(out.data(), frame.data(), frame.size());
  return frame.size();
}

void WebSocketTransport::end(ConnectionSlot slot) {
  Connection& connection = connections_[slot];
  const bool told = connection.announced;
  const std::uint16_t code = std::exchange(connection.closeCode, kAbnormal);
  reactor_.remove(connection.fd);
  ::close(std::exchange(connection.fd, -1));
  connection.state = State::free;
  if (connection.refused)
    --turnedAway_;
  else
    caps_.release(connection.address);
  connection.handshaking.reset();
  connection.partial.reset();
  free_.push_back(slot);
  if (told) events_->on_close(slot, code);
}

void WebSocketTransport::set_interest(Connection& connection, ConnectionSlot slot) {
  reactor_.change(connection.fd, slot, Reactor::kReadable | (connection.wantsRoom ? Reactor::kWritable : 0));
}

void WebSocketTransport::watch(ConnectionSlot slot, std::chrono::milliseconds in) {
  deadlines_.add(clock_.steady() + in, {slot, connections_[slot].generation});
}

void WebSocketTransport::tick() {
  deadlines_.advance(clock_.steady(), [&](Deadline deadline) {
    const Connection& connection = connections_[deadline.slot];
    if (connection.generation != deadline.generation) return;
    if (connection.state == State::handshaking || connection.state == State::finishing)
      end(deadline.slot);
    else if (connection.state == State::open && connection.messageDeadline)
      check_unfinished(deadline.slot);
  });
}

void WebSocketTransport::reap() {
  if (aborted_.empty()) return;
  std::vector<ConnectionSlot> aborted;
  aborted.swap(aborted_);
  for (ConnectionSlot slot : aborted)
    if (connections_[slot].state == State::aborted) end(slot);
}

}  // namespace chatcore::gateway
