#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chatcore/client/events.hpp"
#include "chatcore/completion.hpp"
#include "chatcore/model/conversation.hpp"
#include "chatcore/ports/clock.hpp"
#include "chatcore/ports/log.hpp"
#include "chatcore/result.hpp"

/// A chat client that comes back: it reconnects, resends what was not confirmed in order and once, and
/// fetches what it missed. Speaks protocol 1 over `ws://`.
namespace chatcore::client {

struct Limits {
  std::size_t queuedSends = 1000;     ///< messages and changes not yet confirmed; the next fails `overloaded`
  std::size_t sendsInFlight = 64;     ///< of those, how many wait for an answer at a time
  std::size_t pendingRequests = 128;  ///< requests without an answer; the next one fails `overloaded`
  std::size_t conversations = 10'000;  ///< followed at a time; events of further ones are reported as errors
  std::size_t heldEvents = 256;        ///< per conversation, kept while a gap before them is closed
  std::size_t presenceUsers = 1000;    ///< subscriptions that are remembered over reconnects
  std::size_t contentBytes = 16'384;   ///< of one message, until the server's welcome says otherwise
  std::size_t frameBytes = 1 << 20;    ///< of one inbound message; a larger one ends the connection
  std::size_t syncEvents = 200;        ///< events per page when catching up
  std::chrono::milliseconds gapPatience{500};  ///< how long a missing number may still arrive by itself
  std::chrono::milliseconds requestTimeout{15'000};
  std::chrono::milliseconds connectTimeout{10'000};  ///< from the first packet to the welcome
  std::chrono::milliseconds backoffBase{250};        ///< full jitter: uniform in [0, min(cap, base * 2^n)]
  std::chrono::milliseconds backoffCap{30'000};
  std::chrono::milliseconds backoffReset{10'000};  ///< connected this long, the next loss starts at base
  std::chrono::milliseconds receiptFlush{20};      ///< receipts of this long travel together
};

struct Options {
  std::string url;                    ///< `ws://host[:port]/path`
  std::string token;                  ///< sent as `Authorization: Bearer`; empty: development authentication
  UserId user;                        ///< who this is; may be empty with a token
  DeviceId device;                    ///< which device; may be empty where the token names it
  bool acknowledgeReceived = true;    ///< send `message.received` for what was handed to the listener
  std::vector<Watermark> watermarks;  ///< what the application kept from an earlier run
  Limits limits;
  Executor* executor = nullptr;  ///< where callbacks run; null: the client's own thread
  Clock* clock = nullptr;        ///< null: the system's
  Random* random = nullptr;      ///< null: the system's
  Log* log = nullptr;            ///< null: none
};

/// Called one at a time, on one thread or executor. Any may be empty. None may throw or block for long.
struct Listener {
  std::function<void(const StateChange&)> on_state;
  /// In seq order per conversation, each message once. Messages sent by this client are not among them.
  std::function<void(const Message&)> on_message;
  /// Edits, deletions and reactions, in seq order among the messages, each once; those that this client made
  /// are not among them. `deleted_for_me` comes when this user deleted a message for themselves on another
  /// device; to a device that was away with its next sync, then with `targetSeq` alone, and perhaps again.
  std::function<void(const MessageChange&)> on_change;
  std::function<void(const Receipt&)> on_receipt;
  std::function<void(const Typing&)> on_typing;
  std::function<void(const PresenceChange&)> on_presence;
  /// What is not what it was when this client last knew: after a sync what changed while it was away, all of
  /// it where the sync did not go on from an earlier one (the first does not); live what the host has
  /// changed. Perhaps more than did change, never less. What this user's other devices change live comes to
  /// on_event.
  std::function<void(const AccountChanges&)> on_account_changed;
  /// Everything else as the server's JSON: membership (in seq order among the messages), `sync.read`,
  /// `settings`, `profile`, `contacts.changed`, `blocks.changed`, `device.added` and `device.removed` (this
  /// user's account, changed by another device), `sync.reset` (drop what you kept of that conversation), and
  /// what this client does not know. Edits, deletions and reactions go to on_change instead, also where that
  /// is empty.
  std::function<void(std::string_view json)> on_event;
  /// What no completion stands for; informational.
  std::function<void(const Error&)> on_error;
};

/// What to send. Exactly one of `conversationId` and `to` is set.
struct Outgoing {
  ConversationId conversationId;
  UserId to;            ///< the direct conversation with this user
  std::string content;  ///< one JSON value as text
  MessageType messageType = MessageType::text;
  MessageId replyTo = 0;
  ClientMsgId clientMsgId;  ///< empty: a UUIDv7 is made. Give one to continue a send over a restart
  std::uint32_t expiresInSeconds = 0;  ///< 0: as the conversation has it
};

struct HistoryQuery {
  ConversationId conversationId;
  std::optional<Seq> before;  ///< exclusive; neither: from the newest
  std::optional<Seq> after;   ///< exclusive
  std::size_t limit = 50;     ///< of numbers in the log: changes count, so messages may be fewer
  bool raw = false;  ///< the events as they came, changes among them, in place of messages as they are now
};

struct NewGroup {
  ConversationId conversationId;  ///< empty: the server chooses
  std::string name;
  std::vector<UserId> members;
  std::uint32_t expiresInSeconds = 0;  ///< of messages that do not say it themselves; 0: never
  GroupSettings settings = {};         ///< `permissions.send = admins`: a broadcast channel
};

/// What is set changes, the rest stays.
struct GroupChange {
  std::optional<std::string> name = {};
  std::optional<std::uint32_t> expiresInSeconds = {};
  std::optional<GroupPermissions> permissions = {};
  std::optional<HistoryVisibility> history = {};
  std::optional<std::uint32_t> slowModeSeconds = {};
};

/// Thread-safe. Calls return at once; completions come exactly once, where the listener's calls come.
///
/// A message, or a change of one, is held in memory until the server confirmed it or refused it for good;
/// temporary failures and lost connections are retried for as long as the client lives, in order per
/// conversation, under one clientMsgId. What is unconfirmed when the process ends is lost, unless the
/// application kept it (a message together with its clientMsgId) and sends it again.
class CHATCORE_API Client {
 public:
  Client(Options options, Listener listener);
  /// Like close(), then waits for the client's thread. Callbacks already posted to the executor still run.
  /// Not to be called from a callback on the client's own thread.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Connects and stays connected; also after disconnect() and after ConnectionState::stopped.
  void connect();
  /// Drops the connection until connect(); sends queue up meanwhile.
  void disconnect();
  /// For the next connection, and for the present one (`auth.refresh`).
  void set_token(std::string token);

  /// Errors: the server's; `too_large`, `bad_request` (content is not JSON), `overloaded` (queue full),
  /// `cancelled` (closed first).
  void send(Outgoing message, Completion<Result<Sent>> done);
  void send_text(ConversationId conversation, std::string_view text, Completion<Result<Sent>> done);
  void send_text_to(UserId user, std::string_view text, Completion<Result<Sent>> done);

  /// Changes of messages, in one order with the messages of their conversation. Errors: as send(), and
  /// `forbidden` (not the author, or too late), `not_found` (not there, or deleted).
  void edit(ConversationId conversation, MessageId message, std::string content,
            Completion<Result<Sent>> done);
  void edit_text(ConversationId conversation, MessageId message, std::string_view text,
                 Completion<Result<Sent>> done);
  void delete_for_everyone(ConversationId conversation, MessageId message, Completion<Result<Sent>> done);
  /// `add`: or take it back. Once for each user and emoji, however often it is asked for.
  void react(ConversationId conversation, MessageId message, std::string emoji, bool add,
             Completion<Result<Sent>> done);
  /// For this user alone, on all devices. A request: see request(). Harmless to repeat.
  void delete_for_me(ConversationId conversation, MessageId message, Completion<Status> done);

  /// Everything up to `seq` was read here. Kept over reconnects until the server has it.
  void mark_read(ConversationId conversation, Seq seq);
  /// Dropped when not connected.
  void typing(ConversationId conversation, bool active);
  /// Remembered and renewed on every connection.
  void subscribe_presence(std::vector<UserId> users);
  void unsubscribe_presence(std::vector<UserId> users);
  /// What others see of this user while online. Remembered and said again on every connection.
  /// `text`: at most 140 bytes of UTF-8, or Listener::on_error is told and nothing changes.
  void set_status(Availability availability, std::string text = {});

  /// Requests: see request().
  void settings(Completion<Result<Settings>> done);
  /// Harmless to repeat.
  void update_settings(SettingsChange change, Completion<Status> done);

  /// Requests, harmless to repeat. At most 100 users in one, and none of them this one. Errors: the server's,
  /// such as `too_large` (the list is full) and `unsupported` (the host does not offer it).
  void add_contacts(std::vector<UserId> users, Completion<Status> done);
  void remove_contacts(std::vector<UserId> users, Completion<Status> done);
  void block(std::vector<UserId> users, Completion<Status> done);
  void unblock(std::vector<UserId> users, Completion<Status> done);
  /// Those behind `after`, which may be empty: from the beginning. What on_event says of the list until the
  /// page comes is to be applied to it once more.
  void contacts(UserId after, Completion<Result<UsersPage>> done);
  void blocked(UserId after, Completion<Result<UsersPage>> done);
  /// Empty: this user's.
  void profile(UserId user, Completion<Result<Profile>> done);
  /// At most 256 bytes of UTF-8. Harmless to repeat.
  void set_display_name(std::string name, Completion<Status> done);

  void history(HistoryQuery query, Completion<Result<HistoryPage>> done);
  void create_group(NewGroup group, Completion<Result<ConversationId>> done);
  /// Requests: see request(). What becomes of them comes to on_event as `conversation.updated` and
  /// `conversation.member`, to this client too. Errors: the server's, such as `forbidden`.
  void update_group(ConversationId group, GroupChange change, Completion<Status> done);
  /// Role::owner hands the group over: this user is an admin from then on.
  void set_role(ConversationId group, UserId user, Role role, Completion<Status> done);
  /// For everybody and for good. `too_large`: members have to be removed first.
  void delete_group(ConversationId group, Completion<Status> done);
  /// For this user alone, on all devices; the others hear of it by `sync.preferences` (on_event). Harmless to
  /// repeat.
  void archive_conversation(ConversationId conversation, bool archived, Completion<Status> done);
  void pin_conversation(ConversationId conversation, bool pinned, Completion<Status> done);
  /// Any command: one JSON object, whose `id` the client sets. Completes with the server's answer, or with
  /// its error; `unavailable` when the connection broke or no answer came in time: whether it took effect is
  /// then unknown (repeat it with the same clientMsgId). A request made while offline waits for a connection.
  void request(std::string json, Completion<Result<std::string>> done);

  /// What to keep so that the next run's Options::watermarks continue from here.
  void watermarks(Completion<std::vector<Watermark>> done);

  /// Ends the connection in good order and cancels what is pending. Final.
  void close();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace chatcore::client
