#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chatcore/client/client.hpp"
#include "client/types.hpp"

/// Client frames as JSON text. Ids are trusted to be valid ids, content to be JSON.
namespace chatcore::client {

using FrameId = std::uint64_t;

/// Names as many watermarks as fit `budget` bytes; conversations not named come with their newest page.
std::string encode_sync(FrameId id, std::span<const Watermark> marks, const Limits& limits,
                        std::size_t budget);
std::string encode_sync_resume(FrameId id, std::size_t limit);
std::string encode_sync_since(FrameId id, std::string_view token, std::span<const Watermark> marks,
                              std::size_t limit, std::size_t budget);
std::string encode_fetch(FrameId id, const ConversationId& conversation, std::optional<Seq> after,
                         std::size_t limit);
/// `type`: message.received or message.read.
std::string encode_cursors(FrameId id, std::string_view type, std::span<const Watermark> marks);
std::string encode_typing(const ConversationId& conversation, bool active);
/// `type`: presence.subscribe, presence.unsubscribe or presence.get.
std::string encode_presence(std::string_view type, std::span<const UserId> users);
std::string encode_presence_set(Availability availability, const std::string& text);
/// `type`: of contacts or blocks, to be changed or listed.
std::string encode_users(std::string_view type, std::span<const UserId> users);
std::string encode_list(std::string_view type, const UserId& after);
std::string encode_profile_get(const UserId& user);
std::string encode_profile(const std::string& displayName);
std::string encode_client_state(bool foreground);
/// `platform`: UTF-8.
std::string encode_platform(FrameId id, std::string_view platform);
/// `token`: UTF-8.
std::string encode_refresh(FrameId id, std::string_view token);

// The members of a frame but for its id, as OutgoingEvent holds them.
std::string encode_send(const Outgoing& message);
std::string encode_change(const OutgoingChange& change);
/// The whole frame.
std::string encode_event(FrameId id, std::string_view members);

// Requests without their id, as Client::request takes them.
std::string encode_settings_change(const SettingsChange& change);
std::string encode_remove_device(const DeviceId& device);
std::string encode_conversations(const ConversationsQuery& query);
std::string encode_receipts(const ReceiptsQuery& query);
std::string encode_members(const MembersQuery& query);
std::string encode_history(const HistoryQuery& query);
std::string encode_delete_for_me(const ConversationId& conversation, MessageId message);
std::string encode_create(const NewGroup& group, const ClientMsgId& id);
std::string encode_update(const ConversationId& group, const GroupChange& change, const ClientMsgId& id);
std::string encode_set_role(const ConversationId& group, const UserId& user, Role role,
                            const ClientMsgId& id);
std::string encode_delete_group(const ConversationId& group, const ClientMsgId& id);
/// `type`: conversation.addMembers or conversation.removeMembers.
std::string encode_members_change(std::string_view type, const ConversationId& group,
                                  const std::vector<UserId>& users, const ClientMsgId& id);
std::string encode_leave(const ConversationId& group, const ClientMsgId& id);
std::string encode_clear(const Watermark& upTo);
std::string encode_mute(const ConversationId& conversation, Timestamp until);
std::string encode_archive(const ConversationId& conversation, bool archived);
std::string encode_pin_message(const ConversationId& conversation, MessageId message, bool add,
                               const ClientMsgId& id);
std::string encode_pin(const ConversationId& conversation, bool pinned);

/// Any text as a JSON string; empty: it is not UTF-8.
std::optional<std::string> json_string(std::string_view text);

}  // namespace chatcore::client
