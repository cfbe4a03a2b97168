#include "stats_signal.hpp"

#include <csignal>
#include <cstdio>

namespace chat_server {

StatsSignal::StatsSignal(const chatcore::Server& server) : thread_([this, &server] { run(server); }) {}

StatsSignal::~StatsSignal() {
  ending_.store(true);
  pthread_kill(thread_.native_handle(), SIGUSR1);
  thread_.join();
}

void StatsSignal::run(const chatcore::Server& server) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR1);
  int signal = 0;
  while (sigwait(&signals, &signal) == 0 && !ending_.load()) {
    const chatcore::Server::Stats now = server.stats();
    std::fprintf(
        stderr,
        "stats connections=%llu conversations=%llu topics=%llu users=%llu rateBuckets=%llu "
        "commands=%llu\n",
        static_cast<unsigned long long>(now.connections), static_cast<unsigned long long>(now.conversations),
        static_cast<unsigned long long>(now.topics), static_cast<unsigned long long>(now.users),
        static_cast<unsigned long long>(now.rateBuckets), static_cast<unsigned long long>(now.commands));
  }
}

}  // namespace chat_server
