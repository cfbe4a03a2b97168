#include "chatcore/testing/log_store_conformance.hpp"

#include <algorithm>
#include <iterator>

#include "chatcore/ports/clock.hpp"
#include "log_store_cases.hpp"

namespace chatcore::testing {

LogStoreFixture::~LogStoreFixture() = default;

namespace log_store_cases {

std::vector<AppendResult> Subject::append(std::vector<AppendRequest> batch) {
  const std::size_t size = batch.size();
  auto answers = executor_.wait<std::vector<AppendResult>>(
      [&](Executor& executor, auto done) { store().append(std::move(batch), executor, std::move(done)); });
  expect(answers.size() == size, "one answer per append");
  return answers;
}

AppendResult Subject::append(AppendRequest request) {
  std::vector<AppendRequest> batch;
  batch.push_back(std::move(request));
  return std::move(append(std::move(batch)).front());
}

std::vector<Result<LogState>> Subject::claim(std::vector<ClaimRequest> batch) {
  const std::size_t size = batch.size();
  auto answers = executor_.wait<std::vector<Result<LogState>>>(
      [&](Executor& executor, auto done) { store().claim(std::move(batch), executor, std::move(done)); });
  expect(answers.size() == size, "one answer per claim");
  return answers;
}

Result<LogState> Subject::claim(const ConversationId& log, Term term) {
  return std::move(claim(std::vector<ClaimRequest>{{log, term}}).front());
}

std::vector<Result<EventRange>> Subject::read(std::vector<ReadRequest> batch) {
  const std::size_t size = batch.size();
  auto answers = executor_.wait<std::vector<Result<EventRange>>>(
      [&](Executor& executor, auto done) { store().read(std::move(batch), executor, std::move(done)); });
  expect(answers.size() == size, "one answer per read");
  return answers;
}

EventRange Subject::read(ReadRequest request) {
  auto answers = read(std::vector<ReadRequest>{std::move(request)});
  expect(answers.front().has_value(), "a readable range");
  return std::move(*answers.front());
}

Seq Subject::head(const ConversationId& log) {
  const EventRange newest = read({.log = log, .to = UINT64_MAX, .newestFirst = true, .maxEvents = 1});
  return newest.events.empty() ? 0 : newest.events.front().seq;
}

std::optional<OriginalSend> Subject::find_send(SendKey key) {
  auto answers =
      executor_.wait<std::vector<Result<std::optional<OriginalSend>>>>([&](Executor& executor, auto done) {
        store().find_sends({std::move(key)}, executor, std::move(done));
      });
  expect(answers.size() == 1 && answers.front().has_value(), "one answer per send key");
  return *answers.front();
}

std::optional<FoundMessage> Subject::find_message(MessageQuery query) {
  auto answers =
      executor_.wait<std::vector<Result<std::optional<FoundMessage>>>>([&](Executor& executor, auto done) {
        store().find_messages({std::move(query)}, executor, std::move(done));
      });
  expect(answers.size() == 1 && answers.front().has_value(), "one answer per message");
  return std::move(*answers.front());
}

void Subject::hide(HideRequest request) {
  auto answers = executor_.wait<std::vector<Status>>(
      [&](Executor& executor, auto done) { store().hide({std::move(request)}, executor, std::move(done)); });
  expect(answers.size() == 1 && answers.front().has_value(), "one answer per hidden message");
}

Status Subject::tell(const UserId& user, AccountSection section) {
  auto answers = executor_.wait<std::vector<Status>>([&](Executor& executor, auto done) {
    store().tell_timelines({{user, section}}, executor, std::move(done));
  });
  expect(answers.size() == 1, "one answer per section");
  return std::move(answers.front());
}

Cursor Subject::advance(CursorUpdate update) {
  auto answers = executor_.wait<std::vector<Result<Cursor>>>([&](Executor& executor, auto done) {
    store().advance({std::move(update)}, executor, std::move(done));
  });
  expect(answers.size() == 1 && answers.front().has_value(), "one answer per cursor");
  return *answers.front();
}

std::vector<UserConversation> Subject::conversations_of(UserConversationsRequest request) {
  auto answers =
      executor_.wait<std::vector<Result<std::vector<UserConversation>>>>([&](Executor& executor, auto done) {
        store().conversations_of({std::move(request)}, executor, std::move(done));
      });
  expect(answers.size() == 1 && answers.front().has_value(), "one answer per user");
  return std::move(*answers.front());
}

std::vector<UserConversation> Subject::conversations_of(const UserId& user) {
  UserConversationsRequest request;
  request.userId = user;
  return conversations_of(std::move(request));
}

std::vector<UserConversation> Subject::only(const UserId& user, const ConversationId& id,
                                            bool withLastMessage) {
  UserConversationsRequest request;
  request.userId = user;
  request.only = id;
  request.withLastMessage = withLastMessage;
  return conversations_of(std::move(request));
}

std::vector<Member> Subject::members(MembersRequest request) {
  auto answers = executor_.wait<std::vector<Result<std::vector<Member>>>>([&](Executor& executor, auto done) {
    store().members({std::move(request)}, executor, std::move(done));
  });
  expect(answers.size() == 1 && answers.front().has_value(), "one answer per log");
  return std::move(*answers.front());
}

Preferences Subject::set_preferences(LogStore::PreferencesRequest request) {
  auto answers = executor_.wait<std::vector<Result<Preferences>>>([&](Executor& executor, auto done) {
    store().set_preferences({std::move(request)}, executor, std::move(done));
  });
  expect(answers.size() == 1 && answers.front().has_value(), "the preferences to be taken");
  return *answers.front();
}

TimelineMark Subject::mark(const UserId& user, const DeviceId& device, const std::string& token) {
  auto answers = executor_.wait<std::vector<Result<TimelineMark>>>([&](Executor& executor, auto done) {
    store().mark_timeline({TimelineMarkRequest{user, device, token}}, executor, std::move(done));
  });
  expect(answers.size() == 1 && answers.front().has_value(), "one position per user");
  return *answers.front();
}

std::vector<TimelineEntry> Subject::timeline(TimelineRequest request) {
  auto entries = timeline_if_in_range(std::move(request));
  expect(entries.has_value(), "the position to be in range");
  return *std::move(entries);
}

std::optional<std::vector<TimelineEntry>> Subject::timeline_if_in_range(TimelineRequest request) {
  auto answers =
      executor_.wait<std::vector<Result<std::vector<TimelineEntry>>>>([&](Executor& executor, auto done) {
        store().timeline({std::move(request)}, executor, std::move(done));
      });
  expect(answers.size() == 1, "one answer per timeline");
  if (answers.front()) return std::move(*answers.front());
  expect(answers.front().error().code == ErrorCode::out_of_range, "entries, or `out_of_range`");
  return std::nullopt;
}

std::optional<std::string> Subject::kept_token(const UserId& user, const DeviceId& device) {
  auto answers =
      executor_.wait<std::vector<Result<std::optional<std::string>>>>([&](Executor& executor, auto done) {
        store().kept_tokens({DeviceKey{user, device}}, executor, std::move(done));
      });
  expect(answers.size() == 1 && answers.front().has_value(), "one answer per device");
  return std::move(*answers.front());
}

std::vector<ConversationId> Subject::recover(std::uint32_t partition) {
  auto answer = executor_.wait<Result<std::vector<ConversationId>>>(
      [&](Executor& executor, auto done) { store().recover(partition, executor, std::move(done)); });
  expect(answer.has_value(), "the marks to be readable");
  return std::move(*answer);
}

bool Subject::marked(const ConversationId& log) {
  const auto logs = recover(partition_of(log));
  return std::find(logs.begin(), logs.end(), log) != logs.end();
}

Event message(Seq seq, const UserId& sender, const ClientMsgId& clientMsgId, std::string content) {
  Event event;
  event.seq = seq;
  event.epoch = 1;
  event.messageId = 0x8000'0000'0000'0000ULL + seq * 4096;
  // Sends are remembered by age: these must be young, and the same whenever they are made again.
  static const Timestamp kStart = system_clock().now();
  event.timestamp = kStart + static_cast<Timestamp>(seq);
  event.messageType = MessageType::custom;
  event.ordinal = seq;
  event.targetId = seq * 3;
  event.payloadHash = 0xfeed'0000'0000'0000ULL + seq;
  event.senderId = sender;
  event.senderDeviceId = "phone";
  event.clientMsgId = clientMsgId;
  event.content = std::move(content);
  return event;
}

AppendRequest append_of(const ConversationId& log, Seq head, std::size_t count, const UserId& sender,
                        const std::string& prefix) {
  AppendRequest request;
  request.log = log;
  request.term = 1;
  request.expectedHead = head;
  for (Seq seq = head + 1; seq <= head + count; ++seq)
    request.events.push_back(message(seq, sender, prefix + std::to_string(seq)));
  return request;
}

AppendRequest group_of(const ConversationId& log, const std::vector<UserId>& users) {
  AppendRequest request;
  request.log = log;
  request.term = 1;
  Event created = message(1, users.front(), "", "\"name\":\"group\"");
  created.kind = EventKind::conversation;
  created.ordinal = 0;
  request.events.push_back(created);
  request.effects.info =
      ConversationInfo{ConversationKind::group, "The group", users.front(), 1'700'000'000'123};
  for (const UserId& user : users)
    request.effects.members.push_back(
        {Member{user, user == users.front() ? Role::admin : Role::member, 1, 0}, false});
  return request;
}

void fill(Subject& subject, const ConversationId& log, std::size_t count) {
  for (Seq head = 0; head < count; ++head)
    expect(subject.append(append_of(log, head)).outcome == AppendOutcome::committed,
           "the append to be committed");
}

bool same(const EventView& a, const EventView& b) {
  return a.seq == b.seq && a.epoch == b.epoch && a.messageId == b.messageId && a.timestamp == b.timestamp &&
         a.kind == b.kind && a.messageType == b.messageType && a.hiddenFromOthers == b.hiddenFromOthers &&
         a.ordinal == b.ordinal && a.targetId == b.targetId && a.targetSeq == b.targetSeq &&
         a.expiresAt == b.expiresAt && a.payloadHash == b.payloadHash && a.senderId == b.senderId &&
         a.senderDeviceId == b.senderDeviceId && a.clientMsgId == b.clientMsgId && a.content == b.content;
}

}  // namespace log_store_cases

std::vector<ConformanceCase> log_store_conformance(std::function<std::unique_ptr<LogStoreFixture>()> make) {
  using namespace log_store_cases;
  std::vector<ConformanceCase> all;
  for (auto part :
       {&append_cases, &effect_cases, &read_cases, &message_cases, &conversation_cases, &timeline_cases}) {
    auto cases = part(make);
    all.insert(all.end(), std::make_move_iterator(cases.begin()), std::make_move_iterator(cases.end()));
  }
  return all;
}

}  // namespace chatcore::testing
