#pragma once

#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/string_map.hpp"
#include "core/timer_wheel.hpp"
#include "engine/context.hpp"
#include "engine/conversation.hpp"
#include "engine/hook_desk.hpp"
#include "engine/job_outbox.hpp"
#include "engine/outlet.hpp"
#include "engine/plan.hpp"
#include "engine/receipt_privacy.hpp"
#include "protocol/commands.hpp"

namespace chatcore::engine {

/// Where a receipt's answer is counted: a command may name many conversations, and is answered once. Touched
/// on the session's shard only.
struct ReceiptTally {
  protocol::RequestId id;
  std::size_t outstanding = 0;
  bool failed = false;
};

struct ReceiptCommand {
  Requester from;
  ConversationId conversationId;
  Seq seq = 0;
  Epoch epoch = 1;
  MessageId messageId = 0;  ///< in place of seq; 0: none
  bool read = false;
  std::shared_ptr<ReceiptTally> tally;
};

[[nodiscard]] inline Error unreachable() {
  return {ErrorCode::unavailable, "the conversation cannot be reached", std::chrono::milliseconds(500)};
}
[[nodiscard]] inline Error log_unreadable() {
  return {ErrorCode::unavailable, "the log cannot be read", std::chrono::milliseconds(500)};
}

struct TypingCommand {
  Requester from;
  ConversationId conversationId;
  bool start = true;
};

/// The conversations whose home is this shard: loads them, decides commands in one order, appends in
/// batches, and publishes what was committed. One thread; completions come back to it.
class ConversationHome {
 public:
  ConversationHome(Context& context, Outlet& outlet, ReceiptPrivacy& privacy);
  ~ConversationHome();

  void submit(CommandPtr command);
  void receipt(ReceiptCommand command);
  /// Tells a member how far the others have come.
  void receipts_page(Requester from, protocol::ReceiptsGet command);
  /// Takes everything up to a number out of one member's sight.
  void clear(Requester from, protocol::ConversationClear command);
  void typing(TypingCommand command);
  /// Which of these users (by session) may take the group's topic now; answers on `shard`.
  void refresh_takers(const Topic& topic, ConversationId id, std::vector<std::pair<SessionId, UserId>> takers,
                      std::uint32_t shard);
  /// A member has deleted a message for oneself: unread counts are no mere subtraction any more.
  void message_hidden(const ConversationId& id, std::uint64_t ordinal);
  /// Somebody blocked or unblocked somebody: the pair's direct conversation asks again.
  void blocks_changed(const ConversationId& id);
  /// Likewise; what one of the two does is known, and holds at once.
  void block_changed(const ConversationId& id, const UserId& by, bool blocked);
  /// Republishes what a crash may have left unpublished, partition by partition.
  void recover();
  /// Sends notifications that are due for one event; answers when every device is settled.
  void push_due(const ConversationId& id, Seq seq, UniqueFunction<void(JobResult)> done);

  /// Hands the turn's appends, cursor moves, claims and look-ups to the ports, one call each.
  void end_of_turn();
  void tick();

  [[nodiscard]] std::size_t loaded() const noexcept { return conversations_.size(); }

 private:
  using List = std::list<ConversationId>;
  struct Slot {
    std::unique_ptr<Conversation> conversation;
    List::iterator position;
  };
  using Continuation = UniqueFunction<void(Conversation*)>;  // null: could not be loaded

  // Loading (conversation_loading.cpp)
  Conversation& get_or_load(const ConversationId& id, const EventCommand* cause);
  void with_loaded(const ConversationId& id, Continuation use);
  bool name_pair(Conversation& conversation, const EventCommand* cause);
  void keep_order(Conversation& conversation);
  void on_claimed(std::vector<ConversationId> ids, std::vector<Result<LogState>> states);
  void become_ready(Conversation& conversation);
  /// What a claim found, on its way into memory: a large group in slices, between which the shard goes on.
  struct Adoption {
    LogState state;
    StringMap<MemberRecord> members;
    std::size_t next = 0;  ///< of `state.members`
    bool owned = false;    ///< one of those taken so far is the owner
    UserId heir = {};      ///< of those taken so far, who would be

