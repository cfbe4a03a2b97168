#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "chatcore/ports/log_store.hpp"

namespace chatcore::simulation {

/// The logs as the store committed them, kept apart from everything that is tested, with what follows from
/// them: who is a member when, what is unread.
class Truth {
 public:
  struct Stay {
    Seq from = 0;
    Seq to = UINT64_MAX;  ///< the event that ended it, which the one who left still sees
  };
  /// What its events make of a message.
  struct Message {
    std::string content;  ///< empty: as it was sent
    std::vector<Seq> edits;
    bool deleted = false;
    std::map<std::string, std::set<UserId>> reactions;
    friend bool operator==(const Message&, const Message&) = default;
  };
  struct Log {
    ConversationKind kind = ConversationKind::group;
    ConversationInfo info;
    std::vector<Event> events;
    std::map<UserId, std::vector<Stay>> stays;
    std::map<UserId, Member> members;
    std::map<UserId, Seq> joined;          ///< with which event, whatever they see of what was before
    std::map<UserId, Timestamp> lastSlow;  ///< when members sent last, since there is slow mode
    std::set<std::pair<UserId, ClientMsgId>> sends;
    std::map<Seq, Message> messages;  ///< to which something has happened
    std::map<UserId, std::set<Seq>> hidden;
    std::map<UserId, Cursor> positions;  ///< stored: delivered, read, cleared
    std::vector<PinnedMessage> pins;

    [[nodiscard]] Seq head() const { return events.size(); }
    [[nodiscard]] const Event& at(Seq seq) const { return events[seq - 1]; }
    [[nodiscard]] bool could_see(const UserId& user, Seq seq) const;
    [[nodiscard]] Message message(Seq seq) const;
    [[nodiscard]] Cursor position_of(const UserId& user) const;
    /// What the user has cleared or deleted for oneself, and what changes that.
    [[nodiscard]] bool hides(const UserId& user, Seq seq) const;
    /// Countable messages up to and including `seq`.
    [[nodiscard]] std::uint64_t ordinal(Seq seq) const;
    [[nodiscard]] std::uint64_t unread(const UserId& user, Seq readSeq, Timestamp now) const;
    /// Something has this moment, or will the next: what an answer says of it is right either way.
    [[nodiscard]] bool about_to_expire(Timestamp now) const;
  };
  /// Called with what is wrong.
  using Fail = std::function<void(const std::string&)>;
  /// Whether `by` blocks `whom`: nothing while that has changed too lately to be held against anybody.
  using Blocks = std::function<std::optional<bool>(const UserId& by, const UserId& whom)>;

  /// `remembers`: the server forgets nothing that it keeps in memory only.
  Truth(bool remembers, Fail fail, Blocks blocks)
      : remembers_(remembers), fail_(std::move(fail)), blocks_(std::move(blocks)) {}

  /// The store has just committed this.
  void committed(const AppendRequest& request);
  void hidden(const HideRequest& request) { logs_[request.log].hidden[request.userId].insert(request.seq); }

  void advanced(const CursorUpdate& update);

  [[nodiscard]] const Log* find(const ConversationId& id) const;
  [[nodiscard]] const std::map<ConversationId, Log>& logs() const { return logs_; }

 private:
  void check_cleared(const CursorUpdate& update);
  void check(const ConversationId& id, const Log& log, const Event& event, const AppendEffects& effects);
  void check_sender(const ConversationId& id, const Log& log, const Event& event,
                    const AppendEffects& effects);
  // Groups (truth_groups.cpp)
  void check_message(const ConversationId& id, const Log& log, const Event& event);
  void check_group_change(const ConversationId& id, const Log& log, const Event& event,
                          const AppendEffects& effects);
  void check_update(const ConversationId& id, const Log& log, const Event& event,
                    const AppendEffects& effects);
  void check_joins(const ConversationId& id, const Log& log, const Event& event,
                   const AppendEffects& effects);
  void check_heir(const ConversationId& id, const Log& log, const Event& event, const Member& heir);
  void check_owner(const ConversationId& id, const Log& log, const Event& event);
  void check_blocks(const ConversationId& id, const Log& log, const Event& event);
  /// Folds an event into the message that it changes, and holds against that what is stored of it.
  void change(const ConversationId& id, Log& log, const Event& event, const AppendEffects& effects);
  void check_change(const ConversationId& id, const Log& log, const Event& event);
  void check_state(const ConversationId& id, const Event& event, const Message& now,
                   const MessageChange& stored);
  /// What its event leaves pinned, held against what is stored of it.
  void pin(const ConversationId& id, Log& log, const Event& event, const AppendEffects& effects);
  void wrong(const ConversationId& id, const Event& event, const std::string& what);

  bool remembers_;
  Fail fail_;
  Blocks blocks_;
  std::map<ConversationId, Log> logs_;
};

}  // namespace chatcore::simulation
