#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "chatcore/completion.hpp"
#include "chatcore/model/conversation.hpp"
#include "chatcore/model/event.hpp"
#include "chatcore/model/event_list.hpp"
#include "chatcore/model/message_state.hpp"
#include "chatcore/model/timeline.hpp"
#include "chatcore/result.hpp"

/// The storage port: one fenced, append-only log per conversation, with what changes together with it.
///
/// Every call takes a batch and completes once, with one answer per item in the order of the items, on the
/// executor given. Calls may come from any thread. The caller bounds its batches (256 appends, 64 reads);
/// an adapter bounds what waits inside it and answers `overloaded` beyond.
namespace chatcore {

/// A cursor's new position; the store keeps the maximum of every field.
struct CursorAdvance {
  UserId userId;
  Cursor cursor;
};

struct MembershipChange {
  Member member;
  bool removed = false;
  bool joins = false;  ///< was no member before; for who publishes the change: not stored
};

/// What an append makes of an earlier message of its log.
struct MessageChange {
  MessageState state;  ///< replaces what was stored of that message
  /// Set: replaces what this user has put on the message; no emoji: nothing any more.
  UserId reactor;
  std::vector<std::string> emoji;
  /// Committed events whose content is emptied; everything else of them stays. At most 1 + kMaxEdits.
  std::vector<Seq> erased;
};

/// What an append changes besides the log, in the same atomic write.
struct AppendEffects {
  std::optional<ConversationInfo> info;   ///< creates or replaces the conversation's description
  std::vector<MembershipChange> members;  ///< also found by `conversations_of` afterwards
  std::vector<CursorAdvance> cursors;     ///< besides `sentOrdinal` of senders, which needs no telling
  std::vector<MessageChange> messages;
  /// Whose timelines hear of this append, besides those in `members`; null: nobody's. For a large group only
  /// as it becomes one.
  SharedUsers audience;
  bool large = false;  ///< the log is a large group from this append on
  /// Sets the mark that `recover` finds; set on the first append after `settled`.
  bool mayBeUnpublished = false;
};

struct AppendRequest {
  ConversationId log;
  Term term = 0;
  /// The head that the caller believes in; the events carry expectedHead+1, +2, …
  Seq expectedHead = 0;
  std::vector<Event> events;  ///< 1 to 64; those with a clientMsgId are remembered against repetition
  AppendEffects effects;
};

/// What is remembered of an event for its sender's retries, at least 35 days.
struct OriginalSend {
  Seq seq = 0;
  Epoch epoch = 1;
  MessageId messageId = 0;
  Timestamp timestamp = 0;
  std::uint64_t payloadHash = 0;
};

enum class AppendOutcome : std::uint8_t {
  committed,  ///< durable as far as the store's durability mode says
  fenced,     ///< a higher term has claimed the log: nothing written, this owner must step down
  conflict,   ///< the head is another one (`head`): nothing written
  duplicate,  ///< (log, sender, clientMsgId) of an event is known (`original`): nothing written
  unknown,    ///< may or may not be written: read the head before appending again
  refused,    ///< certainly not written (`error`): disk full, overloaded, closed
};

struct AppendResult {
  AppendOutcome outcome = AppendOutcome::refused;
  Seq head = 0;  ///< after the call; with `fenced`, `unknown` and `refused` not meaningful
  std::optional<OriginalSend> original;
  Error error;
  /// As it was given, whatever the outcome: the caller keeps no copy, and memory is freed where it was made.
  AppendRequest request;
};

struct ClaimRequest {
  ConversationId log;
  Term term = 0;
};

struct MemberState {
  Member member;
  Cursor cursor;
};

/// A log as a new owner finds it.
struct LogState {
  bool exists = false;
  Epoch epoch = 1;
  Seq head = 0;
  MessageId lastMessageId = 0;
  std::uint64_t ordinal = 0;  ///< of the head event
  Seq memberSeq = 0;          ///< seq of the last event that changed the members
  /// The highest ordinal of a message that was deleted, for everyone or by one member, or that will expire;
  /// 0: there is none.
  std::uint64_t lastDeletedOrdinal = 0;
  ConversationInfo info;
  std::vector<MemberState> members;  ///< sorted by userId
};

struct ReadRequest {
  ConversationId log;
  Seq from = 1;  ///< inclusive
  Seq to = 0;    ///< inclusive; clamped to the head
  bool newestFirst = false;
  std::uint32_t maxEvents = 200;
  /// Of the events and of what has become of them; at least one event is returned all the same.
  std::uint32_t maxBytes = 256 * 1024;
  UserId viewer = {};      ///< set: fills `hidden`
  bool withViews = false;  ///< fills `changed`, as `viewer` sees it
};

struct EventRange {
  EventList events;   ///< in the order asked for
  bool more = false;  ///< cut by maxEvents or maxBytes
  /// Of the messages among `events` to which something has happened since; ascending by seq. Never older
  /// than the events, but may be newer.
  std::vector<MessageView> changed;
  /// Of `events`, what the viewer has deleted for oneself, and what changed that; ascending.
  std::vector<Seq> hidden;
};

/// A message by its id, for a user who wants to do something with it.
struct MessageQuery {
  ConversationId log;
  MessageId messageId = 0;
  UserId userId;
};
struct FoundMessage {
  Event event;
  MessageView view;
  bool hidden = false;  ///< the user has deleted it for oneself
};

/// Takes a message out of one user's sight.
struct HideRequest {
  UserId userId;
  ConversationId log;
  Seq seq = 0;
  std::uint64_t ordinal = 0;  ///< of the message, if it counts as unread; 0: it does not
};

struct SendKey {
  ConversationId log;
  UserId senderId;
  ClientMsgId clientMsgId;
};

struct CursorUpdate {
  ConversationId log;
  UserId userId;
  Cursor cursor;
  SharedUsers audience = {};  ///< whose timelines hear of it, besides the user's own
};

struct DeviceKey {
  UserId userId;
  DeviceId deviceId;
};

/// A token longer than this is not kept.
inline constexpr std::size_t kMaxKeptToken = 8192;

struct TimelineMarkRequest {
  UserId userId;
  DeviceId deviceId = {};  ///< empty: nothing is kept
  std::string token = {};  ///< that this device continued from
};

/// What of a user's timeline is of interest to who continues from a position.
struct TimelineRequest {
  UserId userId;
  /// Entries that have changed since; none: only those of large groups.
  std::optional<TimelinePosition> since;
  ConversationId after;  ///< exclusive; ids ascend
  std::uint32_t limit = 1000;
};

/// One conversation as one of its members sees it.
struct UserConversation {
  ConversationId conversationId;
  ConversationInfo info;
  Member member;
  Cursor cursor;
  Preferences preferences = {};
  Epoch epoch = 1;
  Seq head = 0;
  std::uint64_t ordinal = 0;
  Seq memberSeq = 0;
  Timestamp lastEventAt = 0;
  std::optional<UserId> peer;  ///< direct conversations: the other member
  /// Countable messages that the user has not seen and that are deleted, for everyone or for the user, or
  /// expired: they do not count as unread. Of the newest kMaxUnread countable messages.
  std::uint64_t deletedUnread = 0;
  /// Filled when asked for: the newest message visible to the user, and what has become of it since. Looked
  /// for among the newest 64 events, and then among the newest 64 countable messages.
  std::optional<Event> lastMessage;
  std::optional<MessageView> lastMessageView;
  /// Filled when asked for, and only below kLargeGroupSize members: every other member's cursor.
  std::vector<CursorAdvance> cursors;
  /// Filled when asked for: the newest kMaxHiddenTold messages that the user has deleted for oneself;
  /// ascending.
  std::vector<Seq> hidden;
};

[[nodiscard]] inline Seq first_visible(const UserConversation& conversation) {
  return first_visible(conversation.member.joinSeq, conversation.cursor);
}

/// So many messages of a conversation that were deleted for oneself are told to a device that was away.
inline constexpr std::size_t kMaxHiddenTold = 1000;

/// Unread messages are counted up to here; more are told as that many.
inline constexpr std::uint64_t kMaxUnread = 10'000;

/// How much of a user's conversations is wanted: what costs least comes first.
enum class ConversationDetail : std::uint8_t {
  membership,  ///< conversationId, member and memberSeq: what a connecting device needs
  head,        ///< conversationId, member, epoch, head, ordinal and lastEventAt: what puts them in an order
  all,         ///< everything, and whatever else the request asks for
};

struct UserConversationsRequest {
  UserId userId;
  std::optional<ConversationId> only;  ///< one conversation; an empty answer if not a member
  ConversationId after;                ///< exclusive; ids ascend
  std::uint32_t limit = 1000;
  bool withLastMessage = false;
  bool withCursors = false;
  bool withHidden = false;
  ConversationDetail detail = ConversationDetail::all;
  Timestamp now = 0;  ///< what expires at or before it is gone
};

struct MembersRequest {
  ConversationId log;
  UserId after;  ///< exclusive
  std::uint32_t limit = 200;
};

class CHATCORE_API LogStore {
 public:
  virtual ~LogStore();

