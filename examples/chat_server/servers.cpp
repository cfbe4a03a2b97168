#include "servers.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

namespace chat_server {

namespace {
constexpr std::chrono::seconds kAttachLimit{10};
}

using chatcore::Result;
using chatcore::Server;
using chatcore::Status;

Result<std::unique_ptr<Servers>> Servers::start(const chatcore::ServerOptions& options,
                                                chatcore::ServerPorts ports, std::uint32_t gateways) {
  std::unique_ptr<Servers> servers(new Servers());
  chatcore::ServerOptions engine = options;
  if (gateways != 0) engine.role = chatcore::ServerRole::engine;
  if (ports.broker == nullptr) ports.broker = &servers->broker_;
  servers->used_ = ports.broker;
  chatcore::Log* const log = ports.log;
  auto started = Server::start(std::move(engine), std::move(ports));
  if (!started) return started.error();
  servers->engine_ = std::move(*started);
  if (Status others = servers->start_gateways(options, log, gateways); !others) return others.error();
  return servers;
}

Status Servers::start_gateways(chatcore::ServerOptions options, chatcore::Log* log, std::uint32_t count) {
  options.role = chatcore::ServerRole::gateway;
  options.sharePort = true;
  for (std::uint32_t i = 1; i <= count; ++i) {
    options.serverId = "gateway-" + std::to_string(i);
    chatcore::ServerPorts ports;
    ports.broker = used_;
    ports.log = log;
    auto gateway = Server::start(options, std::move(ports));
    if (!gateway) return gateway.error();
    gateways_.push_back(std::move(*gateway));
    const std::size_t colon = options.listen.rfind(':');
    options.listen.replace(colon + 1, std::string::npos, std::to_string(port()));
  }
  return wait_for_links();
}

/// Until they are attached, gateways turn everybody away.
Status Servers::wait_for_links() {
  using std::chrono::steady_clock;
  const auto until = steady_clock::now() + kAttachLimit;
  const auto attached = [](const auto& gateway) {
    const Server::Stats now = gateway->stats();
    return now.links == now.shards;
  };
  while (!std::all_of(gateways_.begin(), gateways_.end(), attached)) {
    if (steady_clock::now() >= until)
      return chatcore::Error{chatcore::ErrorCode::unavailable, "the gateways do not find their engine", {}};
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return {};
}

Servers::~Servers() {
  gateways_.clear();
  engine_.reset();
}

void Servers::run_until_signal() {
  front().run_until_signal();
  for (auto& gateway : gateways_) gateway->stop();
  engine_->stop();
}

}  // namespace chat_server
