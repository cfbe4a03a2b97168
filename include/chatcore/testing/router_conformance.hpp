#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "chatcore/ports/fan_out.hpp"
#include "chatcore/testing/conformance.hpp"

namespace chatcore::testing {

/// What a router brought to one shard: the frame's payload, or the memberSeq of a change.
struct RoutedItem {
  std::string topic;
  std::string payload;  ///< empty for a membership change
  Seq memberSeq = 0;
  SessionId except = 0;
  friend bool operator==(const RoutedItem&, const RoutedItem&) = default;
};

/// A router for one case over `kShards` shards whose fan-outs only remember. Nobody takes anything.
class CHATCORE_API RouterFixture {
 public:
  static constexpr std::uint32_t kShards = 2;

  virtual ~RouterFixture();
  virtual Router& router() = 0;
  virtual TopicNames& topics() = 0;
  /// Ends the shards' turns until nothing is on its way, and returns what came to the shard since the last
  /// call.
  virtual std::vector<RoutedItem> arrived(std::uint32_t shard) = 0;
};

/// What every Router must do, as documented at the port. Each case makes a fixture of its own.
[[nodiscard]] CHATCORE_API std::vector<ConformanceCase> router_conformance(
    std::function<std::unique_ptr<RouterFixture>()> make);

}  // namespace chatcore::testing
