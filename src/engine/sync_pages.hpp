#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/client_session.hpp"
#include "engine/context.hpp"
#include "engine/event_command.hpp"
#include "engine/outlet.hpp"
#include "engine/receipt_privacy.hpp"
#include "engine/user_reads.hpp"
#include "protocol/commands.hpp"

namespace chatcore::engine {

/// What a device has missed, page by page: after the watermarks that it names, or after the token that an
/// earlier sync ended with. Reads the store from the session's own shard.
class SyncPages {
 public:
  SyncPages(Context& context, Outlet& outlet, ReceiptPrivacy& privacy)
      : context_(context), outlet_(outlet), privacy_(privacy) {}

  /// `continued`: what remained of the session's last sync of everything. `keep` takes what remains now.
  using Keep = UniqueFunction<void(std::optional<SyncContinuation>)>;
  void sync(Requester from, protocol::Sync command, std::optional<SyncContinuation> continued, Keep keep);

 private:
  struct Run;
  using RunRef = std::shared_ptr<Run>;

  // Everything that the user has (sync_everything.cpp)
  using Heads = std::vector<UserConversation>;
  void start_everything(const RunRef& run);
  void list_named_and_newest(const RunRef& run, const Heads& heads, const std::vector<TimelineEntry>& large);
  void continue_everything(const RunRef& run, SyncContinuation continued);
  void list_again(const RunRef& run, SyncToken token);
  void read_changes(const RunRef& run, const SyncToken& token, std::vector<TimelineEntry> sofar);
  void list_what_remains(const RunRef& run, const SyncToken& token, const Heads& heads,
                         const std::vector<TimelineEntry>& changes);
  void read_rest(const RunRef& run);
  void take_rest(const RunRef& run, std::size_t which, UserConversation conversation);
  [[nodiscard]] std::string remaining_token(const Run& run, const SyncContinuation::Rest& next) const;

  // What has changed since a token (sync_since.cpp)
  void resume(const RunRef& run);
  void start_token(const RunRef& run, std::string token);
  void begin_token(const RunRef& run, SyncToken token);
  void read_entries(const RunRef& run);
  static void take_account(Run& run, std::vector<TimelineEntry>& entries);
  void take_entries(const RunRef& run, std::vector<TimelineEntry> entries);
  void take_entry(const RunRef& run, const TimelineEntry& entry, std::vector<UserConversation> found);

  // The page (sync_pages.cpp)
  using Found = std::vector<Result<std::vector<UserConversation>>>;
  void read_conversations(std::vector<UserConversationsRequest> requests, const RunRef& run,
                          UniqueFunction<void(Found)> use);
  [[nodiscard]] UserConversationsRequest whole(const Run& run, const ConversationId& id, bool hidden) const;
  void reset_conversation(const Run& run, const UserConversation& conversation);
  void go_on(const RunRef& run);
  void read_next(const RunRef& run);
  void find_readers(const RunRef& run, std::size_t first, std::vector<Result<EventRange>> ranges);
  void append_ranges(const RunRef& run, std::size_t first, std::vector<Result<EventRange>> ranges);
  void end_item(Run& run, std::size_t index, Seq start);
  void finish_page(const RunRef& run);
  void leave_rest(Run& run, std::string& token);
  void reset(const Run& run);
  void fail(const Requester& from);
  [[nodiscard]] std::string new_page_token();

  Context& context_;
  Outlet& outlet_;
  ReceiptPrivacy& privacy_;
  std::optional<TimelineMark> newest_;  ///< of the positions that were given to sessions of this shard
};

}  // namespace chatcore::engine
