#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "chatcore/client/account.hpp"
#include "chatcore/client/events.hpp"
#include "chatcore/client/groups.hpp"
#include "chatcore/client/listener.hpp"
#include "chatcore/client/options.hpp"
#include "chatcore/client/queries.hpp"
#include "chatcore/completion.hpp"
#include "chatcore/result.hpp"

/// A chat client that comes back: it reconnects, resends what was not confirmed in order and once, and
/// fetches what it missed. Speaks protocol 1 over `ws://`.
namespace chatcore::client {

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
  /// For the next connection, and for the present one. `done` says whether that one goes on with it; without
  /// a connection it says yes at once. Errors: `unauthorized` (the connection stays as it was; without `done`
  /// Listener::on_error is told), `bad_request` (not UTF-8), `unavailable`.
  void set_token(std::string token, Completion<Status> done = {});
  /// Whether the application is on the screen: a device that is not may be notified although it is connected.
  /// Remembered and said again on every connection. At first it is.
  void set_foreground(bool foreground);

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

  /// Everything up to there, for this user alone, on all devices; it does not count as unread any more, and
  /// the others learn nothing of it. A request: see request(). Harmless to repeat.
  void clear_conversation(Watermark upTo, Completion<Status> done);

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

  // Requests: see request(). Those that only ask are harmless to repeat. An id, limit or number of users out
  // of its bounds fails `bad_request` before anything is sent.

  /// How users are now, without a subscription; at most 1,000.
  void presence(std::vector<UserId> users, Completion<Result<std::vector<PresenceChange>>> done);
  void settings(Completion<Result<Settings>> done);
  /// Harmless to repeat.
  void update_settings(SettingsChange change, Completion<Status> done);
  void devices(Completion<Result<std::vector<DeviceEntry>>> done);
  /// Closes its connection; whether it may come back is for the host to say. With the primary device go all.
  /// Harmless to repeat.
  void remove_device(DeviceId device, Completion<Status> done);

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

  void conversations(ConversationsQuery query, Completion<Result<ConversationsPage>> done);
  void receipts(ReceiptsQuery query, Completion<Result<ReceiptsPage>> done);
  void members(MembersQuery query, Completion<Result<MembersPage>> done);
  void history(HistoryQuery query, Completion<Result<HistoryPage>> done);
  void create_group(NewGroup group, Completion<Result<ConversationId>> done);
  /// What becomes of these comes to Listener::on_conversation, to this client too. Errors: the server's, such
  /// as `forbidden`. After `unavailable` on_conversation may still show that it took effect.
  void update_group(ConversationId group, GroupChange change, Completion<Status> done);
  /// 1 to 500 users.
  void add_members(ConversationId group, std::vector<UserId> users, Completion<Status> done);
  void remove_members(ConversationId group, std::vector<UserId> users, Completion<Status> done);
  /// An owner who leaves hands the group over to who is an admin, or else a member, for longest.
  void leave_group(ConversationId group, Completion<Status> done);
  /// Role::owner hands the group over: this user is an admin from then on.
  void set_role(ConversationId group, UserId user, Role role, Completion<Status> done);
  /// For everybody in the conversation, or no longer. `too_large`: 50 are pinned; `not_found`: deleted.
  void pin_message(ConversationId conversation, MessageId message, bool pinned, Completion<Status> done);
  /// For everybody and for good. `too_large`: members have to be removed first.
  void delete_group(ConversationId group, Completion<Status> done);
  /// For this user alone, on all devices; the others hear of it by on_preferences. Harmless to repeat.
  /// `until`: no notifications before that time; 0: notifications again; kMutedForever: never.
  void mute_conversation(ConversationId conversation, Timestamp until, Completion<Status> done);
  void archive_conversation(ConversationId conversation, bool archived, Completion<Status> done);
  void pin_conversation(ConversationId conversation, bool pinned, Completion<Status> done);
  /// Any command: one JSON object, whose `id` the client sets. Completes with the server's answer, or with
  /// its error; `unavailable` when the connection broke or no answer came in time: whether it took effect is
  /// then unknown (repeat it with the same clientMsgId). A request made while offline waits for a connection.
  void request(std::string json, Completion<Result<std::string>> done);

  /// What to keep so that the next run's Options::watermarks continue from here.
  void watermarks(Completion<std::vector<Watermark>> done);

  /// Likewise for Options::syncToken; empty before the first sync. An application asks for it before it asks
  /// for the watermarks: what is newer than the token is told again, what is older would be missed.
  void sync_token(Completion<std::string> done);

  /// Ends the connection in good order and cancels what is pending. Final.
  void close();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace chatcore::client
