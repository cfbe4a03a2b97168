#pragma once

#include <cstdint>
#include <string_view>

#include "fleet.hpp"
#include "histogram.hpp"
#include "options.hpp"

namespace chatcore::bench {

/// What one window of load came to.
struct Tally {
  std::uint64_t launched = 0;
  std::uint64_t completed = 0;     ///< messages that every receiver has
  std::uint64_t acknowledged = 0;  ///< message.sent that came back
  std::uint64_t deliveries = 0;
  std::uint64_t mismatches = 0;  ///< a seq that was not the one expected
  Histogram delivery;            ///< from launch (or due time) to each receiver
  Histogram completion;          ///< from launch to the last receiver
};

/// A shape of traffic: how to send its next message, and what arriving frames mean.
class Workload {
 public:
  virtual ~Workload() = default;

  /// Sends one message; its latency counts from `since`. False: too many are under way.
  [[nodiscard]] virtual bool launch(std::int64_t since) = 0;
  virtual void on_text(LinkIndex link, std::string_view text, std::int64_t readAt) = 0;

  [[nodiscard]] const Tally& tally() const noexcept { return tally_; }
  void start_tally() { tally_ = {}; }

 protected:
  Tally tally_;
};

struct Measurement {
  Tally tally;
  double seconds = 0;            ///< from the first launch to the last arrival
  std::uint64_t serverCpu = 0;   ///< ns
  std::uint64_t loadgenCpu = 0;  ///< ns
  FleetCounters traffic;
};

/// Warms up, drains, measures one window, drains. CPU is read while nothing is under way, so it belongs to
/// exactly the messages counted. Throws when messages stay out for 20 s or
/// came in any order but the one of their seq.
[[nodiscard]] Measurement measure(Fleet& fleet, Workload& workload, const Options& options);

/// Sends exactly one message and waits until it is everywhere: makes conversations, fills caches.
void prime(Fleet& fleet, Workload& workload);

}  // namespace chatcore::bench
