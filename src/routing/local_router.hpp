#pragma once

#include <vector>

#include "chatcore/ports/fan_out.hpp"
#include "core/shard_link.hpp"

namespace chatcore::routing {

/// Routing inside one process: a topic's takers are shards, one bit each.
class LocalRouter final : public Router {
 public:
  /// One per server, before anything is published.
  void add_shard(ShardLink& link, FanOut& fanOut) { shards_.push_back({&link, &fanOut}); }

  void take(std::uint32_t shard, const Topic& topic) override;
  void leave(std::uint32_t shard, const Topic& topic) override;
  void publish(std::uint32_t fromShard, const Topic& topic, const Envelope& envelope) override;
  void change_members(std::uint32_t fromShard, const Topic& topic, const MembershipDelta& delta) override;

 private:
  struct ShardEnd {
    ShardLink* link;
    FanOut* fanOut;
  };
  std::vector<ShardEnd> shards_;
};

}  // namespace chatcore::routing
