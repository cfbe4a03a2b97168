#include "promises.hpp"

#include <algorithm>
#include <set>
#include <thread>

#include "keys.hpp"
#include "values.hpp"

namespace chatcore::rocks {

namespace {

constexpr std::size_t kLogs = 3;
constexpr std::size_t kUsers = 4;
constexpr std::size_t kMaxWaiting = 6;
constexpr Timestamp kTime = 1'700'000'000'000;

ConversationId log_id(std::size_t i) { return "log" + std::to_string(i); }
UserId user_id(std::size_t i) { return "user" + std::to_string(i); }

bool same(const Event& a, const Event& b) {
  return a.seq == b.seq && a.messageId == b.messageId && a.timestamp == b.timestamp && a.kind == b.kind &&
         a.ordinal == b.ordinal && a.payloadHash == b.payloadHash && a.senderId == b.senderId &&
         a.clientMsgId == b.clientMsgId && a.content == b.content;
}

}  // namespace

void History::lose_after(std::size_t count) {
  for (std::size_t i = count; i < steps.size(); ++i) {
    for (const Event& event : steps[i].append.events) {
      if (!event.clientMsgId.empty()) lost.emplace_back(event.senderId, event.clientMsgId);
    }
  }
  steps.resize(std::min(count, steps.size()));
}

std::string Findings::text() const {
  std::string all;
  for (const std::string& one : broken) all += one + "; ";
  for (const std::string& one : reported) all += "[" + one + "] ";
  return all;
}

namespace {

/// One look at a whole store. Narrows down which steps survived: all below `in`, none from `out` on.
class Audit {
 public:
  Audit(OpenStore& store, const History& history)
      : store_(store), steps_(history.steps), out_(steps_.size()) {}

  Findings run(bool complete) {
    for (std::size_t i = 0; i < kLogs; ++i) log(log_id(i));
    cursors();
    mutes();
    users();
    if (out_ < in_)
      broken("a gap: step " + std::to_string(in_ - 1) + " is there and step " + std::to_string(out_) +
             " is not");
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (complete && steps_[i].kept && i >= out_) broken("promised and lost: " + name(i));
      if (steps_[i].refused && i < in_) refused_ = i;
    }
    if (refused_) broken("refused and yet there: " + name(*refused_));
    if (found_.reported.empty() && out_ > in_) broken("nothing says whether " + name(in_) + " is there");
    found_.survived = in_;
    members();
    return std::move(found_);
  }

 private:
  using Kind = Step::Kind;

  void broken(std::string what) { found_.broken.push_back(std::move(what)); }
  /// true: it may be used. An error that names damage is a report, and so is that a store takes no more
  /// writes in which RocksDB has come upon damage by itself; any other breaks a promise.
  template <class Answer>
  bool usable(const Answer& answer, const std::string& what) {
    if (answer) return true;
    const ErrorCode code = answer.error().code;
    if (code == ErrorCode::corrupted ||
        (code == ErrorCode::unavailable && !store_.engine->database().healthy())) {
      found_.reported.push_back(what + ": " + answer.error().message);
    } else {
      broken(what + " cannot be read: " + answer.error().message);
    }
    return false;
  }
  std::string name(std::size_t i) const {
    const Step& step = steps_[i];
    switch (step.kind) {
      case Kind::append:
        return "append " + std::to_string(i) + " to " + step.log + " from " +
               std::to_string(step.append.expectedHead + 1);
      case Kind::cursor:
        return "cursor " + std::to_string(i) + " of " + step.user + " in " + step.log;
      case Kind::mute:
        return "mute " + std::to_string(i);
      default:
        return "name " + std::to_string(i) + " of " + step.user;
    }
  }
  void is_in(std::size_t i) { in_ = std::max(in_, i + 1); }
  void is_out(std::size_t i) { out_ = std::min(out_, i); }

  template <class Value, class Start>
  Value ask(Start start) {
    return executor_.wait<Value>(start, std::chrono::seconds(60));
  }

  void log(const ConversationId& id) {
    std::vector<Event> events;
    bool more = true;
    while (more) {
      auto page = ask<std::vector<Result<EventRange>>>([&](Executor& e, auto done) {
        store_.logs.read({{.log = id, .from = events.size() + 1, .to = UINT64_MAX}}, e, std::move(done));
      });
      if (!usable(page[0], id)) return;
      more = page[0]->more;
      for (const EventView& event : page[0]->events) events.emplace_back(event);
    }
    state(id, events.size());
    for (std::size_t i = 0; i < events.size(); ++i) {
      if (events[i].seq != i + 1) return broken(id + " has a gap at " + std::to_string(i + 1));
    }
    std::size_t accounted = 0;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (steps_[i].kind == Kind::append && steps_[i].log == id) accounted += appended(i, events);
    }
    if (accounted != events.size()) broken(id + " holds events that nobody appended");
  }

