#pragma once

#include <array>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chatcore/client/client.hpp"
#include "client/backoff.hpp"
#include "client/cursor_flow.hpp"
#include "client/decode.hpp"
#include "client/encode.hpp"
#include "client/inbound.hpp"
#include "client/outbox.hpp"
#include "client/types.hpp"

namespace chatcore::client {

/// All that a client decides. No sockets, no threads, no clock: every call says what happened and when;
/// take_actions() says what to do about it, and deadline() when to call advance() at the latest. The same
/// calls with the same times and randomness give the same actions.
class State {
 public:
  /// Uses of `options`: user, device, platform, acknowledgeReceived, watermarks, syncToken,
  /// limits.
  State(const Options& options, Random& random);
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // What the application asks for.
  void connect(Now now);
  void disconnect(Now now);
  /// Final: cancels all that is pending.
  void close(Now now);
  void send(Now now, Ticket ticket, Outgoing message);
  void change(Now now, Ticket ticket, OutgoingChange change);
  void request(Now now, Ticket ticket, std::string_view json);
  void mark_read(Now now, const ConversationId& conversation, Seq seq);
  void typing(Now now, const ConversationId& conversation, bool active);
  void subscribe_presence(Now now, const std::vector<UserId>& users);
  void unsubscribe_presence(Now now, const std::vector<UserId>& users);
  void set_status(Now now, Availability availability, const std::string& text);
  void set_foreground(Now now, bool foreground);
  /// `ticket`: of who is to be told what the present connection says to it; 0: nobody.
  void refresh_token(Now now, std::string_view token, Ticket ticket = 0);

  // What happens to the connection. Calls that name an old connection are ignored.
  void connected(Now now, ConnectionNumber connection);
  void received(Now now, ConnectionNumber connection, std::string_view frame);
  /// Bytes that are no frame of the protocol: pings and pongs of the transport.
  void heard(Now now, ConnectionNumber connection);
  /// Lost, refused, or never made. `code`: the close code, 1006 without one. `reason`:
  /// `word[;retryAfterMs=N]`.
  void disconnected(Now now, ConnectionNumber connection, std::uint16_t code, std::string_view reason);

  void advance(Now now);
  [[nodiscard]] std::optional<Millis> deadline() const;
  [[nodiscard]] Actions take_actions() { return std::exchange(actions_, {}); }

  [[nodiscard]] ConnectionState state() const { return state_; }
  [[nodiscard]] std::vector<Watermark> watermarks() const { return inbound_.watermarks(); }
  /// Of the last sync that came to its end; empty: by watermarks.
  [[nodiscard]] const std::string& sync_token() const { return syncToken_; }
  [[nodiscard]] std::size_t unconfirmed() const { return outbox_.size(); }
  [[nodiscard]] const UserId& user() const { return user_; }

 private:
  /// A request of the wire that waits for its answer.
  struct Pending {
    enum class Kind : std::uint8_t { user, sync, fetch, received, read, other };
    Kind kind = Kind::other;
    Millis expires{0};
    Ticket ticket = 0;
    ConversationId conversation;  ///< that is fetched, or whose preferences the user changes
    std::vector<Watermark> marks;
  };
  struct Unsent {
    Ticket ticket = 0;
    Millis expires{0};
    Json body;
  };

  bool live() const { return state_ == ConnectionState::syncing || state_ == ConnectionState::online; }
  bool current(ConnectionNumber connection) const;
  void enter(ConnectionState state, std::uint16_t code = 0, std::string reason = {},
             Millis retryIn = Millis(0));
  template <class T>
  void act(T action) {
    actions_.emplace_back(std::move(action));
  }
  void transmit(std::string frame) { act(SendFrame{connection_, std::move(frame)}); }
  void report(Error error) { act(std::move(error)); }
  void report_too_many_conversations();

  // Connection (state_connection.cpp)
  void open(Now now);
  void drop(Now now, std::uint16_t closeCode);
  void lose(Now now, std::uint16_t code, std::string_view reason);
  void forget_connection(Now now);
  void fail_unsent(const Error& error);
  void pump(Now now);
  void pump_connection(Now now);
  void keep_alive(Now now);
  void expire_requests(Now now);
  void expire_unsent(Now now);
  void flush_unsent(Now now);
  void flush_sends(Now now);
  void flush_fetches(Now now);
  void flush_cursors(Now now, CursorFlow& flow, std::string_view type, Pending::Kind kind);
  FrameId expect_answer(Now now, Pending pending);
  void start_sync(Now now);
  void request_sync_since(Now now, std::string_view token);
  void finish_sync(Now now);

