#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "chatcore/ports/broker.hpp"
#include "chatcore/testing/conformance.hpp"

namespace chatcore::testing {

/// A broker for one case, with no subscriptions.
class CHATCORE_API BrokerFixture {
 public:
  virtual ~BrokerFixture();
  virtual Broker& broker() = 0;
  /// Makes the next message on the channel get lost on its way (a broken connection will do). false: cannot
  /// be brought about here, the case is passed over.
  virtual bool lose_next(const std::string& channel) {
    static_cast<void>(channel);
    return false;
  }
};

/// What every Broker must do, as documented at the port. Each case makes a fixture of its own.
[[nodiscard]] CHATCORE_API std::vector<ConformanceCase> broker_conformance(
    std::function<std::unique_ptr<BrokerFixture>()> make);

}  // namespace chatcore::testing
