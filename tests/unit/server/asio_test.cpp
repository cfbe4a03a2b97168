#include "chatcore/asio.hpp"

#include <doctest/doctest.h>

#include <asio/io_context.hpp>
#include <asio/use_future.hpp>

#include "chatcore/server/dev_authenticator.hpp"

using namespace chatcore;

TEST_CASE("a port's call completes through an Asio token") {
  asio::io_context io;
  AsioExecutor executor(io.get_executor());
  DevAuthenticator authenticator;
  auto answer = async_call<std::vector<Result<Identity>>>(
      executor,
      [&](Executor& on, auto done) {
        authenticator.authenticate({Credentials{{}, "alice", "phone", {}}}, on, std::move(done));
      },
      asio::use_future);
  io.run();
  CHECK(answer.get()[0]->userId == "alice");
}

TEST_CASE("a handler runs on the io_context, never inside the call") {
  asio::io_context io;
  AsioExecutor executor(io.get_executor());
  DevAuthenticator authenticator;
  bool completed = false;
  async_call<std::vector<Result<Identity>>>(
      executor,
      [&](Executor& on, auto done) { authenticator.authenticate({Credentials{}}, on, std::move(done)); },
      [&](std::vector<Result<Identity>> answers) {
        CHECK_FALSE(answers[0]);
        completed = true;
      });
  CHECK_FALSE(completed);
  io.run();
  CHECK(completed);
}
