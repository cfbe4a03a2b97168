#include <chrono>
#include <optional>
#include <thread>

#include "chatcore/memory/broker.hpp"
#include "chatcore/memory/presence.hpp"
#include "fault_console.hpp"
#include "faulty_ports.hpp"
#include "program.hpp"

/// chat_server, of which any call of a port fails when it is told to.
namespace chatcore::faulttest {

namespace {

/// What stands between the server and its ports. Leases and the broker are its own, as chat_server has none
/// or makes one itself.
class FaultyPorts {
 public:
  explicit FaultyPorts(ServerPorts& ports)
      : store_(*ports.store, plan_, PortCall::any),
        directory_(*ports.directory, plan_, PortCall::any),
        presence_(memoryPresence_, plan_, PortCall::any),
        queue_(*ports.workQueue, plan_, PortCall::any),
        push_(*ports.push, plan_, PortCall::any),
        authenticator_(*ports.authenticator, plan_),
        broker_(memoryBroker_, plan_) {
    ports.store = &store_;
    ports.directory = &directory_;
    ports.presence = &presence_;
    ports.workQueue = &queue_;
    ports.push = &push_;
    ports.authenticator = &authenticator_;
    ports.broker = &broker_;
    ports.everySecond = [this, before = std::move(ports.everySecond)]() mutable {
      memoryPresence_.expire_due();
      before();
    };
  }

 private:
  void recover() const {
    using std::chrono::steady_clock;
    const auto until = steady_clock::now() + std::chrono::seconds(10);
    while (store_.recovered() < kPartitions && steady_clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }

  MemoryPresence memoryPresence_;
  MemoryBroker memoryBroker_;
  FaultPlan plan_;
  OneFaultStore store_;
  OneFaultDirectory directory_;
  OneFaultPresence presence_;
  OneFaultQueue queue_;
  OneFaultPush push_;
  OneFaultAuthenticator authenticator_;
  OneFaultBroker broker_;
  FaultConsole console_{plan_, [this] { recover(); }};
};

}  // namespace

}  // namespace chatcore::faulttest

int main(int argc, char** argv) {
  std::optional<chatcore::faulttest::FaultyPorts> faulty;
  return chat_server::run(argc, argv, [&](chatcore::ServerPorts& ports) { faulty.emplace(ports); });
}
