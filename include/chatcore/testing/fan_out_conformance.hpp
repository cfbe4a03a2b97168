#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "chatcore/ports/fan_out.hpp"
#include "chatcore/testing/conformance.hpp"

namespace chatcore::testing {

/// A shard's fan-out for one case, with no sessions. Single-threaded, as the port is.
class CHATCORE_API FanOutFixture {
 public:
  virtual ~FanOutFixture();
  virtual FanOut& fan_out() = 0;
  virtual TopicNames& topics() = 0;
  /// A connection that takes everything.
  virtual SessionId open() = 0;
  /// Ends the connection; its id may not be used for another one.
  virtual void close(SessionId session) = 0;
  /// Payloads of the frames that reached the session since the last call, in order.
  virtual std::vector<std::string> delivered(SessionId session) = 0;
};

/// What every FanOut must do, as documented at the port. Each case makes a fixture of its own.
[[nodiscard]] CHATCORE_API std::vector<ConformanceCase> fan_out_conformance(
    std::function<std::unique_ptr<FanOutFixture>()> make);

}  // namespace chatcore::testing
