#include "chatcore/memory/push.hpp"

#include <doctest/doctest.h>

#include "chatcore/testing/recording_push.hpp"
#include "chatcore/testing/test_executor.hpp"

using namespace chatcore;

namespace {

class Lines final : public Log {
 public:
  void write(LogLevel, std::string_view component, std::string_view message) override {
    lines.push_back(std::string(component) + ": " + std::string(message));
  }
  std::vector<std::string> lines;
};

Notification notification(std::string token) {
  Notification made;
  made.device = Device{"alice", "phone", "ios", std::move(token), 0};
  made.conversationId = "c1";
  made.seq = 7;
  made.senderId = "bob";
  made.content = R"("secret words")";
  return made;
}

std::vector<PushOutcome> send(Push& push, std::vector<Notification> batch) {
  testing::TestExecutor executor;
  return executor.wait<std::vector<PushOutcome>>(
      [&](Executor& on, auto done) { push.send(std::move(batch), on, std::move(done)); });
}

}  // namespace

TEST_CASE("the log push writes a line per notification, without content and token") {
  Lines log;
  LogPush push(log);
  const auto outcomes = send(push, {notification("token-1"), notification("token-2")});
  CHECK(outcomes == std::vector{PushOutcome::sent, PushOutcome::sent});
  REQUIRE(log.lines.size() == 2);
  CHECK(log.lines[0] == "push: notify user=alice device=phone conversation=c1 seq=7 type=text");
}

TEST_CASE("the log push lets nobody forge a line") {
  Lines log;
  LogPush push(log);
  auto forged = notification("t");
  forged.device.deviceId = "x\nerror: all is lost";
  send(push, {forged});
  CHECK(log.lines.at(0) == "push: notify user=alice device=? conversation=c1 seq=7 type=text");
}

TEST_CASE("the recording push keeps what it got and answers as told") {
  testing::RecordingPush push;
  push.answer(PushOutcome::retry);
  push.answer_token("dead", PushOutcome::dead_token);
  CHECK(send(push, {notification("a"), notification("dead")}) ==
        std::vector{PushOutcome::retry, PushOutcome::dead_token});
  CHECK(push.batches() == 1);
  CHECK(push.sent().size() == 2);
  CHECK(push.take().at(1).device.pushToken == "dead");
  CHECK(push.sent().empty());
}
