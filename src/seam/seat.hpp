#pragma once

#include <cstdint>
#include <string>

namespace chatcore::seam {

/// Which shard of which running server this is.
struct Seat {
  std::string serverId;
  std::uint64_t boot = 0;
  std::uint32_t shard = 0;
};

}  // namespace chatcore::seam
