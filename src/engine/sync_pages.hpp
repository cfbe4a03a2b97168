#pragma once

#include <memory>
#include <optional>
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

  /// `continued`: what remained of the session's last watermark sync. `keep` takes what remains now.
  using Keep = UniqueFunction<void(std::optional<SyncContinuation>)>;
  void sync(Requester from, protocol::Sync command, std::optional<SyncContinuation> continued, Keep keep);

 private:
  struct Run;
  using RunRef = std::shared_ptr<Run>;

  void start_watermarks(const RunRef& run);
  void begin_watermarks(const RunRef& run, std::vector<UserConversation> conversations,
                        const std::vector<TimelineEntry>& large);
  void continue_watermarks(const RunRef& run, std::vector<UserConversation> conversations);
  void start_token(const RunRef& run, std::string_view token);
  void begin_token(const RunRef& run, SyncToken token);
  void read_entries(const RunRef& run);
  static void take_account(Run& run, std::vector<TimelineEntry>& entries);
  void read_conversations(const RunRef& run, std::vector<TimelineEntry> entries);
  void take_entry(const RunRef& run, const TimelineEntry& entry, std::vector<UserConversation> found);
  void add_newest(const RunRef& run, UserConversation conversation, bool large);
  void reset_conversation(const Run& run, const UserConversation& conversation);
  void go_on(const RunRef& run);
  void read_next(const RunRef& run);
  void find_readers(const RunRef& run, std::size_t first, std::vector<Result<EventRange>> ranges);
  void append_ranges(const RunRef& run, std::size_t first, std::vector<Result<EventRange>> ranges);
  void end_item(Run& run, std::size_t index, Seq start);
  void finish_page(const RunRef& run);
  void reset(const Run& run);
  void fail(const Requester& from);
  [[nodiscard]] std::string new_page_token();

  Context& context_;
  Outlet& outlet_;
  ReceiptPrivacy& privacy_;
};

}  // namespace chatcore::engine
