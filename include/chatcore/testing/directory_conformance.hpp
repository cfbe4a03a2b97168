#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "chatcore/ports/directory.hpp"
#include "chatcore/testing/conformance.hpp"

namespace chatcore::testing {

/// An empty directory for one case; the destructor takes it away.
class CHATCORE_API DirectoryFixture {
 public:
  virtual ~DirectoryFixture();
  virtual Directory& directory() = 0;
  /// Closes the directory in good order and opens it again on the same data. false: it does not outlive its
  /// object, the cases about reopening are passed over.
  virtual bool reopen() { return false; }
};

/// What every Directory must do. Each case makes a fixture of its own and puts the users it asks for, so that
/// directories which know only their own users pass too.
[[nodiscard]] CHATCORE_API std::vector<ConformanceCase> directory_conformance(
    std::function<std::unique_ptr<DirectoryFixture>()> make);

}  // namespace chatcore::testing
