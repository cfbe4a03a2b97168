#include <doctest/doctest.h>

#include <thread>

#include "chatcore/memory/broker.hpp"
#include "test_server.hpp"

namespace chatcore::faulttest {

namespace {

/// An engine and two gateways, each a server of its own with threads and sockets, and a broker between them.
struct Fleet {
  Fleet() {
    seam.announce = 100ms;
    seam.comeBackWithin = 50ms;
    engine = start_engine(1);
    for (const char* name : {"gateway-1", "gateway-2"}) gateways.push_back(start_gateway(name));
    REQUIRE(TestServer::eventually([&] { return attached(); }));
  }
  ~Fleet() {
    gateways.clear();
    if (engine != nullptr) engine->stop();
  }

  std::unique_ptr<TestServer> start_engine(Term term) {
    auto made = std::make_unique<TestServer>(2);
    made->options.role = ServerRole::engine;
    made->options.seam = seam;
    made->options.serverId = "engine-" + std::to_string(term);
    made->ports.broker = &broker;
    made->ports.clock = nullptr;
    made->ports.store = &store;
    made->ports.presence = nullptr;
    made->ports.term = term;
    made->start();
    return made;
  }
  std::unique_ptr<Server> start_gateway(const char* name) {
    ServerOptions options;
    options.role = ServerRole::gateway;
    options.seam = seam;
    options.serverId = name;
    options.listen = "127.0.0.1:0";
    options.shards = 2;
    options.drainWindow = 1ms;
    options.gateway.closeLinger = 200ms;
    ServerPorts ports;
    ports.broker = &broker;
    auto started = Server::start(options, std::move(ports));
    REQUIRE(started);
    return std::move(*started);
  }
  [[nodiscard]] bool attached() const {
    for (const auto& gateway : gateways)
      if (gateway->stats().links != gateway->stats().shards) return false;
    return true;
  }
  /// Of a gateway that has its engine.
  TestClient connect(std::size_t gateway, const std::string& user) {
    for (int i = 0; i < 20; ++i) {
      TestClient client(gateways[gateway]->port(), "/v1/ws?user=" + user + "&device=phone");
      try {
        client.expect_type("welcome");
        return client;
      } catch (const std::runtime_error&) {
        if (!client.closed()) throw;  // told to come again
        std::this_thread::sleep_for(100ms);
      }
    }
    throw std::runtime_error("nobody lets " + user + " in");
  }

