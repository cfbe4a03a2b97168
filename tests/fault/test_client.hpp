#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "gateway/websocket_frame.hpp"

namespace chatcore::faulttest {

using Json = nlohmann::json;
using namespace std::chrono_literals;

/// A device that speaks to a server over a real socket, one thing at a time. Whatever waits has a limit and
/// throws beyond it, so that a server that hangs fails the test.
class TestClient {
 public:
  static constexpr std::chrono::milliseconds kLimit = 8s;

  /// Connects and upgrades; `target` is e.g. `/v1/ws?user=alice&device=phone`. With a small receive buffer
  /// the peer soon notices that this device does not read.
  TestClient(std::uint16_t port, const std::string& target, int receiveBuffer = 0);
  ~TestClient();
  TestClient(TestClient&& other) noexcept;
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  void send(const Json& command) { send_all({command}); }
  /// In one write: the server sees them in one go.
  void send_all(const std::vector<Json>& commands);

  using Matches = std::function<bool(const Json&)>;
  /// The first frame, among those kept and those to come, that matches; the others are kept in their order.
  Json expect(const std::string& what, const Matches& matches, std::chrono::milliseconds limit = kLimit);
  Json expect_type(const std::string& type, std::chrono::milliseconds limit = kLimit);
  /// The direct answer to the request with this id.
  Json expect_answer(std::uint64_t id, std::chrono::milliseconds limit = kLimit);
  /// Sends with an id of its own and waits for the answer.
  Json ask(Json command);

  /// What has come and was not expected by anybody, up to the answer of two pings from here.
  std::vector<Json> settle();
  /// Whether a frame of this type is among them.
  bool has_seen(const std::string& type);

  /// The code of the close that ends this connection; 1006 if it ends without one.
  std::uint16_t expect_close(std::chrono::milliseconds limit = kLimit);
  [[nodiscard]] const std::string& close_reason() const { return closeReason_; }
  [[nodiscard]] bool closed() const { return closeCode_ != 0; }
  void disconnect();

 private:
  /// Takes in what is there, or comes within the limit; false when nothing did.
  bool receive(std::chrono::milliseconds limit);
  void write(const std::string& bytes);
  void parse();
  void end(std::uint16_t code, std::string reason);

  int fd_ = -1;
  std::string unread_;
  gateway::WebSocketParser parser_;
  std::deque<Json> kept_;
  std::uint16_t closeCode_ = 0;
  std::string closeReason_;
  std::uint64_t lastId_ = 1'000'000;
};

}  // namespace chatcore::faulttest