  void state(const ConversationId& id, Seq head) {
    auto claimed = ask<std::vector<Result<LogState>>>(
        [&](Executor& e, auto done) { store_.logs.claim({{id, 1}}, e, std::move(done)); });
    if (usable(claimed[0], "the state of " + id) && claimed[0]->head != head)
      broken("an owner of " + id + " and its readers see different heads");
  }

  /// How many of the log's events are this step's.
  std::size_t appended(std::size_t i, const std::vector<Event>& events) {
    const AppendRequest& request = steps_[i].append;
    std::size_t present = 0;
    for (const Event& event : request.events) {
      if (event.seq <= events.size() && same(event, events[event.seq - 1])) ++present;
    }
    if (present == request.events.size()) {
      is_in(i);
    } else {
      is_out(i);
      if (present != 0) broken("half of " + name(i) + " is there");
    }
    for (const Event& event : request.events) remembered(i, request, event, present != 0);
    return present;
  }

  void remembered(std::size_t i, const AppendRequest& request, const Event& event, bool present) {
    if (event.clientMsgId.empty()) return;
    auto found = ask<std::vector<Result<std::optional<OriginalSend>>>>([&](Executor& e, auto done) {
      store_.logs.find_sends({{request.log, event.senderId, event.clientMsgId}}, e, std::move(done));
    });
    if (!usable(found[0], "the send " + event.clientMsgId)) return;
    const std::optional<OriginalSend>& original = *found[0];
    if (!present && original && original->seq == event.seq && original->messageId == event.messageId)
      broken(event.clientMsgId + " is remembered without its event, of " + name(i));
    if (!present) return;
    if (!original) {
      broken("the send " + event.clientMsgId + " of " + name(i) + " is forgotten");
    } else if (original->seq != event.seq || original->messageId != event.messageId ||
               original->payloadHash != event.payloadHash || original->timestamp != event.timestamp) {
      broken("the send " + event.clientMsgId + " is remembered wrongly");
    }
  }

  /// A number that only grows: which of its steps it comes from says which ones have survived.
  void place(std::uint64_t value, const std::vector<std::pair<std::size_t, std::uint64_t>>& written,
             const std::string& what) {
    if (value == 0) {
      if (!written.empty()) is_out(written.front().first);
      return;
    }
    for (std::size_t k = 0; k < written.size(); ++k) {
      if (written[k].second != value) continue;
      is_in(written[k].first);
      if (k + 1 < written.size()) is_out(written[k + 1].first);
      return;
    }
    broken(what + " stands at " + std::to_string(value) + ", where nobody put it");
  }

