#pragma once

#include <atomic>
#include <cassert>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "chatcore/engine/options.hpp"
#include "chatcore/gateway/seam.hpp"
#include "chatcore/ports/authenticator.hpp"
#include "chatcore/ports/clock.hpp"
#include "chatcore/ports/directory.hpp"
#include "chatcore/ports/hooks.hpp"
#include "chatcore/ports/log.hpp"
#include "chatcore/ports/log_store.hpp"
#include "chatcore/ports/metrics.hpp"
#include "chatcore/ports/presence.hpp"
#include "chatcore/ports/push.hpp"
#include "chatcore/ports/routing.hpp"
#include "chatcore/ports/work_queue.hpp"
#include "core/shard_link.hpp"
#include "engine/event_command.hpp"

namespace chatcore::engine {

class RateLimits;

/// What the parts of an engine stand on: the ports, shared by all shards and thread-safe.
struct Ports {
  LogStore* store = nullptr;
  Directory* directory = nullptr;
  Presence* presence = nullptr;
  Authenticator* authenticator = nullptr;
  Router* router = nullptr;
  WorkQueue* workQueue = nullptr;  ///< null together with push: no notifications
  Push* push = nullptr;
  Hooks* hooks = nullptr;  ///< null: none
  Clock* clock = nullptr;
  Random* random = nullptr;
  Log* log = nullptr;
  Metrics* metrics = nullptr;
  TopicNames* topics = nullptr;
  RateLimits* limits = nullptr;                       ///< null: nothing is limited
  std::atomic<std::uint64_t>* connections = nullptr;  ///< counts them, which puts them in an order
};

class EngineShard;

/// One shard's view: the ports, its own gateway and executor, and the way to the other shards.
struct Context : Ports {
  EngineOptions options;
  std::string serverId;
  std::uint64_t boot = 0;
  Term term = 0;
  ShardLink* link = nullptr;
  Executor* executor = nullptr;
  GatewayCommands* gateway = nullptr;
  std::vector<EngineShard*>* shards = nullptr;
  /// Every call to a port holds a copy in its completion: while there are copies, answers are still to come.
  std::shared_ptr<const int> busy = std::make_shared<const int>(0);

  [[nodiscard]] std::uint32_t home_of(std::string_view id) const { return partition_of(id) % link->count(); }
  [[nodiscard]] bool here(std::uint32_t shard) const { return shard == link->self(); }
  [[nodiscard]] Timestamp now() const { return clock->now(); }
  /// Runs `use(EngineShard&)` on a shard: at once if it is this one.
  template <class Use>
  void on_shard(std::uint32_t shard, Use use) const {
    EngineShard* const target = (*shards)[shard];
    if (here(shard)) return use(*target);
    link->send(shard, [target, use = std::move(use)]() mutable { use(*target); });
  }

  [[nodiscard]] Topic inbox(std::string_view user) const {
    return topics->intern(std::string(kInboxPrefix).append(user));
  }
  [[nodiscard]] Topic group_chat(std::string_view conversation) const {
    return topics->intern(std::string("group-chat-").append(conversation));
  }
};

}  // namespace chatcore::engine
