#include "gateway/connection_caps.hpp"

#include <cassert>

#include "core/remote_network.hpp"
#include "core/string_map.hpp"

namespace chatcore::gateway {

ConnectionCaps::Address ConnectionCaps::name(std::string_view remoteAddress) const {
  return perAddress_ == 0 ? 0 : StringHash{}(remote_network(remoteAddress));
}

ConnectionCaps::Verdict ConnectionCaps::admit(Address address) {
  std::lock_guard lock(mutex_);
  if (open_ >= total_) return Verdict::process_full;
  if (perAddress_ != 0) {
    std::uint32_t& count = byAddress_[address];
    if (count >= perAddress_) return Verdict::address_full;
    ++count;
  }
  ++open_;
  return Verdict::admitted;
}

void ConnectionCaps::release(Address address) {
  std::lock_guard lock(mutex_);
  assert(open_ > 0);
  --open_;
  if (perAddress_ == 0) return;
  const auto found = byAddress_.find(address);
  assert(found != byAddress_.end());
  if (--found->second == 0) byAddress_.erase(found);
}

std::uint32_t ConnectionCaps::open() const {
  std::lock_guard lock(mutex_);
  return open_;
}

std::size_t ConnectionCaps::addresses() const {
  std::lock_guard lock(mutex_);
  return byAddress_.size();
}

}  // namespace chatcore::gateway
