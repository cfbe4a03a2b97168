#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "chatcore/ports/placement.hpp"
#include "chatcore/testing/conformance.hpp"

namespace chatcore::testing {

/// A placement for one case that owns at least the partitions `kFirst` and `kSecond`.
class CHATCORE_API PlacementFixture {
 public:
  static constexpr std::uint32_t kFirst = 3;
  static constexpr std::uint32_t kSecond = 1000;

  virtual ~PlacementFixture();
  virtual Placement& placement() = 0;
  /// Has another server take the partition over, or its lease run out.
  virtual void lose(std::uint32_t partition) = 0;
  /// Has this server own the partition again, under a new term.
  virtual void grant(std::uint32_t partition) = 0;
};

/// What every Placement must do, as documented at the port. Each case makes a fixture of its own.
[[nodiscard]] CHATCORE_API std::vector<ConformanceCase> placement_conformance(
    std::function<std::unique_ptr<PlacementFixture>()> make);

}  // namespace chatcore::testing
