#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "chatcore/error.hpp"
#include "chatcore/model/conversation.hpp"
#include "chatcore/model/event.hpp"
#include "chatcore/model/ids.hpp"
#include "chatcore/model/message_state.hpp"
#include "chatcore/model/timeline.hpp"
#include "chatcore/model/user.hpp"
#include "protocol/request_id.hpp"

/// Server frames as JSON text, appended to the caller's buffer. Ids are trusted to be valid ids; all other
/// strings are escaped. Times are milliseconds since the Unix epoch; an epoch of 1 is not written.
namespace chatcore::protocol {

struct Welcome {
  std::string_view userId;
  std::string_view deviceId;
  std::string_view sessionId;
  std::string_view serverId;
  Timestamp serverTime = 0;
  std::span<const std::string_view> features;
  std::uint32_t heartbeatSeconds = 30;
  std::uint64_t contentBytes = 0;
  std::uint64_t frameBytes = 0;
  std::array<std::uint32_t, kMessageTypes> contentBytesOf = {};  ///< 0, or `contentBytes`: not told
};
void append_welcome(std::string& out, const RequestId& id, const Welcome& welcome);

void append_presence_pong(std::string& out, const RequestId& id);
void append_ok(std::string& out, const RequestId& id);

/// Codes that clients do not know become `internal` or `unavailable`, and their text stays in the server.
/// `detailsObject`: a JSON object, spliced in as it is; empty: none. `clientMsgId` may be empty.
void append_error(std::string& out, const RequestId& id, std::string_view clientMsgId, const Error& error,
                  std::string_view detailsObject = {});

/// Where an event stands in its conversation.
struct Placement {
  Seq seq = 0;
  Epoch epoch = 1;
  MessageId messageId = 0;
  Timestamp timestamp = 0;
};
/// The `details` of an idempotency_conflict.
[[nodiscard]] std::string original_details(const Placement& original);

void append_message_sent(std::string& out, const RequestId& id, std::string_view clientMsgId,
                         std::string_view conversationId, const Placement& placed, bool duplicate);

/// An event as it stands in a page: the `data` object of its live form with `"event":"<kind>"`. A message as
/// `view` says that it is now; null: as it was sent.
void append_event_data(std::string& out, std::string_view conversationId, const EventView& event,
                       const MessageView* view = nullptr);
/// The whole live frame: message.new, conversation.created (a conversation's first event),
/// conversation.updated, conversation.member, message.edited, message.deleted or message.reaction.
/// `id` only for the one who asked.
void append_live_frame_payload(std::string& out, std::string_view conversationId, const EventView& event,
                               const RequestId& id = {});
void append_event_void(std::string& out, std::string_view conversationId, Seq seq, Epoch epoch);

/// A member's cursor as its senders are told; `messageId` 0: not known, left out.
struct Receipt {
  std::string_view conversationId;
  std::string_view userId;  ///< whose cursor moved
  Seq seq = 0;
  Epoch epoch = 1;
  MessageId messageId = 0;
  Timestamp timestamp = 0;
};
void append_message_delivered(std::string& out, const Receipt& receipt);
void append_message_read(std::string& out, const Receipt& receipt);
/// For the reader's other devices.
void append_sync_read(std::string& out, std::string_view conversationId, Seq lastReadSeq, Epoch epoch,
                      MessageId lastReadMessageId, std::uint64_t unread);

/// Also for the user's other devices: a message was deleted for oneself.
void append_sync_deleted(std::string& out, std::string_view conversationId, Seq seq, Epoch epoch,
                         MessageId messageId, std::uint64_t unread);

/// Likewise: the conversation was cleared up to `seq`.
void append_sync_cleared(std::string& out, std::string_view conversationId, Seq seq, Epoch epoch,
                         std::uint64_t unread);

/// Also for the user's other devices: what the user now wants of a conversation.
void append_sync_preferences(std::string& out, std::string_view conversationId,
                             const Preferences& preferences);

void append_typing_indicator(std::string& out, std::string_view conversationId, std::string_view userId,
                             bool start);

struct PresenceStatus {
  std::string_view userId;
  bool online = false;
  Timestamp lastSeen = 0;                            ///< 0: not known or not shown
  Availability availability = Availability::online;  ///< of who is online
  std::string_view text = {};                        ///< likewise; empty: left out
};
void append_presence_state(std::string& out, const RequestId& id, std::span<const PresenceStatus> users);
void append_presence_update(std::string& out, const PresenceStatus& user);

struct Settings {
  bool readReceipts = true;
  Audience lastSeen = Audience::everyone;
  Audience online = Audience::everyone;
};
void append_settings(std::string& out, const RequestId& id, const Settings& settings);

/// An empty name is written as such: there is none.
void append_profile(std::string& out, const RequestId& id, std::string_view userId,
                    std::string_view displayName);

/// `contacts.page` or `blocks.page`; an empty cursor is left out.
void append_users_page(std::string& out, const RequestId& id, std::string_view list,
                       std::span<const UserId> users, std::string_view cursor, bool more);
/// To the user's other devices: `contacts.changed` or `blocks.changed`.
void append_users_changed(std::string& out, std::string_view list, bool added, std::span<const UserId> users);
/// To all of the user's devices: the host has changed a section.
void append_account_changed(std::string& out, AccountSection section);

/// A sync page is written front to back: begin, then per conversation either a removed entry, or
/// begin_sync_conversation, append_page_event…, end_sync_conversation; then end.
void begin_sync_page(std::string& out, const RequestId& id);
void begin_sync_conversation(std::string& out, std::string_view conversationId);
/// Also for history pages. Writes the separating comma where one is due.
void append_page_event(std::string& out, std::string_view conversationId, const EventView& event,
                       const MessageView* view = nullptr);

struct MemberCursor {
  std::string_view userId;
  Seq deliveredSeq = 0;
  std::optional<Seq> readSeq = 0;  ///< without: not shown
};
/// Of what is pinned, what is seen by who sees `from` and what follows it.
struct VisiblePins {
  std::span<const PinnedMessage> pins = {};
  Seq from = 1;
  Timestamp now = 0;  ///< what expires at or before it is not there
};
struct SyncConversation {
  Seq headSeq = 0;
  Seq fromSeq = 0;
  Seq toSeq = 0;
  Seq floorSeq = 1;
  Epoch epoch = 1;
  bool more = false;
  Seq readSeq = 0;
  std::uint64_t unread = 0;
  Preferences preferences = {};           ///< what is not set is left out
  VisiblePins pins;                       ///< none: left out
  std::span<const MemberCursor> cursors;  ///< empty: left out
  /// Messages up to `toSeq` that the user has deleted for oneself; empty: left out.
  std::span<const Seq> deletedForMe;
};
void end_sync_conversation(std::string& out, const SyncConversation& conversation);
void append_removed_conversation(std::string& out, std::string_view conversationId);
/// An empty token is left out, and `account` (sections that have changed) where it is empty.
void end_sync_page(std::string& out, std::string_view token, bool more,
                   std::span<const AccountSection> account = {});

/// Without a conversation: the token is of no use, start over.
void append_sync_reset(std::string& out, const RequestId& id, std::string_view conversationId = {},
                       Epoch epoch = 1, Seq headSeq = 0);

struct Head {
  std::string_view conversationId;
  Seq seq = 0;
};
void append_sync_required(std::string& out, std::span<const Head> heads);

void begin_history_page(std::string& out, const RequestId& id, std::string_view conversationId);
void end_history_page(std::string& out, Seq fromSeq, Seq toSeq, Epoch epoch, bool more);

struct ConversationEntry {
  std::string_view conversationId;
  ConversationKind kind = ConversationKind::direct;
  std::string_view name;  ///< empty: left out
  std::string_view peer;  ///< direct conversations: the other member; empty: left out
  Role role = Role::member;
  Seq headSeq = 0;
  Epoch epoch = 1;
  Seq readSeq = 0;
  std::uint64_t unread = 0;
  Timestamp mutedUntil = 0;            ///< 0: not muted
  std::uint32_t expiresInSeconds = 0;  ///< 0: left out
  const Event* lastMessage = nullptr;  ///< null: left out
  const MessageView* lastMessageView = nullptr;
  bool archived = false;
  bool pinned = false;
  const GroupSettings* settings = nullptr;  ///< groups; null: left out
  VisiblePins pins = {};                    ///< none: left out
};
void begin_conversations_page(std::string& out, const RequestId& id);
void append_conversation_entry(std::string& out, const ConversationEntry& entry);
/// Empty strings are left out.
void end_conversations_page(std::string& out, std::string_view cursor, std::string_view token, bool more);

struct MemberEntry {
  std::string_view userId;
  Role role = Role::member;
  Seq joinSeq = 1;
};
void append_members_page(std::string& out, const RequestId& id, std::string_view conversationId,
                         std::span<const MemberEntry> members, std::string_view cursor, bool more);

struct MemberReceipt {
  std::string_view userId;
  Seq deliveredSeq = 0;
  std::optional<Seq> readSeq = 0;  ///< without: not shown
};
/// An empty cursor is left out.
void append_receipts_page(std::string& out, const RequestId& id, std::string_view conversationId,
                          std::span<const MemberReceipt> members, std::string_view cursor, bool more);

struct DeviceEntry {
  std::string_view deviceId;
  std::string_view platform;  ///< empty: left out
  Timestamp lastActive = 0;   ///< 0: left out
  bool online = false;
  bool current = false;  ///< the one that asks
  bool primary = false;
};
/// To the user's other devices: a new login. An empty platform is left out.
void append_device_added(std::string& out, std::string_view deviceId, std::string_view platform,
                         Timestamp timestamp);
void append_device_removed(std::string& out, std::string_view deviceId, Timestamp timestamp);
void append_devices_page(std::string& out, const RequestId& id, std::span<const DeviceEntry> devices);

/// `dataObject`: a JSON object, spliced in as it is.
void append_system_alert(std::string& out, std::string_view dataObject);

}  // namespace chatcore::protocol