  SeamOptions seam;
  MemoryBroker broker;
  MemoryLogStore store;
  std::unique_ptr<TestServer> engine;
  std::vector<std::unique_ptr<Server>> gateways;
};

}  // namespace

TEST_CASE("people at different gateways talk to one another") {
  Fleet fleet;
  TestClient alice = fleet.connect(0, "alice");
  TestClient bob = fleet.connect(1, "bob");
  CHECK_EQ(alice.ask(message_to("bob", "m1"))["seq"], 1);
  const Json told = bob.expect_type("message.new")["data"];
  CHECK_EQ(told["content"], "m1");
  bob.ask({{"type", "message.read"}, {"conversationId", told["conversationId"]}, {"seq", 1}});
  CHECK_EQ(alice.expect_type("message.read")["readBy"], "bob");
  CHECK(alice.settle().empty());
}

TEST_CASE("who comes into a group hears of it at another gateway, and who leaves does not") {
  Fleet fleet;
  TestClient alice = fleet.connect(0, "alice");
  TestClient bob = fleet.connect(1, "bob");
  alice.ask({{"type", "conversation.create"},
             {"clientMsgId", "c"},
             {"conversationId", "g"},
             {"name", "G"},
             {"members", {"bob"}}});
  alice.ask(message_in("g", "m1"));
  CHECK_EQ(bob.expect_type("message.new")["data"]["content"], "m1");
  alice.ask({{"type", "conversation.removeMembers"},
             {"clientMsgId", "r"},
             {"conversationId", "g"},
             {"members", {"bob"}}});
  alice.ask(message_in("g", "m2"));
  CHECK_FALSE(bob.has_seen("message.new"));
}

TEST_CASE("a device that was removed is closed at its gateway, and an alert reaches every one") {
  Fleet fleet;
  TestClient alice = fleet.connect(0, "alice");
  TestClient bob = fleet.connect(1, "bob");
  REQUIRE(fleet.engine->server->system_alert(R"({"text":"soon"})"));
  alice.expect_type("system.alert");
  bob.expect_type("system.alert");
  CHECK_EQ(fleet.gateways[0]->system_alert("{}").error().code, ErrorCode::unsupported);
  fleet.engine->server->revoke_device("alice", "phone");
  CHECK_EQ(alice.expect_close(), 4503);
  CHECK(bob.settle().empty());
}

TEST_CASE("a gateway that stops tells its clients to come back, who are served by another one") {
  Fleet fleet;
  TestClient alice = fleet.connect(0, "alice");
  fleet.gateways[0]->stop();
  CHECK_EQ(alice.expect_close(), 4000);
  TestClient again = fleet.connect(1, "alice");
  CHECK_EQ(again.ask(message_to("bob", "m1"))["seq"], 1);
  CHECK(TestServer::eventually([&] { return fleet.engine->server->stats().connections == 1; }));
}

TEST_CASE("when the engine stops another one takes its place, and nothing is missing") {
  Fleet fleet;
  {
    TestClient alice = fleet.connect(0, "alice");
    CHECK_EQ(alice.ask(message_to("bob", "m1"))["seq"], 1);
    CHECK(fleet.engine->stop());
    CHECK_EQ(alice.expect_close(), 4004);
  }
  TestClient refused(fleet.gateways[0]->port(), "/v1/ws?user=alice&device=phone");
  CHECK_EQ(refused.expect_close(), 4004);
  const auto next = fleet.start_engine(2);
  TestClient alice = fleet.connect(0, "alice");
  CHECK_EQ(alice.ask(message_to("bob", "m1"))["duplicate"], true);
  CHECK_EQ(alice.ask(message_to("bob", "m2"))["seq"], 2);
  TestClient bob = fleet.connect(1, "bob");
  const Json page = bob.ask({{"type", "sync"}, {"watermarks", Json::object()}, {"newest", 10}});
  CHECK_EQ(page["conversations"][0]["events"].size(), 2);
}

TEST_CASE("a link whose beats come later than its end is refused") {
  MemoryBroker broker;
  ServerOptions options;
  options.role = ServerRole::gateway;
  options.listen = "127.0.0.1:0";
  ServerPorts ports;
  ports.broker = &broker;
  SUBCASE("silence within a beat") {
    options.seam.link.silence = options.seam.link.beat;
    CHECK_EQ(Server::start(options, std::move(ports)).error().message,
             "`seam.link.silence` is less than two beats");
  }
  SUBCASE("no time at all") {
    options.seam.comeBackWithin = 0ms;
    CHECK_EQ(Server::start(options, std::move(ports)).error().message, "a time of `seam` is not above 0");
  }
}

TEST_CASE("gateways and engines say what they miss") {
  MemoryBroker broker;
  const auto refusal = [&](ServerRole role, Broker* at, const std::string& id) {
    ServerOptions options;
    options.role = role;
    options.listen = "127.0.0.1:0";
    options.serverId = id;
    ServerPorts ports;
    ports.broker = at;
    const auto started = Server::start(options, std::move(ports));
    REQUIRE_FALSE(started);
    return started.error().message;
  };
  CHECK_EQ(refusal(ServerRole::gateway, nullptr, "g"),
           "`ports.broker` is missing, which gateways and engines meet at");
  CHECK_EQ(refusal(ServerRole::engine, nullptr, "e"),
           "`ports.broker` is missing, which gateways and engines meet at");
  CHECK_EQ(refusal(ServerRole::engine, &broker, "e"), "`ports.store` is missing");
  CHECK_EQ(refusal(ServerRole::gateway, &broker, "g.*"),
           "`serverId` has bytes other than A-Z a-z 0-9 - _, of which channels are made");
  CHECK_EQ(refusal(ServerRole::gateway, &broker, ""), "`serverId` is not 1 to 64 bytes long");
  CHECK_EQ(refusal(ServerRole::gateway, &broker, std::string(65, 'g')),
           "`serverId` is not 1 to 64 bytes long");
}

}  // namespace chatcore::faulttest
