#pragma once

#include <string>
#include <string_view>

namespace chatcore {

/// What counts as one remote address: an IPv4 address, mapped or not, as it is; of an IPv6 address the first
/// 64 bits, since whoever has one has all of those. Text that is neither stays what it is.
[[nodiscard]] std::string remote_network(std::string_view address);

}  // namespace chatcore
