#pragma once

#include <memory>
#include <string>
#include <vector>

#include "chatcore/gateway/options.hpp"
#include "chatcore/ports/clock.hpp"
#include "chatcore/ports/transport.hpp"
#include "core/timer_wheel.hpp"
#include "gateway/release_batch.hpp"
#include "gateway/session_table.hpp"
#include "gateway/topic_table.hpp"

namespace chatcore::gateway {

/// One shard's gateway: sessions, their topics and what waits to be sent. Knows no chat. Everything on the
/// shard's thread; nothing blocks; bytes leave only in `flush`, once a turn.
class Gateway final : public GatewayCommands, public TransportEvents {
 public:
  Gateway(std::uint32_t shard, GatewayOptions options, Transport& transport, Router& router,
          const Clock& clock);

  void set_events(GatewayEvents& events) noexcept { events_ = &events; }
  [[nodiscard]] FanOut& fan_out() noexcept { return topics_; }
  [[nodiscard]] const SessionTable& sessions() const noexcept { return sessions_; }
  [[nodiscard]] const TopicTable& topics() const noexcept { return topics_; }

  /// Queues a frame for every admitted session.
  void broadcast(const FrameRef& frame);
  /// Sends what the turn queued.
  void flush();
  /// Heartbeats, timeouts. To be called every 100 ms or so.
  void tick();
  /// Closes up to `count` sessions with 4000 and a moment to come back at; true while some are left.
  bool drain(std::size_t count, std::uint32_t retryAfterMs);

  /// A session whose claim was stale: its engine is asked anew, as `stale`.
  void ask_about(SessionId session, const Topic& topic) { topics_.ask_about(session, topic); }

  /// The engine is gone, and with it the answers to `stale`.
  void forget_questions() { topics_.forget_questions(); }

  SubscribeOutcome subscribe(SessionId session, const Topic& topic, Seq memberSeq) override;
  void unsubscribe(SessionId session, const Topic& topic) override;
  void admit(SessionId session) override;
  void deliver(SessionId session, const FrameRef& frame) override;
  void close(SessionId session, CloseCode code, std::uint32_t retryAfterMs) override;
  void refreshed(const Topic& topic, Seq memberSeq, std::vector<SessionId> allowed) override;

  void on_open(ConnectionSlot slot, const HandshakeView& handshake) override;
  void on_messages(ConnectionSlot slot, std::span<const std::string_view> messages) override;
  void on_heard(ConnectionSlot slot) override;
  void on_writable(ConnectionSlot slot) override;
  void on_peer_close(ConnectionSlot slot, std::uint16_t code) override;
  void on_close(ConnectionSlot slot, std::uint16_t code) override;

 private:
  struct Check {
    ConnectionSlot slot;
    std::uint32_t generation;
  };

  void flush_one(ConnectionSlot slot);
  /// True when the outbox is empty afterwards.
  bool send_outbox(ConnectionSlot slot, Outbox& outbox);
  std::string_view joined(const Outbox& outbox);
  void take_sent(Outbox& outbox, std::size_t bytes);
  void release(Frame* frame);
  void after_drain(ConnectionSlot slot);
  void begin_close(ConnectionSlot slot, std::uint16_t code, std::string_view reason);
  void check(Check due);
  void tell_missed();
  [[nodiscard]] std::int64_t now() const { return clock_.steady().count(); }

  Transport& transport_;
  const Clock& clock_;
  GatewayEvents* events_ = nullptr;
  SessionTable sessions_;
  TopicTable topics_;
  TimerWheel<Check> checks_;
  std::vector<ConnectionSlot> flushing_;
  ReleaseBatch released_;
  // The bytes of the last few frames that were sent together: the next session mostly has the same ones.
  std::string joined_;
  std::vector<Frame*> joinedFrames_;
  ConnectionSlot drainFrom_ = 0;
};

}  // namespace chatcore::gateway
