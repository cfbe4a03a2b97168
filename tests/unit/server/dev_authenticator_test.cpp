#include "chatcore/server/dev_authenticator.hpp"

#include <doctest/doctest.h>

#include "chatcore/testing/test_executor.hpp"

using namespace chatcore;

namespace {

Result<Identity> ask(const std::string& user, const std::string& device) {
  DevAuthenticator authenticator;
  testing::TestExecutor executor;
  return executor.wait<std::vector<Result<Identity>>>([&](Executor& on, auto done) {
    authenticator.authenticate({Credentials{"ignored", user, device, "127.0.0.1"}}, on, std::move(done));
  })[0];
}

}  // namespace

TEST_CASE("development authentication believes what is claimed") {
  const auto identity = ask("alice", "phone");
  REQUIRE(identity);
  CHECK(identity->userId == "alice");
  CHECK(identity->deviceId == "phone");
  CHECK(identity->expiresAt == 0);
  CHECK(ask("alice", "")->deviceId == "default");
}

TEST_CASE("development authentication refuses what is no id") {
  CHECK(ask("", "phone").error().code == ErrorCode::unauthorized);
  CHECK(ask("a b", "phone").error().code == ErrorCode::unauthorized);
  CHECK(ask(std::string(65, 'a'), "phone").error().code == ErrorCode::unauthorized);
  CHECK(ask("alice", "ph\none").error().code == ErrorCode::unauthorized);
}
