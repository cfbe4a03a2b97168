#include "routing/local_router.hpp"

#include <bit>
#include <memory>

namespace chatcore::routing {

namespace {

template <class Visit>
void for_each_bit(std::uint64_t bits, Visit visit) {
  for (; bits != 0; bits &= bits - 1) visit(static_cast<std::uint32_t>(std::countr_zero(bits)));
}

}  // namespace

void LocalRouter::take(std::uint32_t shard, const Topic& topic) {
  topic->takers.fetch_or(std::uint64_t{1} << shard, std::memory_order_seq_cst);
}

void LocalRouter::leave(std::uint32_t shard, const Topic& topic) {
  topic->takers.fetch_and(~(std::uint64_t{1} << shard), std::memory_order_seq_cst);
}

void LocalRouter::publish(std::uint32_t fromShard, const Topic& topic, const Envelope& envelope) {
  for_each_bit(topic->takers.load(std::memory_order_seq_cst), [&](std::uint32_t shard) {
    if (shard == fromShard) return shards_[shard].fanOut->publish(topic, envelope);
    shards_[fromShard].link->send(shard,
                                  [fanOut = shards_[shard].fanOut,
                                   item = std::make_unique<std::pair<Topic, Envelope>>(topic, envelope)] {
                                    fanOut->publish(item->first, item->second);
                                  });
  });
}

void LocalRouter::change_members(std::uint32_t fromShard, const Topic& topic, const MembershipDelta& delta) {
  std::uint64_t newcomers = 0;
  for (const Topic& inbox : delta.added) newcomers |= inbox->takers.load(std::memory_order_seq_cst);
  // Marked before anything else is published, so that a shard of a new member misses nothing after the
  // change.
  const std::uint64_t reached = topic->takers.fetch_or(newcomers, std::memory_order_seq_cst) | newcomers;
  const auto shared = std::make_shared<const MembershipDelta>(delta);
  for_each_bit(reached, [&](std::uint32_t shard) {
    if (shard == fromShard) return shards_[shard].fanOut->change_members(topic, *shared);
    shards_[fromShard].link->send(
        shard, [fanOut = shards_[shard].fanOut, topic, shared] { fanOut->change_members(topic, *shared); });
  });
}

}  // namespace chatcore::routing