    void take(UserId user, const MemberRecord& record);
    void name_owner();
  };
  void take_members(const ConversationId& id, std::shared_ptr<Adoption> adoption);
  void adopted(Conversation& conversation, Adoption& adoption);
  void adopt(Conversation& conversation, Adoption& adoption);
  void load_blocks(Conversation& conversation);
  void ask_blocks(Conversation& conversation);
  void fail_loading(Conversation& conversation, const Error& error);
  void finish_recovery(Conversation& conversation, const EventList& committed);
  void read_missing(Conversation& conversation, Seq from, Seq to);
  void recover_partition(std::uint32_t partition);
  void evict();

  // Appending (append_pipeline.cpp)
  void run_waiting(Conversation& conversation);
  void process(Conversation& conversation, CommandPtr command);
  [[nodiscard]] bool prepare(Conversation& conversation, CommandPtr& command);
  using Resume = UniqueFunction<void(UniqueFunction<void(EventCommand&)>)>;
  [[nodiscard]] Resume park(Conversation& conversation, CommandPtr command);
  void find_target(Conversation& conversation, CommandPtr command);
  void meet_strangers(Conversation& conversation, CommandPtr command, std::vector<UserId> strangers,
                      bool intoGroup);
  [[nodiscard]] static bool is_in_flight(const Conversation& conversation, const EventCommand& command);
  [[nodiscard]] bool repeats_in_flight(Conversation& conversation, const EventCommand& command);
  [[nodiscard]] bool out_of_order(Conversation& conversation, const EventCommand& command);
  [[nodiscard]] bool ask_hooks(Conversation& conversation, CommandPtr& command);
  void ask_hooks_later(Conversation& conversation, CommandPtr command, const Hooks::Draft& draft);
  void look_up_then_reject(Conversation& conversation, CommandPtr command, Error error);
  void reject(Conversation& conversation, const EventCommand& command, const Error& error);
  void note_return(Conversation& conversation, const EventCommand& command);
  static void pass(Conversation& conversation, std::vector<BrokenOrder>::iterator broken);
  void break_order(Conversation& conversation, BrokenOrder first);
  void append(Conversation& conversation, CommandPtr command, Plan&& plan, Timestamp now);
  void on_appended(const std::vector<Conversation*>& order, std::vector<AppendResult> results);
  void on_result(Conversation& conversation, InFlight item, AppendResult& result);
  void committed(Conversation& conversation, const InFlight& item, const AppendRequest& request);
  void tell_observers(const ConversationId& id, const Event& event, const AppendEffects& effects);
  void answer_duplicate(const Requester& to, const EventCommand& command, const OriginalSend& original);
  void answer_waiters(Conversation& conversation, const EventCommand& first, const OriginalSend& original);
  void fail_waiter(Conversation& conversation, const Waiter& waiter, const Error& error);
  void fail_waiters(Conversation& conversation, const EventCommand& command, const Error& error);
  struct LookUp {
    ConversationId id;
    CommandPtr command;
    std::optional<Error> rejection;  ///< told if it is no repetition; without: goes on
  };
  void on_looked_up(LookUp item, Result<std::optional<OriginalSend>> answer);

  // Publishing (publishing.cpp)
  void publish(Conversation& conversation, const Event& event, const AppendEffects& effects,
               SessionId except);
  void publish_direct(Conversation& conversation, const Event& event, const FrameRef& frame,
                      SessionId except);
  void publish_group(Conversation& conversation, const Event& event, const AppendEffects& effects,
                     const FrameRef& frame, SessionId except);
  void remember(Conversation& conversation, const Event& event);
  void arm_head_timer(Conversation& conversation);
  void head_timer(const ConversationId& id);
  void enqueue_push(Conversation& conversation, Seq seq);
  void check_tokens(Conversation& conversation);
  void check_tokens_of(const ConversationId& id, std::vector<UserId> users);

