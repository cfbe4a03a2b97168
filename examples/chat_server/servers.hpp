#pragma once

#include <memory>
#include <vector>

#include "chatcore/memory/broker.hpp"
#include "chatcore/server/server.hpp"

namespace chat_server {

/// The server, or an engine and some gateways that share its port: as a fleet has them on different machines,
/// with a broker in this process between them.
class Servers {
 public:
  /// `gateways`: 0 for one server that is everything. Without a broker among the ports, one of memory.
  [[nodiscard]] static chatcore::Result<std::unique_ptr<Servers>> start(
      const chatcore::ServerOptions& options, chatcore::ServerPorts ports, std::uint32_t gateways);
  ~Servers();

  [[nodiscard]] std::uint16_t port() const { return front().port(); }
  /// What knows users and conversations.
  [[nodiscard]] chatcore::Server& engine() { return *engine_; }
  /// Gateways first, so that clients hear of the end from them.
  void run_until_signal();

 private:
  Servers() = default;
  [[nodiscard]] chatcore::Server& front() const { return gateways_.empty() ? *engine_ : *gateways_.front(); }
  [[nodiscard]] chatcore::Status start_gateways(chatcore::ServerOptions options, chatcore::Log* log,
                                                std::uint32_t count);

  [[nodiscard]] chatcore::Status wait_for_links();

  chatcore::MemoryBroker broker_;
  chatcore::Broker* used_ = nullptr;
  std::unique_ptr<chatcore::Server> engine_;
  std::vector<std::unique_ptr<chatcore::Server>> gateways_;
};

}  // namespace chat_server
