#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "chatcore/ports/interest_registry.hpp"
#include "chatcore/testing/conformance.hpp"

namespace chatcore::testing {

/// An empty registry for one case; the destructor takes it away.
class CHATCORE_API InterestRegistryFixture {
 public:
  virtual ~InterestRegistryFixture();
  virtual InterestRegistry& registry() = 0;
  /// Lets this much time pass for the adapter, and lets it do what has become due.
  virtual void advance(std::chrono::milliseconds by) = 0;
  /// The lease time that the cases use: short where `advance` really waits.
  virtual std::chrono::milliseconds ttl() { return std::chrono::seconds(60); }
};

/// What every InterestRegistry must do, as documented at the port. Each case makes a fixture of its own.
[[nodiscard]] CHATCORE_API std::vector<ConformanceCase> interest_registry_conformance(
    std::function<std::unique_ptr<InterestRegistryFixture>()> make);

}  // namespace chatcore::testing
