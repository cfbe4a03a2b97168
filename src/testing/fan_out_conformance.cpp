#include "chatcore/testing/fan_out_conformance.hpp"

#include "eventually.hpp"

namespace chatcore::testing {

FanOutFixture::~FanOutFixture() = default;

namespace {

using Payloads = std::vector<std::string>;

struct Caller {
  explicit Caller(FanOutFixture& f) : fixture(f) {}
  FanOutFixture& fixture;
  Topic group = fixture.topics().intern("group-chat-1");

  Topic inbox(const std::string& user) { return fixture.topics().intern("user-inbox-" + user); }
  SessionId device(const std::string& user) {
    const SessionId session = fixture.open();
    take(session, inbox(user), 0);
    return session;
  }
  void take(SessionId session, const Topic& topic, Seq memberSeq) {
    expect(fixture.fan_out().subscribe(session, topic, memberSeq) == SubscribeOutcome::ok,
           "the subscription to be taken");
  }
  void publish(const Topic& topic, const std::string& payload, Seq memberSeq = 0, SessionId except = 0) {
    const FrameInfo info{DeliveryClass::live, "1", ++number_};
    fixture.fan_out().publish(topic, {FrameRef::text(payload, info), memberSeq, except, nullptr});
  }
  void got(SessionId session, const Payloads& payloads, const std::string& what) {
    expect(fixture.delivered(session) == payloads, what);
  }

