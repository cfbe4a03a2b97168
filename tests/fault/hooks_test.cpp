#include <doctest/doctest.h>

#include <mutex>
#include <stdexcept>
#include <utility>

#include "test_server.hpp"

namespace chatcore::faulttest {

namespace {

/// Decides by what the message says, and keeps what it was asked and told.
class KeepingHooks final : public Hooks {
 public:
  Decision on_connect(const Identity& identity) override {
    if (identity.userId == "mallory") return {Verdict::reject, {}, {ErrorCode::forbidden, "banned", {}}};
    if (identity.userId == "crash") throw std::runtime_error("no database");
    return {};
  }
  Decision before_persist(const Draft& draft) override {
    std::lock_guard lock(mutex_);
    asked_.emplace_back(draft.content);
    if (draft.content == "\"throw\"") throw std::runtime_error("thrown");
    if (draft.content == "\"reject\"") return {Verdict::reject, {}, {ErrorCode::forbidden, "not here", {}}};
    if (draft.content.starts_with("\"rewrite"))
      return {Verdict::rewrite, "{\"was\":" + std::string(draft.content) + "}", {}};
    return {};
  }
  void after_persist(const ConversationId&, const Event& event) override {
    std::lock_guard lock(mutex_);
    persisted_.push_back(event.seq);
    if (event.content == "\"throw-after\"") throw std::runtime_error("thrown after");
  }
  void on_membership(const Membership& told) override {
    std::lock_guard lock(mutex_);
    std::string line = told.conversationId + "#" + std::to_string(told.seq) + " by " + told.by + ":";
    for (const auto& [user, change, role] : told.who) {
      line += " " + user;
      line +=
          change == Membership::Change::went
              ? " went"
              : (change == Membership::Change::came ? " came as " : " is ") + std::string(to_string(role));
    }
    memberships_.push_back(line);
    if (told.by == "dave") throw std::runtime_error("thrown");
  }
  void on_presence(const UserId& user, bool online) override {
    std::lock_guard lock(mutex_);
    presences_.push_back(user + (online ? " came" : " went"));
  }
  std::vector<std::string> presences() {
    std::lock_guard lock(mutex_);
    return presences_;
  }
  std::vector<std::string> memberships() {
    std::lock_guard lock(mutex_);
    return memberships_;
  }
  std::vector<std::string> asked() {
    std::lock_guard lock(mutex_);
    return asked_;
  }
  std::vector<Seq> persisted() {
    std::lock_guard lock(mutex_);
    return persisted_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> asked_;
  std::vector<Seq> persisted_;
  std::vector<std::string> memberships_;
  std::vector<std::string> presences_;
};

struct HookedServer : TestServer {
  explicit HookedServer(std::uint32_t shards, PortCall faulty = PortCall::append)
      : TestServer(shards, faulty) {
    ports.hooks = &hooks;
  }
  ~HookedServer() { stop(); }  // before the hooks go
  KeepingHooks hooks;
};

}  // namespace

TEST_CASE("the host rejects a message, or rewrites it for everybody") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    HookedServer server(shards);
    server.start();
    TestClient alice = server.connect("alice");
    TestClient bob = server.connect("bob");
    CHECK_EQ(alice.ask(message_to("bob", "plain"))["seq"], 1);
    const Json rejected = alice.ask(message_to("bob", "reject"));
    CHECK_EQ(rejected["code"], "forbidden");
    CHECK_EQ(rejected["message"], "not here");
    CHECK_EQ(alice.ask(message_to("bob", "rewrite"))["seq"], 2);
    CHECK_EQ(bob.expect_type("message.new")["data"]["content"], "plain");
    CHECK_EQ(bob.expect_type("message.new")["data"]["content"], Json({{"was", "rewrite"}}));
    CHECK_FALSE(bob.has_seen("message.new"));
    CHECK_EQ(server.log_of(direct_conversation_id("alice", "bob")).at(1).content, R"({"was":"rewrite"})");
  }
}

TEST_CASE("the host is not asked again about a message that is known") {
  HookedServer server(1);
  server.start();
  TestClient alice = server.connect("alice");
  for (const char* message : {"plain", "rewrite"}) {
    CHECK_EQ(alice.ask(message_to("bob", message))["duplicate"], false);
    CHECK_EQ(alice.ask(message_to("bob", message))["duplicate"], true);
  }
  CHECK_EQ(server.hooks.asked(), std::vector<std::string>{"\"plain\"", "\"rewrite\""});
}

