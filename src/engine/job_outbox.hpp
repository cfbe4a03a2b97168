#pragma once

#include <cstdint>
#include <vector>

#include "engine/context.hpp"

namespace chatcore::engine {

/// Jobs on their way to the work queue, offered at the end of the turn. What it does not take for now is
/// offered again, after a second at first and half a minute at last, or as soon as it takes another: it knows
/// by its id what it has taken all the same. Beyond `kMostKept` the oldest are given up, and so is what can
/// never be taken; the log says so. A crash loses what is here.
class JobOutbox {
 public:
  static constexpr std::size_t kMostKept = 16'384;

  explicit JobOutbox(const Context& context) : context_(context) {}

  void add(Job job) { fresh_.push_back(std::move(job)); }
  /// Whether nothing waits to be offered.
  [[nodiscard]] bool empty() const { return fresh_.empty() && refused_.empty(); }

  void end_of_turn();
  void tick();

 private:
  void offer(std::vector<Job> batch);
  void answered(std::vector<Job> batch, const Status& status);

  const Context& context_;
  std::vector<Job> fresh_;
  std::vector<Job> refused_;
  std::chrono::milliseconds pause_{0};
  std::chrono::milliseconds nextOffer_{0};  ///< steady
};

}  // namespace chatcore::engine
