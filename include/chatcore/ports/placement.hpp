#pragma once

#include <cstdint>
#include <vector>

#include "chatcore/completion.hpp"
#include "chatcore/model/ids.hpp"
#include "chatcore/result.hpp"

namespace chatcore {

/// A change of ownership, told in the order of terms per partition.
struct PlacementChange {
  std::uint32_t partition = 0;
  Term term = 0;
  bool owned = false;  ///< false: lost or given up; stop appending at once
};

/// Which server owns which partition, by leases with terms that only increase.
class CHATCORE_API Placement {
 public:
  virtual ~Placement();
  /// Tells the present ownership as changes first, then every change, until `stop`. One watcher.
  virtual void watch(Executor& executor, UniqueFunction<void(std::vector<PlacementChange>)> changed) = 0;
  /// The watcher is not called after this returns on its own executor.
  virtual void stop() = 0;
};

}  // namespace chatcore