  std::vector<std::pair<std::size_t, std::uint64_t>> written(Kind kind, const UserId& user,
                                                             const ConversationId& log) const {
    std::vector<std::pair<std::size_t, std::uint64_t>> all;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const Step& step = steps_[i];
      if (step.kind == kind && step.user == user && step.log == log) all.emplace_back(i, step.value);
      if (kind != Kind::cursor || step.kind != Kind::append || step.log != log) continue;
      for (const CursorAdvance& advance : step.append.effects.cursors) {
        if (advance.userId == user) all.emplace_back(i, advance.cursor.deliveredSeq);
      }
    }
    return all;
  }

  void cursors() {
    for (std::size_t l = 0; l < kLogs; ++l) {
      for (std::size_t u = 0; u < kUsers; ++u) {
        auto merged = ask<std::vector<Result<Cursor>>>([&](Executor& e, auto done) {
          store_.logs.advance({{log_id(l), user_id(u), {}}}, e, std::move(done));
        });
        const std::string what = "the cursor of " + user_id(u) + " in " + log_id(l);
        if (usable(merged[0], what))
          place(merged[0]->deliveredSeq, written(Kind::cursor, user_id(u), log_id(l)), what);
      }
    }
  }

  void mutes() {
    for (std::size_t u = 0; u < kUsers; ++u) {
      UserConversationsRequest request;
      request.userId = user_id(u);
      auto views = ask<std::vector<Result<std::vector<UserConversation>>>>(
          [&](Executor& e, auto done) { store_.logs.conversations_of({request}, e, std::move(done)); });
      if (usable(views[0], "the conversations of " + user_id(u))) {
        for (const UserConversation& view : *views[0])
          conversations_.emplace(user_id(u), view.conversationId);
      }
      for (std::size_t l = 0; l < kLogs; ++l) mute(user_id(u), log_id(l));
    }
  }

  /// Shown to members only, so its row is read.
  void mute(const UserId& user, const ConversationId& log) {
    const std::string what = "the mute of " + user + " in " + log;
    const std::string key = pair_key(user, log);
    auto row = store_.engine->database().get(Column::mutes, key);
    if (!usable(row, what)) return;
    Preferences stored;
    if (*row && !decode_preferences(key, **row, stored)) return found_.reported.push_back(what);
    const auto until = static_cast<std::uint64_t>(stored.mutedUntil);
    place(until, written(Kind::mute, user, log), what);
    if (stored.archived != (until != 0 && until % 2 == 0)) found_.reported.push_back(what + ": torn");
  }

  void users() {
    std::vector<UserId> ids;
    for (std::size_t u = 0; u < kUsers; ++u) ids.push_back(user_id(u));
    auto found = ask<std::vector<Result<User>>>(
        [&](Executor& e, auto done) { store_.users.users(ids, e, std::move(done)); });
    for (std::size_t u = 0; u < kUsers; ++u) {
      if (!usable(found[u], "the user " + ids[u])) continue;
      const std::string& shown = found[u]->displayName;
      place(shown.empty() ? 0 : std::stoull(shown), written(Kind::user, ids[u], {}), "the name of " + ids[u]);
    }
  }

  /// Members are what the surviving appends made them, and the users' own lists agree.
  void members() {
    for (std::size_t l = 0; l < kLogs; ++l) {
      std::set<UserId> expected;
      for (std::size_t i = 0; i < in_; ++i) {
        if (steps_[i].kind != Kind::append || steps_[i].log != log_id(l)) continue;
        for (const MembershipChange& change : steps_[i].append.effects.members) {
          if (change.removed) {
            expected.erase(change.member.userId);
          } else {
            expected.insert(change.member.userId);
          }
        }
      }
      MembersRequest request;
      request.log = log_id(l);
      auto page = ask<std::vector<Result<std::vector<Member>>>>(
          [&](Executor& e, auto done) { store_.logs.members({request}, e, std::move(done)); });
      if (!usable(page[0], "the members of " + log_id(l))) continue;
      std::set<UserId> shown;
      for (const Member& member : *page[0]) shown.insert(member.userId);
      if (!found_.reported.empty()) continue;
      if (shown != expected) broken("the members of " + log_id(l) + " are not those of its events");
      for (std::size_t u = 0; u < kUsers; ++u) {
        if (conversations_.count({user_id(u), log_id(l)}) != expected.count(user_id(u)))
          broken(user_id(u) + "'s own list and the members of " + log_id(l) + " differ");
      }
    }
  }

  OpenStore& store_;
  const std::vector<Step>& steps_;
  std::size_t in_ = 0;
  std::size_t out_;
  std::optional<std::size_t> refused_;
  std::set<std::pair<UserId, ConversationId>> conversations_;
  testing::TestExecutor executor_;
  Findings found_;
};

}  // namespace

Findings audit(OpenStore& store, const History& history, bool complete) {
  return Audit(store, history).run(complete);
}

Load::Load(OpenStore* store, History& history, std::mt19937_64& random)
    : store_(store), history_(history), random_(random) {
  for (const Step& step : history_.steps) {
    if (step.kind == Step::Kind::append) heads_[step.log] += step.append.events.size();
  }
}

void Load::settle() {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (waiting_ > 0 && std::chrono::steady_clock::now() < deadline) {
    if (!executor_.run_one()) std::this_thread::yield();
  }
  if (waiting_ > 0) broken.push_back("no answer");
}

void Load::step() {
  executor_.drain();
  if (waiting_ >= kMaxWaiting) settle();
  const std::uint64_t choice = pick(16);
  if (choice < 10) {
    append();
  } else if (choice < 12) {
    advance();
  } else if (choice < 13) {
    mute();
  } else if (choice < 14) {
    rename();
  } else if (choice < 15) {
    repeat();
  } else {
    const ConversationId quiet = log_id(pick(kLogs));
    if (store_ != nullptr) store_->logs.settled({quiet});
  }
  if (pick(3) == 0) settle();
}

Step& Load::add(Step::Kind kind) {
  Step& step = history_.steps.emplace_back();
  step.kind = kind;
  step.value = ++history_.serial;
  if (store_ != nullptr) ++waiting_;
  return step;
}

void Load::answered(std::size_t index, bool kept, bool refused) {
  --waiting_;
  history_.steps[index].kept = kept;
  history_.steps[index].refused = refused;
  if (!kept) ++refusals;
  if (kept && onKept) onKept(index);
}

