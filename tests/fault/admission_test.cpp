#include <doctest/doctest.h>

#include "held_authenticator.hpp"
#include "test_server.hpp"

namespace chatcore::faulttest {

namespace {

/// Answers nothing but that it is away.
class AwayAuthenticator final : public Authenticator {
 public:
  void authenticate(std::vector<Credentials> batch, Executor& executor,
                    Completion<std::vector<Result<Identity>>> done) override {
    const Error away{ErrorCode::unavailable, "away", {}};
    complete(executor, std::move(done), std::vector<Result<Identity>>(batch.size(), away));
  }
};

}  // namespace

TEST_CASE("who waits in vain to be admitted is told to come back, not to give up") {
  HeldAuthenticator authenticator;
  TestServer server(1);
  server.ports.authenticator = &authenticator;
  authenticator.hold(true);
  server.start();
  TestClient alice = server.open("alice");
  REQUIRE(TestServer::eventually([&] { return authenticator.asked() == 1; }));
  server.clock.advance(server.options.gateway.handshakeTimeout + 1s);
  CHECK_EQ(alice.expect_close(), 4004);
  authenticator.release();
}

TEST_CASE("who shows nothing in time is closed for good") {
  TestServer server(1);
  server.start();
  TestClient nobody{server.server->port(), "/v1/ws"};
  REQUIRE(TestServer::eventually([&] { return server.server->stats().connections == 1; }));
  server.clock.advance(server.options.gateway.handshakeTimeout + 1s);
  CHECK_EQ(nobody.expect_close(), 4500);
}

TEST_CASE("an authenticator that is away sends clients without a token away for a moment, too") {
  AwayAuthenticator authenticator;
  TestServer server(1);
  server.ports.authenticator = &authenticator;
  server.start();
  TestClient alice = server.open("alice");
  CHECK_EQ(alice.expect_close(), 4004);
}

}  // namespace chatcore::faulttest
