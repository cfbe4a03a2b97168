#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "chatcore/ports/log_store.hpp"
#include "chatcore/testing/conformance.hpp"

namespace chatcore::testing {

/// An empty store for one case; the destructor takes it away.
class CHATCORE_API LogStoreFixture {
 public:
  virtual ~LogStoreFixture();
  virtual LogStore& store() = 0;
  /// Closes the store in good order and opens it again on the same data; `store()` may be another object
  /// afterwards. false: this store does not outlive its object, the cases about reopening are passed over.
  virtual bool reopen() { return false; }
};

/// What every LogStore must do, as documented at the port. Each case makes a fixture of its own.
[[nodiscard]] CHATCORE_API std::vector<ConformanceCase> log_store_conformance(
    std::function<std::unique_ptr<LogStoreFixture>()> make);

}  // namespace chatcore::testing