Event Load::message(const UserId& sender, Seq seq) {
  Event event;
  event.seq = seq;
  event.messageId = ++history_.serial;
  event.timestamp = kTime + static_cast<Timestamp>(event.messageId);
  event.ordinal = seq;
  event.payloadHash = event.messageId * 0x9e3779b97f4a7c15ULL;
  event.senderId = sender;
  if (pick(10) != 0) event.clientMsgId = "m" + std::to_string(event.messageId);
  event.content.assign(pick(8) == 0 ? pick(6000) : pick(200), static_cast<char>('a' + seq % 26));
  return event;
}

void Load::append() {
  const ConversationId log = log_id(pick(kLogs));
  Step& step = add(Step::Kind::append);
  step.log = log;
  AppendRequest& request = step.append;
  request.log = log;
  request.term = 1;
  Seq& head = heads_[log];
  request.expectedHead = head;
  const UserId sender = user_id(pick(kUsers));
  const bool first = head == 0;
  for (std::uint64_t i = 0, count = 1 + (pick(4) == 0 ? pick(5) : 0); i < count; ++i)
    request.events.push_back(message(sender, ++head));
  if (!history_.lost.empty() && pick(2) == 0) {
    // Who was not answered sends again, under the old id.
    request.events.front().senderId = history_.lost.back().first;
    request.events.front().clientMsgId = history_.lost.back().second;
    history_.lost.pop_back();
  }
  if (first || pick(6) == 0) {
    request.events.back().kind = first ? EventKind::conversation : EventKind::member;
    if (first) request.effects.info = ConversationInfo{ConversationKind::group, log, sender, kTime};
    MembershipChange change;
    change.member.userId = user_id(pick(kUsers));
    change.removed = !first && pick(2) == 0;
    request.effects.members.push_back(change);
  }
  if (pick(3) == 0)
    request.effects.cursors.push_back(
        {user_id(pick(kUsers)), Cursor{history_.serial, history_.serial, 0, 0}});
  request.effects.mayBeUnpublished = pick(2) == 0;
  const std::size_t index = history_.steps.size() - 1;
  if (store_ == nullptr) return;
  store_->logs.append({request}, executor_, [this, index](std::vector<AppendResult> results) {
    answered(index, results[0].outcome == AppendOutcome::committed,
             results[0].outcome == AppendOutcome::refused);
  });
}

void Load::advance() {
  Step& step = add(Step::Kind::cursor);
  step.log = log_id(pick(kLogs));
  step.user = user_id(pick(kUsers));
  const std::size_t index = history_.steps.size() - 1;
  if (store_ == nullptr) return;
  store_->logs.advance(
      {{step.log, step.user, Cursor{step.value, 0, 0, 0}}}, executor_,
      [this, index](std::vector<Result<Cursor>> results) { answered(index, results[0].has_value(), false); });
}

void Load::mute() {
  Step& step = add(Step::Kind::mute);
  step.log = log_id(pick(kLogs));
  step.user = user_id(pick(kUsers));
  const std::size_t index = history_.steps.size() - 1;
  if (store_ == nullptr) return;
  store_->logs.set_preferences(
      {{step.user, step.log, static_cast<Timestamp>(step.value), step.value % 2 == 0, {}}}, executor_,
      [this, index](std::vector<Result<Preferences>> results) {
        answered(index, results[0].has_value(), false);
      });
}

void Load::rename() {
  Step& step = add(Step::Kind::user);
  step.user = user_id(pick(kUsers));
  const std::size_t index = history_.steps.size() - 1;
  if (store_ == nullptr) return;
  store_->users.put_user({step.user, std::to_string(step.value)}, executor_,
                         [this, index](Status status) { answered(index, status.has_value(), false); });
}

void Load::repeat() {
  const auto& steps = history_.steps;
  if (steps.empty()) return;
  const Step& original = steps[pick(steps.size())];
  if (original.kind != Step::Kind::append || !original.kept) return;
  const Event& event = original.append.events.front();
  if (event.clientMsgId.empty()) return;
  AppendRequest again;
  again.log = original.log;
  again.term = 1;
  again.expectedHead = heads_[original.log];
  again.events.push_back(event);
  again.events.front().seq = again.expectedHead + 1;
  ++waiting_;
  store_->logs.append({again}, executor_, [this, event](std::vector<AppendResult> results) {
    --waiting_;
    const AppendResult& result = results[0];
    if (result.outcome == AppendOutcome::refused || result.outcome == AppendOutcome::unknown) return;
    if (result.outcome != AppendOutcome::duplicate || !result.original || result.original->seq != event.seq)
      broken.push_back(event.clientMsgId + " was repeated and not known");
  });
}

}  // namespace chatcore::rocks