  // Receipts (receipts.cpp)
  struct PendingReceipt {
    ReceiptCommand command;
    Cursor says;
  };
  /// One of `cursorCalls` has been answered; the conversation, if it is loaded.
  Conversation* end_cursor_call(const ConversationId& id);
  using UseOrdinal = UniqueFunction<void(Conversation*, std::optional<std::uint64_t>)>;
  [[nodiscard]] static std::optional<Error> misplaced(const Conversation& conversation, Epoch epoch, Seq seq);
  /// Of the event at a committed number; none: it is no longer in memory.
  [[nodiscard]] std::optional<std::uint64_t> known_ordinal(const Conversation& conversation, Seq seq) const;
  void read_ordinal(Conversation& conversation, Seq seq, UseOrdinal use);
  /// Of a member's messages; 0 for who is none.
  void count_unread(Conversation& conversation, const UserId& user, UniqueFunction<void(std::uint64_t)> use);
  using WritePosition = UniqueFunction<void(std::string& out, std::uint64_t unread)>;
  void tell_position(Conversation& conversation, const UserId& user, SessionId except, Seq Cursor::* position,
                     Seq seq, WritePosition write);
  void keep_cursors(Conversation& conversation, const StringMap<MemberRecord>& members);
  void recall_cursors(const ConversationId& id, const AppendEffects& effects);
  void apply_receipt(Conversation& conversation, ReceiptCommand command);
  void resolve_message(ReceiptCommand command);
  void advance_cursor(Conversation& conversation, ReceiptCommand command, std::uint64_t ordinal);
  void store_if_shown(CursorUpdate update, ReceiptCommand command);
  void finish_receipt(const ReceiptCommand& command, const Error* error);
  void tell_receipts(const Conversation& conversation, const Requester& from,
                     const protocol::ReceiptsGet& command);
  void on_advanced(const std::vector<PendingReceipt>& receipts, const std::vector<Result<Cursor>>& stored);
  /// How a member's cursor has moved on since `before`: to who sent what it has passed, and to the member's
  /// devices but for `except`.
  void tell_moved(Conversation& conversation, const UserId& user, const Cursor& before, SessionId except);
  void tell_own_devices(Conversation& conversation, const UserId& user, SessionId except);
  /// A cursor's way from `before` to `seq`, as the others are told of it.
  struct ReceiptPush {
    ConversationId id;
    UserId user;
    Seq before = 0;
    Seq seq = 0;
    Seq delivers = 0;  ///< as in ReceiptTrack
    bool read = false;
  };
  void note_receipt(Conversation& conversation, const ReceiptPush& push);
  void arm_receipt_timer(Conversation& conversation);
  void tell_held_receipts(Conversation& conversation, bool all);
  void tell_senders(Conversation& conversation, const ReceiptPush& push);
  void tell_senders_of(const ReceiptPush& push, std::vector<UserId> senders, Epoch epoch,
                       MessageId messageId);
  void publish_receipt(const ReceiptPush& push, const std::vector<UserId>& senders, Epoch epoch,
                       MessageId messageId);
  [[nodiscard]] std::int64_t receipt_interval(const Conversation& conversation) const;
  [[nodiscard]] const RecentEvent* recent(const Conversation& conversation, Seq seq) const;

  // Clearing (clearing.cpp)
  void clear_loaded(Conversation& conversation, Requester from, Epoch epoch, Seq seq);
  void store_cleared(Conversation& conversation, Requester from, Seq seq, std::uint64_t ordinal);
  void on_cleared(Conversation& conversation, const Requester& from, const Cursor& now);

  // Typing (typing.cpp)
  void publish_typing(Conversation& conversation, const UserId& user, bool start, SessionId except);
  void typing_ends(const ConversationId& id, const UserId& user);

  // Notifications (notifications.cpp)
  struct PushRound;
  void push_loaded(Conversation& conversation, Seq seq, UniqueFunction<void(JobResult)> done);
  void push_event(std::shared_ptr<PushRound> round);
  void push_devices(std::shared_ptr<PushRound> round);
  void push_send(std::shared_ptr<PushRound> round);

  [[nodiscard]] std::int64_t steady() const { return context_.clock->steady().count(); }
  [[nodiscard]] Conversation* find(std::string_view id);

  Context& context_;
  Outlet& outlet_;
  ReceiptPrivacy& privacy_;
  StringMap<Slot> conversations_;
  List used_;  ///< most recently used first
  TimerWheel<Task> timers_;
  HookQuestions<Hooks::PendingDraft> drafts_;
  JobOutbox jobs_;

  // The turn's batches.
  std::vector<AppendRequest> appends_;
  std::vector<Conversation*> appendOrder_;
  std::vector<ClaimRequest> claims_;
  std::vector<LookUp> lookUps_;
  std::vector<CursorUpdate> cursorUpdates_;
  std::vector<PendingReceipt> receipts_;  ///< of cursorUpdates_, one for one
  std::vector<ConversationId> settled_;
  StringMap<std::vector<Continuation>> continuations_;
  /// Of conversations that could not be loaded: whose command failed there first.
  StringMap<std::vector<BrokenOrder>> brokenOrders_;
  std::uint64_t arrivals_ = 0;
  std::uint64_t loads_ = 0;
};

}  // namespace chatcore::engine
