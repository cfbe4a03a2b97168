#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "database.hpp"
#include "journal.hpp"

namespace chatcore::rocks {

/// What an event counts towards a range's bytes.
[[nodiscard]] inline std::size_t weight(const EventView& event) {
  return event.content.size() + event.senderId.size() + event.senderDeviceId.size() +
         event.clientMsgId.size() + 64;
}

/// As many rows may be read where others wait meanwhile.
inline constexpr std::size_t kBriefRows = 64;

/// The reads of one task. They share an iterator, and a snapshot where several column families must agree.
/// Lives on one thread, and not for long.
class LogReader {
 public:
  /// `memoryOnly`: never waits for the disk and never reads long; whatever would need either is an error, and
  /// to be read again without it.
  LogReader(Database& database, Journal& journal, bool memoryOnly = false)
      : database_(database), journal_(journal), view_{nullptr, memoryOnly} {}
  ~LogReader();
  LogReader(const LogReader&) = delete;
  LogReader& operator=(const LogReader&) = delete;

  [[nodiscard]] const View& view() const { return view_; }

  Result<EventRange> read(const ReadRequest& request);
  Result<std::optional<FoundMessage>> find_message(const MessageQuery& query);
  /// The state of a log that exists.
  Result<LogState> state(const ConversationId& log);
  Result<std::vector<UserConversation>> conversations_of(const UserConversationsRequest& request);
  Result<std::vector<Member>> members(const MembersRequest& request);
  /// `departed`: counts those of the rows looked at whose conversations the user has left.
  Result<std::vector<TimelineEntry>> timeline(const TimelineRequest& request, std::size_t& departed);
  Result<std::optional<std::string>> kept_token(const DeviceKey& device);
  Result<std::vector<ConversationId>> marked(std::uint32_t partition);

 private:
  struct Mine {
    ConversationId log;
    Cursor held;
  };
  struct Viewer {
    const ConversationId& log;
    const UserId& user;
  };

  /// A view of everything as it is now; what was read before it is never newer.
  void renew_snapshot();
  rocksdb::Iterator& events();
  /// Places `events()` at the log's newest event; false: the log is empty.
  Result<bool> seek_head(const std::string& prefix);
  [[nodiscard]] bool at_event_of(const std::string& prefix);
  /// Its texts are the iterator's: until it moves.
  Status take_event(EventView& event);
  void seek_event(const std::string& prefix, Seq seq);
  /// Takes the event that the iterator has come to, which must be `seq`; false: the log ends before it.
  Result<bool> event_at(const std::string& prefix, Seq seq, EventView& event);
  /// 0: the log is empty.
  Result<Seq> head_of(const std::string& prefix);
  /// The first event of the log from which on `beyond` holds, found by halving; false: it holds for none.
  Result<bool> first_event(const std::string& prefix, Seq head, EventView& event,
                           const std::function<bool(const EventView&)>& beyond);

  Status oldest_first(EventRange& range, const ReadRequest& request, Seq from);
  Status newest_first(EventRange& range, const ReadRequest& request, Seq from);
  /// Adds the events from `first` to `last`, ascending, as far as the log goes: up to the seq it returns.
  Result<Seq> window(const std::string& prefix, Seq first, Seq last, EventList& into);

  // log_reader_messages.cpp
  Status fill_views(const ReadRequest& request, EventRange& range);
  static void cut(const ReadRequest& request, EventRange& range);
  Status fill_hidden(const ReadRequest& request, EventRange& range);
  Status fill_own_reactions(const ConversationId& log, const UserId& user, MessageView& view);
  Result<FoundMessage> found_message(const Viewer& viewer, const EventView& event);
  Result<bool> is_hidden(const ConversationId& log, const UserId& user, Seq seq);
  Result<std::uint64_t> last_deleted_ordinal(const ConversationId& log);
  /// Of the countable messages above ordinal `seen`, all of them behind `readSeq`.
  Result<std::uint64_t> deleted_after(const ConversationId& log, const UserId& user, Seq readSeq,
                                      std::uint64_t seen, Timestamp now);

  Result<std::vector<MemberState>> member_states(const ConversationId& log, std::size_t limit = SIZE_MAX);
  Result<std::vector<Mine>> conversations_listed(const UserConversationsRequest& request);
  Result<std::vector<UserConversation>> memberships_of(const UserConversationsRequest& request);
  Status fill_member_seq(const ConversationId& log, Seq& memberSeq);
  Status fill(UserConversation& view, const UserConversationsRequest& request, const Cursor& held);
  Status fill_head(UserConversation& view, const UserConversationsRequest& request);
  /// Where more than a few other events stand behind it: by ordinals, from this one down.
  Status find_last_message(UserConversation& view, const UserConversationsRequest& request,
                           std::uint64_t ordinal);
  Result<bool> take_if_last(UserConversation& view, const UserConversationsRequest& request,
                            const EventView& event);
  Status fill_peer(UserConversation& view, const UserId& user);
  Status fill_cursors(UserConversation& view);
  Status fill_hidden(UserConversation& view);
  Status fill_description(const ConversationId& log, ConversationInfo& info, Seq& memberSeq);
  Result<Cursor> cursor(const std::string& key, const Cursor& held);

  Database& database_;
  Journal& journal_;
  View view_;
  std::size_t rowsRead_ = 0;  ///< of memberships, where the view is `memoryOnly`
  std::unique_ptr<rocksdb::Iterator> events_;
};

}  // namespace chatcore::rocks
