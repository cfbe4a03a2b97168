#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "chatcore/model/ids.hpp"

namespace chatcore {

/// What an event of a conversation's log is. The numbers are stored: never renumber.
enum class EventKind : std::uint8_t {
  message = 0,
  conversation = 1,
  member = 2,
  edit = 3,
  tombstone = 4,
  reaction = 5
};

/// What a message's content is meant to be. Opaque to the server beyond its name. Stored: never renumber.
enum class MessageType : std::uint8_t {
  text = 0,
  image = 1,
  video = 2,
  audio = 3,
  document = 4,
  location = 5,
  contact = 6,
  custom = 7,
};
inline constexpr std::size_t kMessageTypes = 8;

/// Whether events of this kind change an earlier message.
[[nodiscard]] constexpr bool changes_message(EventKind kind) noexcept { return kind >= EventKind::edit; }

[[nodiscard]] CHATCORE_API std::string_view to_string(EventKind kind) noexcept;
[[nodiscard]] CHATCORE_API std::string_view to_string(MessageType type) noexcept;

/// What every event has besides texts.
struct EventMetadata {
  Seq seq = 0;
  Epoch epoch = 1;
  MessageId messageId = 0;
  Timestamp timestamp = 0;
  EventKind kind = EventKind::message;
  MessageType messageType = MessageType::text;
  /// Direct conversations: the other member had blocked the sender. The number is void for everybody
  /// but the sender, for ever.
  bool hiddenFromOthers = false;
  /// How many countable messages the log holds up to and including this event; unread counts are
  /// differences of ordinals.
  std::uint64_t ordinal = 0;
  /// A message: the one it answers. An edit, tombstone or reaction: the message it changes. 0: none.
  MessageId targetId = 0;
  Seq targetSeq = 0;  ///< where the changed message stands; 0 for a message
  /// From then on the number is void for everybody; 0: never. Changes end with the message that they change.
  Timestamp expiresAt = 0;
  /// Hash of what the sender's command meant; tells a retry from a reuse of its clientMsgId.
  std::uint64_t payloadHash = 0;
};

[[nodiscard]] inline bool expired(const EventMetadata& event, Timestamp now) noexcept {
  return event.expiresAt != 0 && event.expiresAt <= now;
}

/// A message that is unread as long as nobody has read it and it has not expired.
[[nodiscard]] inline bool counts_until_it_expires(const EventMetadata& event) noexcept {
  return event.kind == EventKind::message && event.expiresAt != 0 && !event.hiddenFromOthers &&
         event.ordinal != 0;
}

struct EventView;

/// One entry of a conversation's log. Written once; all that ever changes is that a deleted or expired
/// message, and the edits it had, lose their content.
struct Event : EventMetadata {
  Event() = default;
  explicit Event(const EventView& view);

  UserId senderId;
  DeviceId senderDeviceId;
  ClientMsgId clientMsgId;
  /// A message's content, and an edit's: the JSON bytes that came in; empty once it was deleted. Other kinds:
  /// the members that their wire form has beyond the common ones, as JSON without the outer braces
  /// (`"op":"added","userIds":["bob"],"by":"alice"`).
  std::string content;
};

/// An event whose texts belong to somebody else: an Event, or an EventList.
struct EventView : EventMetadata {
  EventView() = default;
  EventView(const Event& event)  // NOLINT(google-explicit-constructor): reads as the event does
      : EventMetadata(event),
        senderId(event.senderId),
        senderDeviceId(event.senderDeviceId),
        clientMsgId(event.clientMsgId),
        content(event.content) {}

  std::string_view senderId;
  std::string_view senderDeviceId;
  std::string_view clientMsgId;
  std::string_view content;
};

inline Event::Event(const EventView& view)
    : EventMetadata(view),
      senderId(view.senderId),
      senderDeviceId(view.senderDeviceId),
      clientMsgId(view.clientMsgId),
      content(view.content) {}

}  // namespace chatcore