  /// One atomic compare-and-set per request: events, remembered sends and effects together or not at all.
  /// Requests to one log are decided in the order given, also across calls from one thread; a request that
  /// follows a failed one on the same log meets `conflict` by itself. A repeated clientMsgId is found even
  /// if its original stands earlier in the same batch. What several outcomes fit is answered in the order
  /// fenced, duplicate, conflict. Every message raises its sender's `sentOrdinal` to its own ordinal: one has
  /// read what one wrote. Never retried by the adapter. O(events).
  /// A crash loses what was not answered `committed`, or has it whole.
  virtual void append(std::vector<AppendRequest> batch, Executor& executor,
                      Completion<std::vector<AppendResult>> done) = 0;

  /// Raises the stored term and returns the log's state; `fenced` if a higher term is stored. Claiming again
  /// with the same term is allowed: that is how an owner reads the head after `unknown`. A log without
  /// events is claimable (`exists == false`) and leaves nothing behind.
  virtual void claim(std::vector<ClaimRequest> batch, Executor& executor,
                     Completion<std::vector<Result<LogState>>> done) = 0;

  /// Events in a range, oldest or newest first; never above the head; sees every append that completed
  /// before the call. An unknown log is an empty one. `corrupted` instead of bytes that fail their check.
  virtual void read(std::vector<ReadRequest> batch, Executor& executor,
                    Completion<std::vector<Result<EventRange>>> done) = 0;

