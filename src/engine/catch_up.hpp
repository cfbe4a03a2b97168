#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/client_session.hpp"
#include "engine/context.hpp"
#include "engine/event_command.hpp"
#include "engine/outlet.hpp"
#include "engine/user_reads.hpp"
#include "protocol/commands.hpp"

namespace chatcore::engine {

/// What devices read of the past: history, the conversation list, member lists. Reads the store
/// from the session's own shard; nothing here is ordered with the conversation's writes, nor needs to be.
class CatchUp {
 public:
  CatchUp(Context& context, Outlet& outlet) : context_(context), outlet_(outlet) {}

  void history(Requester from, protocol::History command);
  void list(Requester from, protocol::ConversationsList command);
  void members(Requester from, protocol::ConversationMembers command);
  /// Deletes a message for its asker alone.
  void hide(Requester from, protocol::MessageDelete command);

 private:
  void fail(const Requester& from, const Error& error);
  using Membership = UniqueFunction<void(const Requester&, UserConversation&)>;
  void with_membership(Requester from, const ConversationId& id, Membership use);
  void history_page(const Requester& from, const protocol::History& command, UserConversation conversation);
  void list_page(const Requester& from, const protocol::ConversationsList& command,
                 std::vector<UserConversation> conversations, const TimelineStart& start);
  void list_from(Requester from, protocol::ConversationsList command, TimelineStart start);
  void hide_found(const Requester& from, const UserConversation& conversation, const FoundMessage& message);
  void tell_hidden(const Requester& from, const ConversationId& id, const EventMetadata& message);

  Context& context_;
  Outlet& outlet_;
};

}  // namespace chatcore::engine
