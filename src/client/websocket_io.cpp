#include "client/websocket_io.hpp"

#include <algorithm>
#include <asio/connect.hpp>
#include <asio/post.hpp>
#include <asio/write.hpp>
#include <cstring>
#include <span>
#include <utility>

namespace chatcore::client {

namespace {

constexpr std::uint16_t kNoCloseFrame = 1006;
constexpr std::size_t kMaxHeadBytes = 16'384;
constexpr std::size_t kReadBytes = 16'384;
// What a client's bounded queues may put here at once, with room to spare.
constexpr std::size_t kMaxUnwrittenBytes = 16 << 20;
constexpr std::chrono::seconds kLinger{1};

gateway::WebSocketOptions parser_options(std::size_t maxFrameBytes) {
  gateway::WebSocketOptions options;
  options.role = gateway::WebSocketRole::client;
  options.maxMessageBytes = static_cast<std::uint32_t>(std::min<std::size_t>(maxFrameBytes, UINT32_MAX / 2));
  options.acceptBinary = false;
  return options;
}

std::uint32_t mask_key(Random& random) {
  std::uint32_t key = 0;
  random.fill(std::as_writable_bytes(std::span(&key, 1)));
  return key;
}

}  // namespace

WebSocketConnection::WebSocketConnection(asio::io_context& context, Random& random, std::size_t maxFrameBytes,
                                         Events events)
    : resolver_(context),
      socket_(context),
      linger_(context),
      random_(random),
      events_(std::move(events)),
      parser_(parser_options(maxFrameBytes)) {}

void WebSocketConnection::start(const Url& url, std::string key, std::string request) {
  key_ = std::move(key);
  pending_ = std::move(request);
  resolver_.async_resolve(url.host, url.port,
                          [self = shared_from_this()](std::error_code error, const Resolved& endpoints) {
                            if (error) return self->fail(kNoCloseFrame, "resolve: " + error.message());
                            self->connect(endpoints);
                          });
}

void WebSocketConnection::connect(const Resolved& endpoints) {
  if (quiet_) return;
  asio::async_connect(socket_, endpoints, [self = shared_from_this()](std::error_code error, const auto&) {
    if (error) return self->fail(kNoCloseFrame, "connect: " + error.message());
    if (self->quiet_) return self->shut();
    std::error_code ignored;
    self->socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    self->write();
    self->read_head();
  });
}

void WebSocketConnection::read_head() {
  unread_.resize(kMaxHeadBytes);
  socket_.async_read_some(asio::buffer(unread_.data() + unreadBytes_, unread_.size() - unreadBytes_),
                          [self = shared_from_this()](std::error_code error, std::size_t bytes) {
                            if (error) return self->fail(kNoCloseFrame, "handshake: " + error.message());
                            self->unreadBytes_ += bytes;
                            if (self->take_head()) return;
                            if (self->unreadBytes_ == kMaxHeadBytes)
                              return self->fail(kNoCloseFrame, "bad_handshake");
                            self->read_head();
                          });
}

bool WebSocketConnection::take_head() {
  const std::string_view text(unread_.data(), unreadBytes_);
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return false;
  Refusal refusal = check_upgrade_response(text.substr(0, end + 4), key_);
  if (refusal.code != 0) {
    fail(refusal.code, std::move(refusal.reason));
    return true;
  }
  unreadBytes_ -= end + 4;
  std::memmove(unread_.data(), unread_.data() + end + 4, unreadBytes_);
  upgraded_ = true;
  if (!quiet_) events_.connected();
  take_frames();
  return true;
}

void WebSocketConnection::read() {
  if (!socket_.is_open()) return;
  if (unread_.size() - unreadBytes_ < kReadBytes) unread_.resize(unreadBytes_ + kReadBytes);
  socket_.async_read_some(asio::buffer(unread_.data() + unreadBytes_, unread_.size() - unreadBytes_),
                          [self = shared_from_this()](std::error_code error, std::size_t bytes) {
                            if (error) return self->fail(kNoCloseFrame, "read: " + error.message());
                            self->unreadBytes_ += bytes;
                            self->take_frames();
                          });
}

void WebSocketConnection::take_frames() {
  std::size_t taken = 0;
  for (;;) {
    const gateway::ParseStep step = parser_.next(std::span(unread_).subspan(taken, unreadBytes_ - taken));
    taken += step.consumed;
    if (step.kind == gateway::ParseStep::Kind::need_more) break;
    if (!take(step)) return;
  }
  unreadBytes_ -= taken;
  if (taken > 0) std::memmove(unread_.data(), unread_.data() + taken, unreadBytes_);
  read();
}

/// False: the connection is over.
bool WebSocketConnection::take(const gateway::ParseStep& step) {
  using Kind = gateway::ParseStep::Kind;
  switch (step.kind) {
    case Kind::text:
      if (!quiet_) events_.frame(step.payload);
      return true;
    case Kind::ping:
      if (!closing_)
        gateway::append_masked_frame(pending_, gateway::Opcode::pong, step.payload, mask_key(random_));
      write();
      [[fallthrough]];
    case Kind::pong:
      if (!quiet_) events_.heard();
      return true;
    case Kind::close:
      send_close(step.closeCode == gateway::close_code::kNoneGiven ? 1000 : step.closeCode);
      fail(step.closeCode, std::string(step.payload));
      return false;
    default:
      send_close(step.closeCode);
      fail(step.closeCode, "protocol");
      return false;
  }
}

void WebSocketConnection::send(std::string_view text) {
  if (closing_) return;
  if (pending_.size() + text.size() > kMaxUnwrittenBytes) {
    asio::post(socket_.get_executor(),
               [self = shared_from_this()] { self->fail(kNoCloseFrame, "too much unwritten"); });
    return;
  }
  gateway::append_masked_frame(pending_, gateway::Opcode::text, text, mask_key(random_));
  write();
}

void WebSocketConnection::write() {
  if (!writing_.empty() || pending_.empty() || !socket_.is_open()) return;
  std::swap(writing_, pending_);
  asio::async_write(socket_, asio::buffer(writing_),
                    [self = shared_from_this()](std::error_code error, std::size_t) {
                      self->writing_.clear();
                      if (error) return self->fail(kNoCloseFrame, "write: " + error.message());
                      if (!self->pending_.empty()) return self->write();
                      if (self->closing_) {
                        std::error_code ignored;
                        self->socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
                      }
                    });
}

void WebSocketConnection::send_close(std::uint16_t code) {
  if (closing_ || !upgraded_) return;
  closing_ = true;
  std::string payload;
  gateway::append_close_payload(payload, gateway::is_sendable_close_code(code) ? code : 1000, {});
  gateway::append_masked_frame(pending_, gateway::Opcode::close, payload, mask_key(random_));
  write();
}

void WebSocketConnection::close(std::uint16_t code) {
  quiet_ = true;
  if (!upgraded_) return shut();
  send_close(code);
  linger_.expires_after(kLinger);
  linger_.async_wait([self = shared_from_this()](std::error_code) { self->shut(); });
}

void WebSocketConnection::fail(std::uint16_t code, std::string reason) {
  // A close frame in answer to the peer's still has to leave; the owner need not wait for that.
  if (closing_ && !writing_.empty() && !quiet_) {
    linger_.expires_after(kLinger);
    linger_.async_wait([self = shared_from_this()](std::error_code) { self->shut(); });
  } else {
    shut();
  }
  if (!std::exchange(quiet_, true)) events_.closed(code, std::move(reason));
}

void WebSocketConnection::shut() {
  linger_.cancel();
  resolver_.cancel();
  std::error_code ignored;
  socket_.close(ignored);
}

}  // namespace chatcore::client