  /// The event of each id, with what has become of it; none: there is no such event. Sees every append that
  /// completed before the call. O(log n).
  virtual void find_messages(std::vector<MessageQuery> batch, Executor& executor,
                             Completion<std::vector<Result<std::optional<FoundMessage>>>> done) = 0;

  /// Idempotent; completes once durable like an append.
  virtual void hide(std::vector<HideRequest> batch, Executor& executor,
                    Completion<std::vector<Status>> done) = 0;

  /// The remembered send of each key, if any.
  virtual void find_sends(std::vector<SendKey> batch, Executor& executor,
                          Completion<std::vector<Result<std::optional<OriginalSend>>>> done) = 0;

  /// Idempotent max of every field; completes with the merged cursor once durable like an append.
  virtual void advance(std::vector<CursorUpdate> batch, Executor& executor,
                       Completion<std::vector<Result<Cursor>>> done) = 0;

  /// The conversations that a user is a member of. Membership is never newer than `memberSeq` says: what
  /// changed after that event may or may not be seen.
  virtual void conversations_of(std::vector<UserConversationsRequest> batch, Executor& executor,
                                Completion<std::vector<Result<std::vector<UserConversation>>>> done) = 0;

  /// Members by ascending userId.
  virtual void members(std::vector<MembersRequest> batch, Executor& executor,
                       Completion<std::vector<Result<std::vector<Member>>>> done) = 0;

  /// What is set changes, the rest stays; answers with what is stored then. Idempotent; durable like an
  /// append.
  struct PreferencesRequest {
    UserId userId;
    ConversationId conversationId;
    std::optional<Timestamp> mutedUntil = {};
    std::optional<bool> archived = {};
    std::optional<bool> pinned = {};

    void apply(Preferences& to) const {
      to = {mutedUntil.value_or(to.mutedUntil), archived.value_or(to.archived), pinned.value_or(to.pinned)};
    }
  };
  virtual void set_preferences(std::vector<PreferencesRequest> batch, Executor& executor,
                               Completion<std::vector<Result<Preferences>>> done) = 0;

  /// Gives each user a position to continue from. What is committed after it, in the order of these calls and
  /// the appends, is found by `timeline` from there; what came before is visible to every read that begins
  /// after completion. Costs a commit's latency, but writes nothing.
  ///
  /// A token given with it is kept for the device, in place of the one before. Not synced, so a crash may
  /// bring back an older one, from which more is told and nothing less.
  virtual void mark_timeline(std::vector<TimelineMarkRequest> batch, Executor& executor,
                             Completion<std::vector<Result<TimelineMark>>> done) = 0;

  /// The token kept for each device; none: there is none.
  virtual void kept_tokens(std::vector<DeviceKey> batch, Executor& executor,
                           Completion<std::vector<Result<std::optional<std::string>>>> done) = 0;
  /// The devices are no more. Not synced: a crash may bring their tokens back.
  virtual void forget_tokens(std::vector<DeviceKey> devices) = 0;

  /// Notes that a section of a user's account has changed, for who continues from an earlier position: the
  /// entry `timeline_id(section)`, however often it is noted. To be called when the change is durable where
  /// it belongs. Idempotent; durable like an append; `invalid_argument` without a user.
  virtual void tell_timelines(std::vector<AccountChange> batch, Executor& executor,
                              Completion<std::vector<Status>> done) = 0;

  /// The entries of interest, by ascending conversation id: conversations whose appends named the user in
  /// `audience` or `members`, where the user's cursor moved or the user muted or hid something, and sections
  /// that tell_timelines was told of. More than has changed may be told, and more of it, but never less.
  /// O(entries of the user).
  ///
  /// Of the conversations that a user has left at least the newest kMaxDepartedKept are remembered. A
  /// position from before one that was forgotten is answered `out_of_range`: whoever continues from it begins
  /// anew.
  virtual void timeline(std::vector<TimelineRequest> batch, Executor& executor,
                        Completion<std::vector<Result<std::vector<TimelineEntry>>>> done) = 0;

  /// The logs of a partition that may hold events nobody published: a superset.
  virtual void recover(std::uint32_t partition, Executor& executor,
                       Completion<Result<std::vector<ConversationId>>> done) = 0;

  /// Clears the may-be-unpublished mark of logs that have fallen quiet. Not synced: a crash brings it back.
  virtual void settled(std::vector<ConversationId> logs) = 0;
};

}  // namespace chatcore
