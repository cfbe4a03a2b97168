#pragma once

#include <atomic>
#include <thread>

#include "chatcore/server/server.hpp"

namespace chat_server {

/// Writes a line with the server's counts to stderr for every SIGUSR1, as long as it lives. The signal must
/// be blocked in every thread.
class StatsSignal {
 public:
  explicit StatsSignal(const chatcore::Server& server);
  ~StatsSignal();
  StatsSignal(const StatsSignal&) = delete;
  StatsSignal& operator=(const StatsSignal&) = delete;

 private:
  void run(const chatcore::Server& server);

  std::atomic<bool> ending_{false};
  std::thread thread_;
};

}  // namespace chat_server
