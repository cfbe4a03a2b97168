#include <algorithm>
#include <thread>

#include "log_store_cases.hpp"

namespace chatcore::testing::log_store_cases {

namespace {

using enum AppendOutcome;

void committed_appends_are_dense(Subject& s) {
  AppendRequest three = append_of("log", 0, 3);
  const AppendResult first = s.append(three);
  expect(first.outcome == committed && first.head == 3, "three events, head 3");
  const AppendResult second = s.append(append_of("log", 3));
  expect(second.outcome == committed && second.head == 4, "head 4");
  const EventRange all = s.read({.log = "log", .to = 100});
  expect(all.events.size() == 4 && !all.more, "all four events");
  for (Seq seq = 1; seq <= 4; ++seq) expect(all.events[seq - 1].seq == seq, "dense seq");
}

void every_field_comes_back(Subject& s) {
  AppendRequest request = append_of("log", 0, 2);
  request.events[0].hiddenFromOthers = true;
  request.events[1].kind = EventKind::reaction;
  request.events[1].epoch = 7;
  request.events[1].clientMsgId.clear();
  request.events[1].senderDeviceId.clear();
  request.events[1].content = std::string("\0\x01\xff binary \n", 12) + std::string(100'000, 'x');
  expect(s.append(request).outcome == committed, "a committed append");
  const EventRange all = s.read({.log = "log", .to = 2, .maxBytes = 1 << 20});
  expect(all.events.size() == 2, "two events");
  expect(same(all.events[0], request.events[0]) && same(all.events[1], request.events[1]), "equal events");
}

void an_append_at_the_wrong_head_conflicts(Subject& s) {
  fill(s, "log", 2);
  const AppendResult behind = s.append(append_of("log", 1, 1, "alice", "x"));
  expect(behind.outcome == conflict && behind.head == 2, "conflict that says head 2");
  const AppendResult ahead = s.append(append_of("log", 5, 1, "alice", "y"));
  expect(ahead.outcome == conflict && ahead.head == 2, "conflict that says head 2");
  const AppendResult unborn = s.append(append_of("other", 5));
  expect(unborn.outcome == conflict && unborn.head == 0, "conflict that says head 0");
  expect(s.head("log") == 2, "nothing written");
  expect(s.head("other") == 0, "nothing written");
}

void a_failed_request_fails_those_behind_it(Subject& s) {
  std::vector<AppendRequest> batch;
  batch.push_back(append_of("log", 0));
  batch.push_back(append_of("log", 7, 1, "alice", "wrong"));
  batch.push_back(append_of("log", 8, 1, "alice", "wrong"));
  batch.push_back(append_of("log", 1));
  const auto answers = s.append(std::move(batch));
  expect(answers[0].outcome == committed, "the first");
  expect(answers[1].outcome == conflict && answers[1].head == 1, "conflict at head 1");
  expect(answers[2].outcome == conflict && answers[2].head == 1, "conflict by itself");
  expect(answers[3].outcome == committed && answers[3].head == 2, "the one at the right head");
}

void requests_are_handed_back(Subject& s) {
  const AppendRequest first = append_of("log", 0, 2);
  for (const AppendOutcome expected : {committed, duplicate}) {
    const AppendResult result = s.append(first);
    expect(result.outcome == expected, "the outcome");
    expect(result.request.log == "log" && result.request.events.size() == 2 &&
               same(result.request.events[1], first.events[1]),
           "the request");
  }
  AppendRequest ahead = append_of("log", 9, 1, "alice", "x");
  expect(s.append(ahead).request.events.size() == 1, "the request of a conflict");
  ahead.events.clear();
  expect(s.append(ahead).request.log == "log", "the request of a refusal");
}

void a_lower_term_is_fenced(Subject& s) {
  fill(s, "log", 1);
  expect(s.claim("log", 5).has_value(), "the claim");
  const AppendResult old = s.append(append_of("log", 1));
  expect(old.outcome == fenced, "the old owner fenced");
  expect(s.head("log") == 1, "nothing written");
  AppendRequest owner = append_of("log", 1);
  owner.term = 5;
  expect(s.append(owner).outcome == committed, "the new owner's append");
  const auto lower = s.claim("log", 4);
  expect(!lower.has_value() && lower.error().code == ErrorCode::fenced, "a lower claim fenced");
  const auto again = s.claim("log", 5);
  expect(again.has_value() && again->head == 2, "the same term claims again and reads the head");
}

void an_append_of_a_higher_term_fences_too(Subject& s) {
  AppendRequest high = append_of("log", 0);
  high.term = 9;
  expect(s.append(high).outcome == committed, "the first append");
  expect(s.append(append_of("log", 1)).outcome == fenced, "a lower term fenced");
}

void an_empty_log_is_claimable(Subject& s) {
  const auto state = s.claim("log", 9);
  expect(state.has_value() && !state->exists && state->head == 0 && state->epoch == 1, "no such log yet");
  expect(s.append(append_of("log", 0)).outcome == committed, "nothing left behind by the claim");
}

void a_claim_tells_the_state(Subject& s) {
  AppendRequest created = group_of("g", {"bob", "alice"});
  created.effects.cursors.push_back({"bob", Cursor{1, 1, 0}});
  expect(s.append(created).outcome == committed, "the group");
  expect(s.append(append_of("g", 1, 2)).outcome == committed, "two messages");
  const auto state = s.claim("g", 2);
  expect(state.has_value() && state->exists, "the log");
  expect(state->head == 3 && state->epoch == 1 && state->ordinal == 3 && state->memberSeq == 1,
         "its numbers");
  expect(state->lastMessageId == message(3, "a", "").messageId, "the last message id");
  expect(state->info.kind == ConversationKind::group && state->info.name == "The group" &&
             state->info.createdBy == "bob" && state->info.createdAt == 1'700'000'000'123,
         "the description");
  expect(state->members.size() == 2 && state->members[0].member.userId == "alice" &&
             state->members[1].member.userId == "bob",
         "members by userId");
  expect(state->members[1].member.role == Role::admin && state->members[1].cursor == Cursor{1, 1, 0},
         "role and cursor");
}

void a_repeated_send_is_a_duplicate(Subject& s) {
  const AppendRequest original = append_of("log", 0, 2);
  expect(s.append(original).outcome == committed, "the original");
  AppendRequest retry = append_of("log", 2);
  retry.events[0].clientMsgId = "m2";
  retry.events[0].payloadHash = 1;
  const AppendResult result = s.append(retry);
  expect(result.outcome == duplicate && result.head == 2 && result.original.has_value(), "a duplicate");
  const Event& first = original.events[1];
  expect(result.original->seq == 2 && result.original->epoch == 1 &&
             result.original->messageId == first.messageId && result.original->timestamp == first.timestamp &&
             result.original->payloadHash == first.payloadHash,
         "the original's ids");
  expect(s.head("log") == 2, "nothing written");
}

void a_stale_head_hides_no_duplicate(Subject& s) {
  fill(s, "log", 3);
  expect(s.append(append_of("log", 0)).outcome == duplicate, "duplicate before conflict");
  AppendRequest high = append_of("log", 3);
  high.term = 4;
  expect(s.append(high).outcome == committed, "a higher term");
  expect(s.append(append_of("log", 0)).outcome == fenced, "fenced before duplicate");
}

void a_duplicate_writes_nothing_of_its_request(Subject& s) {
  fill(s, "log", 1);
  AppendRequest mixed = append_of("log", 1, 2, "alice", "new");
  mixed.events[1].clientMsgId = "m1";
  mixed.effects.cursors.push_back({"alice", Cursor{9, 9, 9}});
  expect(s.append(mixed).outcome == duplicate, "a duplicate");
  expect(!s.find_send({"log", "alice", "new2"}), "its other event not remembered");
  expect(s.advance({"log", "alice", {}}) == Cursor{0, 0, 0, 1}, "its effects not applied");
  expect(s.append(append_of("log", 1, 1, "alice", "new")).outcome == committed, "its other event still free");
}

void a_duplicate_is_found_within_a_batch(Subject& s) {
  std::vector<AppendRequest> batch;
  batch.push_back(append_of("log", 0, 1, "alice", "x"));
  batch.push_back(append_of("log", 1, 1, "alice", "y"));
  batch.back().events[0].clientMsgId = "x1";
  batch.push_back(append_of("log", 1, 1, "alice", "z"));
  const auto answers = s.append(std::move(batch));
  expect(answers[0].outcome == committed, "the original");
  expect(answers[1].outcome == duplicate && answers[1].original && answers[1].original->seq == 1,
         "a duplicate of the first");
  expect(answers[2].outcome == committed && answers[2].head == 2, "the one behind it");
}

void sends_are_told_apart(Subject& s) {
  expect(s.append(append_of("log", 0, 1, "alice", "x")).outcome == committed, "alice's");
  AppendRequest bob = append_of("log", 1, 1, "bob", "x");
  bob.events[0].clientMsgId = "x1";
  expect(s.append(bob).outcome == committed, "another sender's same id");
  expect(s.append(append_of("log2", 0, 1, "alice", "x")).outcome == committed, "the same id elsewhere");
  // Joined without separators these would be one key.
  expect(s.append(append_of("ab", 0, 1, "c", "x")).outcome == committed, "ab/c");
  expect(s.append(append_of("a", 0, 1, "bc", "x")).outcome == committed, "a/bc");
  AppendRequest system = append_of("log", 2, 2);
  system.events[0].clientMsgId.clear();
  system.events[1].clientMsgId.clear();
  expect(s.append(system).outcome == committed, "events without an id repeat freely");
  system = append_of("log", 4);
  system.events[0].clientMsgId.clear();
  expect(s.append(system).outcome == committed, "and again");
}

void find_sends_tells_the_original(Subject& s) {
  const AppendRequest original = append_of("log", 0, 2);
  s.append(original);
  const auto found = s.find_send({"log", "alice", "m2"});
  expect(found && found->seq == 2 && found->messageId == original.events[1].messageId &&
             found->timestamp == original.events[1].timestamp &&
             found->payloadHash == original.events[1].payloadHash && found->epoch == 1,
         "the original send");
  expect(!s.find_send({"log", "alice", "m3"}) && !s.find_send({"log", "bob", "m2"}) &&
             !s.find_send({"elsewhere", "alice", "m2"}),
         "no other");
}

void malformed_appends_are_refused(Subject& s) {
  const auto refused_with = [&](AppendRequest request, const char* what) {
    const AppendResult result = s.append(std::move(request));
    expect(result.outcome == refused && result.error.code == ErrorCode::invalid_argument, what);
  };
  refused_with(append_of("log", 0, 0), "no events");
  refused_with(append_of("log", 0, 65), "more than 64 events");
  refused_with(append_of("", 0), "no log");
  AppendRequest gap = append_of("log", 0, 2);
  gap.events[1].seq = 3;
  refused_with(gap, "a gap");
  AppendRequest twice = append_of("log", 0, 2);
  twice.events[1].clientMsgId = "m1";
  refused_with(twice, "one id twice in a request");
  expect(s.append(append_of("log", 0, 64)).outcome == committed, "64 events are taken");
}

void one_batch_serves_many_logs(Subject& s) {
  std::vector<AppendRequest> batch;
  for (int round = 0; round < 2; ++round) {
    for (int log = 0; log < 128; ++log)
      batch.push_back(append_of("log" + std::to_string(log), static_cast<Seq>(round)));
  }
  for (const AppendResult& answer : s.append(std::move(batch)))
    expect(answer.outcome == committed, "each append committed");
  for (int log = 0; log < 128; ++log)
    expect(s.read({.log = "log" + std::to_string(log), .to = 9}).events.size() == 2, "two events in each");
}

void large_batches_are_taken(Subject& s) {
  std::vector<AppendRequest> batch;
  for (Seq head = 0; head < 256 * 16; head += 16) batch.push_back(append_of("log", head, 16));
  const auto answers = s.append(std::move(batch));
  for (std::size_t i = 0; i < answers.size(); ++i)
    expect(answers[i].outcome == committed && answers[i].head == (i + 1) * 16,
           "each append committed in order");
  expect(
      s.read({.log = "log", .to = 1 << 20, .maxEvents = 10'000, .maxBytes = 1 << 30}).events.size() == 4096,
      "every event");
}

void calls_are_decided_in_order(Subject& s) {
  constexpr std::size_t kCalls = 200;
  std::vector<AppendResult> answers;
  for (Seq head = 0; head < kCalls; ++head)
    s.store().append({append_of("log", head)}, s.executor(),
                     [&](std::vector<AppendResult> result) { answers.push_back(result.front()); });
  expect(answers.empty(), "no answer inside the call");
  s.read({.log = "log"});
  while (answers.size() < kCalls) s.read({.log = "log"});
  for (std::size_t i = 0; i < kCalls; ++i)
    expect(answers[i].outcome == committed && answers[i].head == i + 1, "answers in order, all committed");
}

void appenders_do_not_disturb_each_other(Subject& s) {
  constexpr Seq kEach = 300;
  std::vector<std::thread> threads;
  std::vector<Seq> wrong(4, kEach);
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&s, &bad = wrong[t], t] {
      TestExecutor executor;
      const std::string log = "log" + std::to_string(t);
      for (Seq head = 0; head < kEach; ++head) {
        const auto answers = executor.wait<std::vector<AppendResult>>([&](Executor& mine, auto done) {
          s.store().append({append_of(log, head)}, mine, std::move(done));
        });
        if (answers.front().outcome == committed && answers.front().head == head + 1) --bad;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    expect(wrong[t] == 0, "every append of every thread committed");
    expect(s.head("log" + std::to_string(t)) == kEach, "dense logs");
  }
}

void contenders_for_one_head_win_once(Subject& s) {
  constexpr Seq kRounds = 100;
  std::vector<std::thread> threads;
  std::vector<std::size_t> wins(4);
  for (std::size_t t = 0; t < wins.size(); ++t) {
    threads.emplace_back([&s, &mine = wins[t], t] {
      TestExecutor executor;
      for (Seq head = 0; head < kRounds;) {
        const auto answers = executor.wait<std::vector<AppendResult>>([&](Executor& own, auto done) {
          s.store().append({append_of("log", head, 1, "user" + std::to_string(t))}, own, std::move(done));
        });
        if (answers.front().outcome == committed) ++mine;
        head = std::max(head + 1, answers.front().head);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::size_t total = 0;
  for (std::size_t won : wins) total += won;
  expect(s.head("log") == total, "as many events as wins");
}

void reopening_keeps_appends(Subject& s) {
  AppendRequest request = append_of("log", 0, 3);
  request.term = 6;
  expect(s.append(request).outcome == committed, "a committed append");
  if (!s.reopen()) return;
  const EventRange all = s.read({.log = "log", .to = 9});
  expect(all.events.size() == 3 && same(all.events[2], request.events[2]), "the events");
  expect(s.append(append_of("log", 3)).outcome == fenced, "the term");
  AppendRequest retry = request;
  expect(s.append(retry).outcome == duplicate, "the remembered sends");
  expect(s.find_send({"log", "alice", "m2"}).has_value(), "the remembered sends");
  AppendRequest next = append_of("log", 3);
  next.term = 6;
  const AppendResult result = s.append(next);
  expect(result.outcome == committed && result.head == 4, "the head");
}

void reopening_keeps_a_claim(Subject& s) {
  fill(s, "log", 1);
  expect(s.claim("log", 8).has_value(), "the claim");
  if (!s.reopen()) return;
  expect(s.append(append_of("log", 1)).outcome == fenced, "the claimed term");
}

}  // namespace

std::vector<ConformanceCase> append_cases(const MakeFixture& make) {
  const auto one = [make](const char* name, void (*body)(Subject&)) {
    return ConformanceCase{name, [make, body] {
                             Subject subject(make);
                             body(subject);
                           }};
  };
  return {
      one("committed appends are dense", committed_appends_are_dense),
      one("every field of an event comes back", every_field_comes_back),
      one("an append at the wrong head conflicts", an_append_at_the_wrong_head_conflicts),
      one("a request behind a failed one conflicts by itself", a_failed_request_fails_those_behind_it),
      one("requests are handed back, whatever the outcome", requests_are_handed_back),
      one("a lower term is fenced by a claim", a_lower_term_is_fenced),
      one("an append of a higher term fences lower ones", an_append_of_a_higher_term_fences_too),
      one("a log without events is claimable and a claim leaves nothing behind", an_empty_log_is_claimable),
      one("a claim tells the log's state", a_claim_tells_the_state),
      one("a repeated send is a duplicate", a_repeated_send_is_a_duplicate),
      one("fenced is said before duplicate, duplicate before conflict", a_stale_head_hides_no_duplicate),
      one("a duplicate writes nothing of its request", a_duplicate_writes_nothing_of_its_request),
      one("a duplicate is found within its batch", a_duplicate_is_found_within_a_batch),
      one("sends of other senders, logs and ids are no duplicates", sends_are_told_apart),
      one("find_sends tells the original", find_sends_tells_the_original),
      one("malformed appends are refused", malformed_appends_are_refused),
      one("one batch serves many logs", one_batch_serves_many_logs),
      one("large batches are taken", large_batches_are_taken),
      one("calls of one thread are decided in order", calls_are_decided_in_order),
      one("appenders of several threads do not disturb each other", appenders_do_not_disturb_each_other),
      one("of contenders for one head one wins", contenders_for_one_head_win_once),
      one("reopening keeps events, terms and remembered sends", reopening_keeps_appends),
      one("reopening keeps a claim", reopening_keeps_a_claim),
  };
}

}  // namespace chatcore::testing::log_store_cases
