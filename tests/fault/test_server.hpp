#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "chatcore/memory/directory.hpp"
#include "chatcore/memory/log_store.hpp"
#include "chatcore/memory/presence.hpp"
#include "chatcore/memory/work_queue.hpp"
#include "chatcore/server/dev_authenticator.hpp"
#include "chatcore/server/server.hpp"
#include "chatcore/testing/manual_clock.hpp"
#include "chatcore/testing/recording_push.hpp"
#include "chatcore/testing/test_executor.hpp"
#include "faulty_ports.hpp"
#include "test_client.hpp"

namespace chatcore::faulttest {

/// Keeps what was written; what a server says is shown when a test fails.
class KeptLog final : public Log {
 public:
  void write(LogLevel level, std::string_view component, std::string_view message) override;
  [[nodiscard]] bool contains(std::string_view text) const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

/// A server in this process on memory's adapters, with a clock that stands still, and one kind of port call
/// that fails as `plan` says. Set `options`, `ports` and the plan, then `start`.
class TestServer {
 public:
  explicit TestServer(std::uint32_t shards, PortCall faulty = PortCall::append);
  ~TestServer() { stop(); }

  void start();
  /// Ends the server; false if it took longer than a stop may, or left a port's answer behind.
  bool stop();
  void with_push();

  /// A device that has its welcome.
  TestClient connect(const std::string& user, const std::string& device = "phone", int receiveBuffer = 0);
  /// One that has not asked for it yet.
  TestClient open(const std::string& user, const std::string& device = "phone", int receiveBuffer = 0);

  void block(const UserId& by, const UserId& whom, bool blocked = true);
  void put_device(const UserId& user, const DeviceId& device, const std::string& token);
  std::string token_of(const UserId& user, const DeviceId& device);
  std::vector<Event> log_of(const ConversationId& id);
  std::size_t leases_of(const UserId& user);
  /// Waits until the user's home has seen that so many devices are left: then the clock may move.
  bool leaves(const UserId& user, std::size_t left = 0);
  /// Waits, in real time and no longer than the client's limit, until it holds.
  static bool eventually(const std::function<bool()>& holds);

  testing::ManualClock clock;
  MemoryLogStore store;
  MemoryDirectory directory;
  MemoryPresence presence{clock};
  MemoryWorkQueue queue{clock};
  testing::RecordingPush push;
  DevAuthenticator authenticator;
  KeptLog log;
  FaultPlan plan;
  OneFaultStore faultyStore;
  OneFaultDirectory faultyDirectory;
  OneFaultPresence faultyPresence;
  OneFaultQueue faultyQueue;
  OneFaultPush faultyPush;
  ServerOptions options;
  ServerPorts ports;
  std::unique_ptr<Server> server;
  testing::TestExecutor executor;
};

/// `message.send` to a user or, with `in`, to a conversation.
Json message_to(const std::string& user, const std::string& clientMsgId, std::uint64_t id = 0);
Json message_in(const ConversationId& conversation, const std::string& clientMsgId, std::uint64_t id = 0);

}  // namespace chatcore::faulttest
