#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "chatcore/client/account.hpp"
#include "chatcore/client/queries.hpp"

/// Answers to requests. Nothing: it is not the answer to that request.
namespace chatcore::client {

std::optional<HistoryPage> decode_history(std::string_view text);
std::optional<ConversationsPage> decode_conversations(std::string_view text);
std::optional<ReceiptsPage> decode_receipts(std::string_view text);
std::optional<MembersPage> decode_members(std::string_view text);
std::optional<std::vector<DeviceEntry>> decode_devices(std::string_view text);
std::optional<Settings> decode_settings_answer(std::string_view text);
std::optional<std::vector<PresenceChange>> decode_presence_state(std::string_view text);
std::optional<Profile> decode_profile_answer(std::string_view text);
/// `contacts.page` or `blocks.page`.
std::optional<UsersPage> decode_users(std::string_view text);

}  // namespace chatcore::client