  // Frames (state_frames.cpp)
  void dispatch(Now now, const std::string& type, const Json& frame);
  void answered(Now now, Pending pending, const std::string& type, const Json& frame, std::string_view text);
  void refused(Now now, Pending pending, const ServerError& error);
  void send_refused(Now now, FrameId id, const ClientMsgId& clientMsgId, const ServerError& error);
  void take_welcome(Now now, const Json& frame);
  /// `told`: the application knows already that this was sent.
  void take_sent(Now now, const Json& frame, bool told);
  void take_log_event(Now now, const std::string& type, const Json& frame);
  void take_account(AccountChanges changes);
  void take_sync_page(Now now, const Json& page);
  void take_sync_entry(Now now, const Json& entry);
  void take_entry_deletions(const ConversationId& id, Epoch epoch, const Json& entry);
  void take_entry_preferences(const ConversationId& conversation, const Json& entry);
  void take_entry_cursors(const ConversationId& conversation, Epoch epoch, const Json& entry);
  void take_sync_required(Now now, const Json& frame);
  void take_sync_reset(Now now, const Json& frame);
  void take_range(Now now, LogRange range);
  void take_receipt(Receipt receipt);
  void take_preferences(const Json& frame);
  void say_again(Now now);
  void give_on(Now now, std::vector<LogEvent>& applied);
  bool confirm_from_log(const Sent& sent);
  std::string lane_of(const Outgoing& message) const;
  std::optional<Error> check(const Outgoing& message) const;
  std::optional<Error> check(const OutgoingChange& change) const;
  std::size_t content_bytes(MessageType type) const;
  std::optional<Error> check_content(std::string_view content, std::size_t limit) const;
  void enqueue(Now now, Ticket ticket, const std::string& lane, OutgoingEvent event);

  const Options options_;
  const Limits& limits_ = options_.limits;
  Random& random_;
  Actions actions_;

  ConnectionState state_ = ConnectionState::offline;
  bool closed_ = false;
  ConnectionNumber connection_ = 0;
  Backoff reconnect_;
  Backoff retry_;  ///< of syncs and receipts that failed on a living connection
  Millis retryAt_{0};
  Millis connectDeadline_{0};
  Millis onlineSince_{0};
  Millis lastHeard_{0};
  Millis nextPing_{0};
  Millis heartbeat_{30'000};
  std::size_t contentBytes_;
  std::array<std::size_t, kMessageTypes> contentBytesOf_{};  ///< 0: contentBytes_
  std::size_t serverFrameBytes_ = 65'536;
  UserId user_;
  DeviceId device_;

  FrameId nextFrameId_ = 1;
  std::map<FrameId, Pending> pending_;
  std::size_t userRequests_ = 0;  ///< in pending_ and unsent_
  std::deque<Unsent> unsent_;
  std::optional<Millis> syncAt_;
  bool syncing_ = false;
  bool syncAgain_ = false;
  bool resumes_ = false;    ///< the token is lost: the server's copy of it is asked for
  bool syncsWhole_ = true;  ///< the sync under way does not go on from an earlier one
  /// Of the last sync that came to its end: the next one continues from it. Empty: by watermarks.
  std::string syncToken_;

  Outbox outbox_;
  Inbound inbound_;
  CursorFlow receivedFlow_;
  CursorFlow readFlow_;
  std::set<UserId> watched_;
  std::optional<std::string> status_;  ///< the frame that says it
  bool foreground_ = true;
  // Since the last sync began, whose pages may be older:
  std::set<ConversationId> preferencesHeard_;    ///< all of them, live
  std::set<ConversationId> preferencesChanged_;  ///< one of them, by this client
  using Mark = std::pair<Epoch, Seq>;
  std::map<std::pair<ConversationId, UserId>, std::pair<Mark, Mark>> receipts_;
  bool toldTooMany_ = false;
};

}  // namespace chatcore::client
