#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "chatcore/gateway/options.hpp"
#include "chatcore/ports/clock.hpp"
#include "chatcore/ports/transport.hpp"
#include "core/timer_wheel.hpp"
#include "gateway/connection_caps.hpp"
#include "gateway/http_head.hpp"
#include "gateway/reactor.hpp"
#include "gateway/websocket_frame.hpp"
#include "gateway/websocket_handshake.hpp"

namespace chatcore::gateway {

/// One shard's WebSocket connections over TCP: accept, handshake, frames in, bytes out.
class WebSocketTransport final : public Transport {
 public:
  static constexpr std::uint32_t kListenerTag = UINT32_MAX;

  /// `caps` is shared with the other shards' transports and outlives them.
  WebSocketTransport(GatewayOptions options, Reactor& reactor, const Clock& clock, ConnectionCaps& caps);
  ~WebSocketTransport() override;

  void set_events(TransportEvents& events) noexcept { events_ = &events; }
  /// Takes over a listening, non-blocking socket.
  [[nodiscard]] bool listen(int listener);
  void stop_listening();

  /// Takes over a connected, non-blocking socket, as if it had been accepted.
  void adopt(int fd, std::string_view remoteAddress);

  void handle(const Reactor::Event& event);
  void tick();
  /// Ends what was aborted since the last call.
  void reap();

  std::size_t write(ConnectionSlot slot, std::span<const std::string_view> pieces) override;
  void expect_write(ConnectionSlot slot) noexcept override;
  void ping(ConnectionSlot slot) override;
  void finish(ConnectionSlot slot) override;
  void abort(ConnectionSlot slot) override;
  std::size_t encode_close(std::span<char, 131> out, std::uint16_t code, std::string_view reason) override;

  [[nodiscard]] std::size_t connections() const noexcept { return connections_.size() - free_.size(); }

 private:
  enum class State : std::uint8_t {
    free,
    handshaking,
    open,
    failing,    ///< the gateway has been told; what it queued goes out, nothing is read
    finishing,  ///< our side is shut down; waiting for the peer's
    aborted,    ///< closed in the next tick or at the end of its event
  };
  /// A request head on its way in; gone once the connection is open.
  struct Handshaking {
    HttpHeadParser parser;
    std::string bytes;
    std::string remoteAddress;
    std::chrono::milliseconds acceptedAt{0};
  };
  /// The front of a frame whose rest has not come yet. Bytes gather here until as many are there as the
  /// parser needs, so that a frame that drips in is looked at a few times, not once per drip.
  struct Partial {
    std::string bytes;
    std::size_t needed = 0;
  };
  struct Connection {
    explicit Connection(const WebSocketOptions& options) : parser(options) {}
    int fd = -1;
    std::uint32_t generation = 0;
    State state = State::free;
    bool wantsRoom = false;
    bool midFrame = false;         ///< the last write ended inside a frame: nothing else may go between
    bool announced = false;        ///< on_open was told, so on_close must be
    bool unfinished = false;       ///< a message has begun and not ended
    bool messageDeadline = false;  ///< a deadline looks at that
    bool refused = false;          ///< never let in: is not counted, only waits for its answer to be read
    std::uint16_t closeCode = 1006;
    std::uint32_t unfinishedSince = 0;  ///< in ticks of 100 ms
    ConnectionCaps::Address address = 0;
    std::unique_ptr<Handshaking> handshaking;
    std::unique_ptr<Partial> partial;
    WebSocketParser parser;
  };
  struct Deadline {
    ConnectionSlot slot;
    std::uint32_t generation;
  };

  void accept_ready();
  void shed_one();
  void send_control(ConnectionSlot slot, std::string_view frame);
  void answer_ping(ConnectionSlot slot, std::string_view payload);
  /// The status to refuse it with; 0: it is let in, and counted.
  [[nodiscard]] int admit_connect(ConnectionCaps::Address address);
  ConnectionSlot take_slot(int fd);
  void turn_away(int fd, int status);
  void read_handshake(ConnectionSlot slot);
  void upgrade(ConnectionSlot slot, const HttpRequest& request, std::string_view rest);
  void refuse(ConnectionSlot slot, int status, std::string_view text, std::uint32_t retryAfterSeconds = 0);
  void answer_health(ConnectionSlot slot);
  void send_and_close(ConnectionSlot slot, const std::string& response);
  void read_frames(ConnectionSlot slot);
  void parse(ConnectionSlot slot, std::span<char> bytes);
  [[nodiscard]] bool gather(Connection& connection, std::size_t count);
  /// `another`: than the one that was unfinished before.
  void note_unfinished(ConnectionSlot slot, bool another);
  void check_unfinished(ConnectionSlot slot);
  void fail(ConnectionSlot slot, std::uint16_t code);
  [[nodiscard]] std::uint32_t now_ticks() const;
  void deliver_batch(ConnectionSlot slot);
  void discard_input(ConnectionSlot slot);
  void end(ConnectionSlot slot);
  void set_interest(Connection& connection, ConnectionSlot slot);
  void watch(ConnectionSlot slot, std::chrono::milliseconds in);

  GatewayOptions options_;
  Reactor& reactor_;
  const Clock& clock_;
  ConnectionCaps& caps_;
  TransportEvents* events_ = nullptr;
  int listener_ = -1;
  int spare_ = -1;                      ///< a descriptor kept for refusing connections when there are no more
  std::deque<Connection> connections_;  // grows without moving what is there
  std::vector<ConnectionSlot> free_;
  std::vector<ConnectionSlot> aborted_;
  std::vector<std::string_view> batch_;
  std::unique_ptr<char[]> input_;
  TimerWheel<Deadline> deadlines_;
  std::int64_t connectWindow_ = 0;
  std::uint32_t connectsInWindow_ = 0;
  std::uint32_t turnedAway_ = 0;  ///< refused and not gone yet
};

}  // namespace chatcore::gateway
