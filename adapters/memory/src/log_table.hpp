#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "chatcore/ports/log_store.hpp"
#include "timelines.hpp"

namespace chatcore::memory {

/// One log with everything that belongs to it. Without events it holds cursors at most.
struct StoredLog {
  Term term = 0;
  ConversationInfo info;
  Seq memberSeq = 0;
  std::vector<Event> events;
  std::map<UserId, Member> members;
  std::map<UserId, Cursor> cursors;
  std::unordered_map<std::string, OriginalSend> sends;
  std::map<Seq, MessageState> states;
  std::map<std::pair<Seq, UserId>, std::vector<std::string>> reactions;
  std::set<std::uint64_t> deletedOrdinals;
  std::uint64_t lastHiddenOrdinal = 0;
  std::map<std::uint64_t, Timestamp> expiring;            ///< ordinal -> when
  std::map<UserId, std::map<Seq, std::uint64_t>> hidden;  ///< seq -> ordinal
  bool mayBeUnpublished = false;
  TimelinePosition told = 0;  ///< when the whole audience was last looked through

  [[nodiscard]] Seq head() const { return events.size(); }
  [[nodiscard]] Epoch epoch() const { return events.empty() ? 1 : events.back().epoch; }
  [[nodiscard]] Cursor cursor_of(const UserId& user) const;
  [[nodiscard]] bool hides(const UserId& user, Seq seq) const;
  [[nodiscard]] MessageView view_of(Seq seq, const UserId& user) const;
  [[nodiscard]] std::uint64_t deleted_after(std::uint64_t seenOrdinal, const UserId& user,
                                            Timestamp now) const;
};

/// What the store holds, without its lock.
class LogTable {
 public:
  LogTable(std::size_t maxEvents, std::uint64_t timelineOrigin)
      : maxEvents_(maxEvents), timelines_(timelineOrigin) {}

  AppendResult append(const AppendRequest& request);
  Result<LogState> claim(const ClaimRequest& request);
  [[nodiscard]] EventRange read(const ReadRequest& request) const;
  [[nodiscard]] std::optional<FoundMessage> find_message(const MessageQuery& query) const;
  void hide(const HideRequest& request);
  [[nodiscard]] std::optional<OriginalSend> find_send(const SendKey& key) const;
  Cursor advance(const CursorUpdate& update);
  [[nodiscard]] std::vector<UserConversation> conversations_of(const UserConversationsRequest& request) const;
  [[nodiscard]] std::vector<Member> members(const MembersRequest& request) const;
  Preferences set_preferences(const LogStore::PreferencesRequest& request);
  [[nodiscard]] std::vector<ConversationId> recover(std::uint32_t partition) const;
  void settled(const ConversationId& log);
  [[nodiscard]] Timelines& timelines() { return timelines_; }

 private:
  void tell_timelines(const ConversationId& id, StoredLog& log, const AppendEffects& effects);
  void tell_audience(const ConversationId& id, StoredLog& log, const SharedUsers& audience, bool large,
                     TimelinePosition position);
  void apply(const ConversationId& id, StoredLog& log, const AppendRequest& request);
  [[nodiscard]] UserConversation view(const UserConversationsRequest& request,
                                      const ConversationId& id) const;

  std::size_t maxEvents_;
  std::size_t events_ = 0;
  Timelines timelines_;
  std::unordered_map<ConversationId, StoredLog> logs_;
  std::unordered_map<UserId, std::map<ConversationId, Preferences>> preferences_;
  std::unordered_map<UserId, std::set<ConversationId>> conversations_;
};

}  // namespace chatcore::memory