TEST_CASE("the host is told of every event in the order of seq, whatever it throws") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    HookedServer server(shards);
    server.plan.fail(2, Fault::unknown_but_written);
    server.start();
    TestClient alice = server.connect("alice");
    alice.send_all(
        {message_to("bob", "m1", 1), message_to("bob", "throw-after", 2), message_to("bob", "m3", 3)});
    for (std::uint64_t id : {1U, 2U, 3U}) {
      const Json answer = alice.expect_answer(id);
      CHECK_MESSAGE(answer.value("seq", 0U) == id, answer.dump());
    }
    CHECK(server.hooks.persisted() == std::vector<Seq>{1, 2, 3});
  }
}

TEST_CASE("a message at which the hook throws is refused for now, or accepted where the host prefers that") {
  for (const HookFailure failure : {HookFailure::closed, HookFailure::open}) {
    const bool open = failure == HookFailure::open;
    CAPTURE(open);
    HookedServer server(1);
    server.options.engine.hooks.persistFailure = failure;
    server.start();
    TestClient alice = server.connect("alice");
    const Json answer = alice.ask(message_to("bob", "throw"));
    if (open) {
      CHECK_EQ(answer["seq"], 1);
    } else {
      CHECK_EQ(answer["code"], "unavailable");
      CHECK_EQ(answer["temporary"], true);
      CHECK_EQ(answer["retryAfterMs"], 500);
    }
  }
}

TEST_CASE("the host is told who came, who went, and who has another role, by whom") {
  for (std::uint32_t shards : {1U, 2U}) {
    CAPTURE(shards);
    HookedServer server(shards);
    server.start();
    TestClient alice = server.connect("alice");
    const auto ask = [&](const char* type, const char* id, Json rest) {
      rest.update({{"type", type}, {"conversationId", "fam"}, {"clientMsgId", id}});
      REQUIRE_NE(alice.ask(rest)["type"], "error");
    };
    ask("conversation.create", "c1", {{"name", "Family"}, {"members", {"bob"}}});
    ask("message.send", "c2", {{"content", "hi"}});
    ask("conversation.addMembers", "c3", {{"members", {"carol", "dave"}}});
    ask("conversation.setRole", "c4", {{"userId", "bob"}, {"role", "owner"}});
    ask("conversation.removeMembers", "c5", {{"members", {"dave"}}});
    ask("conversation.leave", "c6", Json::object());
    REQUIRE(server.stop());
    CHECK_EQ(server.hooks.memberships(), std::vector<std::string>{
                                             "fam#1 by alice: alice came as owner bob came as member",
                                             "fam#3 by alice: carol came as member dave came as member",
                                             "fam#4 by alice: bob is owner alice is admin",
                                             "fam#5 by alice: dave went",
                                             "fam#6 by alice: alice went",
                                         });
  }
}

TEST_CASE("a hook that throws when it is told of members costs nobody anything") {
  HookedServer server(1);
  server.start();
  TestClient dave = server.connect("dave");
  TestClient carol = server.connect("carol");
  CHECK_EQ(dave.ask(message_to("carol", "plain"))["seq"], 1);
  CHECK_EQ(server.hooks.memberships().size(), 1);
  CHECK_EQ(carol.expect_type("message.new")["data"]["content"], "plain");
}

TEST_CASE("a connection that the host refuses is closed for good") {
  HookedServer server(1);
  server.start();
  TestClient refused = server.open("mallory");
  CHECK_EQ(refused.expect_close(), 4500);
  CHECK_EQ(server.leases_of("mallory"), 0);
}

TEST_CASE("a connection about which the hook throws comes back, or is let in where the host prefers that") {
  for (const HookFailure failure : {HookFailure::closed, HookFailure::open}) {
    const bool open = failure == HookFailure::open;
    CAPTURE(open);
    HookedServer server(1);
    server.options.engine.hooks.connectFailure = failure;
    server.start();
    TestClient crash = server.open("crash");
    if (open)
      crash.expect_type("welcome");
    else
      CHECK_EQ(crash.expect_close(), 4003);
    CHECK_EQ(server.leases_of("crash"), open ? 1 : 0);
    TestClient alice = server.connect("alice");
  }
}

TEST_CASE("the host is told who is there and who is not any more") {
  HookedServer server(2);
  server.options.gateway.idleTimeout = 1h;
  server.options.gateway.heartbeat = 1h;
  server.start();
  TestClient alice = server.connect("alice");
  TestClient tablet = server.connect("alice", "tablet");
  for (TestClient* device : {&alice, &tablet}) device->disconnect();
  REQUIRE(TestServer::eventually([&] { return server.leases_of("alice") == 0; }));
  server.clock.advance(server.options.engine.presenceDebounce + 1s);
  CHECK(TestServer::eventually([&] { return server.hooks.presences().size() == 2; }));
  CHECK(server.hooks.presences() == std::vector<std::string>{"alice came", "alice went"});
}

}  // namespace chatcore::faulttest
