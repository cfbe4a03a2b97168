#pragma once

#include <string>

#include "chatcore/ports/clock.hpp"

namespace chatcore::client {

/// A UUID version 7 (RFC 9562): 48 bits of Unix milliseconds, the rest random.
std::string make_uuid7(Timestamp wall, Random& random);

}  // namespace chatcore::client
