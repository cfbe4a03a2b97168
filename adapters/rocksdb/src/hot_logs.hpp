#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "chatcore/model/ids.hpp"
#include "chatcore/model/timeline.hpp"

namespace chatcore::rocks {

/// What deciding an append needs to know of a log.
struct HotLog {
  Seq head = 0;
  Term term = 0;
  bool marked = false;        ///< the may-be-unpublished mark is known to be set
  TimelinePosition told = 0;  ///< when the whole audience was last looked through
};

/// The logs used last, about `capacity`, in two generations: when the younger one is half the capacity the
/// older one goes. Cheaper than a list of uses, and forgets nothing used within the last half. Not
/// thread-safe.
class HotLogs {
 public:
  using Table = absl::flat_hash_map<std::string, HotLog>;

  explicit HotLogs(std::size_t capacity) : half_(capacity / 2 + 1) {}

  /// Valid until the next `find` or `insert`.
  HotLog* find(const std::string& id) {
    if (const auto young = young_.find(id); young != young_.end()) return &young->second;
    const auto old = old_.find(id);
    return old == old_.end() ? nullptr : &insert(id, old->second);
  }

  HotLog& insert(const std::string& id, HotLog log) { return young_.insert_or_assign(id, log).first->second; }

  /// Forgets, if it is time to. Not while a commit is being decided: what it assumes is stored nowhere else.
  void trim() {
    if (young_.size() < half_) return;
    garbage_ = std::make_shared<Table>(std::exchange(old_, std::exchange(young_, {})));
  }

  void clear() {
    young_.clear();
    old_.clear();
  }

  /// A forgotten generation, to be freed where nobody waits.
  std::shared_ptr<const void> take_garbage() { return std::exchange(garbage_, nullptr); }

 private:
  std::size_t half_;
  Table young_;
  Table old_;
  std::shared_ptr<const void> garbage_;
};

}  // namespace chatcore::rocks
