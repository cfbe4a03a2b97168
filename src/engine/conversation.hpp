#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "chatcore/gateway/topic.hpp"
#include "chatcore/ports/log_store.hpp"
#include "core/string_map.hpp"
#include "engine/event_command.hpp"
#include "engine/receipt_pushes.hpp"
#include "engine/slow_mode.hpp"

namespace chatcore::engine {

struct MemberRecord {
  Role role = Role::member;
  Seq joinSeq = 1;
  std::uint64_t joinOrdinal = 0;
  Cursor cursor;
};

/// Countable messages that a member has not seen, after the last read, own or join; those that
/// are deleted by now included.
[[nodiscard]] inline std::uint64_t unread_of(std::uint64_t headOrdinal, const Cursor& cursor,
                                             std::uint64_t joinOrdinal) {
  const std::uint64_t seen = seen_ordinal(cursor, joinOrdinal);
  return headOrdinal > seen ? std::min(headOrdinal - seen, kMaxUnread) : 0;
}
/// Without those that are deleted.
[[nodiscard]] std::uint64_t unread_of(const UserConversation& view);

/// What receipts need of an event, kept for the newest few.
struct RecentEvent {
  Seq seq;
  MessageId messageId;
  std::uint64_t ordinal;
  UserId senderId;
  bool hidden;
};

/// An append whose answer is out. The event is with the store until then.
struct InFlight {
  CommandPtr command;
  bool changesMembers = false;
  bool changesMessage = false;
};

/// An append that was answered `unknown`, or that came after one.
struct Uncertain {
  InFlight item;
  AppendRequest request;
};

/// A repetition that came while its original was in flight: answered together with it.
struct Waiter {
  Requester from;
  ClientMsgId clientMsgId;
  UserId senderId;
  std::uint64_t payloadHash;
  std::uint64_t arrival;
};

/// A session whose command failed for now: until that one comes again, nothing that came later may.
struct BrokenOrder {
  SessionId session = 0;
  ClientMsgId clientMsgId;
  std::uint64_t arrival = 0;
  // It has come again and waits its turn; meanwhile this one, behind it, has failed.
  std::uint64_t returned = 0;
  ClientMsgId nextClientMsgId = {};
  std::uint64_t nextArrival = 0;
};

/// A conversation at its home: one order, one writer. Lives on one shard.
struct Conversation {
  enum class State : std::uint8_t {
    loading,  ///< commands wait
    ready,
    recovering,  ///< an append failed: in-flight ones are awaited, then the log is claimed anew
  };

  static constexpr std::size_t kRecentEvents = 64;

  ConversationId id;
  std::uint32_t partition = 0;
  std::uint64_t load = 0;  ///< counts what was loaded here: tells one life in memory from the next
  State state = State::loading;
  bool adopted = false;  ///< what the store has of it is known
  bool exists = false;
  ConversationInfo info;
  Epoch epoch = 1;
  // As of the last event given to the store; what is in flight counts.
  Seq head = 0;
  MessageId lastMessageId = 0;
  std::uint64_t ordinal = 0;
  Seq memberSeq = 0;
  /// Up to here messages are deleted, for everyone or for somebody, or expire.
  std::uint64_t lastDeletedOrdinal = 0;
  StringMap<MemberRecord> members;
  // As of the last commit.
  Seq committedHead = 0;
  Seq committedMemberSeq = 0;
  std::uint64_t committedOrdinal = 0;
  /// The last member event that the topic's takers were told of.
  Seq publishedMemberSeq = 0;

  SharedUsers audience;  ///< all members, once asked for; null again when they change

  std::deque<InFlight> inFlight;
  std::size_t changesInFlight = 0;  ///< of them, those that change a message
  bool waitsForChanges = false;     ///< the next command wants to know what they have made of its message
  std::deque<CommandPtr> waiting;
  std::ptrdiff_t decidedAnew = 0;  ///< so many at the front of `waiting` were in flight
  std::vector<Waiter> waiters;
  std::vector<Uncertain> uncertain;  ///< decided by the next claim
  std::deque<RecentEvent> recent;
  std::vector<BrokenOrder> brokenOrder;  ///< at most one of a session: its earliest

  Topic topic;                                    ///< groups
  std::vector<std::pair<UserId, Topic>> inboxes;  ///< direct conversations: both members
  bool firstBlocksSecond = false;                 ///< of `inboxes`, for direct conversations
  bool secondBlocksFirst = false;
  bool askingBlocks = false;
  bool blocksDirty = false;  ///< changed since the question: ask again

  SlowMode slowMode;               ///< of what was committed
  StringMap<Seq> deviceAcks;       ///< "user/device" -> delivered, for notifications; not durable
  StringMap<std::int64_t> typing;  ///< user -> steady millis at which it ends
  /// Of those whose cursor moved within the last interval; below kLargeGroupSize of them.
  StringMap<ReceiptPushes> receiptPushes;
  bool receiptTimer = false;
  std::size_t cursorCalls = 0;       ///< under way: a cursor is to be moved by their answer
  std::int64_t lastEventMillis = 0;  ///< steady
  bool marked = false;               ///< the store holds the may-be-unpublished mark
  bool headTimer = false;
  bool lookupInFlight = false;
  /// Until then no member is held to have a device that could be notified (steady millis).
  std::int64_t noTokensUntil = 0;
  bool checkingTokens = false;

  [[nodiscard]] bool direct() const noexcept { return info.kind == ConversationKind::direct; }
  [[nodiscard]] bool large() const noexcept { return members.size() >= kLargeGroupSize; }
  /// Whose timelines hear of what happens here; null: nobody's, for a large group.
  [[nodiscard]] SharedUsers timeline_audience() {
    if (large()) return nullptr;
    if (audience == nullptr) audience = all_members();
    return audience;
  }
  [[nodiscard]] SharedUsers all_members() const {
    auto users = std::make_shared<std::vector<UserId>>();
    users->reserve(members.size());
    for (const auto& [user, member] : members) users->push_back(user);
    return users;
  }
  [[nodiscard]] std::vector<BrokenOrder>::iterator broken_order_of(SessionId session) {
    return std::find_if(brokenOrder.begin(), brokenOrder.end(),
                        [session](const BrokenOrder& entry) { return entry.session == session; });
  }
  [[nodiscard]] MemberRecord* member(std::string_view user) {
    const auto found = members.find(user);
    return found == members.end() ? nullptr : &found->second;
  }
  /// A log that does not exist keeps no term, so an older owner's late append may come before our first:
  /// until that one is answered nothing may rely on it.
  [[nodiscard]] bool takes_commands() const noexcept {
    return state == State::ready && !lookupInFlight && !waitsForChanges &&
           (committedHead != 0 || inFlight.empty());
  }
  [[nodiscard]] bool idle() const noexcept {
    return state == State::ready && inFlight.empty() && waiting.empty() && !marked && typing.empty() &&
           cursorCalls == 0 && !lookupInFlight && !receiptTimer;
  }
};

}  // namespace chatcore::engine
