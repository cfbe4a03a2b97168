#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "chatcore/testing/log_store_conformance.hpp"
#include "chatcore/testing/test_executor.hpp"

/// Shared by the parts of the LogStore conformance suite: a store that answers at once, and requests made
/// short.
namespace chatcore::testing::log_store_cases {

using MakeFixture = std::function<std::unique_ptr<LogStoreFixture>()>;

/// A fixture whose calls wait for their answers.
class Subject {
 public:
  explicit Subject(const MakeFixture& make) : fixture_(make()) {}

  LogStore& store() { return fixture_->store(); }
  TestExecutor& executor() { return executor_; }
  bool reopen() { return fixture_->reopen(); }

  std::vector<AppendResult> append(std::vector<AppendRequest> batch);
  AppendResult append(AppendRequest request);
  std::vector<Result<LogState>> claim(std::vector<ClaimRequest> batch);
  Result<LogState> claim(const ConversationId& log, Term term);
  std::vector<Result<EventRange>> read(std::vector<ReadRequest> batch);
  EventRange read(ReadRequest request);
  Seq head(const ConversationId& log);
  std::optional<OriginalSend> find_send(SendKey key);
  std::optional<FoundMessage> find_message(MessageQuery query);
  void hide(HideRequest request);
  Cursor advance(CursorUpdate update);
  std::vector<UserConversation> conversations_of(UserConversationsRequest request);
  std::vector<UserConversation> conversations_of(const UserId& user);
  std::vector<UserConversation> only(const UserId& user, const ConversationId& id,
                                     bool withLastMessage = false);
  std::vector<Member> members(MembersRequest request);
  std::vector<Member> members_of(const ConversationId& log) { return members({log, {}, 200}); }
  TimelineMark mark(const UserId& user, const DeviceId& device = {}, const std::string& token = {});
  Status tell(const UserId& user, AccountSection section);
  std::vector<TimelineEntry> timeline(TimelineRequest request);
  /// Nothing: the position is out of range.
  std::optional<std::vector<TimelineEntry>> timeline_if_in_range(TimelineRequest request);
  std::optional<std::string> kept_token(const UserId& user, const DeviceId& device);
  Preferences set_preferences(LogStore::PreferencesRequest request);
  std::vector<ConversationId> recover(std::uint32_t partition);
  bool marked(const ConversationId& log);

 private:
  std::unique_ptr<LogStoreFixture> fixture_;
  TestExecutor executor_;
};

/// A message event with every field set to something that a codec could lose.
Event message(Seq seq, const UserId& sender, const ClientMsgId& clientMsgId,
              std::string content = "\"hello\"");

/// `count` messages of `sender` after `head`; clientMsgIds `<prefix><seq>`.
AppendRequest append_of(const ConversationId& log, Seq head, std::size_t count = 1,
                        const UserId& sender = "alice", const std::string& prefix = "m");

/// seq 1 of a group: its conversation event and first members, who may see everything.
AppendRequest group_of(const ConversationId& log, const std::vector<UserId>& users);

/// Appends `count` messages one by one and expects each to be committed.
void fill(Subject& subject, const ConversationId& log, std::size_t count);

bool same(const EventView& a, const EventView& b);

std::vector<ConformanceCase> append_cases(const MakeFixture& make);
std::vector<ConformanceCase> effect_cases(const MakeFixture& make);
std::vector<ConformanceCase> read_cases(const MakeFixture& make);
std::vector<ConformanceCase> message_cases(const MakeFixture& make);
std::vector<ConformanceCase> conversation_cases(const MakeFixture& make);
std::vector<ConformanceCase> timeline_cases(const MakeFixture& make);

}  // namespace chatcore::testing::log_store_cases
