#pragma once

#include <cstdint>

#include "chatcore/completion.hpp"

namespace chatcore {

/// How one shard hands work to another. Called on the sending shard's thread; what one shard sends to another
/// arrives in order, in batches, at the end of the sender's turn.
class ShardLink {
 public:
  virtual ~ShardLink() = default;
  [[nodiscard]] virtual std::uint32_t self() const noexcept = 0;
  [[nodiscard]] virtual std::uint32_t count() const noexcept = 0;
  /// To itself too: then the task runs later in the same turn.
  virtual void send(std::uint32_t shard, Task task) = 0;
};

}  // namespace chatcore