 private:
  std::uint64_t number_ = 0;
};

void takers_get_it(FanOutFixture& fixture) {
  Caller call(fixture);
  const SessionId a = fixture.open(), b = fixture.open(), other = fixture.open();
  call.take(a, call.group, 0);
  call.take(b, call.group, 0);
  call.take(other, call.inbox("x"), 0);
  for (const char* payload : {"1", "2", "3"}) call.publish(call.group, payload);
  call.got(a, {"1", "2", "3"}, "a taker to get everything in order");
  call.got(b, {"1", "2", "3"}, "every taker to get everything in order");
  call.got(other, {}, "who does not take the topic to get nothing");
  call.publish(call.inbox("nobody"), "4");
}

void once_however_often(FanOutFixture& fixture) {
  Caller call(fixture);
  const SessionId a = fixture.open();
  for (int i = 0; i < 3; ++i) call.take(a, call.group, 0);
  call.publish(call.group, "1");
  call.got(a, {"1"}, "one copy for one session");
  fixture.fan_out().unsubscribe(a, call.group);
  call.publish(call.group, "2");
  call.got(a, {}, "one unsubscription to be enough");
}

void except_one(FanOutFixture& fixture) {
  Caller call(fixture);
  const SessionId a = fixture.open(), b = fixture.open(), gone = fixture.open();
  for (SessionId session : {a, b, gone}) call.take(session, call.group, 0);
  call.publish(call.group, "1", 0, b);
  call.got(a, {"1"}, "the others to get it");
  call.got(b, {}, "the excepted session to get no copy");
  fixture.close(gone);
  const SessionId next = fixture.open();
  call.take(next, call.group, 0);
  call.publish(call.group, "2", 0, gone);
  call.got(next, {"2"}, "a session that is gone to except nobody else");
}

void leaving(FanOutFixture& fixture) {
  Caller call(fixture);
  const SessionId a = fixture.open(), b = fixture.open();
  const Topic inbox = call.inbox("a");
  for (SessionId session : {a, b}) call.take(session, call.group, 0);
  call.take(a, inbox, 0);
  fixture.fan_out().unsubscribe(a, call.group);
  fixture.fan_out().unsubscribe(a, call.group);
  call.publish(call.group, "1");
  call.publish(inbox, "2");
  call.got(a, {"2"}, "only what is still taken");
  call.got(b, {"1"}, "the others to stay");
}

void gone_sessions(FanOutFixture& fixture) {
  Caller call(fixture);
  const SessionId gone = fixture.open();
  call.take(gone, call.group, 0);
  fixture.close(gone);
  const SessionId next = fixture.open();
  call.publish(call.group, "1");
  call.got(next, {}, "a new session not to inherit the topics of one that went");
  expect(fixture.fan_out().subscribe(gone, call.group, 0) == SubscribeOutcome::gone, "a session to be gone");
  call.take(next, call.group, 0);
  fixture.fan_out().unsubscribe(gone, call.group);
  call.publish(call.group, "2");
  call.got(next, {"2"}, "a session that is gone to take nothing away");
}

void stale_claims(FanOutFixture& fixture) {
  Caller call(fixture);
  const SessionId a = fixture.open(), b = fixture.open();
  call.take(a, call.group, 5);
  expect(fixture.fan_out().subscribe(b, call.group, 4) == SubscribeOutcome::stale_claim,
         "a claim older than the takers to be refused");
  call.publish(call.group, "1", 5);
  call.got(a, {"1"}, "the taker to get it");
  call.got(b, {}, "who was refused to get nothing");
  call.take(b, call.group, 5);
}

void fails_closed(FanOutFixture& fixture) {
  Caller call(fixture);
  const SessionId a = fixture.open(), b = fixture.open();
  call.take(a, call.group, 5);
  call.take(b, call.group, 8);
  call.publish(call.group, "1", 5);
  call.publish(call.group, "2", 8);
  call.publish(call.group, "3", 5);
  for (SessionId session : {a, b})
    call.got(session, {"1"}, "nothing after an event that is newer than what is known of the takers");
}

void members_change(FanOutFixture& fixture) {
  Caller call(fixture);
  const SessionId phone = call.device("ann"), laptop = call.device("ann"), bob = call.device("bob");
  for (SessionId session : {phone, laptop}) call.take(session, call.group, 1);
  fixture.fan_out().change_members(call.group, {2, 1, {call.inbox("bob")}, {}});
  call.publish(call.group, "1", 2);
  for (SessionId session : {phone, laptop, bob}) call.got(session, {"1"}, "old and new members to get it");
  fixture.fan_out().change_members(call.group, {4, 2, {}, {call.inbox("ann"), call.inbox("nobody")}});
  call.publish(call.group, "2", 4);
  call.publish(call.inbox("ann"), "3");
  for (SessionId session : {phone, laptop})
    call.got(session, {"3"}, "no device of a removed member to get it, its inbox to stay");
  call.got(bob, {"2"}, "the rest to get it");
}

void members_of_an_unknown_topic(FanOutFixture& fixture) {
  Caller call(fixture);
  const SessionId ann = call.device("ann"), bob = call.device("bob");
  fixture.fan_out().change_members(call.group, {1, 0, {call.inbox("ann"), call.inbox("far")}, {}});
  call.publish(call.group, "1", 1);
  call.got(ann, {"1"}, "a first member to get it");
  call.got(bob, {}, "who was not named to get nothing");
}

void missed_change(FanOutFixture& fixture) {
  Caller call(fixture);
  const SessionId ann = call.device("ann"), bob = call.device("bob");
  for (SessionId session : {ann, bob}) call.take(session, call.group, 1);
  fixture.fan_out().change_members(call.group, {9, 7, {}, {call.inbox("bob")}});
  call.publish(call.group, "1", 9);
  call.got(ann, {}, "nothing while a change in between is unknown");
  call.got(bob, {}, "nothing for who was removed");
}

}  // namespace

std::vector<ConformanceCase> fan_out_conformance(std::function<std::unique_ptr<FanOutFixture>()> make) {
  return CaseList<FanOutFixture>(std::move(make))
      .add("every taker gets every frame in order, nobody else any", takers_get_it)
      .add("a session takes a topic once, however often it asks", once_however_often)
      .add("the excepted session gets no copy", except_one)
      .add("who leaves a topic keeps the others", leaving)
      .add("a session that is gone takes nothing, and leaves nothing behind", gone_sessions)
      .add("a claim older than the takers is refused", stale_claims)
      .add("an event newer than the takers is not delivered, nor what follows it", fails_closed)
      .add("a membership change moves every device of the users it names", members_change)
      .add("a membership change makes the first takers", members_of_an_unknown_topic)
      .add("after a membership change that was missed nothing is delivered", missed_change)
      .take();
}

}  // namespace chatcore::testing
