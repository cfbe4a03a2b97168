#pragma once

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "chatcore/ports/clock.hpp"
#include "client/handshake.hpp"
#include "gateway/websocket_frame.hpp"

namespace chatcore::client {

/// One WebSocket connection over plain TCP: carries out, decides nothing. Lives on its io_context's thread.
class WebSocketConnection : public std::enable_shared_from_this<WebSocketConnection> {
 public:
  /// None is called from inside a call to the connection, and none after close() or after `closed`.
  struct Events {
    std::function<void()> connected;
    std::function<void(std::string_view)> frame;
    std::function<void()> heard;
    std::function<void(std::uint16_t code, std::string reason)> closed;
  };

  WebSocketConnection(asio::io_context& context, Random& random, std::size_t maxFrameBytes, Events events);

  /// `request` is the whole upgrade request made with `key`.
  void start(const Url& url, std::string key, std::string request);
  void send(std::string_view text);
  /// Says goodbye and lingers briefly for what is still to be written.
  void close(std::uint16_t code);

 private:
  using Resolved = asio::ip::tcp::resolver::results_type;

  void connect(const Resolved& endpoints);
  void shake_hands();
  void read_head();
  bool take_head();
  void read();
  void take_frames();
  bool take(const gateway::ParseStep& step);
  void write();
  void send_close(std::uint16_t code);
  void fail(std::uint16_t code, std::string reason);
  void shut();

  asio::ip::tcp::resolver resolver_;
  asio::ip::tcp::socket socket_;
  asio::steady_timer linger_;
  Random& random_;
  Events events_;
  gateway::WebSocketParser parser_;
  std::string key_;
  std::string pending_;  ///< to be written after what is being written
  std::string writing_;
  std::vector<char> unread_;
  std::size_t unreadBytes_ = 0;
  bool upgraded_ = false;
  bool quiet_ = false;    ///< the owner hears nothing any more
  bool closing_ = false;  ///< a close frame is on its way: nothing more is sent
};

}  // namespace chatcore::client
