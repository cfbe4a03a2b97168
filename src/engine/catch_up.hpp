#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/client_session.hpp"
#include "engine/context.hpp"
#include "engine/event_command.hpp"
#include "engine/outlet.hpp"
#include "engine/receipt_privacy.hpp"
#include "protocol/commands.hpp"

namespace chatcore::engine {

/// What devices read of the past: sync pages, history, the conversation list, member lists. Reads the store
/// from the session's own shard; nothing here is ordered with the conversation's writes, nor needs to be.
class CatchUp {
 public:
  CatchUp(Context& context, Outlet& outlet, ReceiptPrivacy& privacy)
      : context_(context), outlet_(outlet), privacy_(privacy) {}

  void history(Requester from, protocol::History command);
  void list(Requester from, protocol::ConversationsList command);
  void members(Requester from, protocol::ConversationMembers command);
  void mute(Requester from, protocol::ConversationMute command);
  /// Deletes a message for its asker alone.
  void hide(Requester from, protocol::MessageDelete command);
  /// Continues, or starts: `keep` stores what remains with the session if it is still there.
  using Keep = UniqueFunction<void(std::optional<SyncContinuation>)>;
  void sync(Requester from, protocol::Sync command, std::optional<SyncContinuation> continued, Keep keep);

 private:
  struct SyncRun;

  void collect(std::shared_ptr<SyncRun> run, const ConversationId& after);
  void begin_page(std::shared_ptr<SyncRun> run);
  void read_next(std::shared_ptr<SyncRun> run);
  void find_readers(std::shared_ptr<SyncRun> run, std::size_t first, std::vector<Result<EventRange>> ranges);
  void append_ranges(std::shared_ptr<SyncRun> run, std::size_t first, std::vector<Result<EventRange>> ranges);
  void finish_page(std::shared_ptr<SyncRun> run);
  void fail(const Requester& from, const Error& error);
  using Membership = UniqueFunction<void(const Requester&, UserConversation&)>;
  void with_membership(Requester from, const ConversationId& id, Membership use);
  void history_page(const Requester& from, const protocol::History& command, UserConversation conversation);
  void list_page(const Requester& from, const protocol::ConversationsList& command,
                 std::vector<UserConversation> conversations);
  void hide_found(const Requester& from, const UserConversation& conversation, const FoundMessage& message);
  void tell_hidden(const Requester& from, const ConversationId& id, const EventMetadata& message);
  using Conversations = UniqueFunction<void(std::vector<UserConversation>)>;
  void all_conversations(Requester from, std::vector<UserConversation> sofar, bool withLastMessage,
                         bool withCursors, Conversations use);
  [[nodiscard]] std::string new_token(std::string_view prefix);

  Context& context_;
  Outlet& outlet_;
  ReceiptPrivacy& privacy_;
};

}  // namespace chatcore::engine
