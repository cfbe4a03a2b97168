#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/gateway.hpp"
#include "seam/broker_end.hpp"
#include "seam/messages.hpp"
#include "seam/ordered_link.hpp"
#include "seam/seat.hpp"

namespace chatcore::seam {

/// The engine as a gateway's shard sees it where they are different servers: what the gateway tells goes up
/// over a link, what the engine commands comes down. Serves the engine with the highest term that has
/// announced itself. Without a link nobody is let in, and when it is lost everybody is closed 4004 and comes
/// back: what an engine knew of its sessions goes with the link. Everything on the shard's thread.
class RemoteEngine final : public GatewayEvents, public Router {
 public:
  struct Ports : BrokerEnd::Ports {
    TopicNames* topics = nullptr;
    Random* random = nullptr;
  };

  /// `loopback`: clients can only come from this machine.
  RemoteEngine(Seat seat, SeamOptions options, Ports ports, bool loopback);
  ~RemoteEngine() override;

  void set_gateway(gateway::Gateway& gateway) noexcept { gateway_ = &gateway; }
  /// Begins to listen.
  void start();
  /// Sends what the turn has gathered.
  void flush();
  /// Gives the link up, and begins no other one. Connections are left as they are.
  void stop();
  /// About every 100 ms.
  void tick();
  [[nodiscard]] bool attached() const noexcept { return attached_; }
  /// The broker still has to answer on the executor.
  [[nodiscard]] bool owed() const noexcept { return end_.owed(); }

  void opened(SessionId session, const HandshakeView& handshake) override;
  void received(SessionId session, std::span<const std::string_view> messages) override;
  void drained(SessionId session, std::vector<WithheldMark> marks, bool everything) override;
  void closed(SessionId session, std::uint16_t code) override;
  void stale(const Topic& topic, std::vector<SessionId> takers) override;
  std::optional<CloseCode> overdue(SessionId session) override;

  void take(std::uint32_t, const Topic&) override {}
  void leave(std::uint32_t shard, const Topic& topic) override;
  /// Publishing is the engine's.
  void publish(std::uint32_t, const Topic&, const Envelope&) override {}
  void change_members(std::uint32_t, const Topic&, const MembershipDelta&) override {}

 private:
  struct Carry;

  void heed(const PacketView& packet);
  void heed(const Announcement& announcement);
  void take_in(const PacketView& packet);
  void take_down(std::string_view body);
  enum class Warning : std::uint8_t { none, loopback, term, version };
  void warn_once(Warning warning, std::string_view text);
  [[nodiscard]] bool may_follow(const Announcement& next) const;
  void say_reset();
  void seek();
  void begin_link();
  void ask_to_attach();
  void lose_link(std::string_view why);
  void say(const Upward& message);
  void send(std::string body);
  [[nodiscard]] std::uint32_t moment_to_come_back() const;
  [[nodiscard]] Topic topic(std::string_view name) const { return ports_.topics->intern(name); }

  Seat seat_;
  SeamOptions options_;
  Ports ports_;
  bool loopback_;
  BrokerEnd end_;
  gateway::Gateway* gateway_ = nullptr;
  std::optional<Announcement> engine_;
  std::string engineChannel_;
  std::optional<OrderedLink> link_;
  std::uint64_t links_ = 0;  ///< begun so far
  bool attached_ = false;
  Warning warned_ = Warning::none;
  std::chrono::milliseconds askedAt_{0};
  std::uint64_t heard_ = 0;  ///< messages of this link
  Gathered gathered_;
};

}  // namespace chatcore::seam
