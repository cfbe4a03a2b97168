#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "chatcore/model/ids.hpp"
#include "gateway/websocket_frame.hpp"
#include "world.hpp"

namespace chatcore::simulation {

class SimulatedFleet;
class SimulatedTransport;

/// The device's end of a connection.
class LinkUser {
 public:
  virtual ~LinkUser() = default;
  virtual void link_opened(std::uint64_t number) = 0;
  virtual void link_frame(std::uint64_t number, std::string_view text) = 0;
  virtual void link_heard(std::uint64_t number) = 0;
  virtual void link_lost(std::uint64_t number, std::uint16_t code, std::string_view reason) = 0;
};

/// One connection: bytes down, whole messages up, each way in order and late. It holds only so much that the
/// device has not read, can be cut with or without either end noticing soon, and watches what goes by.
class Link final : public std::enable_shared_from_this<Link> {
 public:
  Link(World& world, LinkUser& user, std::uint64_t number, UserId userId, DeviceId deviceId);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // The device's side.
  void connect(SimulatedFleet& fleet);
  void send(std::string frame);
  void close(std::uint16_t code);
  /// The device reads nothing before then.
  void stall(Millis until);
  /// Nothing gets through any more; the ends notice by themselves, the server perhaps only by the silence.
  void cut();
  /// The device is no more.
  void abandon();

  // The server's side.
  void attach(SimulatedTransport& transport, std::uint32_t slot);
  void detach() { transport_ = nullptr; }
  [[nodiscard]] std::size_t take(std::span<const std::string_view> pieces);
  void pinged();
  /// The server's close frame is out.
  void finished();
  /// The server dropped it, or died.
  void dropped();
  /// The server's end is over after that time, if it is not before.
  void server_loses(Millis after);

  [[nodiscard]] bool attached() const noexcept { return transport_ != nullptr; }
  [[nodiscard]] bool peer_closed() const noexcept { return closedByDevice_; }
  /// Requests that came through and were not answered.
  [[nodiscard]] const std::set<std::uint64_t>& unanswered() const noexcept { return unanswered_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  void arrive(std::string bytes);
  void note_refusals(std::string_view frames);
  void read();
  void take_message(std::string_view text);
  void watch_live(std::string_view text);
  void watch_receipt(std::string_view text);
  void watch_receipts_page(std::string_view text);
  void check_stored(std::string_view text, const UserId& user, Seq Cursor::* position, Seq told);
  void watch_presence(std::string_view frames);
  void watch_removal(std::string_view frames);
  void free_room(std::size_t bytes);
  void lose(Millis after, std::uint16_t code, std::string reason);
  [[nodiscard]] Millis lag() { return world_.delay(world_.scenario.slowestLink); }

  World& world_;
  LinkUser* user_;
  std::uint64_t number_;
  UserId userId_;
  DeviceId deviceId_;
  std::string name_;
  Millis made_;
  Millis welcomed_{-1};
  Scheduler::Lane up_;
  Scheduler::Lane down_;
  Scheduler::Lane acknowledgements_;
  SimulatedTransport* transport_ = nullptr;
  std::uint32_t slot_ = 0;
  std::size_t room_;
  bool blocked_ = false;  ///< the server waits for room
  bool wasFull_ = false;
  bool cut_ = false;
  bool closedByDevice_ = false;
  Millis stalledUntil_{0};
  std::string arrived_;  ///< in the socket
  std::string unread_;   ///< taken out of it: no whole frame yet
  gateway::WebSocketParser parser_;
  std::set<std::uint64_t> unanswered_;
  std::map<ConversationId, Seq> lastLive_;
  std::map<ConversationId, Seq> lastRead_;
};

}  // namespace chatcore::simulation
