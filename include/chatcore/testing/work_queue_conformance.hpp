#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "chatcore/ports/work_queue.hpp"
#include "chatcore/testing/conformance.hpp"

namespace chatcore::testing {

/// A work queue without jobs for one case; the destructor takes it away.
class CHATCORE_API WorkQueueFixture {
 public:
  virtual ~WorkQueueFixture();
  virtual WorkQueue& queue() = 0;
  virtual Timestamp now() = 0;
  /// Lets this much time pass for the adapter, and lets it do what has become due.
  virtual void advance(std::chrono::milliseconds by) = 0;
  virtual std::uint32_t max_attempts() { return 8; }
  virtual std::chrono::milliseconds visibility() { return std::chrono::seconds(60); }
  /// How many jobs are certainly too many; 0: no case wants to know.
  virtual std::size_t too_many_jobs() { return 0; }
};

/// What every WorkQueue must do, as documented at the port. Each case makes a fixture of its own.
[[nodiscard]] CHATCORE_API std::vector<ConformanceCase> work_queue_conformance(
    std::function<std::unique_ptr<WorkQueueFixture>()> make);

}  // namespace chatcore::testing
