#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/inlined_vector.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "chatcore/ports/fan_out.hpp"
#include "seam/broker_end.hpp"
#include "seam/messages.hpp"
#include "seam/ordered_link.hpp"
#include "seam/seat.hpp"

namespace chatcore::seam {

/// The gateways as an engine's shard sees them where they are different servers: any number of their shards,
/// each at the end of a link of its own. Their sessions have names of this shard's here. A topic's frame goes
/// once to each link that takes it. When a link is lost its sessions are closed. Everything on the shard's
/// thread.
class RemoteGateways final : public GatewayCommands, public FanOut {
 public:
  struct Ports : BrokerEnd::Ports {
    TopicNames* topics = nullptr;
    Router* router = nullptr;
  };

  /// `engine`: what shard 0 announces.
  RemoteGateways(Seat seat, SeamOptions options, Ports ports, Announcement engine);
  ~RemoteGateways() override;

  void set_events(GatewayEvents& events) noexcept { events_ = &events; }
  void start();
  /// Sends what the turn has gathered.
  void flush();
  /// About every 100 ms.
  void tick();
  [[nodiscard]] std::size_t gateways() const noexcept { return peers_.size(); }
  [[nodiscard]] std::size_t sessions() const noexcept { return names_.size() - free_.size(); }
  [[nodiscard]] std::size_t topics() const noexcept { return takers_.size(); }
  /// The broker still has to answer on the executor.
  [[nodiscard]] bool owed() const noexcept { return end_.owed(); }
  void broadcast(const FrameRef& frame);
  /// Gives up every link, which closes all connections, and takes no other one.
  void stop();
  /// Nothing comes from the broker after this.
  void stop_hearing();

  SubscribeOutcome subscribe(SessionId session, const Topic& topic, Seq memberSeq) override;
  void unsubscribe(SessionId session, const Topic& topic) override;
  void admit(SessionId session) override;
  void deliver(SessionId session, const FrameRef& frame) override;
  void close(SessionId session, CloseCode code, std::uint32_t retryAfterMs) override;
  void refreshed(const Topic& topic, Seq memberSeq, std::vector<SessionId> allowed) override;
  void publish(const Topic& topic, const Envelope& envelope) override;
  void change_members(const Topic& topic, const MembershipDelta& delta) override;

 private:
  /// A gateway's shard.
  struct Peer {
    std::string channel;
    OrderedLink link;
    Gathered gathered;
    std::uint64_t said = 0;                               ///< messages
    absl::flat_hash_map<SessionId, std::uint32_t> slots;  ///< by the gateway's own name
  };
  using PeerPtr = std::shared_ptr<Peer>;
  /// A session's name here.
  struct Name {
    PeerPtr peer;  ///< null: vacant
    SessionId theirs = 0;
    std::uint32_t generation = 0;
    bool admitted = false;
  };
  /// A link that takes a topic, for all that this side knows.
  struct Taker {
    PeerPtr peer;
    std::uint64_t said = 0;  ///< the last message that may have made it one
  };
  struct Takers {
    Topic topic;
    absl::InlinedVector<Taker, 1> links;
  };
  /// Which of a topic's takers still may be: asked of the engine for one link after the other, since its
  /// answers name the topic only.
  struct Question {
    PeerPtr peer;
    std::vector<SessionId> takers;
  };
  struct Questions {
    Topic topic;
    std::deque<Question> waiting;  ///< the first is being answered; at most one more of each link
  };
  struct Hear;

  void heed(const PacketView& packet);
  void heed(const Announcement& other);
  void attach(const PacketView& packet);
  void take_up(const PeerPtr& peer, std::string_view body);
  void announce();
  void say_reset(const std::string& channel, std::uint64_t link, std::uint64_t end);
  void lose(const PeerPtr& peer, std::string_view why);
  void say(Peer& peer, const Downward& message);
  void send(Peer& peer, std::string body);
  void mark_taker(const Topic& topic, const PeerPtr& peer);
  void unmark_taker(const Topic& topic, const Peer& peer, std::uint64_t heard);
  void forget_taker(const Peer& peer);
  void ask(const PeerPtr& peer, const Topic& topic, std::vector<SessionId> takers);
  void ask_next(const TopicEntry* topic);
  [[nodiscard]] Name* find(SessionId session);
  [[nodiscard]] SessionId name(const Peer& peer, SessionId theirs) const;
  [[nodiscard]] SessionId add(const PeerPtr& peer, SessionId theirs);
  /// The name means nothing from here on.
  void remove(std::uint32_t slot);
  void end(SessionId session, std::uint16_t code);
  [[nodiscard]] Topic topic(std::string_view name) const { return ports_.topics->intern(name); }

  Seat seat_;
  SeamOptions options_;
  Ports ports_;
  Announcement engine_;
  std::uint64_t ends_ = 0;  ///< of links, begun so far
  bool stopped_ = false;
  bool superseded_ = false;  ///< another engine has a higher term
  BrokerEnd end_;
  GatewayEvents* events_ = nullptr;
  std::map<std::string, PeerPtr, std::less<>> peers_;  ///< by channel
  std::deque<Name> names_;                             ///< by slot
  std::vector<std::uint32_t> free_;
  absl::flat_hash_map<const TopicEntry*, Takers> takers_;
  absl::flat_hash_map<const TopicEntry*, Questions> questions_;
  std::chrono::milliseconds announceAt_{0};
};

}  // namespace chatcore::seam
